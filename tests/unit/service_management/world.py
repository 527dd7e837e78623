"""An account on a store, with a fake clock, and callers who hold what a test gives them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from stairgate.host.entropy import SystemEntropy
from stairgate.host.keyring import SealingKeyRing
from stairgate.host.signer import StoredSigner, generate_signing_key
from stairgate.model.access import AccessRecord, ResourceConfiguration, ResourceMark, Role, Statement
from stairgate.model.actions import parse_action
from stairgate.model.clients import Issuer
from stairgate.model.elevations import Area, Elevation
from stairgate.model.ids import AccountId, ChallengeId, ClientId, ElevationId, KeyId, RecordId, RoleId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import Caller, ClientCaller, UserCaller, UserToken, token_key
from stairgate.pages.letters import CatalogueLetters
from stairgate.ports.keys import JsonWebKey
from stairgate.ports.store import Store, WriteTransaction
from stairgate.service.context import Rules, Services
from stairgate.service.drafts import ABSENT, PermissionDraft, RecordDraft, StatementDraft, StepUpDraft
from stairgate.service.facts import FactCache
from stairgate.service.kept_protection import permissions_of
from stairgate.storage.memory import MemoryStore
from stairgate.storage.sql import SqlStore
from stairgate.testing.clock import FakeClock

ISSUER = "https://id.example"
STRONG = Requirement(level=Level.STRONG)
ONCE = Requirement(level=Level.STRONG, uses=1)
OWNER_CLIENT = ClientCaller(ClientId("sc_owner"), KeyId("key_1"))


class NoIssuerKeys:
    """No issuer publishes anything here."""

    async def find(self, issuer: Issuer, kid: str | None) -> JsonWebKey | None:
        return None


def user(name: str, *, session: str = "1") -> UserCaller:
    return UserCaller(UserToken(UserId(name), token_key(ISSUER, f"{name} {session}"), None))


def statement(
    roles: str = "ro_reader",
    resources: str = "docs/1",
    step_up: StepUpDraft = ABSENT,
    users: tuple[str, ...] = (),
) -> StatementDraft:
    return StatementDraft(
        tuple(RoleId(name) for name in roles.split()),
        tuple(parse_pattern(text) for text in resources.split()),
        tuple(UserId(name) for name in users),
        (),
        step_up,
    )


def draft(
    *statements: StatementDraft, name: str = "r", users: tuple[str, ...] = ("ann",), **members: object
) -> RecordDraft:
    made = RecordDraft(name, statements or (statement(),), users=tuple(UserId(each) for each in users))
    return replace(made, **members)  # type: ignore[arg-type]  # whatever members a test names


def permission(action: str, rights: str = "a", step_up: StepUpDraft = ABSENT) -> PermissionDraft:
    return PermissionDraft(parse_action(action), "a" in rights, "g" in rights, "d" in rights, step_up)


@dataclass
class World:
    services: Services
    clock: FakeClock

    @property
    def store(self) -> Store:
        return self.services.store

    async def write(self, change: Callable[[WriteTransaction], None]) -> None:
        await self.store.write(change)
        await self.services.facts.catch_up()

    async def role(self, key: str, *permissions: PermissionDraft) -> None:
        role = Role(RoleId(key), key, permissions_of(permissions, ()))
        await self.write(lambda transaction: transaction.put_role(role))

    async def give(self, who: Caller, role: str, *resources: str, record: str | None = None) -> None:
        """Give *who* a role on *resources*, past the guard."""
        made = AccessRecord(
            RecordId(record or f"rec_{who.principal}_{role.replace(':', '_')}_{len(resources)}"),
            "given",
            (Statement((RoleId(role),), tuple(parse_pattern(text) for text in resources)),),
            users=(who.principal,),
        )
        await self.write(lambda transaction: transaction.put_record(made))

    async def mark(self, resource: str, requirement: Requirement, action: str = "*") -> None:
        pattern = parse_pattern(resource)
        marks = (ResourceMark((parse_action(action),), requirement),)
        made = ResourceConfiguration(pattern, marks=marks)
        await self.write(lambda transaction: transaction.put_resource(made))

    async def elevate(
        self, who: UserCaller, resource: str, action: str, *, uses: int | None = None, exact: bool = False
    ) -> ElevationId:
        now = self.clock.now()
        made = Elevation(
            ElevationId(self.services.entropy.token()),
            who.principal,
            who.token.key,
            Area(parse_resource(resource), parse_action(action), exact=exact),
            Level.STRONG,
            Method.TOTP,
            now,
            now,
            now + timedelta(seconds=300),
            ChallengeId(self.services.entropy.token()),
            uses=uses,
            uses_left=uses,
        )
        await self.write(lambda transaction: transaction.add_elevation(made))
        return made.id

    async def audit(self) -> list[tuple[str, str, str]]:
        """Event, actor and facts of every entry."""
        entries = await self.store.read(lambda transaction: transaction.audit_entries())
        return [(entry.event, entry.actor, entry.facts) for entry in entries]


def services_on(store: MemoryStore | SqlStore, clock: FakeClock) -> Services:
    ring = SealingKeyRing([b"k" * 32])
    key = generate_signing_key(ring, use="challenge", now=clock.now())
    return Services(
        account=AccountId("acc_1"),
        store=store,
        clock=clock,
        entropy=SystemEntropy(),
        keys=ring,
        signer=StoredSigner([key], ring),
        test_issuer=None,
        issuer_keys=NoIssuerKeys(),
        facts=FactCache(store, store, clock),
        rules=Rules(public_origins=("https://stairgate.example",)),
        letters=CatalogueLetters("Stairgate"),
    )


async def populate(world: World) -> None:
    await world.give(OWNER_CLIENT, "Authress:Owner", "*", record="rec_owner")
    await world.role("ro_reader", permission("READ"))
    await world.role("ro_editor", permission("READ", "ag"), permission("UPDATE"))
    await world.role("ro_lead", permission("READ", "agd"))
