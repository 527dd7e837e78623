"""Access requests: who sees, changes, approves and withdraws them (semantics §9; authress-contract §2.6)."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.service_management.world import OWNER_CLIENT, STRONG, World, permission, statement, user

from stairgate.model.access import Group, RecordStatus
from stairgate.model.approvals import Quorum
from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    RequestEndedError,
    StepUpRefusedError,
)
from stairgate.model.ids import GroupId, RecordId, RequestId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.requests import MAX_LIVE_REQUESTS, Request, RequestEnd, RequestStatus
from stairgate.model.tokens import Caller
from stairgate.service.drafts import AccessRequestDraft
from stairgate.service.requests import (
    change_access_request,
    list_requests,
    open_access_request,
    read_request,
    withdraw_request,
)
from stairgate.service.vote import VoteCall, vote

pytestmark = pytest.mark.anyio
ANN, BOB, CAY, DAN = user("ann"), user("bob"), user("cay"), user("dan")


def asking(*users: str, resources: str = "docs/1", **members: Any) -> AccessRequestDraft:
    named = tuple(UserId(each) for each in users or ("ann",))
    return AccessRequestDraft(named, (statement(resources=resources),), **members)


async def opened(world: World, who: Caller = ANN, draft: AccessRequestDraft | None = None) -> Request:
    return (await open_access_request(world.services, who, draft or asking())).value


async def said(world: World, who: Caller, request: Request, *, approve: bool = True, **members: Any) -> Request:
    call = replace(VoteCall(approve, "", request.version), **members)
    return (await vote(world.services, who, request.id, call)).value


async def hands_out(world: World, *who: Caller, resources: str = "docs") -> None:
    """Give each of *who* what it takes to hand out reading."""
    await world.role("ro_admin", permission("READ", "ag"))
    for each in who:
        await world.give(each, "ro_admin", resources)


async def group(world: World, name: str, *users: str) -> None:
    made = Group(GroupId(name), name, tuple(UserId(each) for each in users))
    await world.write(lambda transaction: transaction.put_group(made))


async def guarded(world: World, count: int, *groups: str, resource: str = "docs", **members: Any) -> None:
    quorum = Quorum(count, frozenset(map(GroupId, groups)), **members)
    await world.mark(resource, Requirement(level=None, approvals=frozenset({quorum})))


async def seen_by(world: World, who: Caller, **members: Any) -> list[str]:
    listed = await list_requests(world.services, who, **{"limit": 20, "after": None, "status": None, **members})
    return [request.id for request in listed.items]


async def record_of(world: World, request: Request) -> Any:
    return await world.store.read(lambda transaction: transaction.record(RecordId(f"rec_{request.id}")))


# --- without a quorum: as with Authress


async def test_one_who_may_hand_it_out_approves_and_the_access_is_there(world: World) -> None:
    await hands_out(world, BOB)
    request = await opened(world)
    done = await said(world, BOB, request, seen=None, plain=True)
    assert (done.status, done.end, done.record) == (RequestStatus.APPROVED, RequestEnd.USED, f"rec_{request.id}")
    record = await record_of(world, request)
    assert (record.status, record.users, record.admins) == (RecordStatus.ACTIVE, (UserId("ann"),), (UserId("bob"),))
    assert [str(each) for each in record.statements[0].resources] == ["docs/1"]
    events = [event for event, _, _ in await world.audit()]
    assert events[-5:] == ["request.opened", "request.vote", "request.approved", "record.changed", "request.ended"]


async def test_who_may_not_hand_it_out_does_not_learn_of_it(world: World) -> None:
    """Attack 27: to everybody else it is as if it did not exist."""
    await hands_out(world, CAY, resources="other")
    request = await opened(world)
    for who in (CAY, DAN):
        with pytest.raises(NotFoundError):
            await said(world, who, request)
        with pytest.raises(NotFoundError):
            await read_request(world.services, who, request.id)
        assert await seen_by(world, who) == []
    assert await record_of(world, request) is None


async def test_nobody_approves_their_own_request_nor_what_they_would_get(world: World) -> None:
    """Attack 17: the requester, and a second account that the access is for, are refused, entitled as they may be."""
    await hands_out(world, ANN, BOB)
    own = await opened(world, ANN, asking("cay"))
    other = await opened(world, CAY, asking("bob"))
    for who, request in ((ANN, own), (BOB, other)):
        with pytest.raises(ForbiddenError, match="nobody approves"):
            await said(world, who, request)
    assert await record_of(world, own) is None


async def test_a_service_client_decides_what_it_could_make_itself(world: World) -> None:
    """A back end answers for its users, as with Authress."""
    request = await opened(world)
    done = await said(world, OWNER_CLIENT, request, seen=None, plain=True)
    assert done.status is RequestStatus.APPROVED
    assert (await record_of(world, request)).users == (UserId("ann"),)


async def test_a_service_client_does_not_vote_where_other_people_must_agree(world: World) -> None:
    """Attack 32: a client that owns everything, and sees the request, is told that only users vote."""
    await group(world, "grp_a", "bob")
    await guarded(world, 1, "grp_a")
    request = await opened(world)
    for approve in (True, False):
        with pytest.raises(ForbiddenError, match="only users vote"):
            await said(world, OWNER_CLIENT, request, approve=approve)
    assert await record_of(world, request) is None


async def test_denied_is_denied_and_decided_once(world: World) -> None:
    await hands_out(world, BOB, CAY)
    request = await opened(world)
    done = await said(world, BOB, request, approve=False, comment="not now")
    assert (done.status, done.end, done.votes[0].comment) == (RequestStatus.DENIED, RequestEnd.DECLINED, "not now")
    for approve in (True, False):
        with pytest.raises(RequestEndedError) as caught:
            await said(world, CAY, request, approve=approve)
        assert caught.value.details["state"] == "DENIED"
    assert await record_of(world, request) is None


async def test_of_32_who_approve_at_once_one_record_comes(world: World) -> None:
    approvers = [user(f"p{number}") for number in range(32)]
    await hands_out(world, *approvers)
    request = await opened(world)
    outcomes = await asyncio.gather(*(said(world, who, request) for who in approvers), return_exceptions=True)
    assert sum(isinstance(outcome, Request) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RequestEndedError) for outcome in outcomes) == 31
    assert [event for event, _, _ in await world.audit()].count("record.changed") == 1


async def test_it_expires(world: World) -> None:
    await hands_out(world, BOB)
    request = await opened(world, ANN, asking(expiry=60))
    world.clock.advance(60)
    assert (await read_request(world.services, ANN, request.id)).end is RequestEnd.EXPIRED
    for _ in range(2):
        with pytest.raises(RequestEndedError):
            await said(world, BOB, request)
    assert await seen_by(world, ANN, status=RequestStatus.OPEN) == []
    assert await seen_by(world, ANN, status=RequestStatus.DELETED) == [request.id]
    assert [event for event, _, _ in await world.audit()][-1] == "request.ended"


# --- the version seen


async def test_a_vote_names_the_version_that_was_seen(world: World) -> None:
    """HT-2: without one only a plain call passes; with an old one nobody."""
    await hands_out(world, BOB)
    request = await opened(world)
    with pytest.raises(PreconditionRequiredError):
        await said(world, BOB, request, seen=None)
    with pytest.raises(PreconditionFailedError):
        await said(world, BOB, request, seen=2)
    with pytest.raises(PreconditionFailedError):
        await said(world, BOB, request, seen=2, plain=True)
    assert (await said(world, BOB, request)).status is RequestStatus.APPROVED


async def test_a_request_edited_after_one_of_two_signatures_has_none(world: World) -> None:
    """Attack 15: the signature is void, and a vote for the old version is refused."""
    await hands_out(world, BOB)
    await guarded(world, 2, "managers")
    await group(world, "managers", "bob", "cay")
    request = await opened(world)
    assert (await said(world, BOB, request)).status is RequestStatus.OPEN
    wider = asking(resources="docs/*")
    changed = (await change_access_request(world.services, ANN, request.id, wider, seen=request.version)).value
    assert (changed.version, changed.votes) == (request.version + 1, ())
    with pytest.raises(PreconditionFailedError):
        await said(world, CAY, request)
    assert (await said(world, CAY, changed)).status is RequestStatus.OPEN
    assert await record_of(world, request) is None
    assert (await said(world, BOB, changed)).status is RequestStatus.APPROVED


async def test_only_the_requester_changes_it_while_it_is_open(world: World) -> None:
    await hands_out(world, BOB)
    request = await opened(world)
    for who, error in ((BOB, ForbiddenError), (DAN, NotFoundError)):
        with pytest.raises(error):
            await change_access_request(world.services, who, request.id, asking(), seen=1)
    with pytest.raises(PreconditionRequiredError):
        await change_access_request(world.services, ANN, request.id, asking(), seen=None)
    with pytest.raises(InvalidInputError):
        await change_access_request(world.services, ANN, request.id, asking(expiry=60), seen=1)
    await said(world, BOB, request)
    with pytest.raises(RequestEndedError):
        await change_access_request(world.services, ANN, request.id, asking(), seen=1)


# --- with a quorum


async def test_quorum_and_one_who_may_hand_it_out(world: World) -> None:
    """Who may only agree to a use cannot give the access for good: two managers without that right do not."""
    await hands_out(world, DAN)
    await guarded(world, 2, "managers")
    await group(world, "managers", "bob", "cay")
    request = await opened(world)
    assert await seen_by(world, BOB) == await seen_by(world, DAN) == [request.id]
    await said(world, BOB, request)
    agreed = await said(world, CAY, request)
    assert agreed.status is RequestStatus.OPEN
    assert await record_of(world, request) is None
    assert (await said(world, DAN, request)).status is RequestStatus.APPROVED


async def test_one_who_may_hand_it_out_does_not_pass_the_quorum_by(world: World) -> None:
    await hands_out(world, DAN)
    await guarded(world, 1, "managers")
    await group(world, "managers", "bob")
    request = await opened(world)
    assert (await said(world, DAN, request)).status is RequestStatus.OPEN
    assert (await said(world, BOB, request)).status is RequestStatus.APPROVED


async def test_an_approver_who_left_the_group_counts_no_more(world: World) -> None:
    """Attack 18: removed between vote and quorum."""
    await hands_out(world, CAY)
    await guarded(world, 2, "managers")
    await group(world, "managers", "bob", "cay", "eve")
    request = await opened(world)
    await said(world, BOB, request)
    await group(world, "managers", "cay", "eve", "late")
    assert (await said(world, CAY, request)).status is RequestStatus.OPEN
    with pytest.raises(ForbiddenError):
        await said(world, user("late"), request)  # put into the group after the request was opened
    assert (await said(world, user("eve"), request)).status is RequestStatus.APPROVED


async def test_who_lost_the_right_to_hand_out_counts_for_the_quorum_only(world: World) -> None:
    """Attack 18, of the other right."""
    await hands_out(world, BOB)
    await guarded(world, 2, "managers")
    await group(world, "managers", "bob", "cay")
    request = await opened(world)
    await said(world, BOB, request)
    await world.role("ro_admin", permission("READ", "a"))
    assert (await said(world, CAY, request)).status is RequestStatus.OPEN
    assert await record_of(world, request) is None


async def test_marks_that_came_later_count_too(world: World) -> None:
    await hands_out(world, BOB)
    request = await opened(world)
    await guarded(world, 1, "managers")
    await group(world, "managers", "cay")
    assert (await said(world, BOB, request)).status is RequestStatus.OPEN
    assert (await said(world, CAY, request)).status is RequestStatus.APPROVED


@pytest.mark.parametrize("marked", ["docs", "docs/1", "docs/1/part", "*", "*/1", "docs/*"])
async def test_a_mark_on_a_part_of_what_is_asked_counts(world: World, marked: str) -> None:
    await guarded(world, 1, "managers", resource=marked)
    assert (await opened(world)).awaited == {"managers"}


@pytest.mark.parametrize("marked", ["other", "docs/2", "docs/2/*", "*/2"])
async def test_a_mark_elsewhere_does_not(world: World, marked: str) -> None:
    await guarded(world, 1, "managers", resource=marked)
    assert (await opened(world)).quorums == frozenset()


async def test_of_32_who_vote_at_once_the_quorum_fires_once(world: World) -> None:
    approvers = [user(f"p{number}") for number in range(32)]
    await hands_out(world, *approvers[:2])
    await guarded(world, 5, "managers")
    await group(world, "managers", *(who.principal for who in approvers))
    request = await opened(world)
    outcomes = await asyncio.gather(*(said(world, who, request) for who in approvers), return_exceptions=True)
    done = [outcome for outcome in outcomes if isinstance(outcome, Request)]
    assert sum(outcome.record is not None for outcome in done) == 1
    assert all(isinstance(outcome, Request | RequestEndedError) for outcome in outcomes)
    events = [event for event, _, _ in await world.audit()]
    assert (events.count("request.approved"), events.count("record.changed")) == (1, 1)


async def test_approvers_can_be_made_to_step_up(world: World) -> None:
    """Refused as a check is, with a challenge token; the same vote succeeds afterwards."""
    await guarded(world, 2, "managers")
    await group(world, "managers", "bob", "cay")
    await world.mark("Authress:AccessRequests", STRONG, "Approve")
    request = await opened(world)
    with pytest.raises(StepUpRefusedError) as caught:
        await said(world, BOB, request)
    assert caught.value.challenge_token is not None
    await world.elevate(BOB, "Authress:AccessRequests", "Approve")
    assert [each.approver for each in (await said(world, BOB, request)).votes] == ["bob"]
    entry = [json.loads(facts) for event, _, facts in await world.audit() if event == "request.vote"]
    assert entry[0]["vote"] == "approve"


async def test_handing_out_is_under_the_marks_on_it(world: World) -> None:
    """What it takes to hand out by a record, it takes to hand out by approving a request."""
    await hands_out(world, BOB)
    await world.mark("docs", STRONG)
    request = await opened(world)
    with pytest.raises(StepUpRefusedError):
        await said(world, BOB, request)
    await world.elevate(BOB, "docs", "READ")
    assert (await said(world, BOB, request)).status is RequestStatus.APPROVED


# --- seeing, withdrawing, limits


async def test_who_sees_what(world: World) -> None:
    await world.role("ro_auditor", permission("READ"))
    await world.give(DAN, "ro_auditor", "Authress:AccessRequests")
    await guarded(world, 1, "managers", resource="secret")
    await group(world, "managers", "bob")
    plain, special = await opened(world), await opened(world, CAY, asking("cay", resources="secret"))
    assert await seen_by(world, ANN) == [plain.id]
    assert await seen_by(world, BOB) == await seen_by(world, CAY) == [special.id]
    assert await seen_by(world, DAN) == sorted([plain.id, special.id])
    assert await seen_by(world, DAN, limit=1) == [min(plain.id, special.id)]
    assert (await read_request(world.services, DAN, plain.id)) == plain
    with pytest.raises(ForbiddenError):
        await said(world, DAN, plain)
    with pytest.raises(ForbiddenError):
        await withdraw_request(world.services, DAN, plain.id)


async def test_its_requester_and_admins_withdraw_it(world: World) -> None:
    await hands_out(world, BOB)
    for who in (ANN, OWNER_CLIENT):
        request = await opened(world)
        for _ in range(2):
            gone = (await withdraw_request(world.services, who, request.id)).value
            assert (gone.status, gone.end) == (RequestStatus.DELETED, RequestEnd.WITHDRAWN)
        with pytest.raises(RequestEndedError):
            await said(world, BOB, request)


async def test_requests_under_way_are_limited(world: World) -> None:
    several = [await opened(world) for _ in range(MAX_LIVE_REQUESTS)]
    with pytest.raises(LimitReachedError):
        await opened(world)
    await withdraw_request(world.services, ANN, several[0].id)
    await opened(world)


async def test_a_template_names_users_once_and_in_one_place(world: World) -> None:
    with pytest.raises(InvalidInputError):
        await opened(world, ANN, AccessRequestDraft((UserId("ann"),), (statement(users=("bob",)),)))
    for seconds in (59, 2_592_001):
        with pytest.raises(InvalidInputError):
            await opened(world, ANN, asking(expiry=seconds))
    with pytest.raises(NotFoundError):
        await read_request(world.services, OWNER_CLIENT, RequestId("req_none"))


async def test_the_factor_that_such_a_mark_asks_is_asked_of_who_hands_out(world: World) -> None:
    """The quorum stands for the approvals of the mark; its level is proven for the approval itself."""
    await hands_out(world, DAN)
    quorum = Quorum(1, frozenset({GroupId("managers")}))
    await world.mark("docs", Requirement(approvals=frozenset({quorum})))
    await group(world, "managers", "bob")
    request = await opened(world)
    await said(world, BOB, request)
    with pytest.raises(StepUpRefusedError) as caught:
        await said(world, DAN, request)
    question = caught.value.decision
    assert (str(question.area.resource), question.requirement.approvals) == (
        f"Authress:AccessRequests/{request.id}",
        frozenset(),
    )
    await world.elevate(DAN, str(question.area.resource), "Approve")
    assert (await said(world, DAN, request)).status is RequestStatus.APPROVED


async def test_a_list_of_one_status_holds_those_and_no_others(world: World) -> None:
    """Whoever sees all, and whoever sees their own; what has expired is not open, whether or not it was touched."""
    await hands_out(world, BOB)
    expired, open_, denied, approved = [await opened(world, ANN, asking(expiry=60 * n)) for n in (1, 9, 9, 9)]
    await said(world, BOB, denied, approve=False)
    await said(world, BOB, approved)
    world.clock.advance(60)
    for who in (ANN, BOB, OWNER_CLIENT):
        for status, expected in zip(RequestStatus, (open_, approved, denied, expired), strict=True):
            assert await seen_by(world, who, status=status) == [expected.id], (who, status)
