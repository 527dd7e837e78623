"""The check over both stores: whose token, counted uses, idempotency, and what happens when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from tests.unit.service_stepup.world import World, allowed, denied, wants_step_up

from stairgate.model.decisions import Allow, Reason, StepUpRequired
from stairgate.model.elevations import EndReason
from stairgate.model.errors import (
    ForbiddenError,
    IdempotencyKeyReusedError,
    InvalidInputError,
    UnavailableError,
    UserTokenRefusedError,
)
from stairgate.model.ids import UserId
from stairgate.model.protection import Enforcement, Level, Requirement
from stairgate.model.tokens import ClientCaller, UserCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service.authentication import authenticate
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import end_elevation, end_elevations, list_elevations
from stairgate.testing.faults import FailingStore, Fault

pytestmark = pytest.mark.anyio

T = TypeVar("T")

ANN = UserId("ann")
PAY = ("pay", "accounts/1")


async def bank(world: World, requirement: Requirement | None = None) -> UserCaller:
    """Ann may pay from account 1, under a mark, and read it."""
    await world.grant("ann", "accounts/1", "pay", "READ")
    await world.protect("accounts/1", ("pay", requirement or Requirement()))
    await world.enrol("ann")
    return await world.login("ann")


# --- whose token ----------------------------------------------------------------------------------


async def test_a_user_may_ask_about_themselves_and_needs_a_right_for_others(world: World) -> None:
    ann, bob = await bank(world), await world.login("bob")
    assert allowed(await world.check(ann, "ann", "READ", "accounts/1"))
    with pytest.raises(ForbiddenError):
        await world.check(bob, "ann", "READ", "accounts/1")
    await world.grant("bob", "Authress:UserPermissions/ann", "READ")
    assert allowed(await world.check(bob, "ann", "READ", "accounts/1"))


async def test_who_asks_about_another_user_has_passed_no_user_token(world: World) -> None:
    """Ann is elevated; Bob's question about her is not answered by her elevation."""
    ann, bob = await bank(world), await world.login("bob")
    await world.grant("bob", "Authress:UserPermissions", "READ")
    await world.step_up(ann, *PAY)
    checked = await world.check(bob, "ann", *PAY)
    assert isinstance(checked.decision, StepUpRequired)
    assert checked.decision.reason is Reason.TOKEN_REQUIRED
    assert checked.challenge_token is None


async def test_a_user_may_not_pass_a_user_token(world: World) -> None:
    ann = await bank(world)
    with pytest.raises(InvalidInputError, match="Stairgate-User-Token"):
        await world.check(ann, "ann", *PAY, user_token=world.token("ann"))


async def test_a_client_asks_with_the_users_token_and_never_without_it(world: World) -> None:
    ann, app = await bank(world), await world.client("app")
    token = world.token("ann")
    assert wants_step_up(await world.check(app, "ann", *PAY))
    refusal = await world.check(app, "ann", *PAY)
    assert isinstance(refusal.decision, StepUpRequired)
    assert refusal.decision.reason is Reason.TOKEN_REQUIRED
    elevated = await authenticate(world.services, token)
    assert isinstance(elevated, UserCaller)
    await world.step_up(elevated, *PAY)
    assert allowed(await world.check(app, "ann", *PAY, user_token=token))
    assert wants_step_up(await world.check(ann, "ann", *PAY))


async def test_a_client_without_the_option_needs_the_right(world: World) -> None:
    await bank(world)
    app = await world.client("app", any_user=False)
    with pytest.raises(ForbiddenError):
        await world.check(app, "ann", "READ", "accounts/1")
    await world.grant(app.client, "Authress:UserPermissions/ann", "READ", record="right")
    assert allowed(await world.check(app, "ann", "READ", "accounts/1"))
    with pytest.raises(ForbiddenError):
        await world.check(app, "bob", "READ", "accounts/1")


@pytest.mark.parametrize("access", ["READ", "pay", "nothing"])
async def test_a_user_token_that_is_not_the_users_is_refused_for_every_access(world: World, access: str) -> None:
    """Open, protected or denied: a token of another user, an expired one and rubbish are refused alike (§6)."""
    await bank(world)
    app = await world.client("app")
    expired = world.token("ann", ttl=10)
    world.clock.advance(10)
    for bad in (world.token("bob"), expired, "rubbish", "", world.assertion(app.client)):
        with pytest.raises(UserTokenRefusedError):
            await world.check(app, "ann", access, "accounts/1", user_token=bad)


