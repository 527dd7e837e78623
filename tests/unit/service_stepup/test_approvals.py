"""Other people agree to a step-up (semantics §9; attacks 1, 15, 17, 18, 32)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.model.access import Group
from stairgate.model.approvals import Quorum
from stairgate.model.challenges import ChallengeState
from stairgate.model.elevations import Elevation
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NoEligibleFactorError,
    NotFoundError,
    PreconditionRequiredError,
    RequestEndedError,
    StepUpRefusedError,
    WrongAnswerError,
)
from stairgate.model.ids import GroupId, RequestId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.requests import MAX_LIVE_REQUESTS, Request, RequestEnd, RequestStatus
from stairgate.model.tokens import Caller, UserCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import end_elevations, list_elevations
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.service.read_challenge import read_challenge
from stairgate.service.report_step_up import report_step_up
from stairgate.service.requests import list_requests, withdraw_request
from stairgate.service.views import ChallengeView
from stairgate.service.vote import VoteCall, vote

pytestmark = pytest.mark.anyio

DAY = 86_400


def asks(count: int = 2, *, level: Level | None = None, **members: Any) -> Requirement:
    quorum = Quorum(count, frozenset({GroupId("managers")}), members.pop("self_approval", False))
    return Requirement(level=level, approvals=frozenset({quorum}), **members)


async def managers(world: World, *users: str) -> None:
    group = Group(GroupId("managers"), "managers", tuple(map(UserId, users)))
    await world.services.store.write(lambda transaction: transaction.put_group(group))


@pytest.fixture
async def ann(world: World) -> UserCaller:
    """Ann may pay; two of the managers Mia and Max must agree."""
    await world.grant("ann", "accounts/1", "Pay")
    await world.protect("accounts", ("Pay", asks()))
    await managers(world, "mia", "max", "ann")
    return await world.login("ann")


async def waiting(world: World, who: UserCaller, **more: Any) -> tuple[ChallengeView, str]:
    """A challenge of *who* that asks other people, and the challenge token that opened it."""
    token = await world.refused(who, who.token.user, "Pay", "accounts/1", **more)
    return await world.open(who, token), token


def request_of(view: ChallengeView) -> RequestId:
    assert view.challenge.request is not None
    return view.challenge.request


async def says(world: World, user: str | Caller, view: ChallengeView, *, approve: bool = True, **more: Any) -> Request:
    caller = await world.login(user) if isinstance(user, str) else user
    call = replace(VoteCall(approve, "", 1), **more)
    return (await vote(world.services, caller, request_of(view), call)).value


async def state(world: World, who: Caller, view: ChallengeView) -> ChallengeState:
    return (await read_challenge(world.services, who, view.challenge.id)).challenge.state


async def elevations(world: World, who: UserCaller) -> list[Elevation]:
    return list(await list_elevations(world.services, who, who.token.user))


async def pays(world: World, who: UserCaller, **more: Any) -> bool:
    return allowed(await world.check(who, who.token.user, "Pay", "accounts/1", **more))


# --- without a level


async def test_the_quorum_elevates_the_asking_token_at_once(world: World, ann: UserCaller) -> None:
    view, token = await waiting(world, ann)
    assert (view.methods, view.challenge.waiting, view.match_code) == ((Method.APPROVAL,), True, None)
    with pytest.raises(ChallengePendingError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert (await says(world, "mia", view)).status is RequestStatus.OPEN
    world.clock.advance(100)
    done = await says(world, "max", view)
    assert (done.status, done.end) == (RequestStatus.APPROVED, RequestEnd.USED)
    assert await state(world, ann, view) is ChallengeState.SATISFIED
    elevation = await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert (elevation.level, elevation.method, elevation.token) == (None, Method.APPROVAL, ann.token.key)
    assert (elevation.expires_at - world.clock.now()).total_seconds() == 300  # from issue
    assert await pays(world, ann)
    assert not await pays(world, await world.login("ann"))  # attack 11: another token of the same user
    assert (await world.events())[-6:] == [
        "request.vote",
        "request.vote",
        "request.approved",
        "challenge.ended",
        "request.ended",
        "elevation.issued",
    ]


async def test_nothing_but_the_votes_completes_it(world: World, ann: UserCaller) -> None:
    """Attack 1: a factor of the user is no way around the people."""
    await world.enrol("ann")
    view, _ = await waiting(world, ann)
    with pytest.raises(InvalidInputError):
        await world.answer(ann, view, world.code("ann"))
    assert await elevations(world, ann) == []


async def test_requester_never_approves(world: World, ann: UserCaller) -> None:
    """Attack 17: Ann is a manager, too, and has two tokens."""
    view, _ = await waiting(world, ann)
    for caller in (ann, await world.login("ann")):
        with pytest.raises(ForbiddenError):
            await says(world, caller, view)
    await says(world, "mia", view)
    assert await state(world, ann, view) is ChallengeState.OPEN


async def test_requester_approves_where_the_mark_says_so(world: World, ann: UserCaller) -> None:
    await world.protect("accounts", ("Pay", asks(self_approval=True)))
    view, _ = await waiting(world, ann)
    await says(world, ann, view)
    await says(world, "mia", view)
    assert await pays(world, ann)


async def test_clients_never_vote(world: World, ann: UserCaller) -> None:
    """Attack 32: the asking client sees the request, a client in the group, too; neither votes."""
    shop = await world.client("shop", ("Authress:StepUp/accounts", "StepUp:Challenge"))
    await managers(world, "mia", shop.client)
    token = await world.refused(shop, "ann", "Pay", "accounts/1", user_token=world.token("ann"))
    view = await world.open(shop, token)
    with pytest.raises(ForbiddenError):
        await says(world, shop, view)


async def test_votes_name_the_version_even_by_a_plain_call(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    with pytest.raises(PreconditionRequiredError):
        await says(world, "mia", view, seen=None, plain=True)


async def test_approvers_see_what_waits_for_them_and_others_nothing(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    for user, expected in (("mia", [request_of(view)]), ("ann", [request_of(view)]), ("eve", [])):
        found = await list_requests(world.services, await world.login(user), limit=20, after=None, status=None)
        assert [each.id for each in found.items] == expected
    with pytest.raises(NotFoundError):
        await says(world, "eve", view)


async def test_a_token_that_was_disowned_does_not_vote(world: World, ann: UserCaller) -> None:
    """§7.7: whoever stole a manager's token agrees to nothing once the manager said so."""
    view, _ = await waiting(world, ann)
    mia = await world.login("mia")
    await world.protect("Authress:AccessRequests", ("Approve", Requirement()))
    await world.enrol("mia")
    with pytest.raises(StepUpRefusedError) as caught:
        await says(world, mia, view)
    assert caught.value.challenge_token is not None
    own = await world.open(mia, caught.value.challenge_token)
    await decline_challenge(world.services, mia, own.challenge.id, not_me=True)
    with pytest.raises(ChallengeBarredError):
        await says(world, mia, view)


