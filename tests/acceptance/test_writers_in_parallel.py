"""Many at once: of the writers that saw one state one wins, and of many answers to one challenge one counts."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import pytest
from tests.acceptance.bank import answer, customer, delivered_code
from tests.acceptance.support import Answer, Server, together, unique

MANY = 32


def a_record() -> tuple[str, dict[str, Any]]:
    name = unique("rec_")
    statement = {"roles": ["Authress:ReadResource"], "resources": [{"resourceUri": "docs"}]}
    return f"/v1/records/{name}", {"recordId": name, "name": "r", "users": [], "statements": [statement]}


def a_group() -> tuple[str, dict[str, Any]]:
    name = unique("grp_")
    return f"/v1/groups/{name}", {"groupId": name, "name": "g", "users": []}


@pytest.mark.parametrize("make", [a_record, a_group])
@pytest.mark.parametrize("form", ["lastUpdated", "Last-Modified"])
def test_of_32_writers_that_saw_the_same_state_one_wins(two_workers: Server, make: Any, form: str) -> None:
    """`If-Unmodified-Since`, as ISO 8601 and as an HTTP date, on two processes: nobody loses what another wrote."""
    path, body = make()
    owner = two_workers.owner_bearer
    collection = path.rpartition("/")[0]
    made = two_workers.call("POST", collection, body, bearer=owner).expect(201)
    for turn in range(3):
        seen = made if turn == 0 else two_workers.call("GET", path, bearer=owner).expect(200)
        since = seen.json["lastUpdated"] if form == "lastUpdated" else seen.headers["last-modified"]

        def write(number: int, since: str = since) -> Answer:
            changed = {**body, "name": f"by {number}"}
            return two_workers.call("PUT", path, changed, bearer=owner, headers={"If-Unmodified-Since": since})

        answers = together([functools.partial(write, number) for number in range(MANY)])
        won = [each for each in answers if each.status in {200, 202}]
        assert Counter(each.status for each in answers if each not in won) == {412: MANY - 1}
        assert {each.code for each in answers if each.status == 412} == {"PreconditionFailed"}
        stands = two_workers.call("GET", path, bearer=owner).expect(200).json
        assert stands["name"] == won[0].json["name"]
        assert {each.headers["last-modified"] for each in answers} == {won[0].headers["last-modified"]}


def test_of_32_who_make_the_same_id_one_makes_it(two_workers: Server) -> None:
    _, body = a_record()
    make = functools.partial(two_workers.call, "POST", "/v1/records", body, bearer=two_workers.owner_bearer)
    answers = together([make] * MANY)
    assert Counter((each.status, each.code) for each in answers) == {
        (201, None): 1,
        (409, "AccessRecordAlreadyExists"): MANY - 1,
    }


def test_of_32_right_answers_to_one_challenge_one_issues_an_elevation(two_workers: Server) -> None:
    victim = customer(two_workers, mark={"level": "basic", "uses": 1})
    challenge = victim.opened()
    code = delivered_code(two_workers, challenge)
    send = functools.partial(answer, two_workers, challenge, code, bearer=two_workers.owner_bearer, method="external")
    assert Counter(each.status for each in together([send] * MANY)) == {200: 1, 409: MANY - 1}
    (elevation,) = victim.elevations()
    assert elevation["challengeId"] == challenge
    assert Counter(each.status for each in together([victim.check] * MANY)) == {200: 1, 403: MANY - 1}


def test_of_32_totp_answers_to_one_challenge_one_issues_an_elevation(two_workers: Server) -> None:
    victim = customer(two_workers, mark={"level": "strong"}, totp=True)
    assert victim.totp is not None
    challenge, code = victim.opened(), victim.totp.code()
    answers = together([functools.partial(victim.answer, challenge, code)] * MANY)
    assert Counter(each.status for each in answers) == {200: 1, 409: MANY - 1}, [each.body for each in answers]
    assert len(victim.elevations()) == 1