async def test_a_client_about_itself_has_no_factors_but_is_refused_with_a_challenge_token(world: World) -> None:
    app = await world.client("app", ("accounts/1", "pay"))
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    assert await world.refused(app, app.client, *PAY)


async def test_a_denial_says_nothing_of_protection(world: World) -> None:
    """A protected and an unprotected resource are denied alike."""
    await bank(world)
    bob = await world.login("bob")
    one, other = await world.check(bob, "bob", *PAY), await world.check(bob, "bob", "pay", "accounts/2")
    assert one == other
    assert denied(one)


# --- what an elevation opens ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("pay", "accounts/2"),
        ("pay", "Accounts/1"),
        ("pay", "accounts"),
        ("pay", "accounts/1x"),
        ("pay", "accounts/1/*"),
        ("pay:big", "accounts/1"),
        ("refund", "accounts/1"),
    ],
)
async def test_an_exact_elevation_opens_nothing_beside_its_question(world: World, action: str, resource: str) -> None:
    """Attack 12: an elevation leaks to no other resource, action or spelling."""
    await world.grant("ann", "*", "*")
    await world.protect("*", ("*", Requirement(uses=5)))
    await world.enrol("ann")
    ann = await world.login("ann")
    await world.step_up(ann, *PAY)
    assert wants_step_up(await world.check(ann, "ann", action, resource))
    for spelled in ("accounts/1", "/accounts/1", "accounts/1/"):
        assert allowed(await world.check(ann, "ann", "PAY", spelled))


@pytest.mark.parametrize(
    "path", ["accounts/./1", "accounts/../accounts/1", "accounts//1", "accounts/1%2F", "accounts/1 "]
)
def test_a_path_trick_is_no_resource(path: str) -> None:
    """Attack 12: what is not in the grammar never reaches a decision."""
    from stairgate.model.resources import parse_resource

    with pytest.raises(InvalidInputError):
        parse_resource(path)


async def test_an_elevation_holds_for_the_bound_values_alone(world: World) -> None:
    """Attacks 5 and 12: another amount, another type or a missing one is refused, and says why."""
    ann = await bank(world, Requirement(bind=frozenset({"amount"})))
    missing = await world.check(ann, "ann", *PAY)
    assert isinstance(missing.decision, StepUpRequired)
    assert missing.decision.reason is Reason.DETAILS_REQUIRED
    await world.step_up(ann, *PAY, context={"amount": 100, "note": "rent"})
    assert allowed(await world.check(ann, "ann", *PAY, context={"amount": 100, "note": "other"}))
    for other in ({"amount": 101}, {"amount": "100"}, {"amount": None}):
        checked = await world.check(ann, "ann", *PAY, context=other)
        assert isinstance(checked.decision, StepUpRequired)
        assert checked.decision.reason is Reason.DETAILS_CHANGED


async def test_an_elevation_ends_with_its_lifetime_and_never_outlives_its_token(world: World) -> None:
    await bank(world, Requirement(lifetime=300))
    ann = await world.login("ann", ttl=200)
    await world.step_up(ann, *PAY)
    world.clock.advance(169)
    assert allowed(await world.check(ann, "ann", *PAY))
    world.clock.advance(1)
    checked = await world.check(ann, "ann", *PAY)
    assert isinstance(checked.decision, StepUpRequired)
    assert checked.decision.reason is Reason.ELEVATION_EXPIRED


async def test_a_change_of_access_is_in_force_at_the_next_check_of_another_node(world: World) -> None:
    """What one node writes, the other answers from at once, in both directions."""
    ann = await bank(world)
    store = world.services.store
    other = await world.over(store)
    assert allowed(await other.check(ann, "ann", "READ", "accounts/1"))
    await world.grant("ann", "accounts/1", "pay")  # the record is replaced: READ is gone
    assert denied(await other.check(ann, "ann", "READ", "accounts/1"))
    assert denied(await world.check(ann, "ann", "READ", "accounts/1"))