async def test_one_decline_ends_it(world: World, ann: UserCaller) -> None:
    view, token = await waiting(world, ann)
    await says(world, "mia", view)
    await says(world, "max", view, approve=False)
    assert await state(world, ann, view) is ChallengeState.DECLINED
    with pytest.raises(ChallengeEndedError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert not await pays(world, ann)


async def test_removed_between_vote_and_quorum(world: World, ann: UserCaller) -> None:
    """Attack 18."""
    view, _ = await waiting(world, ann)
    await says(world, "mia", view)
    await managers(world, "max")
    assert (await says(world, "max", view)).status is RequestStatus.OPEN
    assert not await pays(world, ann)


async def test_it_expires_with_its_token_or_before(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    assert view.challenge.expires_at == ann.token.expires_at
    world.clock.advance(3_600)
    with pytest.raises(RequestEndedError):
        await says(world, "mia", view)
    later = await world.login("ann")
    token = await world.refused(later, "ann", "Pay", "accounts/1")
    short = await open_challenge(world.services, later, OpenCall(token, expiry=60))
    world.clock.advance(60)
    assert await state(world, later, short) is ChallengeState.EXPIRED


async def test_expiry_is_for_those_who_ask_others(world: World) -> None:
    await world.grant("ann", "accounts/1", "Pay")
    await world.protect("accounts", ("Pay", Requirement()))
    ann = await world.login("ann")
    token = await world.refused(ann, "ann", "Pay", "accounts/1")
    with pytest.raises(InvalidInputError):
        await open_challenge(world.services, ann, OpenCall(token, expiry=60))


async def test_of_32_votes_at_once_one_elevation_comes(world: World, ann: UserCaller) -> None:
    users = [f"p{number}" for number in range(32)]
    await managers(world, *users)
    view, _ = await waiting(world, ann)
    callers = [await world.login(user) for user in users]
    outcomes = await asyncio.gather(*(says(world, caller, view) for caller in callers), return_exceptions=True)
    assert sum(isinstance(each, Request) for each in outcomes) == 2
    assert sum(isinstance(each, RequestEndedError) for each in outcomes) == 30
    assert len(await elevations(world, ann)) == 1
    events = await world.events()
    assert (events.count("request.approved"), events.count("elevation.issued")) == (1, 1)


async def test_marks_that_became_stricter_meanwhile_leave_no_elevation(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    await says(world, "mia", view)
    await world.protect("accounts", ("Pay", asks(3)))
    done = await says(world, "max", view)
    assert done.end is RequestEnd.SUPERSEDED
    assert await state(world, ann, view) is ChallengeState.SUPERSEDED
    assert await elevations(world, ann) == []


async def test_bound_details_are_what_was_agreed_to(world: World, ann: UserCaller) -> None:
    await world.protect("accounts", ("Pay", asks(1, bind=frozenset({"amount"}))))
    view, _ = await waiting(world, ann, context={"amount": 5})
    await says(world, "mia", view)
    assert await pays(world, ann, context={"amount": 5})
    assert not await pays(world, ann, context={"amount": 6})


async def test_a_service_client_asks_for_itself(world: World) -> None:
    """By its access key: it has no factors, so only other people can open this for it."""
    await world.protect("accounts", ("Pay", asks(1)))
    await managers(world, "mia")
    batch = await world.client("batch", ("accounts/1", "Pay"))
    token = await world.refused(batch, batch.client, "Pay", "accounts/1")
    view = await world.open(batch, token)
    with pytest.raises(ForbiddenError):
        await says(world, batch, view)
    await says(world, "mia", view)
    assert allowed(await world.check(batch, batch.client, "Pay", "accounts/1"))


# --- with a level


@pytest.fixture
async def both(world: World, ann: UserCaller) -> UserCaller:
    """Ann must prove herself, too, and can."""
    await world.protect("accounts", ("Pay", asks(1, level=Level.STRONG)))
    await world.enrol("ann")
    return ann


async def test_the_factor_is_asked_after_the_quorum(world: World, both: UserCaller) -> None:
    view, _ = await waiting(world, both)
    with pytest.raises(ChallengePendingError):
        await world.answer(both, view, world.code("ann"))
    done = await says(world, "mia", view)
    assert (done.status, done.end) == (RequestStatus.APPROVED, None)
    seen = await read_challenge(world.services, both, view.challenge.id)
    assert (seen.challenge.state, seen.methods, seen.attempts_left) == (ChallengeState.OPEN, (Method.TOTP,), 5)
    assert not await pays(world, both)
    await world.answer(both, view, world.code("ann"))
    assert await pays(world, both)
    [elevation] = await elevations(world, both)
    assert (elevation.level, elevation.method) == (Level.STRONG, Method.TOTP)


async def test_nobody_is_asked_for_a_user_who_could_not_prove_themselves(world: World, ann: UserCaller) -> None:
    await world.protect("accounts", ("Pay", asks(1, level=Level.STRONG)))
    with pytest.raises(NoEligibleFactorError):
        await waiting(world, ann)


async def test_a_later_token_uses_the_approval_once(world: World, both: UserCaller) -> None:
    """The asking token was refreshed: the later one is asked the factor only, and then the approval is used up."""
    first, _ = await waiting(world, both)
    await says(world, "mia", first)
    world.clock.advance(DAY)
    later, third = await world.login("ann"), await world.login("ann")
    view, _ = await waiting(world, later)
    other, _ = await waiting(world, third)
    assert (request_of(view), view.challenge.waiting) == (request_of(first), False)
    assert (view.challenge.expires_at - world.clock.now()).total_seconds() == 600
    await world.answer(later, view, world.code("ann"))
    assert await pays(world, later)
    assert await state(world, third, other) is ChallengeState.SUPERSEDED
    with pytest.raises(ChallengeEndedError):
        await world.answer(third, other, world.code("ann"))
    again, _ = await waiting(world, third)
    assert again.challenge.waiting
    assert request_of(again) != request_of(first)


async def test_of_two_tokens_that_answer_at_once_one_uses_it(world: World, both: UserCaller) -> None:
    first, _ = await waiting(world, both)
    second_token = await world.login("ann")
    second, _ = await waiting(world, second_token)
    await says(world, "mia", first)
    codes = [world.code("ann"), world.code("ann")]
    outcomes = await asyncio.gather(
        world.answer(both, first, codes[0]), world.answer(second_token, second, codes[1]), return_exceptions=True
    )
    assert sum(isinstance(each, ChallengeView) for each in outcomes) == 1
    assert len(await elevations(world, both)) == 1


async def test_a_later_token_joins_what_still_waits(world: World, both: UserCaller) -> None:
    first, _ = await waiting(world, both)
    later = await world.login("ann")
    view, _ = await waiting(world, later)
    assert request_of(view) == request_of(first)
    await says(world, "mia", view)
    await world.answer(later, view, world.code("ann"))
    assert await pays(world, later)
    assert await state(world, both, first) is ChallengeState.SUPERSEDED


@pytest.mark.parametrize(
    "other", [asks(1, level=Level.STRONG, lifetime=900), asks(1, level=Level.BASIC), asks(2, level=Level.STRONG)]
)
async def test_an_approval_of_something_else_is_not_used(world: World, both: UserCaller, other: Requirement) -> None:
    """Nobody agreed to this: another lifetime, another level, more people."""
    first, _ = await waiting(world, both)
    await says(world, "mia", first)
    await world.protect("accounts", ("Pay", other))
    view, _ = await waiting(world, await world.login("ann"))
    assert view.challenge.waiting
    assert request_of(view) != request_of(first)


async def test_a_locked_challenge_loses_no_approval(world: World, both: UserCaller) -> None:
    view, _ = await waiting(world, both)
    await says(world, "mia", view)
    for _ in range(5):
        with pytest.raises(WrongAnswerError):
            await world.answer(both, view, "000000")
        world.clock.advance(120)
    assert await state(world, both, view) is ChallengeState.LOCKED
    again, _ = await waiting(world, await world.login("ann"))
    assert request_of(again) == request_of(view)
    assert not again.challenge.waiting


# --- ends


async def test_not_me_ends_the_requests_of_that_token(world: World, both: UserCaller) -> None:
    view, _ = await waiting(world, both)
    await decline_challenge(world.services, both, view.challenge.id, not_me=True)
    with pytest.raises(RequestEndedError):
        await says(world, "mia", view)
    stored = await world.services.store.read(lambda transaction: transaction.request(request_of(view)))
    assert stored is not None
    assert stored.end is RequestEnd.NOT_ME


async def test_an_approved_request_of_a_barred_token_is_of_no_use(world: World, both: UserCaller) -> None:
    view, _ = await waiting(world, both)
    await says(world, "mia", view)
    await decline_challenge(world.services, both, view.challenge.id, not_me=True)
    later, _ = await waiting(world, await world.login("ann"))
    assert later.challenge.waiting


async def test_cancelling_withdraws_what_nobody_else_waits_for(world: World, both: UserCaller) -> None:
    first, _ = await waiting(world, both)
    later = await world.login("ann")
    second, _ = await waiting(world, later)
    await cancel_challenge(world.services, both, first.challenge.id)
    assert await state(world, later, second) is ChallengeState.OPEN
    await cancel_challenge(world.services, later, second.challenge.id)
    with pytest.raises(RequestEndedError):
        await says(world, "mia", second)


async def test_withdrawing_the_request_ends_the_challenge(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    await withdraw_request(world.services, ann, request_of(view))
    assert await state(world, ann, view) is ChallengeState.CANCELLED


async def test_revoking_everything_ends_what_waits(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    world.clock.advance(3_000)
    await end_elevations(world.services, ann, ann.token.user, user_token=None, everything=True)
    assert await state(world, ann, view) is ChallengeState.CANCELLED
    with pytest.raises(RequestEndedError):
        await says(world, "mia", view)


async def test_waiting_challenges_are_limited_as_requests_not_as_challenges(world: World, ann: UserCaller) -> None:
    views = [await waiting(world, ann)]
    for number in range(6):
        await world.grant("ann", f"accounts/x{number}", "Pay")
        token = await world.refused(ann, "ann", "Pay", f"accounts/x{number}")
        views.append((await world.open(ann, token), token))
    for view, _ in views:
        assert await state(world, ann, view) is ChallengeState.OPEN
    stored = await world.services.store.read(lambda transaction: transaction.request(request_of(views[0][0])))
    assert stored is not None
    many = [
        replace(stored, id=RequestId(f"req_{number}"), challenges=())
        for number in range(MAX_LIVE_REQUESTS - len(views))
    ]

    def fill(transaction: WriteTransaction) -> None:
        for each in many:
            transaction.put_request(each)

    await world.services.store.write(fill)
    await world.grant("ann", "accounts/more", "Pay")
    with pytest.raises(LimitReachedError):
        await world.open(ann, await world.refused(ann, "ann", "Pay", "accounts/more"))


async def test_approvers_can_be_made_to_step_up(world: World, ann: UserCaller) -> None:
    """The refusal is that of a check; what it asks can be met, and the same vote succeeds afterwards."""
    await world.protect("Authress:AccessRequests", ("Approve", Requirement()))
    await world.enrol("mia")
    view, _ = await waiting(world, ann)
    mia = await world.login("mia")
    with pytest.raises(StepUpRefusedError) as caught:
        await says(world, mia, view)
    assert caught.value.challenge_token is not None
    own = await world.open(mia, caught.value.challenge_token)
    await world.answer(mia, own, world.code("mia"))
    assert [each.approver for each in (await says(world, mia, view)).votes] == ["mia"]


async def test_it_is_refused_again_after_its_time(world: World, ann: UserCaller) -> None:
    view, _ = await waiting(world, ann)
    await says(world, "mia", view)
    await says(world, "max", view)
    world.clock.advance(300)
    assert wants_step_up(await world.check(ann, "ann", "Pay", "accounts/1"))
