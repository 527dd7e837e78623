"""Factors, attempts, challenges, elevations and taken uses."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from dataclasses import replace

from stairgate.model.challenges import Challenge, ChallengeState, TokenStanding
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.errors import ConflictError
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import ChallengeId, ClientId, ElevationId, FactorId
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.testing.conformance.harness import Bench, must, raised, seen, wrote
from stairgate.testing.conformance.samples import (
    ALICE,
    BOB,
    NOW,
    OTHER_TOKEN,
    TOKEN,
    a_challenge,
    a_factor,
    a_taken_use,
    a_ticket,
    an_elevation,
    later,
)

# --- factors and attempts ----------------------------------------------------------------------------------------


@must("factors_of", "put_factor", "remove_factor", "set_factor_disabled")
async def factors_are_kept_oldest_first_disabled_and_removed(bench: Bench) -> None:
    store = await bench.another()
    old, new = a_factor("fa_2"), a_factor("fa_1", created_at=later(9), counter=-1, last_used_at=None, name="")
    await wrote(
        store,
        lambda tx: tx.put_factor(new),
        lambda tx: tx.put_factor(old),
        lambda tx: tx.put_factor(a_factor("fa_3", user=BOB)),
    )
    found = list(await seen(store, lambda tx: tx.factors_of(ALICE)))
    assert found == [old, new]
    assert found[0].secret == old.secret
    await wrote(store, lambda tx: tx.set_factor_disabled(FactorId("fa_2"), disabled=True))
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [replace(old, disabled=True), new]
    await wrote(
        store,
        lambda tx: tx.set_factor_disabled(FactorId("fa_2"), disabled=False),
        lambda tx: tx.set_factor_disabled(FactorId("unknown"), disabled=True),
        lambda tx: tx.remove_factor(FactorId("fa_1")),
        lambda tx: tx.remove_factor(FactorId("unknown")),
    )
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [old]


@must("put_factor")
async def a_factor_whose_id_is_taken_conflicts(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_factor(a_factor()))
    await raised(ConflictError, wrote(store, lambda tx: tx.put_factor(a_factor(user=BOB))))
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [a_factor()]
    assert list(await seen(store, lambda tx: tx.factors_of(BOB))) == []


@must("advance_factor")
async def a_factors_counter_only_goes_forward(bench: Bench) -> None:
    """Attack 4, TOTP-2: the same code, or an earlier one, is refused."""
    store = await bench.another()
    factor = a_factor(counter=41)
    await wrote(store, lambda tx: tx.put_factor(factor))
    for counter in (41, 40, -1):
        await raised(
            ConflictError,
            wrote(store, lambda tx, it=counter: tx.advance_factor(factor.id, counter=it, at=later(30))),  # type: ignore[misc]
        )
    await raised(ConflictError, wrote(store, lambda tx: tx.advance_factor(FactorId("no"), counter=1, at=NOW)))
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [factor]
    await wrote(store, lambda tx: tx.advance_factor(factor.id, counter=43, at=later(31)))
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [
        replace(factor, counter=43, last_used_at=later(31))
    ]


@must("attempts", "set_attempts")
async def attempts_are_counted_per_user_and_factor(bench: Bench) -> None:
    store = await bench.another()
    assert await seen(store, lambda tx: tx.attempts(ALICE, "fa_1")) == AttemptCount()
    await wrote(store, lambda tx: tx.set_attempts(ALICE, "fa_1", AttemptCount(3, NOW)))
    await wrote(store, lambda tx: tx.set_attempts(ALICE, "fa_1", AttemptCount(4, later(1))))
    assert await seen(store, lambda tx: tx.attempts(ALICE, "fa_1")) == AttemptCount(4, later(1))
    assert await seen(store, lambda tx: tx.attempts(ALICE, "external")) == AttemptCount()
    assert await seen(store, lambda tx: tx.attempts(BOB, "fa_1")) == AttemptCount()


@must("standing", "set_standing")
async def standings_are_held_against_exactly_one_token(bench: Bench) -> None:
    store = await bench.another()
    alike = [
        TokenKey("a b", "c"),
        TokenKey("a", "b", "c"),
        TokenKey("a", "b c"),
        TokenKey("a", "b"),
        TokenKey("a b", "c", ""),
    ]
    assert await seen(store, lambda tx: tx.standing(TOKEN)) == TokenStanding()
    for number, token in enumerate(alike):
        standing = TokenStanding(number, later(number), not_me=number == 2)
        await wrote(store, lambda tx, of=token, it=standing: tx.set_standing(of, it))  # type: ignore[misc]
    for number, token in enumerate(alike):
        found = await seen(store, lambda tx, of=token: tx.standing(of))  # type: ignore[misc]
        assert found == TokenStanding(number, later(number), not_me=number == 2)


# --- challenges --------------------------------------------------------------------------------------------------


@must("challenge", "challenge_of_ticket", "add_challenge")
async def challenges_come_back_as_they_were_added(bench: Bench) -> None:
    store = await bench.another()
    full = a_challenge("ch_1")
    bare = replace(
        a_challenge("ch_2"),
        ticket=a_ticket("jti_2", client=None, details={}, token_expires_at=None, token=OTHER_TOKEN),
        opener=None,
        code=None,
        evidence=None,
        elevation=None,
        ended_at=None,
        not_me=False,
    )
    await wrote(store, lambda tx: tx.add_challenge(full), lambda tx: tx.add_challenge(bare))
    assert await seen(store, lambda tx: tx.challenge(ChallengeId("ch_1"))) == full
    assert await seen(store, lambda tx: tx.challenge(ChallengeId("ch_2"))) == bare
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_2")) == bare
    assert await seen(store, lambda tx: tx.challenge(ChallengeId("ch_3"))) is None
    assert await seen(store, lambda tx: tx.challenge_of_ticket("ch_1")) is None


@must("add_challenge")
async def a_challenge_whose_id_or_ticket_is_taken_conflicts(bench: Bench) -> None:
    store = await bench.another()
    first = a_challenge("ch_1", "jti_1")
    await wrote(store, lambda tx: tx.add_challenge(first))

    def caught(tx: WriteTransaction) -> int:
        conflicts = 0
        for other in (a_challenge("ch_1", "jti_2"), a_challenge("ch_2", "jti_1")):
            try:
                tx.add_challenge(other)
            except ConflictError:
                conflicts += 1
        return conflicts

    # Caught within the transaction, a conflict must not have left half of the challenge.
    assert await store.write(caught) == 2
    assert await seen(store, lambda tx: tx.challenge(ChallengeId("ch_1"))) == first
    assert await seen(store, lambda tx: tx.challenge(ChallengeId("ch_2"))) is None
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_1")) == first
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_2")) is None


@must("join_challenge", "challenge_of_ticket")
async def a_joined_ticket_stands_for_the_challenge_too(bench: Bench) -> None:
    store = await bench.another()
    one, two = a_challenge("ch_1", "jti_1"), a_challenge("ch_2", "jti_2")
    await wrote(store, lambda tx: tx.add_challenge(one), lambda tx: tx.add_challenge(two))
    await wrote(store, lambda tx: tx.join_challenge("jti_3", one.id), lambda tx: tx.join_challenge("jti_3", one.id))
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_3")) == one
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_1")) == one
    await raised(ConflictError, wrote(store, lambda tx: tx.join_challenge("jti_3", two.id)))
    await raised(ConflictError, wrote(store, lambda tx: tx.join_challenge("jti_4", ChallengeId("no"))))
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_3")) == one
    assert await seen(store, lambda tx: tx.challenge_of_ticket("jti_4")) is None


@must("replace_challenge")
async def a_challenge_is_replaced_from_exactly_the_version_before(bench: Bench) -> None:
    store = await bench.another()
    first = a_challenge()
    await wrote(store, lambda tx: tx.add_challenge(first))
    second = replace(first, state=ChallengeState.LOCKED, wrong_answers=5, code=None, version=2)
    for wrong in (1, 3, 0):
        stale = replace(second, version=wrong)
        await raised(ConflictError, wrote(store, lambda tx, it=stale: tx.replace_challenge(it)))  # type: ignore[misc]
    await raised(ConflictError, wrote(store, lambda tx: tx.replace_challenge(a_challenge("unknown", version=2))))
    assert await seen(store, lambda tx: tx.challenge(first.id)) == first
    await wrote(store, lambda tx: tx.replace_challenge(second))
    assert await seen(store, lambda tx: tx.challenge(first.id)) == second
    await raised(ConflictError, wrote(store, lambda tx: tx.replace_challenge(second)))


@must("challenges_of_token")
async def challenges_of_a_token_are_those_open_or_proven_oldest_first(bench: Bench) -> None:
    store = await bench.another()
    expected: list[Challenge] = []
    for number, state in enumerate(ChallengeState):
        challenge = a_challenge(f"ch_{number}", state=state, opened_at=later(-number), expires_at=later(-900))
        await wrote(store, lambda tx, it=challenge: tx.add_challenge(it))  # type: ignore[misc]
        if state in {ChallengeState.OPEN, ChallengeState.PROVEN}:
            expected.insert(0, challenge)
    other = replace(a_challenge("other"), ticket=a_ticket("other", token=OTHER_TOKEN))
    await wrote(store, lambda tx: tx.add_challenge(other))
    assert list(await seen(store, lambda tx: tx.challenges_of_token(TOKEN))) == expected
    assert list(await seen(store, lambda tx: tx.challenges_of_token(OTHER_TOKEN))) == [other]
    assert list(await seen(store, lambda tx: tx.challenges_of_token(replace(TOKEN, confirmation=None)))) == []


@must("challenges_of_user")
async def challenges_of_a_user_are_those_opened_at_or_after_oldest_first(bench: Bench) -> None:
    store = await bench.another()
    opened = [a_challenge(f"ch_{9 - at}", opened_at=later(at), state=ChallengeState.DECLINED) for at in range(3)]
    for challenge in reversed(opened):
        await wrote(store, lambda tx, it=challenge: tx.add_challenge(it))  # type: ignore[misc]
    other = replace(a_challenge("other"), ticket=a_ticket("other", user=BOB))
    await wrote(store, lambda tx: tx.add_challenge(other))
    assert list(await seen(store, lambda tx: tx.challenges_of_user(ALICE, since=later(-9)))) == opened
    assert list(await seen(store, lambda tx: tx.challenges_of_user(ALICE, since=later(1)))) == opened[1:]
    assert list(await seen(store, lambda tx: tx.challenges_of_user(ALICE, since=later(1.000001)))) == opened[2:]
    assert list(await seen(store, lambda tx: tx.challenges_of_user(BOB, since=NOW))) == [other]


@must("newest_challenges_of")
async def the_newest_challenges_of_a_user_are_those_opened_last_newest_first(bench: Bench) -> None:
    store = await bench.another()
    opened = [a_challenge(f"ch_{9 - at}", opened_at=later(at), state=ChallengeState.EXPIRED) for at in range(4)]
    together = a_challenge("ch_5", opened_at=later(3))  # `ch_6` was opened in the same instant
    other = replace(a_challenge("other", opened_at=later(9)), ticket=a_ticket("other", user=BOB))
    for challenge in (together, *opened, other):
        await wrote(store, lambda tx, it=challenge: tx.add_challenge(it))  # type: ignore[misc]
    expected = [opened[3], together, *opened[2::-1]]
    assert list(await seen(store, lambda tx: tx.newest_challenges_of(ALICE, most=9))) == expected
    assert list(await seen(store, lambda tx: tx.newest_challenges_of(ALICE, most=3))) == expected[:3]
    assert list(await seen(store, lambda tx: tx.newest_challenges_of(ALICE, most=0))) == []
    assert list(await seen(store, lambda tx: tx.newest_challenges_of(BOB, most=9))) == [other]


# --- elevations --------------------------------------------------------------------------------------------------


@must("elevation", "add_elevation")
async def elevations_come_back_as_they_were_added(bench: Bench) -> None:
    store = await bench.another()
    full = an_elevation("el_1", ended_at=later(3), end_reason=EndReason.NOT_ME)
    bare = an_elevation("el_2", factor=None, uses=None, uses_left=None, details={}, token=OTHER_TOKEN)
    await wrote(store, lambda tx: tx.add_elevation(full), lambda tx: tx.add_elevation(bare))
    assert await seen(store, lambda tx: tx.elevation(ElevationId("el_1"))) == full
    assert await seen(store, lambda tx: tx.elevation(ElevationId("el_2"))) == bare
    assert await seen(store, lambda tx: tx.elevation(ElevationId("el_3"))) is None


@must("add_elevation")
async def an_elevation_whose_id_or_challenge_is_taken_conflicts(bench: Bench) -> None:
    """One challenge never issues two elevations."""
    store = await bench.another()
    await wrote(store, lambda tx: tx.add_elevation(an_elevation("el_1")))
    again = an_elevation("el_1", challenge=ChallengeId("another"))
    twice = an_elevation("el_2", challenge=an_elevation("el_1").challenge)
    await raised(ConflictError, wrote(store, lambda tx: tx.add_elevation(again)))
    await raised(ConflictError, wrote(store, lambda tx: tx.add_elevation(twice)))
    assert await seen(store, lambda tx: tx.elevation(ElevationId("el_1"))) == an_elevation("el_1")
    assert await seen(store, lambda tx: tx.elevation(ElevationId("el_2"))) is None


@must("elevations_of_token")
async def elevations_of_a_token_are_its_own_that_expire_later_oldest_first(bench: Bench) -> None:
    store = await bench.another()
    ended = an_elevation("el_3", issued_at=later(-2), ended_at=NOW, end_reason=EndReason.REVOKED)
    used_up = an_elevation("el_2", issued_at=later(-1), uses_left=0)
    live = an_elevation("el_1")
    short = an_elevation("el_4", expires_at=later(10))
    others = [
        an_elevation("el_5", user=BOB),
        an_elevation("el_6", token=OTHER_TOKEN),
        an_elevation("el_7", token=replace(TOKEN, confirmation=None)),
    ]
    for elevation in (short, live, used_up, ended, *others):
        await wrote(store, lambda tx, it=elevation: tx.add_elevation(it))  # type: ignore[misc]

    async def found(since: float) -> list[Elevation]:
        return list(await seen(store, lambda tx: tx.elevations_of_token(ALICE, TOKEN, since=later(since))))

    assert await found(0) == [ended, used_up, live, short]
    assert await found(10) == [ended, used_up, live]
    assert await found(299.999999) == [ended, used_up, live]
    assert await found(300) == []


@must("elevations_of_user")
async def elevations_of_a_user_are_those_live_of_every_token_oldest_first(bench: Bench) -> None:
    store = await bench.another()
    other_token = an_elevation("el_1", token=OTHER_TOKEN, issued_at=later(-5), uses=None, uses_left=None)
    live = an_elevation("el_0")
    for elevation in (
        live,
        other_token,
        an_elevation("el_2", uses_left=0),
        an_elevation("el_3", ended_at=later(-1), end_reason=EndReason.REVOKED),
        an_elevation("el_4", expires_at=NOW),
        an_elevation("el_5", user=BOB),
    ):
        await wrote(store, lambda tx, it=elevation: tx.add_elevation(it))  # type: ignore[misc]
    assert list(await seen(store, lambda tx: tx.elevations_of_user(ALICE, now=NOW))) == [other_token, live]


@must("take_use")
async def a_use_is_taken_while_there_is_one_and_never_below_zero(bench: Bench) -> None:
    store = await bench.another()
    elevation = an_elevation(uses=2, uses_left=2)
    await wrote(store, lambda tx: tx.add_elevation(elevation))
    for left in (1, 0):
        taken = await store.write(lambda tx: tx.take_use(elevation.id, now=NOW))
        assert taken == replace(elevation, uses_left=left)
    await raised(ConflictError, store.write(lambda tx: tx.take_use(elevation.id, now=NOW)))
    assert await seen(store, lambda tx: tx.elevation(elevation.id)) == replace(elevation, uses_left=0)


@must("take_use")
async def no_use_is_taken_of_what_is_ended_expired_uncounted_or_unknown(bench: Bench) -> None:
    store = await bench.another()
    kept = [
        an_elevation("ended", ended_at=NOW, end_reason=EndReason.REVOKED),
        an_elevation("expired", expires_at=NOW),
        an_elevation("uncounted", uses=None, uses_left=None),
    ]
    for elevation in kept:
        await wrote(store, lambda tx, it=elevation: tx.add_elevation(it))  # type: ignore[misc]
    for name in ("ended", "expired", "uncounted", "unknown"):
        await raised(ConflictError, store.write(lambda tx, it=name: tx.take_use(ElevationId(it), now=NOW)))  # type: ignore[misc]
    for elevation in kept:
        assert await seen(store, lambda tx, it=elevation: tx.elevation(it.id)) == elevation  # type: ignore[misc]


@must("end_elevation")
async def an_elevation_ends_once(bench: Bench) -> None:
    store = await bench.another()
    elevation = an_elevation()
    await wrote(store, lambda tx: tx.add_elevation(elevation))

    async def end(name: str, at: float, reason: EndReason) -> bool:
        return await store.write(lambda tx: tx.end_elevation(ElevationId(name), at=later(at), reason=reason))

    assert await end("el_1", 1, EndReason.REVOKED) is True
    assert await end("el_1", 2, EndReason.NOT_ME) is False
    assert await end("unknown", 2, EndReason.NOT_ME) is False
    ended = replace(elevation, ended_at=later(1), end_reason=EndReason.REVOKED)
    assert await seen(store, lambda tx: tx.elevation(elevation.id)) == ended


@must("taken_use", "put_taken_use")
async def taken_uses_are_remembered_by_client_and_key(bench: Bench) -> None:
    store = await bench.another()
    one, two = a_taken_use("k1"), a_taken_use("k1", client=ClientId("sc_2"), fingerprint="other")
    await wrote(store, lambda tx: tx.put_taken_use(a_taken_use("k1", fingerprint="old", taken_at=later(-99))))
    await wrote(store, lambda tx: tx.put_taken_use(one), lambda tx: tx.put_taken_use(two))
    assert await seen(store, lambda tx: tx.taken_use(ClientId("sc_1"), "k1")) == one
    assert await seen(store, lambda tx: tx.taken_use(ClientId("sc_2"), "k1")) == two
    assert await seen(store, lambda tx: tx.taken_use(ClientId("sc_1"), "k2")) is None


@must("put_factor", "add_challenge", "add_elevation")
async def secrets_and_details_keep_every_byte(bench: Bench) -> None:
    store = await bench.another()
    secret = bytes(range(256))
    details = {"näme\n\"'": '"\\u0000 ü 漢 😀"', "": "null"}

    def look(tx: ReadTransaction) -> tuple[bytes, dict[str, str], dict[str, str]]:
        (factor,) = tx.factors_of(ALICE)
        challenge, elevation = tx.challenge(ChallengeId("ch_1")), tx.elevation(ElevationId("el_1"))
        assert isinstance(factor, Factor)
        assert challenge is not None
        assert elevation is not None
        return factor.secret, dict(challenge.ticket.details), dict(elevation.details)

    await wrote(
        store,
        lambda tx: tx.put_factor(a_factor(secret=secret)),
        lambda tx: tx.add_challenge(replace(a_challenge("ch_1"), ticket=a_ticket(details=details))),
        lambda tx: tx.add_elevation(an_elevation("el_1", details=details)),
    )
    assert await seen(store, look) == (secret, details, details)
