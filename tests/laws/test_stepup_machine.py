"""
Challenges and elevations as a state machine, driven by two actors at once (semantics §7, §8; TA-9, attacks 4 and 6).

Each actor reads, thinks and writes as a use case does: what it read may be old by the time it writes, and the store
then refuses (compare and set on the version). Anything that the domain would let an older read do shows up here.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stairgate.factors import totp
from stairgate.model.actions import parse_action
from stairgate.model.challenges import Challenge, ChallengeState, IssuedCode, Ticket
from stairgate.model.elevations import Area, Elevation, EndReason
from stairgate.model.errors import ChallengeEndedError, ConflictError, ProofRefusedError
from stairgate.model.ids import AccountId, ChallengeId, ElevationId, FactorId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.stepup.challenges import MAX_WRONG, ended, open_challenge, satisfied, settled, with_code, wrong
from stairgate.stepup.elevations import end, issue, take_use

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEED = b"12345678901234567890"
FACTOR = FactorId("f")
ACTORS = st.sampled_from(["alice", "mallory"])
WORDS = st.sampled_from([ChallengeState.DECLINED, ChallengeState.CANCELLED, ChallengeState.SUPERSEDED])
PICK = st.integers(0, 1_000)


@dataclass
class Shelf:
    """What a store is held to: versions grow by one, a challenge has one elevation, a factor's counter only grows."""

    challenges: dict[str, Challenge] = field(default_factory=dict)
    elevations: dict[str, Elevation] = field(default_factory=dict)
    counter: int = -1

    def replace(self, challenge: Challenge) -> None:
        if challenge.version != self.challenges[challenge.id].version + 1:
            raise ConflictError
        self.challenges[challenge.id] = challenge


@dataclass
class Seen:
    """What an actor read, maybe long ago."""

    challenge: Challenge
    elevation: Elevation | None = None


