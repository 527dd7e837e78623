"""Votes and quorums (semantics §9; AR-5, AR-8; attacks 15, 17, 18)."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations, product
from random import Random
from typing import Any

import pytest
from tests.unit.stepup.cases import NOW, SECOND, ticket

from stairgate.model.access import Statement
from stairgate.model.approvals import Quorum
from stairgate.model.errors import ConflictError, InvalidInputError, LimitReachedError, RequestEndedError
from stairgate.model.ids import ChallengeId, GroupId, RequestId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.requests import (
    MAX_COMMENT,
    MAX_VOTES,
    AccessTemplate,
    Request,
    RequestEnd,
    RequestStatus,
    Vote,
    comment_of,
)
from stairgate.model.resources import parse_pattern
from stairgate.model.tokens import TokenKey
from stairgate.stepup.approvals import (
    approved,
    changed,
    ended,
    fits,
    joined,
    may_approve,
    settled,
    tally,
    used,
    voted,
)

LATER = NOW + 60 * SECOND
STATEMENT = Statement((RoleId("ro_1"),), (parse_pattern("a"),))
ACCESS = AccessTemplate((UserId("user"), UserId("friend")), (STATEMENT,))


EVERYBODY = frozenset(map(UserId, ["ann", "bob", "cay", "user", "friend", *(f"p{number}" for number in range(32))]))


def quorum(count: int, *groups: str, self_approval: bool = False) -> Quorum:
    return Quorum(count, frozenset(map(GroupId, groups)), self_approval)


def request(*quorums: Quorum, **members: Any) -> Request:
    made = Request(
        RequestId("req"),
        UserId("user"),
        ticket(requirement=Requirement(approvals=frozenset(quorums))),
        frozenset(quorums),
        opened_at=NOW,
        expires_at=NOW + 600 * SECOND,
        last_updated=NOW,
        members={GroupId(group): EVERYBODY for group in ("g", "h", "k")},
    )
    return replace(made, **members)


def vote(approver: str, *, approve: bool = True, at: int = 1, **members: Any) -> Vote:
    return Vote(UserId(approver), approve, NOW + at * SECOND, **members)


def membership(**groups: str) -> dict[UserId, frozenset[GroupId]]:
    return {UserId(user): frozenset(map(GroupId, named.split())) for user, named in groups.items()}


def after(asked: Request, *approvers: str) -> Request:
    for approver in approvers:
        asked = voted(asked, vote(approver))
    return asked


def test_two_of_a_group_are_two_people() -> None:
    """One who votes twice counts once."""
    asked, who = request(quorum(2, "g")), membership(ann="g", bob="g")
    assert tally(after(asked, "ann"), who).missing == 1
    assert tally(after(asked, "ann", "ann"), who).missing == 1
    assert tally(after(asked, "ann", "bob"), who).met


def test_groups_of_one_quorum_are_alternatives_and_quorums_are_joined_by_and() -> None:
    who = membership(ann="g", bob="h", cay="k")
    assert tally(after(request(quorum(2, "g", "h")), "ann", "bob"), who).met
    both = request(quorum(1, "g"), quorum(1, "k"))
    assert not tally(after(both, "ann", "bob"), who).met
    assert tally(after(both, "ann", "cay"), who).met


def test_nobody_counts_for_two_quorums_but_for_the_one_where_they_are_needed() -> None:
    """Counting is exact: who could sit on either seat leaves the one that another can take."""
    both, who = request(quorum(1, "g"), quorum(1, "k")), membership(ann="g k", bob="g")
    assert not tally(after(both, "ann"), who).met
    for order in permutations(["ann", "bob"]):
        assert tally(after(both, *order), who).met


def test_tally_is_that_of_trying_every_seating() -> None:
    """On random small cases: met exactly if some seating of distinct people fills every seat."""
    random = Random(3)
    groups, people = ["g", "h", "k"], ["p1", "p2", "p3", "p4"]
    for _ in range(400):
        quorums = [
            quorum(random.randint(1, 2), *random.sample(groups, random.randint(1, 2)))
            for _ in range(random.randint(1, 2))
        ]
        who = {
            UserId(person): frozenset(map(GroupId, random.sample(groups, random.randint(0, 2)))) for person in people
        }
        voters = random.sample(people, random.randint(0, 4))
        asked = after(request(*set(quorums)), *voters)
        seats = [each for each in asked.quorums for _ in range(each.count)]
        possible = any(
            all(who[UserId(person)] & seat.groups for person, seat in zip(seating, seats, strict=True))
            for seating in permutations(voters, len(seats))
        )
        assert tally(asked, who).met == possible


def test_requester_counts_only_where_a_quorum_says_so() -> None:
    """Attack 17: a requester as approver is refused, though a member of the group."""
    who = membership(user="g", ann="g")
    asked = request(quorum(2, "g"))
    assert not may_approve(asked, UserId("user"), who[UserId("user")])
    assert not tally(after(asked, "user", "ann"), who).met
    lax = request(quorum(2, "g", self_approval=True))
    assert may_approve(lax, UserId("user"), who[UserId("user")])
    assert tally(after(lax, "user", "ann"), who).met


def test_who_would_get_the_access_does_not_approve_it() -> None:
    """Attack 17, by a second account: whoever the access is for counts no more than who asked for it."""
    who = membership(friend="g", ann="g")
    asked = request(quorum(1, "g"), asked=ACCESS)
    assert not tally(after(asked, "friend"), who).met
    assert tally(after(asked, "ann"), who).met


def test_a_vote_counts_only_while_the_approver_is_one() -> None:
    """Attack 18: removed between vote and quorum, the first approver counts for nothing."""
    asked = after(request(quorum(2, "g")), "ann", "bob")
    assert tally(asked, membership(ann="g", bob="g")).met
    gone = tally(asked, membership(bob="g"))
    assert (gone.met, gone.missing, gone.counted) == (False, 1, frozenset({UserId("bob")}))


def test_who_was_put_into_a_group_later_does_not_count() -> None:
    """Attack 17: nobody wins a quorum by filling a group after they asked."""
    asked = after(request(quorum(1, "g"), members={GroupId("g"): frozenset({UserId("bob")})}), "ann")
    assert not may_approve(asked, UserId("ann"), frozenset({GroupId("g")}))
    assert not tally(asked, membership(ann="g", bob="g")).met
    assert tally(after(asked, "bob"), membership(ann="g", bob="g")).met
    elsewhere = request(quorum(1, "g"), members={GroupId("h"): EVERYBODY})
    assert not may_approve(elsewhere, UserId("ann"), frozenset({GroupId("g"), GroupId("h")}))


def test_a_change_voids_what_was_said_before() -> None:
    """Attack 15: edited after one of two signatures, the signature is void, and the version tells."""
    asked = after(request(quorum(2, "g"), asked=ACCESS), "ann")
    other = replace(ACCESS, users=(UserId("user"),))
    edited = changed(asked, other, asked.quorums, asked.members, LATER)
    assert (edited.votes, edited.version, edited.asked) == ((), asked.version + 1, other)
    assert not tally(after(edited, "bob"), membership(ann="g", bob="g")).met


def test_one_decline_ends_it() -> None:
    declined = voted(after(request(quorum(2, "g")), "ann"), vote("bob", approve=False))
    assert (declined.status, declined.end) == (RequestStatus.DENIED, RequestEnd.DECLINED)
    assert declined.awaited == frozenset()
    with pytest.raises(RequestEndedError):
        voted(declined, vote("cay"))


def test_the_newest_vote_of_one_person_counts() -> None:
    asked = voted(after(request(quorum(2, "g")), "ann"), vote("ann", comment="again"))
    assert [each.comment for each in asked.votes] == ["again"]
    assert voted(asked, vote("ann", approve=False)).end is RequestEnd.DECLINED


def test_it_expires_at_its_time_and_takes_no_vote_then() -> None:
    """AR-5: a late approval is refused."""
    asked = request(quorum(1, "g"))
    assert settled(asked, asked.expires_at - SECOND) is asked
    gone = settled(asked, asked.expires_at + timedelta(days=9))
    assert (gone.status, gone.end, gone.ended_at) == (RequestStatus.DELETED, RequestEnd.EXPIRED, asked.expires_at)
    with pytest.raises(RequestEndedError):
        voted(asked, vote("ann", at=600))
    with pytest.raises(RequestEndedError):
        approved(asked, asked.expires_at)


def test_an_approval_is_used_once_and_before_it_expires() -> None:
    agreed = approved(request(quorum(1, "g")), LATER)
    assert (agreed.status, agreed.end) == (RequestStatus.APPROVED, None)
    done = used(agreed, LATER)
    assert (done.status, done.end, done.ended_at) == (RequestStatus.APPROVED, RequestEnd.USED, LATER)
    for never, at in ((done, LATER), (agreed, agreed.expires_at), (request(quorum(1, "g")), LATER)):
        with pytest.raises(ConflictError):
            used(never, at)
    with pytest.raises(RequestEndedError):
        approved(agreed, LATER)


ENDS = [RequestEnd.WITHDRAWN, RequestEnd.SUPERSEDED, RequestEnd.NOT_ME]


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_once(end: RequestEnd) -> None:
    first = ended(request(quorum(1, "g")), end, LATER)
    assert (first.status, first.end) == (RequestStatus.DELETED, end)
    assert ended(first, RequestEnd.WITHDRAWN, LATER + SECOND) is first
    assert settled(first, first.expires_at) is first
    agreed = ended(approved(request(quorum(1, "g")), NOW), end, LATER)
    assert (agreed.status, agreed.end) == (RequestStatus.APPROVED, end)


def test_votes_are_limited() -> None:
    full = request(quorum(2, "g"), votes=tuple(vote(f"p{number}") for number in range(MAX_VOTES)))
    assert voted(full, vote("p1", comment="again")).votes[-1].comment == "again"
    with pytest.raises(LimitReachedError):
        voted(full, vote("one more"))


ASKED = frozenset({quorum(1, "g")})
OTHERWISE: list[tuple[dict[str, Any], bool, str]] = [
    ({}, True, "the same"),
    ({"id": "another", "revision": 9, "client": None}, True, "another challenge token for the same"),
    ({"token": TokenKey("issuer", "refreshed")}, True, "a later token"),
    ({"user": UserId("mallory")}, False, "another user"),
    ({"details": {"amount": "5"}}, False, "other details"),
    ({"requirement": Requirement(approvals=frozenset({quorum(2, "g")}))}, False, "more people"),
    ({"requirement": Requirement(lifetime=900, approvals=ASKED)}, False, "a longer lifetime"),
]


@pytest.mark.parametrize(("change", "expected"), [each[:2] for each in OTHERWISE], ids=[each[2] for each in OTHERWISE])
def test_approvals_fit_what_was_agreed_to(change: dict[str, Any], expected: bool) -> None:
    asked = request(quorum(1, "g"))
    assert asked.ticket is not None
    assert fits(asked, replace(asked.ticket, **change), LATER) is expected
    assert not fits(asked, asked.ticket, asked.expires_at)
    assert not fits(replace(asked, asked=ACCESS), asked.ticket, LATER)


def test_without_a_level_only_the_asking_token_fits() -> None:
    only = ticket(requirement=Requirement(level=None, approvals=ASKED))
    asked = request(quorum(1, "g"), asked=only)
    assert fits(asked, only, LATER)
    assert not fits(asked, replace(only, token=TokenKey("issuer", "refreshed")), LATER)


def test_challenges_join() -> None:
    assert joined(request(), ChallengeId("ch")).challenges == (ChallengeId("ch"),)


@pytest.mark.parametrize("text", ["\u202eevil", "a\x00b", "\u2066x", "\x1b[2J", "\u2028", "\ufeff", "\ud800", "x\r"])
def test_comments_cannot_reorder_or_hide_text(text: str) -> None:
    """Attack 16."""
    with pytest.raises(InvalidInputError):
        comment_of(text)


def test_comments_are_plain_text_of_a_limited_length() -> None:
    for text in ("", "für den Prüfer\nzweite Zeile", "👩‍💻 ok", "a" * MAX_COMMENT):
        assert comment_of(text) == text
    assert comment_of(None) == ""
    with pytest.raises(InvalidInputError):
        comment_of("a" * (MAX_COMMENT + 1))


def test_every_vote_of_32_leads_to_one_outcome() -> None:
    """Whatever the order, the quorum is met by the second vote and not before."""
    who = membership(**{f"p{number}": "g" for number in range(32)})
    for first, second in product(range(4), range(4)):
        if first != second:
            asked = after(request(quorum(2, "g")), f"p{first}")
            assert not tally(asked, who).met
            assert tally(after(asked, f"p{second}"), who).met