# --- counted uses ---------------------------------------------------------------------------------


async def test_of_many_checks_that_race_for_one_use_one_is_allowed(world: World) -> None:
    """Attack 6: 200 checks on two nodes, one use: one permit, and one entry of it."""
    ann = await bank(world, Requirement(uses=1))
    other = await world.over(world.services.store)
    await world.step_up(ann, *PAY)
    answers = await asyncio.gather(*(node.check(ann, "ann", *PAY) for node in (world, other) for _ in range(100)))
    assert sum(map(allowed, answers)) == 1
    assert (await world.events()).count("elevation.used") == 1


async def test_uses_are_counted_down(world: World) -> None:
    ann = await bank(world, Requirement(uses=3))
    await world.step_up(ann, *PAY)
    answers = [allowed(await world.check(ann, "ann", *PAY)) for _ in range(5)]
    assert answers == [True, True, True, False, False]


async def test_a_revoked_elevation_allows_nothing_once_the_revocation_has_returned(world: World) -> None:
    """Attack 30: checks race with the revocation on two nodes; none that begins after its return is allowed."""
    ann = await bank(world, Requirement(uses=1000))
    other = await world.over(world.services.store)
    revoked = asyncio.Event()
    late: list[bool] = []

    async def keep_asking(node: World) -> None:
        for _ in range(40):
            after = revoked.is_set()
            answer = await node.check(ann, "ann", *PAY)
            if after:
                late.append(allowed(answer))
            await asyncio.sleep(0)

    async def revoke() -> None:
        await asyncio.sleep(0)
        assert await end_elevations(world.services, ann, ANN, user_token=None, everything=None) == 1
        revoked.set()

    await world.step_up(ann, *PAY)
    await asyncio.gather(keep_asking(world), keep_asking(other), revoke(), keep_asking(world))
    late += [allowed(await node.check(ann, "ann", *PAY)) for node in (world, other)]
    assert late
    assert not any(late)


async def test_an_elevation_that_is_revoked_between_reading_and_taking_is_not_used(world: World) -> None:
    """Attack 30: the use is taken by what the transaction itself sees."""
    ann = await bank(world, Requirement(uses=1))
    done = await world.step_up(ann, *PAY)
    assert done.challenge.elevation is not None
    elevation = done.challenge.elevation

    class RevokingStore(FailingStore):
        """Somebody else revokes just before the write that would take the use."""

        async def write(self, function: Callable[[WriteTransaction], T]) -> T:
            now = world.clock.now()
            await self.store.write(lambda t: t.end_elevation(elevation, at=now, reason=EndReason.REVOKED))
            return await self.store.write(function)

    node = await world.over(RevokingStore(world.services.store))
    assert wants_step_up(await node.check(ann, "ann", *PAY))
    assert "elevation.used" not in await world.events()


async def test_a_refusal_writes_nothing(world: World) -> None:
    """A flood of refusals costs no storage: every write fails here, and the refusal is given all the same."""
    ann = await bank(world)
    before = await world.events()
    node = await world.over(FailingStore(world.services.store, every=1, reads=False))
    assert await node.refused(ann, "ann", *PAY)
    assert await world.events() == before


async def test_an_observe_mark_never_refuses_and_is_recorded(world: World) -> None:
    ann = await bank(world, Requirement(enforce=Enforcement.OBSERVE))
    assert allowed(await world.check(ann, "ann", *PAY))
    assert (await world.events()).count("mark.observed") == 1


# --- idempotency ----------------------------------------------------------------------------------


async def counted_app(world: World) -> tuple[ClientCaller, str, UserCaller]:
    """An app, Ann's token, and Ann as its bearer: elevated for two uses."""
    await bank(world, Requirement(uses=2))
    app, token = await world.client("app"), world.token("ann")
    ann = await authenticate(world.services, token)
    assert isinstance(ann, UserCaller)
    await world.step_up(ann, *PAY)
    return app, token, ann


async def test_a_repeat_with_the_same_key_takes_no_second_use(world: World) -> None:
    app, token, _ = await counted_app(world)
    for _ in range(4):
        assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
    assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="b"))
    assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
    assert wants_step_up(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="c"))
    assert (await world.events()).count("elevation.used") == 2


