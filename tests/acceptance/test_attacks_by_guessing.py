"""Attack 8 of the threat model: brute force, with fresh challenges, fresh tokens and parallel requests."""

from __future__ import annotations

import base64
import functools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.acceptance.bank import PAY, check_path, customer, delivered_code
from tests.acceptance.bank import answer as answer_over_http
from tests.acceptance.support import Key, Server, compact, together, totp_at

from stairgate.api.app import Application
from stairgate.bootstrap import open_services, prepare
from stairgate.model.ids import UserId
from stairgate.service.context import Services
from stairgate.service.factors import enrol_totp
from stairgate.service.test_identity import issue_test_token
from stairgate.settings import Settings
from stairgate.testing.clock import FakeClock

GUESSES = 1000
DISABLED_AT = 50
FREE = 4  # answers that are looked at before the first wait
ORIGIN = "http://stairgate.test"
USER = "victim"


# --- against the real process, as far as its real clock lets one ----------------------------------


def test_attack_08_five_wrong_answers_lock_a_challenge_for_the_right_one(server: Server) -> None:
    """
    Attack: guess on one challenge.

    Defence: `attemptsLeft` counts down; a locked challenge is over, whatever comes then. (The factor's own back-off
    comes after the fourth here, so the last attempt is made by the other method.)
    """
    victim = customer(server, totp=True)
    assert victim.totp is not None
    challenge = victim.opened()
    for left in (4, 3, 2, 1):
        wrong = victim.answer(challenge, victim.totp.wrong()).expect(422)
        assert (wrong.code, wrong.json["attemptsLeft"]) == ("WrongAnswer", left)
    code = delivered_code(server, challenge)
    other = f"{(int(code) + 1) % 10**8:08d}"
    last = answer_over_http(server, challenge, other, bearer=server.owner_bearer, method="external").expect(422)
    assert last.json["attemptsLeft"] == 0
    for method, right, bearer in (
        ("external", code, server.owner_bearer),
        ("totp", victim.totp.code(), victim.token),
    ):
        ended = answer_over_http(server, challenge, right, bearer=bearer, method=method).expect(409)
        assert (ended.code, ended.json["state"]) == ("ChallengeEnded", "locked")
    victim.refused()


def test_attack_08_a_fresh_challenge_or_login_resets_nothing(server: Server) -> None:
    """
    Attack: after each wrong answer, open another challenge, or log in again.

    Defence: wrong answers are counted for the user and the factor. The fifth guess must wait wherever it is made, and
    the right code must, too; an eleventh challenge changes nothing.
    """
    victim = customer(server, mark={"level": "strong"}, totp=True)
    assert victim.totp is not None
    for guess in range(FREE):
        login = server.log_in(victim.user)
        challenge = victim.opened(resource=f"{victim.account}/{guess}", token=login)
        victim.answer(challenge, victim.totp.wrong(), bearer=login).expect(422)
    login = server.log_in(victim.user)
    challenge = victim.opened(token=login)
    for code in (victim.totp.wrong(), victim.totp.code()):
        waits = victim.answer(challenge, code, bearer=login).expect(429)
        assert waits.code == "TooManyAttempts"
        assert 1 <= int(waits.headers["retry-after"]) <= 30
    assert victim.elevations() == []


def test_attack_08_parallel_guesses_are_counted_one_by_one(two_workers: Server) -> None:
    """
    Attack: 32 guesses on four challenges at the same moment, on two processes, before any counter is written.

    Defence: an attempt is counted in the transaction that looks at it: four are looked at, all others must wait.
    """
    victim = customer(two_workers, mark={"level": "strong"}, totp=True)
    assert victim.totp is not None
    logins = [victim.token, *(two_workers.log_in(victim.user) for _ in range(3))]
    challenges = [victim.opened(token=login) for login in logins]
    guesses = [
        functools.partial(victim.answer, challenge, f"{guess:06d}", bearer=login)
        for challenge, login in zip(challenges, logins, strict=True)
        for guess in range(8)
    ]
    statuses = Counter(each.status for each in together(guesses))
    assert statuses[200] <= 1  # one guess in 500 000 is right
    assert statuses == {422: FREE, 429: len(guesses) - FREE} or statuses[200] == 1


