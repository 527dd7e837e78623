"""Attacks 7 and 27 of the threat model: what is good elsewhere is used here, and what is not told is found out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.acceptance.bank import PAY, Customer, client, customer, delivered_code
from tests.acceptance.support import Answer, Key, Server, segment, unique

# --- 7: confused deputies ------------------------------------------------------------------------------------------


@dataclass
class Account:
    """One account with everything that has an id or is signed."""

    server: Server
    victim: Customer
    challenge_token: str
    challenge: str
    elevation: str
    key: Key


def an_account(server: Server) -> Account:
    victim = customer(server)
    other = customer(server)
    elevation = other.elevate()
    token = victim.refused()
    challenge = str(victim.open(token).expect(201).json["challengeId"])
    return Account(server, victim, token, challenge, elevation["elevationId"], client(server, unique("client")))


@pytest.fixture(scope="module")
def accounts(server: Server, two_workers: Server) -> tuple[Account, Account]:
    """Two accounts, each with its own service, of the same operator and on the same host."""
    return an_account(server), an_account(two_workers)


HANDLES: dict[str, Callable[[Account, Account], Answer]] = {
    "a user token": lambda here, there: here.victim.check(token=there.victim.token),
    "an assertion": lambda here, there: here.server.call("GET", "/v1/records", bearer=there.server.owner_bearer),
    "a fresh key's assertion": lambda here, there: here.server.call(
        "GET", "/v1/records", bearer=there.key.bearer(there.server.url)
    ),
    "a key, signed for here": lambda here, there: here.server.call(
        "GET", "/v1/records", bearer=there.key.bearer(here.server.url)
    ),
    "a user token, passed by a client": lambda here, there: here.server.call(
        "GET",
        f"/v1/users/{segment(there.victim.user)}/resources/{segment(there.victim.account)}/permissions/{segment(PAY)}",
        bearer=here.server.owner_bearer,
        headers={"Stairgate-User-Token": there.victim.token},
    ),
    "a challenge token": lambda here, there: here.victim.open(there.challenge_token),
    "a challenge token, by the owner": lambda here, there: here.victim.open(
        there.challenge_token, bearer=here.server.owner_bearer
    ),
    "a challenge token, to report": lambda here, there: here.victim.report(there.challenge_token),
    "a challenge": lambda here, there: here.server.call(
        "GET", f"/v1/challenges/{there.challenge}", bearer=here.server.owner_bearer
    ),
    "a challenge, to attest": lambda here, there: here.server.call(
        "POST", f"/v1/challenges/{there.challenge}/code", {"method": "external"}, bearer=here.server.owner_bearer
    ),
    "an elevation": lambda here, there: here.server.call(
        "DELETE",
        f"/v1/users/{segment(here.victim.user)}/elevations/{there.elevation}",
        bearer=here.server.owner_bearer,
    ),
    "a service client": lambda here, there: here.server.call(
        "GET", f"/v1/clients/{there.key.client}", bearer=here.server.owner_bearer
    ),
    "the keys of a service client": lambda here, there: here.server.call(
        "GET", f"/v1/clients/{there.key.client}/.well-known/openid-configuration/jwks"
    ),
}
TOLD = {
    "a user token": (401, "Unauthorized"),
    "an assertion": (401, "Unauthorized"),
    "a fresh key's assertion": (401, "Unauthorized"),
    "a key, signed for here": (401, "Unauthorized"),
    "a user token, passed by a client": (403, "UserTokenRefused"),
    "a challenge token": (400, "InvalidChallengeToken"),
    "a challenge token, by the owner": (400, "InvalidChallengeToken"),
    "a challenge token, to report": (400, "InvalidChallengeToken"),
}


@pytest.mark.parametrize("handle", HANDLES)
def test_attack_07_what_is_good_in_one_account_is_unknown_in_another(
    accounts: tuple[Account, Account], handle: str
) -> None:
    """
    Attack: an id, a token or a key of one account is used at the service of another.

    Defence: the account is in what is signed and in what tokens are for, and ids are looked up in one account only:
    all look as if they never were.
    """
    for here, there in (accounts, accounts[::-1]):
        answered = HANDLES[handle](here, there)
        assert (answered.status, answered.code) == TOLD.get(handle, (404, "NotFound")), answered


def test_attack_07_a_client_s_handles_are_its_own(server: Server) -> None:
    """
    Attack: one of two back ends, both with the rights to step up, uses what the other was given: its challenge token,
    its challenge, its code.

    Defence: a challenge token minted to a client is opened, coded and attested by that client only.
    """
    server.call(
        "POST",
        "/v1/roles",
        {
            "roleId": "ro_steps",
            "name": "steps",
            "permissions": [
                {"action": action, "allow": True, "grant": False, "delegate": False}
                for action in ("StepUp:Challenge", "StepUp:Attest", "READ")
            ],
        },
        bearer=server.owner_bearer,
    ).expect(201, 409)
    grants = {"Authress:StepUp/*": ["ro_steps"], "Authress:UserPermissions": ["ro_steps"]}
    asking, other = (server.bearer_of(client(server, unique("c"), grants=grants)) for _ in range(2))
    victim = customer(server)
    path = f"/v1/users/{segment(victim.user)}/resources/{segment(victim.account)}/permissions/{segment(PAY)}"
    token = server.call("GET", path, bearer=asking, headers={"Stairgate-User-Token": victim.token}).refusal()
    unknown = victim.open(token, bearer=other)
    assert (unknown.status, unknown.code) == (404, "NotFound")
    challenge = str(victim.open(token, bearer=asking).expect(201).json["challengeId"])
    for method, where, body in (
        ("GET", "", None),
        ("POST", "/code", {"method": "external"}),
        ("POST", "/answer", {"method": "external", "code": "12345678"}),
        ("POST", "/decline", None),
        ("DELETE", "", None),
    ):
        foreign = server.call(method, f"/v1/challenges/{challenge}{where}", body, bearer=other)
        never = server.call(method, f"/v1/challenges/{unique('never')}{where}", body, bearer=other)
        assert (foreign.status, foreign.code, foreign.json["title"]) == (never.status, never.code, never.json["title"])
        assert foreign.status == 404
    code = server.call("POST", f"/v1/challenges/{challenge}/code", {"method": "external"}, bearer=asking).json["code"]
    theft = victim.answer(challenge, code, bearer=other, method="external")
    assert theft.status == 404
    victim.answer(challenge, code, bearer=asking, method="external").expect(200)


# --- 27: enumeration and timing ------------------------------------------------------------------------------------


def told(answered: Answer) -> tuple[int, str, frozenset[str], frozenset[str]]:
    """All of an answer that does not differ from call to call."""
    document = answered.json
    told_by_text = f"{answered.status} {document['title']}"
    return answered.status, told_by_text, frozenset(document), frozenset(answered.headers)


def test_attack_27_nobody_learns_who_or_what_exists(server: Server) -> None:
    """
    Attack: answers are compared for users, records, groups, roles, clients and challenges that exist and that do not.

    Defence: to whoever has no right on them both answer alike, in status, words, members and header fields.
    """
    known, stranger = customer(server), customer(server)
    group = unique("grp_")
    server.call("POST", "/v1/groups", {"groupId": group, "name": "g", "users": []}, bearer=server.owner_bearer)
    record = server.call("GET", f"/v1/records?filter={segment(known.user)}", bearer=server.owner_bearer)
    key = client(server, unique("client"))
    made = {
        "records": record.json["records"][0]["recordId"],
        "groups": group,
        "roles": "ro_payer",
        "clients": key.client,
        "challenges": known.opened(),
        "resources": segment(known.account),
    }
    for kind, name in made.items():
        there = server.call("GET", f"/v1/{kind}/{name}", bearer=stranger.token)
        absent = server.call("GET", f"/v1/{kind}/{unique('never')}", bearer=stranger.token)
        assert told(there) == told(absent), kind
        assert there.status == 404, kind
    for user in (known.user, unique("user|")):
        elevations = server.call("GET", f"/v1/users/{segment(user)}/elevations", bearer=stranger.token)
        assert told(elevations)[:2] == (404, "404 not found")
        about = stranger.check(user=user)
        assert (about.status, about.code) == (403, "Forbidden")


def test_attack_27_a_denial_is_the_same_for_every_user_and_says_nothing_of_marks(server: Server) -> None:
    """
    Attack: a back end's denials are compared: for an unknown user, an unknown resource, an unprotected one, a
    protected one that is somebody else's.

    Defence: `Deny` never depends on protection, nor on who or what exists.
    """
    one, other = customer(server), customer(server)
    asked = [
        (unique("user|"), unique("nothing")),
        (one.user, unique("nothing")),
        (one.user, other.account),
        (unique("user|"), other.account),
    ]
    answers = {
        told(
            server.call(
                "GET",
                f"/v1/users/{segment(user)}/resources/{segment(where)}/permissions/{segment(PAY)}",
                bearer=server.owner_bearer,
            )
        )
        for user, where in asked
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404


def test_attack_27_a_token_endpoint_does_not_say_which_half_is_wrong(server: Server) -> None:
    key = client(server, unique("client"))
    right = key.text.split(".")[3]
    other = client(server, unique("client")).text.split(".")[3]
    answers = set()
    for name, secret in ((key.client, other), (unique("sc_"), right), (unique("sc_"), other), (key.client, "x")):
        body = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
        answered = server.call("POST", "/api/authentication/oauth/tokens", body)
        answers.add((answered.status, str(answered.json)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


def spread(first: Callable[[], Answer], second: Callable[[], Answer]) -> float:
    """By how much the medians of two interleaved series differ, as a part of the smaller one."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(120):
        for place, ask in enumerate((first, second)):
            began = time.perf_counter()
            ask()
            times[place].append(time.perf_counter() - began)
    low, high = sorted(map(statistics.median, times))
    return high / low - 1


