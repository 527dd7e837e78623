"""A small world for use cases: an account on one of the two stores, people, clients and protected accounts."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from stairgate.bootstrap import build_services, open_services, prepare
from stairgate.factors.totp import code_at, step_at
from stairgate.model.access import (
    OWNER,
    AccessRecord,
    Permission,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.canonical import JsonValue
from stairgate.model.challenges import ChallengeState
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.decisions import Allow, Deny, StepUpRequired
from stairgate.model.errors import DeliveryFailedError
from stairgate.model.ids import ClientId, RecordId, RoleId, UserId
from stairgate.model.jwk import ed25519_jwk
from stairgate.model.jwt import sign_jwt
from stairgate.model.messages import Message
from stairgate.model.protection import Method, Requirement
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.delivery import Sender
from stairgate.ports.keys import JsonWebKey
from stairgate.ports.store import ChangeFeed, Store
from stairgate.service.access_keys import new_access_key
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.authentication import authenticate, client_audience
from stairgate.service.check import CheckCall, Checked, check
from stairgate.service.context import Services
from stairgate.service.factors import enrol_totp
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.service.test_identity import issue_test_token
from stairgate.service.views import ChallengeView
from stairgate.settings import Settings
from stairgate.testing.clock import FakeClock
from stairgate.testing.entropy import PredictableEntropyForTesting

STORES = ("memory", "sqlite")
ISSUER = "https://login.example"
AUDIENCE = "https://bank.example"


class KnownIssuerKeys:
    """`ports.keys.IssuerKeys` with the keys at hand; an issuer that is away raises what it is told to."""

    def __init__(self) -> None:
        self.keys: dict[str, JsonWebKey] = {}

    async def find(self, issuer: Issuer, kid: str | None) -> JsonWebKey | None:
        return self.keys.get(kid or "")


class Outbox:
    """`ports.delivery.Sender` that keeps what it is given, or fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.failure: DeliveryFailedError | None = None

    async def send(self, message: Message) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(message)

    def code(self) -> str:
        """The code in the newest message."""
        (code,) = re.findall(r"(?<![0-9])[0-9]{8}(?![0-9])", self.sent[-1].text)
        return str(code)