# --- the long part: the same application in process, whose clock can be moved ----------------------


class Attacker:
    """Whoever can log in as the victim at will, and wait as long as told; counts what came of the guesses."""

    def __init__(self, http: httpx2.AsyncClient, services: Services, owner: Key, clock: FakeClock) -> None:
        self.http, self.services, self.owner, self.clock = http, services, owner, clock
        self.outcomes: Counter[str] = Counter()
        self.challenges = 0
        self.token = ""

    async def call(self, method: str, path: str, body: object = None, *, bearer: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {bearer}"}
        return await self.http.request(method, path, json=body, headers=headers)

    def client(self) -> str:
        """An assertion of the back end at the time that the fake clock shows."""
        now = int(self.clock.now().timestamp())
        claims = {**self.owner.claims(ORIGIN), "iat": now, "exp": now + 600}
        return compact({"alg": "EdDSA", "kid": self.owner.id, "typ": "at+jwt"}, claims, self.owner.private.sign)

    async def challenge(self) -> str | None:
        """A new challenge, for a new login; None where there is no way to answer one any more."""
        self.token = issue_test_token(self.services, UserId(USER), ttl=86_400)
        refused = await self.call("GET", check_path(USER, "vault", PAY), bearer=self.token)
        body = {"stepUpChallengeToken": refused.json()["stepUpChallengeToken"]}
        opened = await self.call("POST", "/v1/challenges", body, bearer=self.token)
        if opened.status_code == 409:
            self.outcomes[opened.json()["errorCode"]] += 1
            return None
        assert opened.status_code == 201, opened.text
        self.challenges += 1
        return str(opened.json()["challengeId"])

    async def code(self, challenge: str) -> None:
        """Have a code sent (which the attacker does not get to see)."""
        path = f"/v1/challenges/{challenge}/code"
        while (await self.call("POST", path, {"method": "external"}, bearer=self.client())).status_code == 429:
            self.clock.advance(60)

    async def guess(self, challenge: str, method: str, code: str) -> str:
        """What came of one guess, the waits it was told to make included."""
        path = f"/v1/challenges/{challenge}/answer"
        while True:
            bearer = self.client() if method == "external" else self.token
            answered = await self.call("POST", path, {"method": method, "code": code}, bearer=bearer)
            if answered.status_code == 429:
                self.clock.advance(int(answered.headers["retry-after"]))
                continue
            outcome = "right" if answered.status_code == 200 else answered.json()["errorCode"]
            if outcome != "ChallengeEnded":  # its ten minutes were over, or it was locked: that was no guess
                self.outcomes[outcome] += 1
            return str(outcome)


@asynccontextmanager
async def attacked(folder: Path, level: str) -> AsyncIterator[tuple[Attacker, str]]:
    """The whole application on SQLite with a clock to move, the attacker, and the secret of the victim's totp."""
    clock = FakeClock()
    database = f"sqlite:///{folder / 'stairgate.db'}"
    settings = Settings(database_url=database, dev=True, public_urls=(ORIGIN,))
    owner = Key((await prepare(settings, clock=clock)).access_key or "")
    async with open_services(settings, clock=clock) as services:
        _, secret = await enrol_totp(services, UserId(USER), "phone")
        transport = httpx2.ASGITransport(app=Application(services))
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http:
            attacker = Attacker(http, services, owner, clock)
            mark = {"level": level, "methods": ["totp" if level == "strong" else "external"]}
            permissions = [{"action": PAY, "allow": True, "grant": False, "delegate": False}]
            role = {"roleId": "ro_payer", "name": "payer", "permissions": permissions}
            statement: dict[str, Any] = {"roles": ["ro_payer"], "resources": [{"resourceUri": "vault"}], "stepUp": mark}
            record = {"name": "vault", "users": [{"userId": USER}], "statements": [statement]}
            for path, body in (("/v1/roles", role), ("/v1/records", record)):
                assert (await attacker.call("POST", path, body, bearer=attacker.client())).status_code == 201
            yield attacker, base64.b32encode(secret).decode()


def chance(accepted: int, possible: int, guesses: int = DISABLED_AT) -> float:
    """The chance that one of so many guesses, all different, is among the accepted codes of all possible ones."""
    return 1 - (1 - accepted / possible) ** guesses


@pytest.mark.anyio
async def test_attack_08_a_thousand_totp_guesses_end_in_a_disabled_factor(tmp_path: Path) -> None:
    """
    Attack: 1000 guesses at a totp over hundreds of challenges, each from a new login, waiting whenever told to.

    Defence: counters per user and factor survive re-issue and back off (30 s, doubling to an hour); at 50 wrong
    answers since the last success the factor is disabled, and the other 950 are not even looked at.

    Chance of success: 50 guesses are looked at, each of which two codes of 10^6 would meet (this time step's and the
    one before): 1 − (1 − 2·10⁻⁶)⁵⁰ ≈ 1.0·10⁻⁴, once, and it takes the attacker almost two days; without the defence
    the 1000 would have 2.0·10⁻³, and every further thousand again.
    """
    async with attacked(tmp_path, "strong") as (attacker, secret):
        began = attacker.clock.now()
        challenge = await attacker.challenge()
        while challenge is not None and attacker.outcomes.total() < GUESSES:
            outcome = await attacker.guess(challenge, "totp", _wrong(secret, attacker.clock))
            if outcome == "NoEligibleFactor":
                break
            if outcome != "WrongAnswer" or attacker.outcomes["WrongAnswer"] % 3 == 0:
                challenge = await attacker.challenge()
        disabled_after = attacker.clock.now() - began
        assert attacker.outcomes["WrongAnswer"] == DISABLED_AT
        assert attacker.challenges >= DISABLED_AT // 5
        while attacker.outcomes.total() < GUESSES:
            assert await attacker.challenge() is None
        assert set(attacker.outcomes) == {"WrongAnswer", "NoEligibleFactor"}
        attacker.clock.advance(days=30)
        assert await attacker.challenge() is None, "time alone heals nothing"
        assert disabled_after.total_seconds() > 40 * 3600
        assert chance(2, 10**6) == pytest.approx(1.0e-4, rel=0.01)


@pytest.mark.anyio
async def test_attack_08_a_disabled_factor_refuses_the_right_code(tmp_path: Path) -> None:
    """
    Attack: the challenge was opened before the factor was disabled; the attacker guesses right at last.

    Defence: a disabled factor verifies nothing.
    """
    async with attacked(tmp_path, "strong") as (attacker, secret):
        while attacker.outcomes["WrongAnswer"] < DISABLED_AT - 1:
            challenge = await attacker.challenge()
            assert challenge is not None
            await attacker.guess(challenge, "totp", _wrong(secret, attacker.clock))
        attacker.clock.advance(hours=2)
        spare, token_of_spare = await attacker.challenge(), attacker.token
        last = await attacker.challenge()
        assert spare is not None
        assert last is not None
        await attacker.guess(last, "totp", _wrong(secret, attacker.clock))
        attacker.token = token_of_spare
        right = totp_at(secret, attacker.clock.now().timestamp())
        assert await attacker.guess(spare, "totp", right) == "NoEligibleFactor"
        assert attacker.outcomes["right"] == 0


@pytest.mark.anyio
async def test_attack_08_a_thousand_guesses_at_delivered_codes(tmp_path: Path) -> None:
    """
    Attack: the same against codes that the bank delivers, through the bank's own form.

    Defence: five guesses a code at most, 50 wrong answers since the last success disable the method for the user.

    Chance of success: 50 guesses at one code of 10^8 each: 5·10⁻⁷.
    """
    async with attacked(tmp_path, "basic") as (attacker, _):
        for _ in range(GUESSES):
            challenge = await attacker.challenge()
            if challenge is None:
                break
            await attacker.code(challenge)
            while await attacker.guess(challenge, "external", "00000000") == "WrongAnswer":
                assert attacker.outcomes["WrongAnswer"] <= DISABLED_AT
        assert attacker.outcomes["WrongAnswer"] == DISABLED_AT
        assert attacker.outcomes["right"] == 0
        assert await attacker.challenge() is None
        assert chance(1, 10**8) == pytest.approx(5e-7, rel=0.01)


def _wrong(secret: str, clock: FakeClock) -> str:
    right = {totp_at(secret, clock.now().timestamp() + 30 * step) for step in range(-2, 200)}
    return next(f"{number:06d}" for number in range(10**6) if f"{number:06d}" not in right)
