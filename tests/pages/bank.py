"""A bank with its pages on a socket: users who are asked, the app that asks, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.api.threaded import Threaded
from tests.unit.service_stepup.world import World, new_world

from stairgate.bootstrap import Site
from stairgate.model.canonical import JsonValue
from stairgate.model.challenges import Opening
from stairgate.model.errors import DomainError
from stairgate.model.evidence import Factor
from stairgate.model.ids import ChallengeId, ClientId, FactorId, UserId
from stairgate.model.passkeys import Passkey
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import ClientCaller
from stairgate.ports.clock import Clock
from stairgate.ports.delivery import Sender
from stairgate.service.account_links import create_account_link
from stairgate.service.authentication import authenticate
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.enrolment import BeginCall, begin_enrolment
from stairgate.service.factor_rights import Authority
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.service.report_step_up import report_step_up
from stairgate.service.stored_factors import seal_purpose, with_passkey
from stairgate.service.views import ChallengeView
from stairgate.settings import Settings
from stairgate.testing.authenticator import Credential, cose_key, new_key
from stairgate.testing.clock import FakeClock

B = TypeVar("B", bound="Bank")
BACK = "https://shop.example/back"
RIGHTS = (("Authress:StepUp", "StepUp"), ("Authress:Users", "StepUp:Enrol"))


@dataclass
class Asked:
    """A challenge that the shop opened for one login of one user."""

    bank: Bank
    user: str
    token: str
    challenge_token: str
    view: ChallengeView
    resource: str
    context: dict[str, JsonValue] | None

    @property
    def id(self) -> ChallengeId:
        return self.view.challenge.id

    @property
    def page(self) -> str:
        assert self.view.page_uri is not None
        return self.view.page_uri

    @property
    def number(self) -> str:
        assert self.view.match_code is not None
        return self.view.match_code

    @property
    def elevated(self) -> bool:
        """Whether the token that asked may do it now."""
        return self.bank.may(self.user, self.token, self.resource, self.context)

    @property
    def state(self) -> str:
        found = self.bank.do(self.bank.world.services.store.read(lambda t: t.challenge(self.id)))
        assert found is not None
        return found.state.value

    def report(self, code: str | None = None, *, token: str | None = None) -> str:
        """What the shop is told: `elevated`, or the code of the error."""
        call = report_step_up(
            self.bank.world.services, self.bank.shop, self.challenge_token, user_token=token or self.token, code=code
        )
        try:
            self.bank.do(call)
        except DomainError as error:
            return error.code
        return "elevated"

    def decline(self, *, not_me: bool = False) -> None:
        self.bank.do(decline_challenge(self.bank.world.services, self.bank.shop, self.id, not_me=not_me))


class Bank(Threaded):
    """The bank, in a thread of its own, until the block ends."""

    world: World
    shop: ClientCaller

    def __init__(self, folder: Path, *, templates: Path | None = None) -> None:
        super().__init__("bank")
        self._folder, self._templates = folder, templates
        self._names = count(1)
        self.url = f"http://localhost:{self.port}"
        self.back = f"http://127.0.0.1:{self.port}/back"  # another origin, and an address that this machine has

    async def _live(self) -> None:
        # Pages tell times in the reader's zone and by the reader's clock, so the bank's is the real one to begin with.
        clock = FakeClock(datetime.now(UTC))
        async with (
            self.post(clock) as senders,
            new_world("memory", self._folder, clock=clock, origin=self.url, senders=senders) as self.world,
        ):
            self.shop = await self.world.client("shop", *RIGHTS)
            await self._register()
            settings = Settings(brand_name="Bank of Examples", templates=self._templates, public_urls=(self.url,))
            await self._serve(Site(settings, self.world.services, instruments=self.instruments))

    @asynccontextmanager
    async def post(self, clock: Clock) -> AsyncIterator[Mapping[Method, Sender] | None]:
        """What sends the bank's messages; None: they are kept in the world's outbox."""
        yield None

    async def _register(self) -> None:
        def run(transaction: Any) -> None:
            client = transaction.client(ClientId("sc_shop"))
            transaction.put_client(replace(client, name="Bank app", return_uris=(BACK, self.back)))

        await self.world.services.store.write(run)

    # --- what there is

    def customer(self, *, totp: bool = True, requirement: Requirement | None = None) -> str:
        """A new user who may pay out of accounts of their own, after a step-up."""
        user = f"user{next(self._names)}"
        self.do(self.world.grant(user, f"accounts/{user}", "payout"))
        self.do(self.world.protect(f"accounts/{user}", ("payout", requirement or Requirement(level=Level.BASIC))))
        if totp:
            self.do(self.world.enrol(user))
        return user

    def passkey(self, user: str, *, rp_id: str = "localhost") -> Credential:
        """A passkey of *user*, whose private half is for an authenticator."""
        handle = user.encode()
        credential = Credential(b"credential of " + handle, rp_id, handle, "ES256", new_key("ES256"))
        services, now = self.world.services, self.world.clock.now()
        factor = Factor(FactorId(f"passkey-{user}"), UserId(user), Method.PASSKEY, b"", now, now, "Laptop")
        stored = with_passkey(
            services,
            factor,
            Passkey(
                credential.id, cose_key(credential.key), handle, backup_eligible=False, backed_up=False,
                level=Level.HARDWARE,
            ),
        )  # fmt: skip
        self.do(services.store.write(lambda transaction: transaction.put_factor(stored)))
        return credential

    def address(self, user: str, method: Method, address: str) -> None:
        """A confirmed address of *user*."""
        services, now = self.world.services, self.world.clock.now()
        id_ = FactorId(services.entropy.token())
        sealed = services.keys.seal(address.encode(), purpose=seal_purpose(id_))
        factor = Factor(id_, UserId(user), method, sealed, now, now)
        self.do(services.store.write(lambda transaction: transaction.put_factor(factor)))

    def account_link(self, user: str, *, token: str | None = None) -> str:
        """A link to the account page: entered as *token*, or, where there is none, one that adds the first factor."""
        made = self.do(create_account_link(self.world.services, self.shop, UserId(user), user_token=token))
        return made.uri

    def factors(self, user: str) -> list[Factor]:
        """What the user has."""
        return list(self.do(self.world.services.store.read(lambda t: t.factors_of(UserId(user)))))

    def begun(self, user: str, method: Method, address: str | None = None) -> str:
        """The id of a factor that the user began to add in another window."""

        async def run() -> str:
            made = await create_account_link(self.world.services, self.shop, UserId(user))
            caller = await authenticate(self.world.services, self.world.token(user))
            call = BeginCall(method, address=address)
            begun = await begin_enrolment(self.world.services, Authority(caller, made.secret), UserId(user), call)
            return begun.enrolment or ""

        return self.do(run())

    def own_account_link(self, user: str) -> str:
        """A link that the user's own app asked for: it adds nothing without a step-up."""

        async def run() -> str:
            caller = await authenticate(self.world.services, self.world.token(user))
            return (await create_account_link(self.world.services, caller, UserId(user))).uri

        return self.do(run())

    def code(self, user: str) -> str:
        return self.world.code(user)

    def ask(
        self,
        user: str,
        *,
        token: str | None = None,
        context: dict[str, JsonValue] | None = None,
        below: str = "",
        **opening: str | None,
    ) -> Asked:
        """The shop's check is refused, and it opens the challenge."""
        token = token or self.world.token(user)
        resource = f"accounts/{user}{below}"

        async def run() -> tuple[str, ChallengeView]:
            refused = await self.world.refused(self.shop, user, "payout", resource, user_token=token, context=context)
            call = OpenCall(refused, Opening(**opening))
            return refused, await open_challenge(self.world.services, self.shop, call)

        challenge_token, view = self.do(run())
        return Asked(self, user, token, challenge_token, view, resource, context)

    def may(self, user: str, token: str, resource: str, context: dict[str, JsonValue] | None = None) -> bool:
        checked = self.do(self.world.check(self.shop, user, "payout", resource, user_token=token, context=context))
        return type(checked.decision).__name__ == "Allow"


@contextmanager
def open_bank(folder: Path, **more: Any) -> Iterator[Bank]:
    with opened(Bank(folder, **more)) as bank:
        yield bank


@contextmanager
def opened(bank: B) -> Iterator[B]:
    """*bank*, open until the block ends."""
    bank.start()
    try:
        yield bank
    finally:
        bank.stop()