@dataclass
class World:
    services: Services
    clock: FakeClock
    issuer_keys: KnownIssuerKeys
    settings: Settings
    outbox: Outbox = field(default_factory=Outbox)
    seeds: dict[UserId, bytes] = field(default_factory=dict)
    access_keys: dict[ClientId, str] = field(default_factory=dict)
    issuer_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    # --- what the operator sets up

    async def grant(
        self, user: str, resource: str, *actions: str, mark: Requirement | None = None, record: str | None = None
    ) -> None:
        """A record that gives the user *actions* on *resource*, through a role of its own."""
        name = record or f"rec_{user}_{resource}".replace("/", "_").replace("*", "all").replace(":", "_")
        role = Role(
            RoleId(name[:64]),
            name,
            tuple(Permission(parse_action(a), allow=True, grant=False, delegate=False) for a in actions),
        )
        statement = Statement((role.id,), (parse_pattern(resource),), step_up=mark)
        access = AccessRecord(RecordId(name), name, (statement,), users=(UserId(user),))

        def run(transaction: Any) -> None:
            transaction.put_role(role)
            transaction.put_record(access)

        await self.services.store.write(run)

    async def own(self, user: str, resource: str) -> None:
        """A record that gives the user everything on *resource*, to hand out, too."""
        statement = Statement((OWNER.id,), (parse_pattern(resource),))
        access = AccessRecord(RecordId(f"rec_own_{user}"), "own", (statement,), users=(UserId(user),))
        await self.services.store.write(lambda transaction: transaction.put_record(access))

    async def protect(self, resource: str, *marks: tuple[str, Requirement]) -> None:
        """Marks on a resource."""
        configuration = ResourceConfiguration(
            parse_pattern(resource),
            marks=tuple(ResourceMark((parse_action(action),), requirement) for action, requirement in marks),
        )
        await self.services.store.write(lambda transaction: transaction.put_resource(configuration))

    async def client(
        self, name: str, *rights: tuple[str, str], any_user: bool = True, external: str | None = None
    ) -> ClientCaller:
        """A service client with an access key, and the rights it is given."""
        now = self.clock.now()
        id_ = ClientId(f"sc_{name}")
        key, text = new_access_key(self.services.entropy, account=self.services.account, client=id_, now=now)
        stored = ServiceClient(id_, name, now, (key,), may_check_any_user=any_user, external_level=external)
        await self.services.store.write(lambda transaction: transaction.put_client(stored))
        for resource, action in rights:
            await self.grant(id_, resource, action)
        self.access_keys[id_] = text
        caller = await authenticate(self.services, self.assertion(id_))
        assert isinstance(caller, ClientCaller)
        return caller

    async def enrol(self, user: str) -> None:
        _, self.seeds[UserId(user)] = await enrol_totp(self.services, UserId(user), "phone")

    async def trust(self, issuer: str = ISSUER, **members: Any) -> None:
        """A configured issuer, whose key `issuer_key` is published."""
        configured = Issuer(issuer, members.pop("audience", AUDIENCE), **members)
        await self.services.store.write(lambda transaction: transaction.put_issuer(configured))
        self.issuer_keys.keys["k1"] = {**ed25519_jwk(self.issuer_key.public_key()), "kid": "k1"}

    # --- tokens

    def assertion(self, client: ClientId, *, typ: str = "at+jwt", **claims: Any) -> str:
        """What an official client signs (authress-contract §5.2)."""
        _, kid, _, der = self.access_keys[client].split(".")
        private = load_der_private_key(base64.b64decode(der), None)
        assert isinstance(private, Ed25519PrivateKey)
        now = int(self.clock.now().timestamp())
        body: dict[str, JsonValue] = {
            "iss": f"{self.services.rules.public_origins[0]}/v1/clients/{client}",
            "sub": client,
            "aud": client_audience(self.services),
            "iat": now,
            "exp": now + 86_400,
            "scope": "openid",
        }
        body.update(claims)
        return sign_jwt({k: v for k, v in body.items() if v is not None}, typ=typ, kid=kid, key=private)

    def issued(
        self,
        user: str = "ann",
        *,
        typ: str = "at+jwt",
        kid: str = "k1",
        claims: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """A user token of the configured issuer."""
        now = int(self.clock.now().timestamp())
        body: dict[str, JsonValue] = {
            "iss": ISSUER,
            "sub": user,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3_600,
            "jti": self.services.entropy.token(),
        }
        body.update({**(claims or {}), **more})
        return sign_jwt({k: v for k, v in body.items() if v is not None}, typ=typ, kid=kid, key=self.issuer_key)

    def token(self, user: str, ttl: int = 3_600) -> str:
        return issue_test_token(self.services, UserId(user), ttl=ttl)

    async def login(self, user: str, ttl: int = 3_600) -> UserCaller:
        """A user with a fresh token of the test identity provider."""
        caller = await authenticate(self.services, self.token(user, ttl))
        assert isinstance(caller, UserCaller)
        return caller

    # --- what callers do

    async def check(self, caller: Caller, user: str, action: str, resource: str, **more: Any) -> Checked:
        call = CheckCall(UserId(user), parse_resource(resource), parse_action(action), **more)
        return await check(self.services, caller, call)

    async def refused(self, caller: Caller, user: str, action: str, resource: str, **more: Any) -> str:
        """The challenge token of a check that must be refused with one."""
        checked = await self.check(caller, user, action, resource, **more)
        assert isinstance(checked.decision, StepUpRequired), checked.decision
        assert checked.challenge_token is not None, checked.decision.reason
        return checked.challenge_token

    async def open(self, caller: Caller, challenge_token: str) -> ChallengeView:
        return await open_challenge(self.services, caller, OpenCall(challenge_token))

    def code(self, user: str) -> str:
        """The totp code of this moment; the clock moves to the next step, so that each code is used once."""
        self.clock.advance(30)
        return code_at(self.seeds[UserId(user)], step_at(self.clock.now()))

    async def answer(self, caller: Caller, view: ChallengeView, code: str, **more: Any) -> ChallengeView:
        method = more.pop("method", Method.TOTP)
        return await answer_challenge(self.services, caller, view.challenge.id, AnswerCall(method, code, **more))

    async def step_up(self, caller: UserCaller, action: str, resource: str, **more: Any) -> ChallengeView:
        """Refusal, challenge, answer: the token of *caller* is elevated after it."""
        user = caller.token.user
        view = await self.open(caller, await self.refused(caller, user, action, resource, **more))
        done = await self.answer(caller, view, self.code(user))
        assert done.challenge.state is ChallengeState.SATISFIED
        return done

    async def events(self) -> list[str]:
        return [entry.event for entry in await self.services.store.read(lambda t: t.audit_entries(limit=10_000))]

    async def over(self, store: Store, feed: ChangeFeed | None = None) -> World:
        """The same account as another node sees it, over *store*."""
        services = await build_services(
            self.settings,
            store,
            feed,
            self.services.keys,
            clock=self.clock,
            entropy=PredictableEntropyForTesting("another node"),
            issuer_keys=self.issuer_keys,
            senders=self.services.senders,
        )
        return replace(self, services=services)


def allowed(checked: Checked) -> bool:
    return isinstance(checked.decision, Allow)


def denied(checked: Checked) -> bool:
    return isinstance(checked.decision, Deny)


def wants_step_up(checked: Checked) -> bool:
    return isinstance(checked.decision, StepUpRequired)


@asynccontextmanager
async def new_world(
    store: str,
    folder: Path,
    *,
    clock: FakeClock | None = None,
    origin: str | None = None,
    prepared: Path | None = None,
    senders: Mapping[Method, Sender] | None = None,
) -> AsyncIterator[World]:
    """
    A world of its own.

    Args:
        store: One of `STORES`.
        folder: Where a database lies.
        clock: What it is to go by; None: one of its own.
        origin: The URL that clients reach it under.
        prepared: A folder with an empty database, made once for many worlds; None: it is made here.
        senders: What sends messages; None: an outbox that keeps them.
    """
    url = "memory:" if store == "memory" else f"sqlite:///{folder}/stairgate.db"
    settings = Settings(database_url=url, dev=True, public_urls=() if origin is None else (origin,))
    clock, keys = clock or FakeClock(), KnownIssuerKeys()
    entropy = PredictableEntropyForTesting()
    if prepared is not None and store != "memory":
        shutil.copytree(prepared, folder, dirs_exist_ok=True)
    elif store != "memory":
        await prepare(settings, clock=clock, entropy=entropy)
    outbox = Outbox()
    senders = senders or {Method.EMAIL: outbox, Method.SMS: outbox}
    async with open_services(settings, clock=clock, entropy=entropy, issuer_keys=keys, senders=senders) as services:
        yield World(services, clock, keys, settings, outbox)