async def test_parallel_repeats_take_one_use(world: World) -> None:
    app, token, _ = await counted_app(world)
    answers = await asyncio.gather(
        *(world.check(app, "ann", *PAY, user_token=token, idempotency_key="a") for _ in range(30))
    )
    assert all(map(allowed, answers))
    assert (await world.events()).count("elevation.used") == 1


async def test_a_repeat_is_refused_once_its_elevation_is_revoked(world: World) -> None:
    app, token, ann = await counted_app(world)
    assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
    await end_elevations(world.services, ann, ANN, user_token=None, everything=None)
    assert wants_step_up(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))


async def test_a_key_is_forgotten_after_a_minute(world: World) -> None:
    app, token, _ = await counted_app(world)
    for _ in range(2):
        assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
        world.clock.advance(60)
    assert wants_step_up(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))


async def test_a_key_that_took_a_use_is_for_nothing_else(world: World) -> None:
    """Another context, action or resource under it is 409, protected or not; another client's key is its own."""
    app, token, _ = await counted_app(world)
    assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
    others: list[tuple[str, str, dict[str, object]]] = [
        ("pay", "accounts/1", {"context": {"amount": 1}}),
        ("READ", "accounts/1", {}),
        ("pay", "accounts/2", {}),
    ]
    for action, resource, more in others:
        with pytest.raises(IdempotencyKeyReusedError):
            await world.check(app, "ann", action, resource, user_token=token, idempotency_key="a", **more)
    second = await world.client("second")
    assert allowed(await world.check(second, "ann", *PAY, user_token=token, idempotency_key="a"))


async def test_a_users_key_is_ignored(world: World) -> None:
    ann = await bank(world, Requirement(uses=1))
    await world.step_up(ann, *PAY)
    assert allowed(await world.check(ann, "ann", *PAY, idempotency_key="a"))
    assert wants_step_up(await world.check(ann, "ann", *PAY, idempotency_key="a"))


# --- when something fails -------------------------------------------------------------------------


async def test_a_protected_access_fails_closed_and_nothing_is_consumed(world: World) -> None:
    """Whichever call to the store fails, before or after it was done: no Allow without its entry (§10)."""
    ann = await bank(world, Requirement(uses=1000))
    await world.step_up(ann, *PAY)
    for number in range(1, 8):
        store = FailingStore(world.services.store, only=frozenset({number}))
        node = await world.over(world.services.store)
        node.services.facts._store = store
        object.__setattr__(node.services, "store", store)
        before = (await world.events()).count("elevation.used")
        try:
            granted = allowed(await node.check(ann, "ann", *PAY))
        except UnavailableError:
            granted = False
        taken = (await world.events()).count("elevation.used") - before
        assert taken == int(granted)
        assert granted or store.failures


async def test_a_use_whose_commit_was_not_heard_of_is_not_allowed(world: World) -> None:
    ann = await bank(world, Requirement(uses=1))
    await world.step_up(ann, *PAY)
    node = await world.over(FailingStore(world.services.store, every=1, reads=False, fault=Fault.AFTER))
    with pytest.raises(UnavailableError):
        await node.check(ann, "ann", *PAY)


async def test_while_the_store_is_away_what_no_mark_concerns_is_answered_from_memory(world: World) -> None:
    """At most `stale_limit` seconds, saying so; a protected access and an unknown user are refused (§10)."""
    ann = await bank(world)
    await world.step_up(ann, *PAY)
    store = FailingStore(world.services.store)
    node = await world.over(store)
    assert allowed(await node.check(ann, "ann", "READ", "accounts/1"))
    assert allowed(await node.check(ann, "ann", *PAY))
    store.every = 1
    world.clock.advance(10)
    checked = await node.check(ann, "ann", "READ", "accounts/1")
    assert (allowed(checked), checked.stale) == (True, 10)
    assert denied(await node.check(ann, "ann", "READ", "accounts/2"))
    with pytest.raises(UnavailableError):
        await node.check(ann, "ann", *PAY)
    bob = await world.login("bob")
    with pytest.raises(UnavailableError):
        await node.check(bob, "bob", "READ", "accounts/1")
    world.clock.advance(0.1)
    with pytest.raises(UnavailableError):
        await node.check(ann, "ann", "READ", "accounts/1")
    store.every = None
    assert (await node.check(ann, "ann", "READ", "accounts/1")).stale is None