class StepUp(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.shelf = Shelf()
        self.seen: dict[str, Seen] = {}
        self.ends: dict[str, list[ChallengeState]] = {}
        self.used: dict[str, int] = {}
        self.over: set[str] = set()  # elevations that were once seen dead
        self.accepted: list[int] = []
        self.number = 0

    # --- opening and reading ----------------------------------------------------------------------

    @precondition(lambda self: len(self.shelf.challenges) < 4)
    @rule(
        lifetime=st.sampled_from([15, 300, 3_600]),
        uses=st.sampled_from([None, 1, 2]),
        token_seconds=st.sampled_from([None, 20, 400, 86_400]),
    )
    def open(self, lifetime: int, uses: int | None, token_seconds: int | None) -> None:
        self.number += 1
        resource, action = parse_resource(f"accounts/{self.number}"), parse_action("pay")
        requirement = Requirement(lifetime=lifetime, uses=uses)
        ticket = Ticket(
            id=f"jti-{self.number}",
            account=AccountId("acc"),
            user=UserId("user"),
            token=TokenKey("issuer", "digest"),
            client=None,
            resource=resource,
            action=action,
            area=Area(resource, action, exact=requirement.exact),
            requirement=requirement,
            revision=1,
            issued_at=self.now,
            expires_at=self.now + timedelta(seconds=600),
            token_expires_at=None if token_seconds is None else self.now + timedelta(seconds=token_seconds),
        )
        made = open_challenge(ticket, id=ChallengeId(f"ch-{self.number}"), opener=None, now=self.now)
        self.shelf.challenges[made.id] = made
        self.ends[made.id] = []

    @precondition(lambda self: self.shelf.challenges)
    @rule(actor=ACTORS, pick=PICK)
    def read(self, actor: str, pick: int) -> None:
        """The actor looks; whatever happens next may make this old."""
        ids = sorted(self.shelf.challenges)
        challenge = self.shelf.challenges[ids[pick % len(ids)]]
        elevation = self.shelf.elevations.get(challenge.elevation or "")
        self.seen[actor] = Seen(challenge, elevation)

    @rule(seconds=st.sampled_from([1, 14, 15, 30, 60, 299, 300, 601]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # --- challenges -------------------------------------------------------------------------------

    def write(self, before: Challenge, after: Challenge) -> bool:
        """Put *after* in place, if nobody was first; remember how it ended."""
        try:
            self.shelf.replace(after)
        except ConflictError:
            return False
        assert before.state.live, "a challenge that had ended was changed"
        if not after.state.live:
            self.ends[after.id].append(after.state)
        return True

    @precondition(lambda self: self.seen)
    @rule(actor=ACTORS)
    def new_code(self, actor: str) -> None:
        if (seen := self.seen.get(actor)) is None:
            return
        try:
            after = with_code(seen.challenge, IssuedCode("digest", self.now + timedelta(seconds=600)))
        except ChallengeEndedError:
            assert not seen.challenge.state.live
            return
        self.write(seen.challenge, after)

    @precondition(lambda self: self.seen)
    @rule(actor=ACTORS, steps_ago=st.sampled_from([0, 0, 0, 1, 2, -1]), once=st.booleans())
    def answer(self, actor: str, steps_ago: int, once: bool) -> None:
        """A code of the device: right, or of a step that is not now. Both actors hold the same device's codes."""
        if (seen := self.seen.get(actor)) is None:
            return
        code = totp.code_at(SEED, totp.step_at(self.now) - steps_ago)
        try:
            evidence = totp.verify(SEED, code, now=self.now, last_step=self.shelf.counter, factor=FACTOR, strict=False)
        except ProofRefusedError:
            self.answer_wrongly(actor)
            return
        elevation_id = ElevationId(f"el-{self.number}-{len(self.shelf.elevations)}-{actor}")
        try:
            made = issue(seen.challenge, evidence, id=elevation_id, now=self.now, once=once)
            after = satisfied(seen.challenge, evidence, elevation_id, self.now)
        except ChallengeEndedError:
            return
        if not self.write(seen.challenge, after):
            return  # one transaction: without the challenge's end there is no elevation and no counter
        assert evidence.counter is not None
        self.shelf.counter = evidence.counter
        self.accepted.append(evidence.counter)
        self.shelf.elevations[made.id] = made
        self.used[made.id] = 0

    @precondition(lambda self: self.seen)
    @rule(actor=ACTORS)
    def answer_wrongly(self, actor: str) -> None:
        if (seen := self.seen.get(actor)) is None:
            return
        try:
            self.write(seen.challenge, wrong(seen.challenge, self.now))
        except ChallengeEndedError:
            assert not settled(seen.challenge, self.now).state.live

    @precondition(lambda self: self.seen)
    @rule(actor=ACTORS, times=st.integers(2, 6))
    def guess_on_and_on(self, actor: str, times: int) -> None:
        """The actor looks at the same challenge anew before each guess, so that every guess counts."""
        if (seen := self.seen.get(actor)) is None:
            return
        for _ in range(times):
            self.seen[actor] = Seen(self.shelf.challenges[seen.challenge.id])
            self.answer_wrongly(actor)

    @precondition(lambda self: self.seen)
    @rule(actor=ACTORS, word=WORDS, not_me=st.booleans())
    def end_by_word(self, actor: str, word: ChallengeState, not_me: bool) -> None:
        if (seen := self.seen.get(actor)) is None:
            return
        try:
            self.write(seen.challenge, ended(seen.challenge, word, self.now, not_me=not_me))
        except ChallengeEndedError:
            assert not settled(seen.challenge, self.now).state.live

    @precondition(lambda self: self.seen)
    @rule(actor=ACTORS)
    def settle(self, actor: str) -> None:
        if (seen := self.seen.get(actor)) is None:
            return
        after = settled(seen.challenge, self.now)
        if after is not seen.challenge:
            assert after.state is ChallengeState.EXPIRED
            self.write(seen.challenge, after)

    # --- elevations -------------------------------------------------------------------------------

    @precondition(lambda self: self.shelf.elevations)
    @rule(pick=PICK)
    def use(self, pick: int) -> None:
        """A check takes a use; the store does it on what is stored now."""
        ids = sorted(self.shelf.elevations)
        stored = self.shelf.elevations[ids[pick % len(ids)]]
        try:
            after = take_use(stored, self.now)
        except ConflictError:
            assert stored.uses_left is None or not stored.live(self.now)
            return
        assert stored.id not in self.over, "one that was dead helped again"
        self.used[stored.id] += 1
        self.shelf.elevations[stored.id] = after

    @precondition(lambda self: self.shelf.elevations)
    @rule(pick=PICK, reason=st.sampled_from(EndReason))
    def revoke(self, pick: int, reason: EndReason) -> None:
        ids = sorted(self.shelf.elevations)
        stored = self.shelf.elevations[ids[pick % len(ids)]]
        after = end(stored, self.now, reason)
        assert not after.live(self.now)
        assert stored.ended_at is None or after is stored
        self.shelf.elevations[stored.id] = after

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def each_challenge_ends_at_most_once(self) -> None:
        for id_, challenge in self.shelf.challenges.items():
            expected = [] if challenge.state.live else [challenge.state]
            assert self.ends[id_] == expected
            assert (challenge.ended_at is None) is challenge.state.live

    @invariant()
    def an_elevation_exists_only_after_satisfied_and_one_a_challenge(self) -> None:
        rests_on = [elevation.challenge for elevation in self.shelf.elevations.values()]
        assert len(rests_on) == len(set(rests_on))
        for elevation in self.shelf.elevations.values():
            challenge = self.shelf.challenges[elevation.challenge]
            assert challenge.state is ChallengeState.SATISFIED
            assert challenge.elevation == elevation.id
            assert challenge.evidence is not None
        for challenge in self.shelf.challenges.values():
            assert (challenge.state is ChallengeState.SATISFIED) is (challenge.elevation in self.shelf.elevations)

    @invariant()
    def uses_are_never_negative_nor_exceeded(self) -> None:
        for id_, elevation in self.shelf.elevations.items():
            if elevation.uses is None:
                assert self.used[id_] == 0
                assert elevation.uses_left is None
            else:
                assert elevation.uses_left == elevation.uses - self.used[id_]
                assert 0 <= elevation.uses_left <= elevation.uses

    @invariant()
    def nothing_that_was_dead_lives_again(self) -> None:
        for id_, elevation in self.shelf.elevations.items():
            if elevation.live(self.now):
                assert id_ not in self.over
                assert elevation.ended_at is None
                assert self.now < elevation.expires_at
            else:
                self.over.add(id_)

    @invariant()
    def no_elevation_outlives_its_token_or_its_requirement(self) -> None:
        for elevation in self.shelf.elevations.values():
            ticket = self.shelf.challenges[elevation.challenge].ticket
            lasts = elevation.expires_at - elevation.issued_at
            assert timedelta() < lasts <= timedelta(seconds=ticket.requirement.lifetime)
            assert ticket.token_expires_at is None or elevation.expires_at <= ticket.token_expires_at

    @invariant()
    def no_code_was_accepted_twice(self) -> None:
        assert self.accepted == sorted(set(self.accepted))

    @invariant()
    def wrong_answers_lock_and_locking_takes_all_of_them(self) -> None:
        for challenge in self.shelf.challenges.values():
            assert (challenge.wrong_answers >= MAX_WRONG) is (challenge.state is ChallengeState.LOCKED)


TestStepUp = StepUp.TestCase
TestStepUp.settings = settings(stateful_step_count=60)


def test_the_machine_would_notice_a_second_end() -> None:
    """The shelf is what catches an old read: with its check gone, two actors end one challenge twice."""
    machine = StepUp()
    machine.open(300, 1, None)
    for actor in ("alice", "mallory"):
        machine.read(actor, 0)
    machine.answer("alice", 0, once=False)
    machine.answer("mallory", 0, once=False)
    assert len(machine.shelf.elevations) == 1
    loser = machine.seen["mallory"].challenge
    assert not machine.write(loser, ended(loser, ChallengeState.DECLINED, machine.now))
    ahead = replace(loser, version=machine.shelf.challenges[loser.id].version)
    assert machine.write(loser, ended(ahead, ChallengeState.DECLINED, machine.now))
    try:
        machine.each_challenge_ends_at_most_once()
    except AssertionError:
        return
    msg = "the invariant did not notice"
    raise AssertionError(msg)
