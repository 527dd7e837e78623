"""Attacks 6 and 30 of the threat model: many requests race one use, and a use races its revocation."""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from tests.acceptance.bank import Customer, check_path, customer
from tests.acceptance.support import Answer, Server, eventually, segment, together

THREADS = 64
ROUNDS = 8


@pytest.fixture(params=["one worker", "two workers"])
def any_server(request: pytest.FixtureRequest) -> Server:
    name = "server" if request.param == "one worker" else "two_workers"
    running: Server = request.getfixturevalue(name)
    return running


def counted(answers: list[Answer]) -> Counter[tuple[int, str | None]]:
    return Counter((each.status, each.code) for each in answers)


# --- 6: parallel double-spend ---------------------------------------------------------------------


@pytest.mark.parametrize("uses", [1, 3])
def test_attack_06_of_many_parallel_checks_as_many_pass_as_there_are_uses(any_server: Server, uses: int) -> None:
    """
    Attack: 64 checks are sent at the same moment on one elevation with one use (or three) left.

    Defence: a use is taken in the transaction that decides: exactly that many 200s, on one process and on two, and a
    challenge token for everybody else.
    """
    victim = customer(any_server, mark={"level": "basic", "uses": uses})
    victim.elevate()
    answers = together([victim.check] * THREADS)
    assert counted(answers) == {(200, None): uses, (403, "StepUpAuthorizationRequired"): THREADS - uses}
    assert {each.json["reason"] for each in answers if each.status == 403} == {"elevation_expired"}
    victim.refused()


def test_attack_06_by_user_token_and_by_client_at_once(two_workers: Server) -> None:
    """
    Attack: half of the race comes with the user's own token, half from the back end that passes it, under keys.

    Defence: it is one elevation of one token whoever carries it, and distinct keys are distinct uses.
    """
    victim = customer(two_workers, mark={"level": "basic", "uses": 1})
    victim.elevate()

    def passed_on(number: int) -> Answer:
        headers = {"Stairgate-User-Token": victim.token, "Idempotency-Key": f"{victim.user}-{number}"}
        path = check_path(victim.user, victim.account, "payments:create")
        return two_workers.call("GET", path, bearer=two_workers.owner_bearer, headers=headers)

    jobs: list[Callable[[], Answer]] = [functools.partial(passed_on, number) for number in range(THREADS // 2)]
    answers = together(jobs + [victim.check] * (THREADS // 2))
    assert counted(answers) == {(200, None): 1, (403, "StepUpAuthorizationRequired"): THREADS - 1}


def test_attack_06_one_key_in_parallel_takes_one_use(two_workers: Server) -> None:
    """
    Attack: one Idempotency-Key is sent 64 times at once, so that each takes itself for the repeat of another.

    Defence: all of them are one access; one use is taken, and the second use is there for the next key.
    """
    victim = customer(two_workers, mark={"level": "basic", "uses": 2})
    victim.elevate()

    def ask(key: str) -> Answer:
        headers = {"Stairgate-User-Token": victim.token, "Idempotency-Key": f"{victim.user}-{key}"}
        path = check_path(victim.user, victim.account, "payments:create")
        return two_workers.call("GET", path, bearer=two_workers.owner_bearer, headers=headers)

    # The elevation was asked for by the user's own token; it is the token's, whoever asks now.
    assert counted(together([functools.partial(ask, "same")] * THREADS)) == {(200, None): THREADS}
    (elevation,) = victim.elevations()
    assert elevation["usesLeft"] == 1
    ask("another").expect(200)
    ask("third").refusal()


# --- 30: revocation race --------------------------------------------------------------------------


@dataclass(frozen=True)
class Timed:
    began: float
    status: int


def hammer(victim: Customer, until: threading.Event, seen: list[Timed]) -> None:
    while not until.is_set():
        began = time.monotonic()
        seen.append(Timed(began, victim.check().status))


def revoke_by_id(victim: Customer, elevation: Mapping[str, str]) -> None:
    path = f"/v1/users/{segment(victim.user)}/elevations/{elevation['elevationId']}"
    victim.server.call("DELETE", path, bearer=victim.server.owner_bearer).expect(204)


def revoke_by_token(victim: Customer, elevation: Mapping[str, str]) -> None:
    victim.end_elevations().expect(200, 204)


def say_not_me(victim: Customer, elevation: Mapping[str, str]) -> None:
    path = f"/v1/challenges/{elevation['challengeId']}/decline"
    victim.server.call("POST", path, {"notMe": True}, bearer=victim.token).expect(200, 204)


@pytest.mark.parametrize("revoke", [revoke_by_id, revoke_by_token, say_not_me])
@pytest.mark.parametrize("uses", [None, 1000])
def test_attack_30_no_check_that_begins_after_the_revocation_passes(
    any_server: Server, revoke: Callable[[Customer, Mapping[str, str]], None], uses: int | None
) -> None:
    """
    Attack: the access goes on in a tight loop from several connections while the elevation is revoked.

    Defence: elevations are read from the store at each check, uses taken in one transaction: of the checks that begin
    after the revocation was acknowledged none is a 200, on one process and on two.
    """
    mark = {"level": "basic", "uses": uses} if uses else {"level": "basic"}
    victim = customer(any_server, mark=mark)
    for _ in range(1 if revoke is say_not_me else ROUNDS // 2):  # after "not me" the token opens nothing further
        late = race(victim, functools.partial(revoke, victim, victim.elevate()))
        assert set(late) <= {403}, f"began after the acknowledgement: {late}"


def race(victim: Customer, revoke: Callable[[], None]) -> Counter[int]:
    """What the checks that began after the acknowledged revocation were answered, of eight loops around it."""
    stop, seen = threading.Event(), list[Timed]()
    threads = [threading.Thread(target=hammer, args=(victim, stop, seen)) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        eventually("passing checks", lambda: True if sum(each.status == 200 for each in [*seen]) >= 40 else None)
        revoke()
        acknowledged = time.monotonic()
        eventually("later checks", lambda: True if sum(each.began > acknowledged for each in [*seen]) >= 80 else None)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return Counter(each.status for each in seen if each.began > acknowledged)


def test_attack_30_revocation_and_single_use_race_to_one_outcome(two_workers: Server) -> None:
    """
    Attack: the single use and its revocation are sent at the same moment, again and again.

    Defence: they stand in one order: either the use came first and the check passed, or it is refused; once the
    revocation is acknowledged nothing passes, and at most one use was ever taken.
    """
    victim = customer(two_workers, mark={"level": "basic", "uses": 1})
    for _ in range(ROUNDS):
        victim.elevate()
        *checks, ended = together([*[victim.check] * 8, victim.end_elevations])
        ended.expect(200, 204)
        assert [each.status for each in checks].count(200) <= 1
        assert {each.status for each in together([victim.check] * 8)} == {403}