async def test_a_clock_that_was_set_back_makes_no_answer_from_memory(world: World) -> None:
    """Attack 28: age cannot be known, so it is not assumed."""
    ann = await bank(world)
    store = FailingStore(world.services.store)
    node = await world.over(store)
    assert allowed(await node.check(ann, "ann", "READ", "accounts/1"))
    store.every = 1
    world.clock.advance(-5)
    with pytest.raises(UnavailableError):
        await node.check(ann, "ann", "READ", "accounts/1")


async def test_a_check_is_not_answered_from_facts_older_than_it_asks_for(world: World) -> None:
    ann = await bank(world)
    known = (await world.check(ann, "ann", "READ", "accounts/1")).revision
    assert allowed(await world.check(ann, "ann", "READ", "accounts/1", at_least=known))
    with pytest.raises(UnavailableError):
        await world.check(ann, "ann", "READ", "accounts/1", at_least=known + 1)


# --- evidence of the token itself -----------------------------------------------------------------


async def test_an_acr_counts_only_where_its_issuer_is_trusted_with_it(world: World) -> None:
    await bank(world)
    now = int(world.clock.now().timestamp())
    claims: dict[str, Any] = {"acr": Level.STRONG.acr, "auth_time": now}
    await world.trust()
    plain = await authenticate(world.services, world.issued("ann", **claims))
    assert wants_step_up(await world.check(plain, "ann", *PAY))
    await world.trust(trust_acr=True)
    trusted = await authenticate(world.services, world.issued("ann", **claims))
    checked = await world.check(trusted, "ann", *PAY)
    assert isinstance(checked.decision, Allow)
    assert checked.decision.elevation is None
    world.clock.advance(301)
    assert wants_step_up(await world.check(trusted, "ann", *PAY))
    weak = await authenticate(world.services, world.issued("ann", acr=Level.BASIC.acr, auth_time=now + 301))
    assert wants_step_up(await world.check(weak, "ann", *PAY))


async def test_an_acr_counts_no_more_after_this_was_not_me(world: World) -> None:
    """§7.7: what the token proves of itself ends with it."""
    await bank(world)
    await world.trust(trust_acr=True)
    now = int(world.clock.now().timestamp())
    strong: dict[str, Any] = {"acr": Level.STRONG.acr, "auth_time": now - 290}
    ann = await authenticate(world.services, world.issued("ann", **strong))
    world.clock.advance(20)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    world.clock.advance(-20)
    assert allowed(await world.check(ann, "ann", *PAY))
    await decline_challenge(world.services, ann, view.challenge.id, not_me=True)
    assert wants_step_up(await world.check(ann, "ann", *PAY))


async def test_access_that_ends_between_loading_and_taking_takes_no_use(world: World) -> None:
    """The facts were loaded, then the record was deleted: the transaction decides by what it sees."""
    ann = await bank(world, Requirement(uses=1))
    await world.step_up(ann, *PAY)

    class DeletingStore(FailingStore):
        """Somebody else takes the access away just before the write that would take the use."""

        async def write(self, function: Callable[[WriteTransaction], T]) -> T:
            await world.grant("ann", "elsewhere", "pay", record="rec_ann_accounts_1")
            return await self.store.write(function)

    node = await world.over(DeletingStore(world.services.store))
    assert denied(await node.check(ann, "ann", *PAY))
    assert "elevation.used" not in await world.events()


async def test_a_repeat_takes_no_use_of_another_elevation(world: World) -> None:
    """Its own elevation was revoked; that the token has another counted one does not make the repeat an Allow."""
    app, token, ann = await counted_app(world)
    assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
    first, *_ = await list_elevations(world.services, ann, ANN)
    await end_elevation(world.services, ann, ANN, first.id)
    await world.step_up(ann, *PAY)
    assert wants_step_up(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="a"))
    assert allowed(await world.check(app, "ann", *PAY, user_token=token, idempotency_key="b"))
    assert (await world.events()).count("elevation.used") == 2
