"""
The guard of the management API: the same engine, on `Authress:` resources (semantics §3; authress-contract §1.3, §2.7).

It decides inside the transaction that it guards, from that transaction's own facts, so nothing can change between the
decision and what it allows. Marks on management resources hold. Somebody without any right on a thing is told that it
is not there; somebody with some right, that they may not do this.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from stairgate.engine.access import actions_on
from stairgate.engine.candidates import Candidate
from stairgate.engine.decide import Pending, Right, assess, resolve
from stairgate.engine.facts import Facts
from stairgate.engine.grants import compile_grants
from stairgate.engine.weakening import reaches_management
from stairgate.model.access import OWNER, AccessRecord, Grant, Group, ResourceAbility
from stairgate.model.actions import Action
from stairgate.model.audit import Event
from stairgate.model.canonical import JsonValue
from stairgate.model.decisions import Allow, Deny, Question, Source, StepUpRequired
from stairgate.model.elevations import Elevation
from stairgate.model.errors import ForbiddenError, InvalidInputError, NotFoundError, StepUpRefusedError
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import ElevationId, GroupId, RecordId, RequestId, UserId
from stairgate.model.protection import Mark, Requirement
from stairgate.model.resources import (
    Resource,
    ResourcePattern,
    management_resource,
    segment_matches,
    unescape_segment,
)
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.challenge_tokens import mint
from stairgate.service.check import proofs_of
from stairgate.service.context import Services
from stairgate.service.eligible import factors_resource

CREATE = Action("CREATE", "create")
UPDATE = Action("UPDATE", "update")
CLAIM = Action("CLAIM", "claim")

# Details of a call that are the server's own, and so can be bound: the SHA-256 of its body (semantics §4), and the
# session of the account page that it comes from.
BODY = "bodySha256"
PAGE = "accountPage"

_ADMINS = RecordId("admins")  # the source of the grant that being an admin amounts to


class UseMustBeTakenError(Exception):
    """A read is allowed by a counted elevation only: it has to run again where a use can be taken."""


@dataclass(slots=True)
class Guard:
    """
    What one caller may do, within one transaction. Made anew for every run of it.

    Args:
        services: The application's.
        caller: Who calls.
        facts: About the caller, as this transaction sees them.
        transaction: Where elevations are read, and uses taken if it can write.
        now: The time of the decision.
        writing: The same transaction, where it can write.

    Members:
        taken: The elevations of which a use was taken.
    """

    services: Services
    caller: Caller
    facts: Facts
    transaction: ReadTransaction
    now: datetime
    writing: WriteTransaction | None = None
    taken: list[ElevationId] = field(default_factory=list)
    _proofs: tuple[Sequence[Elevation], TokenEvidence | None] | None = None

    @property
    def user(self) -> UserId:
        """Whom the facts are about."""
        return self.caller.principal

    def require(
        self,
        action: Action,
        resource: Resource,
        *,
        right: Right = Right.ALLOW,
        admins: Collection[UserId] = (),
        hide: bool = True,
    ) -> None:
        """
        Let nobody pass who may not do *action* to *resource*.

        Args:
            action: What is about to be done.
            resource: The management resource that guards it.
            right: `GRANT` or `DELEGATE` where the right to hand the action out is needed.
            admins: The admins of the thing: they may do all of it, under the same marks.
            hide: Whether the thing's existence is kept from those who have no right on it.

        Raises:
            NotFoundError: The caller has no right at all on the thing.
            ForbiddenError: The caller has some right on it, but not this one.
            StepUpRefusedError: The caller has it, and wants a step-up first.
        """
        facts = _with_admin(self.facts, resource) if self.user in admins else self.facts
        question = self._question(action, resource)
        match assess(question, facts, right=right):
            case Deny():
                if hide and not _knows(facts, question):
                    raise NotFoundError
                raise ForbiddenError
            case Allow() as allowed:
                self._record_observed(question, allowed)
            case Pending() as pending:
                self._settle(pending, right)

    def require_elevation(self, action: Action, resource: Resource, asked: Sequence[Requirement]) -> None:
        """
        Let nobody pass without an elevation for *action* on *resource* that meets all that is *asked*.

        It must meet what guards the call itself, too, so that it alone lets the same call pass.

        Raises:
            StepUpRefusedError: The caller has none.
        """
        pattern = ResourcePattern(resource.segments, resource.children)
        marks = tuple(Mark(requirement, pattern, action, "a change of protection") for requirement in asked)
        question = self._question(action, resource)
        admin = self.user in _admins_of(self.transaction, self.user, resource)
        facts = _with_admin(self.facts, resource) if admin else self.facts
        outcomes = [assess(question, facts, right=right) for right in Right]
        guarded = next((each.candidates for each in outcomes if isinstance(each, Pending)), ())
        if not guarded or any(isinstance(each, Allow) for each in outcomes):
            guarded = (Candidate(Source(None, 0, None, pattern), action, (), ()),)
        asking = tuple(replace(each, marks=(*each.marks, *marks)) for each in guarded)
        self._settle(Pending(question, asking, self.facts.best_levels), Right.ALLOW)

    def sees(self, action: Action, resource: Resource, *, admins: Collection[UserId] = ()) -> bool:
        """
        Whether *resource* may be shown in a list of what the caller may do *action* to.

        Listing takes no use, and never shows a protected thing to a token that is not elevated (semantics §8, §11).
        """
        facts = _with_admin(self.facts, resource) if self.user in admins else self.facts
        match assess(self._question(action, resource), facts):
            case Deny():
                return False
            case Allow():
                return True
            case Pending() as pending:
                return isinstance(self._resolve(pending), Allow)

    def has(self, action: Action, resource: Resource) -> bool:
        """Whether the caller may do *action*, if need be after a step-up: to choose what to `require`."""
        return not isinstance(assess(self._question(action, resource), self.facts), Deny)

    def holds(self, action: Action, resource: Resource, right: Right) -> bool:
        """Whether the caller holds *right* without any step-up: for ways around what is then asked in detail."""
        outcome = assess(self._question(action, resource), self.facts, right=right)
        return isinstance(outcome, Allow) or (isinstance(outcome, Pending) and self._unmarked(right))

    def _question(self, action: Action, resource: Resource) -> Question:
        # On the management API the context is the server's own, never the caller's (semantics §3).
        context = _context(self.caller) if isinstance(self.caller, UserCaller) else None
        return Question(self.user, resource, action, self.caller.token.key, context)

    def _unmarked(self, right: Right) -> bool:
        """Whether marks do not count: what a service client may hand out is not under them (semantics §3)."""
        return right is not Right.ALLOW and isinstance(self.caller, ClientCaller)

    def _resolve(self, pending: Pending) -> Allow | StepUpRequired:
        # One call takes one use of an elevation, however many questions it is made of: so what was read first counts.
        if self._proofs is None:
            token = self.caller.token
            self._proofs = proofs_of(self.transaction, token.user, token, self.now)
        return resolve(pending, self._proofs[0], self.now, self._proofs[1])

    def _settle(self, pending: Pending, right: Right) -> None:
        if self._unmarked(right):
            return
        outcome = self._resolve(pending)
        if isinstance(outcome, StepUpRequired):
            raise self._refusal(pending.question, outcome)
        if outcome.counted and outcome.elevation is not None and outcome.elevation not in self.taken:
            self._take(pending.question, outcome.elevation)
        self._record_observed(pending.question, outcome)

    def _take(self, question: Question, elevation: ElevationId) -> None:
        if self.writing is None:
            raise UseMustBeTakenError
        used = self.writing.take_use(elevation, now=self.now)
        self.taken.append(elevation)
        self.writing.append_audit(
            audit.elevation_entry(
                Event.ELEVATION_USED,
                used,
                by=audit.actor(self.caller),
                at=self.now,
                facts=audit.question_facts(question, self.facts.revision),
            )
        )

    def _record_observed(self, question: Question, allowed: Allow) -> None:
        """What an `observe` mark would have refused is recorded wherever something is written anyway."""
        if self.writing is None:
            return
        for mark in allowed.observed:
            self.writing.append_audit(
                audit.observed_entry(
                    question,
                    mark,
                    allowed.elevation,
                    revision=self.facts.revision,
                    by=audit.actor(self.caller),
                    at=self.now,
                )
            )

    def _refusal(self, question: Question, outcome: StepUpRequired) -> StepUpRefusedError:
        if not outcome.challengeable:
            return StepUpRefusedError(outcome, None, None)
        token, ticket = mint(
            self.services,
            outcome,
            question,
            client=self.caller.client if isinstance(self.caller, ClientCaller) else None,
            revision=self.facts.revision,
            now=self.now,
            token_expires_at=self.caller.token.expires_at,
        )
        return StepUpRefusedError(outcome, token, ticket.expires_at)


def _context(caller: UserCaller) -> dict[str, JsonValue]:
    return {BODY: caller.body} if caller.page is None else {BODY: caller.body, PAGE: caller.page}


def opens(transaction: ReadTransaction, question: Question, facts: Facts, elevation: Elevation, now: datetime) -> bool:
    """
    Whether *elevation* would allow, today, what was refused: a check, or something that this guard requires.

    A challenge token does not say which of the two it was: a guard requires `grant` and `delegate`, too, and lets the
    admins of a record or group pass, whoever may claim a resource, and users to their own factors, where a check would
    deny. An elevation gives nothing by itself, so whatever may have been asked for counts. Nor does it carry the
    context, so that conditions are left to the check.
    """
    claims = question.action.key == CLAIM.key and claimable(transaction, question.resource)
    own = question.action.key == UPDATE.key and question.resource == factors_resource(question.user)
    if claims or own or question.user in _admins_of(transaction, question.user, question.resource):
        facts = _with_admin(facts, question.resource)
    for right in Right:
        outcome = assess(question, facts, right=right, judged_later=True)
        if isinstance(outcome, Pending):
            outcome_with_it = resolve(outcome, [elevation], now)
            if isinstance(outcome_with_it, Allow):
                return True
        elif isinstance(outcome, Allow):
            return True
    # A change of a protection is asked for where the change itself is guarded by other rights, such as `grant`; what it
    # takes only the call can tell, which has the body.
    return BODY in elevation.details and reaches_management(ResourcePattern(question.resource.segments))


def _admins_of(transaction: ReadTransaction, user: UserId, resource: Resource) -> Collection[UserId]:
    """
    The admins of the record or group that *resource* guards; of anything else, none.

    Of a request, *user*: whether they are an approver is asked at each vote.
    """
    if len(resource.segments) != 2 or resource.children:  # noqa: PLR2004  # the kind and the id
        return ()
    kind, segment = resource.segments
    try:
        name = unescape_segment(segment)
    except InvalidInputError:
        return ()
    thing: AccessRecord | Group | None = None
    if kind == "Authress:AccessRequests":
        return () if transaction.request(RequestId(name)) is None else (user,)
    if kind == "Authress:AccessRecords":
        thing = transaction.record(RecordId(name))
    elif kind == "Authress:Groups":
        thing = transaction.group(GroupId(name))
    return () if thing is None else thing.admins


def claimable(transaction: ReadTransaction, resource: Resource) -> bool:
    """
    Whether everybody may claim *resource*: its collection, the node right above it, is configured with `CLAIM`.

    A wildcard in the configuration's URI counts, a final `/*` does not: it would open collections of any depth.
    """
    collection = resource.segments[:-1]
    if not collection or resource.children:
        return False
    exact = transaction.resource(ResourcePattern(collection))
    if exact is not None and ResourceAbility.CLAIM in exact.abilities:
        return True
    return any(
        ResourceAbility.CLAIM in each.abilities
        and not each.resource.below
        and len(each.resource.segments) == len(collection)
        and all(map(segment_matches, each.resource.segments, collection))
        for each in transaction.resources()
    )


def _with_admin(facts: Facts, resource: Resource) -> Facts:
    """Being an admin of a thing is a grant on it like any other: so a mark on the thing holds for admins, too."""
    pattern = ResourcePattern(resource.segments)
    own = compile_grants([Grant(_ADMINS, 0, (pattern,), (OWNER.id,))])
    return replace(facts, tables=(*facts.tables, own))


def resource_permissions(pattern: ResourcePattern) -> Resource:
    """
    What guards the configuration at *pattern*: `Authress:ResourcePermissions/{resourceUri}`.

    A wildcard in the middle is written as `~2A`, so that it stands for itself and for nothing else.
    """
    node = management_resource("ResourcePermissions", *pattern.segments)
    return replace(node, children=pattern.below)


def _knows(facts: Facts, question: Question) -> bool:
    """Whether some grant gives anything at all on the resource of *question*."""
    return bool(actions_on(question, facts))
