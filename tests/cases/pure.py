"""The decision alone, without store and wire: the engine's door, and that of the reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType

from tests.cases.doors import Entry, Shown, Shows, Told
from tests.cases.facts import changed, known, unconditional, without
from tests.cases.reading import Check, Document, End, Listing, StepUp, Token, Vote
from tests.reference.oracle import Verdict, World, judge
from tests.reference.worlds import facts

from stairgate.api.problems import status_of
from stairgate.engine.decide import decide
from stairgate.model.actions import parse_action
from stairgate.model.audit import Event
from stairgate.model.challenges import Challenge, ChallengeState, Ticket
from stairgate.model.decisions import Allow, Decision, Deny, Question, Source, StepUpRequired
from stairgate.model.documents import area_document, requirement_document
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengePendingError,
    DomainError,
    ForbiddenError,
    InvalidChallengeTokenError,
)
from stairgate.model.evidence import Evidence, TokenEvidence
from stairgate.model.ids import AccountId, ChallengeId, ElevationId, GroupId, RequestId, UserId, user_id
from stairgate.model.protection import BEST_LEVELS, LEVELS, Level, Method
from stairgate.model.requests import Request, RequestStatus
from stairgate.model.requests import Vote as SaidVote
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.stepup import approvals
from stairgate.stepup.challenges import agreed, ended, open_challenge, satisfied, settled
from stairgate.stepup.elevations import end, issue, take_use
from stairgate.stepup.tickets import ticket_for
from stairgate.testing.clock import FakeClock

ISSUER = "https://login.example"
NOWHERE = Source(None, 0, None, parse_pattern("*"))
STEP_SECONDS = 30  # a totp code is good once, so that each step-up by totp waits for the next one


@dataclass(frozen=True)
class Asked:
    """A question, and what its asker brings along."""

    question: Question
    evidence: TokenEvidence | None
    best_levels: Mapping[Method, Level]


@dataclass(frozen=True)
class Decided:
    """A decision: what the case is told, what a challenge would be for, and which elevation is used."""

    told: Told
    refusal: StepUpRequired | None = None
    used: Elevation | None = None
    observed: int = 0


class PureDoor(ABC):
    """Facts, elevations and challenges as plain values; `judged` is who decides."""

    shows = Shows.EVENTS

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.begun = self.clock.now()
        self.numbers = count()
        self.world = World()
        self.tokens: dict[str, Token] = {}
        self.external: dict[str, Level] = {}
        self.elevations: list[Elevation] = []
        self.refusals: dict[str, tuple[Asked, Ticket]] = {}
        self.challenges: dict[str, tuple[Asked, Challenge]] = {}
        self.requests: dict[RequestId, Request] = {}
        self.barred: set[str] = set()
        self.entries: list[Entry] = []

    @abstractmethod
    def judged(self, world: World, asked: Asked, elevations: Sequence[Elevation], now: datetime) -> Decided:
        """Decide."""

    async def declare(self, tokens: Sequence[Token], clients: Document, enrolled: Collection[str]) -> None:
        self.tokens = {token.name: token for token in tokens}
        for name, said in clients.items():
            self.external[name] = LEVELS[said.get("external", "basic")]

    async def put(self, facts: Document) -> None:
        self.world = changed(self.world, facts)

    async def delete(self, named: Document) -> None:
        self.world = without(self.world, named)

    async def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    async def written(self) -> Sequence[Entry]:
        return list(self.entries)

    # --- checks

    async def check(self, asked: Check) -> Told:
        now = self.clock.now()
        try:
            about = self._asked(asked)
            decided = self.judged(self.world, about, self.elevations, now)
            if decided.refusal is not None and decided.told.challengeable:
                assert asked.elevated is not None
                self.refusals[asked.elevated] = (about, self._ticket(decided.refusal, about.question, asked, now))
        except DomainError as error:
            return Told("error", error=error.code, status=status_of(error))
        self.entries += [Entry(Event.OBSERVED, {})] * decided.observed
        if decided.used is not None:
            self._take(decided.used, now)
        return decided.told

    async def list(self, asked: Listing) -> Sequence[Shown]:
        shown = []
        for resource in known(self.world):
            about = Check(asked.user, resource, asked.action, asked.token, asked.context)
            told = self.judged(self.world, self._asked(about), self.elevations, self.clock.now()).told
            if told.outcome == "allow":
                shown.append(Shown(resource))
            elif told.outcome == "step_up" and asked.protected:
                shown.append(Shown(resource, protected=True, step_up=told.requirement))
        return shown

    def _asked(self, asked: Check) -> Asked:
        key = evidence = None
        if asked.elevated is not None:
            key = TokenKey(ISSUER, asked.elevated)
            evidence = self._evidence(asked.elevated)
        best = dict(BEST_LEVELS)
        if isinstance(asked.by, str):
            best[Method.EXTERNAL] = self.external.get(asked.by, Level.BASIC)
        elif self.external:
            best[Method.EXTERNAL] = max(self.external.values())
        question = Question(
            user_id(asked.user), parse_resource(asked.resource), parse_action(asked.action), key, asked.context
        )
        return Asked(question, evidence, MappingProxyType(best))

    def _evidence(self, name: str) -> TokenEvidence | None:
        token = self.tokens.get(name)
        if token is None or token.acr is None or name in self.barred:
            return None
        proven = None if token.auth_time is None else self.begun + timedelta(seconds=token.auth_time)
        return TokenEvidence(LEVELS[token.acr], proven)

    def _ticket(self, refusal: StepUpRequired, question: Question, asked: Check, now: datetime) -> Ticket:
        token = self.tokens.get(asked.elevated or "")
        return ticket_for(
            refusal,
            question,
            id=f"ticket {next(self.numbers)}",
            account=AccountId("acc_case"),
            client=None,
            revision=1,
            now=now,
            token_expires_at=None if token is None else self.begun + timedelta(seconds=token.lasts),
        )

    def _take(self, used: Elevation, now: datetime) -> None:
        if used.uses is not None:
            taken = take_use(used, now)
            self.elevations = [taken if each.id == used.id else each for each in self.elevations]
            about = {"usesLeft": taken.uses_left, "method": taken.method.value, "user": taken.user}
            self.entries.append(Entry(Event.ELEVATION_USED, about))

    # --- step-ups

    async def step_up(self, step: StepUp) -> str:
        now = self.clock.now()
        if step.token in self.refusals:
            asked, ticket = self.refusals.pop(step.token)
            if now >= ticket.expires_at:
                return InvalidChallengeTokenError.code
            if step.token in self.barred:
                return ChallengeBarredError.code
            request = self._requested(ticket, now)
            challenge = open_challenge(ticket, id=ChallengeId(ticket.id), opener=None, now=now, request=request)
            self.challenges[step.token] = (asked, challenge)
        if not step.only_open:
            now = self.clock.advance(STEP_SECONDS)
        asked, challenge = self.challenges[step.token]
        challenge = settled(challenge, now)
        if challenge.state.live and not step.only_open:
            if challenge.waiting:
                return ChallengePendingError.code
            challenge = self._answered(asked, challenge, step, now)
            self.challenges[step.token] = (asked, challenge)
        return challenge.state.value

    def _answered(self, asked: Asked, challenge: Challenge, step: StepUp, now: datetime) -> Challenge:
        method = Method(step.method)
        level = Level.STRONG if method is Method.TOTP else asked.best_levels[method]
        evidence = Evidence(method, level, user_verified=False, proven_at=now)
        # The named token itself answers, but for what a client attests.
        return self._proven(asked, challenge, evidence, now, once=step.once, same_device=method is Method.TOTP)

    def _proven(
        self,
        asked: Asked,
        challenge: Challenge,
        evidence: Evidence,
        now: datetime,
        *,
        once: bool = False,
        same_device: bool = False,
    ) -> Challenge:
        number = ElevationId(f"elevation {len(self.elevations)}")
        elevation = issue(challenge, evidence, id=number, now=now, once=once, same_device=same_device)
        today = unconditional(self.world)
        if self.judged(today, replace(asked, evidence=None), [elevation], now).told.outcome != "allow":
            return ended(challenge, ChallengeState.SUPERSEDED, now)
        request = None if challenge.request is None else self.requests[challenge.request]
        if request is not None:
            if request.end is not None:
                return ended(challenge, ChallengeState.SUPERSEDED, now)
            self.requests[request.id] = approvals.used(request, now)
        self.elevations.append(elevation)
        return satisfied(challenge, evidence, number, now)

    # --- other people

    def _requested(self, ticket: Ticket, now: datetime) -> Request | None:
        if not ticket.requirement.approvals:
            return None
        fitting = [each for each in self.requests.values() if approvals.fits(each, ticket, now)]
        if fitting:
            return fitting[0]
        request = Request(
            RequestId(ticket.id),
            ticket.user,
            ticket,
            ticket.requirement.approvals,
            now,
            now + timedelta(days=1),
            now,
            members=self._members(),
        )
        self.requests[request.id] = request
        return request

    def _members(self) -> dict[GroupId, frozenset[UserId]]:
        """Who is in which group now: of those only who is in it later, too, counts."""
        return {
            group: frozenset(UserId(user) for user, held in self.world.groups_of.items() if group in held)
            for group in {group for held in self.world.groups_of.values() for group in held}
        }

    async def vote(self, step: Vote) -> str:
        now = self.clock.now()
        _, challenge = self.challenges[step.token]
        assert challenge.request is not None
        request = self.requests[challenge.request]
        groups = {user: frozenset(held) for user, held in self.world.groups_of.items()}
        membership = {UserId(user): held for user, held in groups.items()}
        approver = UserId(step.by)
        try:
            approvals.require_open(request, now)
            if not approvals.may_approve(request, approver, membership.get(approver, frozenset())):
                return ForbiddenError.code
            request = approvals.voted(request, SaidVote(approver, step.approve, now))
        except DomainError as error:
            return error.code
        if request.end is None and approvals.tally(request, membership).met:
            request = approvals.approved(request, now)
        self.requests[request.id] = request
        for name, (asked, waiting) in self.challenges.items():
            if waiting.request == request.id and waiting.state.live:
                self.challenges[name] = (asked, self._told(asked, waiting, request, now))
        return request.status.value

    def _told(self, asked: Asked, challenge: Challenge, request: Request, now: datetime) -> Challenge:
        if request.end is not None:
            return ended(challenge, ChallengeState.DECLINED, now)
        if request.status is not RequestStatus.APPROVED:
            return challenge
        challenge = agreed(challenge, request.quorums)
        if challenge.ticket.requirement.level is not None:
            return challenge
        evidence = Evidence(Method.APPROVAL, None, user_verified=False, proven_at=now)
        return self._proven(asked, challenge, evidence, now)

    async def end(self, step: End) -> None:
        now, reason = self.clock.now(), EndReason.NOT_ME if step.not_me else EndReason.REVOKED
        self.elevations = [end(each, now, reason) if _named(each, step) else each for each in self.elevations]
        state = ChallengeState.DECLINED if step.not_me else ChallengeState.CANCELLED
        for name, (asked, challenge) in self.challenges.items():
            if challenge.state.live and step in (End(token=name, not_me=step.not_me), End(user=asked.question.user)):
                self.challenges[name] = (asked, ended(challenge, state, now))
        if step.not_me and step.token is not None:
            self.barred.add(step.token)


def _named(elevation: Elevation, step: End) -> bool:
    return elevation.user == step.user if step.user is not None else elevation.token.digest == step.token


class EngineDoor(PureDoor):
    """`engine.decide`, with every elevation there is: what is another token's or user's must not help even here."""

    def judged(self, world: World, asked: Asked, elevations: Sequence[Elevation], now: datetime) -> Decided:
        question = asked.question
        compiled = replace(facts(world, question.user), best_levels=asked.best_levels)
        decision: Decision = decide(question, compiled, elevations, now, asked.evidence)
        match decision:
            case Deny():
                return Decided(Told("deny", status=404))
            case Allow():
                used = next((each for each in elevations if each.id == decision.elevation), None)
                return Decided(Told("allow", status=200), used=used, observed=len(decision.observed))
            case StepUpRequired():
                return Decided(_refused(decision), decision)


class OracleDoor(PureDoor):
    """The slow reading of the same text. It says nothing of marks that observe."""

    shows = Shows.USES

    def judged(self, world: World, asked: Asked, elevations: Sequence[Elevation], now: datetime) -> Decided:
        verdict: Verdict = judge(world, asked.question, elevations, now, asked.evidence, asked.best_levels)
        if verdict.outcome != "step_up":
            used = next((each for each in elevations if each.id == verdict.elevation), None)
            return Decided(Told(verdict.outcome), used=used)
        assert verdict.reason is not None
        if verdict.requirement is None or verdict.area is None:
            return Decided(Told("step_up", verdict.reason.value))
        refusal = StepUpRequired(verdict.reason, verdict.requirement, verdict.area, NOWHERE, (), verdict.details)
        return Decided(_refused(refusal), refusal)


def _refused(refusal: StepUpRequired) -> Told:
    return Told(
        "step_up",
        refusal.reason.value,
        requirement_document(refusal.requirement),
        area_document(refusal.area),
        challengeable=refusal.challengeable,
        status=403,
    )