def test_attack_27_the_time_of_an_answer_tells_no_more(server: Server) -> None:
    """
    Attack: the time of a 404 is measured for a foreign challenge and an unknown one, a hidden record and none.

    Defence: both take the same way. What is left is noise: a quarter at most, in the best of five series.
    """
    known, stranger = customer(server), customer(server)
    foreign = known.opened()
    record = server.call("GET", f"/v1/records?filter={segment(known.user)}", bearer=server.owner_bearer)
    hidden = record.json["records"][0]["recordId"]

    def get(path: str) -> Callable[[], Answer]:
        return lambda: server.call("GET", path, bearer=stranger.token)

    for kind, name in (("challenges", foreign), ("records", hidden)):
        assert any(spread(get(f"/v1/{kind}/{name}"), get(f"/v1/{kind}/{'x' * len(name)}")) < 0.25 for _ in range(5)), (
            kind
        )


def test_attack_27_a_code_for_a_challenge_that_is_not_one_s_own_is_not_counted(server: Server) -> None:
    """
    Attack: guesses are sent to a foreign challenge's id, to lock it or to learn from the attempts left.

    Defence: it is 404 before anything is looked at, and the owner's attempts are all there.
    """
    victim, stranger = customer(server), customer(server)
    challenge = victim.opened()
    for _ in range(6):
        assert stranger.answer(challenge, "00000000", method="totp").status == 404
    code = delivered_code(server, challenge)
    victim.answer(challenge, code, bearer=server.owner_bearer, method="external").expect(200)
