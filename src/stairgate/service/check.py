"""
The check: may this user do this to that, with this token? (semantics §5, §6, §8)

Load, decide, apply. Most checks are decided from memory. Only where nothing but elevations can decide are they read
from the store, never from a cache; and only where a counted use is taken or a mark observed is anything written. A
refusal mints a challenge token and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from stairgate.engine.decide import Pending, assess, decide, resolve
from stairgate.engine.facts import Facts
from stairgate.model.actions import Action
from stairgate.model.audit import Event
from stairgate.model.canonical import JsonValue, digest_of
from stairgate.model.decisions import Allow, Decision, Deny, Question, StepUpRequired
from stairgate.model.elevations import Elevation
from stairgate.model.errors import IdempotencyKeyReusedError, InvalidInputError, UnavailableError
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import ClientId, UserId
from stairgate.model.resources import Resource
from stairgate.model.tokens import Caller, ClientCaller, UserToken
from stairgate.ports.store import ReadTransaction, TakenUse, WriteTransaction
from stairgate.service import audit
from stairgate.service.authentication import require_known, token_evidence
from stairgate.service.challenge_tokens import mint
from stairgate.service.context import Services
from stairgate.service.loading import facts_in
from stairgate.service.whose_token import may_ask, token_for

REMEMBERED = timedelta(
    seconds=60
)  # how long a use taken under an Idempotency-Key counts for its repeats (semantics §8)
MAX_KEY_LENGTH = 255
LONGEST_LIFETIME = timedelta(days=1)  # elevations that ended longer ago explain no refusal


@dataclass(frozen=True, slots=True)
class CheckCall:
    """
    One question, as it came.

    *user_token* is what a service client passes for the user. *context* are the details for `bind`. *at_least* is a
    revision that the facts must have reached.
    """

    user: UserId
    resource: Resource
    action: Action
    user_token: str | None = None
    context: Mapping[str, JsonValue] | None = None
    idempotency_key: str | None = None
    at_least: int | None = None

    def __repr__(self) -> str:
        return f"CheckCall(user={self.user!r}, resource={self.resource!s}, action={self.action!s})"


@dataclass(frozen=True, slots=True)
class Checked:
    """
    The answer. *challenge_token* and when it ends are there where a challenge can lead anywhere.

    *stale* says that the store was away, and how many seconds old the facts may be.
    """

    decision: Decision
    revision: int
    challenge_token: str | None = None
    expires_at: datetime | None = None
    stale: int | None = None

    def __repr__(self) -> str:
        return f"Checked(decision={self.decision!r}, revision={self.revision}, stale={self.stale})"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call whose caller may ask, and whose user token is good."""

    question: Question
    token: UserToken | None
    caller: Caller
    key: str | None  # the Idempotency-Key of a service client; a user's is ignored

    @property
    def asker(self) -> ClientId | None:
        """The service client that asks, None where a user does."""
        return self.caller.client if isinstance(self.caller, ClientCaller) else None

    @property
    def fingerprint(self) -> str:
        """What an Idempotency-Key is for (semantics §8)."""
        question = self.question
        return digest_of(
            {
                "user": question.user,
                "token": str(question.token),
                "resource": str(question.resource),
                "action": question.action.key,
                "context": question.context,
            }
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What one transaction says of a token: enough to decide with."""

    revision: int
    elevations: tuple[Elevation, ...]
    evidence: TokenEvidence | None
    repeated: TakenUse | None = None  # the use that this call's Idempotency-Key already took


async def check(services: Services, caller: Caller, call: CheckCall) -> Checked:
    """
    Decide *call* for *caller*.

    Raises:
        InvalidInputError: A user passed a user token, or a value is out of bounds.
        ForbiddenError: The caller may not ask about this user.
        UserTokenRefusedError: The user token is not valid, or not this user's.
        IdempotencyKeyReusedError: The key was used for something else.
        UnavailableError: The store is away, or its facts are older than `at_least`; nothing was done.
    """
    asked = await asked_of(services, caller, call)
    try:
        facts = await _facts(services, asked, call.at_least)
        await require_known(services, caller, asked.token)
        return await _decided(services, asked, facts)
    except UnavailableError:
        answer = _from_memory(services, asked, call)
        if answer is None:
            raise
        return answer


async def asked_of(services: Services, caller: Caller, call: CheckCall) -> Asked:
    """*call*, once its caller may make it. Errors as for `check`."""
    key = call.idempotency_key if isinstance(caller, ClientCaller) else None
    if key is not None and not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidInputError("Idempotency-Key", f"must have 1 to {MAX_KEY_LENGTH} characters")
    await may_ask(services, caller, call.user)
    token = await token_for(services, caller, call.user, call.user_token)
    question = Question(call.user, call.resource, call.action, None if token is None else token.key, call.context)
    return Asked(question, token, caller, key)


async def _facts(services: Services, asked: Asked, at_least: int | None) -> Facts:
    facts = await services.facts.facts_of(asked.question.user, asker=asked.asker)
    if at_least is None or facts.revision >= at_least:
        return facts
    await services.facts.catch_up()
    facts = await services.facts.facts_of(asked.question.user, asker=asked.asker)
    if facts.revision < at_least:
        raise UnavailableError("this node has not seen that revision yet: try again")
    return facts


def _from_memory(services: Services, asked: Asked, call: CheckCall) -> Checked | None:
    """While the store is away: an answer that no mark concerns, from what is in memory (semantics §10); else None."""
    memory = services.facts.remembered(call.user, asker=asked.asker)
    if memory is None or asked.key is not None:
        return None
    facts, seconds = memory
    if call.at_least is not None and facts.revision < call.at_least:
        return None
    outcome = assess(asked.question, facts)
    if isinstance(outcome, Pending) or (isinstance(outcome, Allow) and outcome.observed):
        return None
    return Checked(outcome, facts.revision, stale=seconds)


async def _decided(services: Services, asked: Asked, facts: Facts) -> Checked:
    outcome = assess(asked.question, facts)
    match outcome:
        case Pending() | Allow(observed=(_, *_)):
            return await _by_elevations(services, asked, facts, outcome)
        case Allow() | Deny():
            if asked.key is not None:
                await services.store.read(lambda transaction: _use_repeated(transaction, asked, services.clock.now()))
            return Checked(outcome, facts.revision)
        case _:
            assert_never(outcome)


async def _by_elevations(services: Services, asked: Asked, facts: Facts, outcome: Pending | Allow) -> Checked:
    """
    Decide with the token's elevations, read from the store; take a counted use; or mint a challenge token.

    *outcome* is what could be said without them; an Allow that an `observe` mark watches is decided again with them.
    """
    seen = await services.store.read(lambda transaction: look(transaction, asked, services.clock.now()))
    if seen.revision == facts.revision:
        now = services.clock.now()
        if isinstance(outcome, Pending):
            decision: Decision = resolve(outcome, seen.elevations, now, seen.evidence)
        else:
            decision = decide(asked.question, facts, seen.elevations, now, seen.evidence)
        revision = facts.revision
        if isinstance(decision, Allow) and not _is_written(decision, seen):
            return Checked(decision, revision)
        if not isinstance(decision, Allow):
            return _refused(services, asked, decision, revision, now)
    # Something is to be written, or access changed since the facts were loaded: decide again where nothing can change.
    decision, revision, now = await services.store.write(
        lambda transaction: _settle(transaction, services, asked, facts)
    )
    if isinstance(decision, Allow):
        return Checked(decision, revision)
    return _refused(services, asked, decision, revision, now)


def look(transaction: ReadTransaction, asked: Asked, now: datetime) -> Seen:
    """
    What this transaction says of the token that *asked* is for.

    Where this call's Idempotency-Key took a use already, its elevation is as if that use were still there, and no
    other counted one is offered: a repeat takes no second use (semantics §8).

    Raises:
        IdempotencyKeyReusedError: The key was used for something else.
    """
    revision = transaction.revision()
    if asked.question.token is None:
        return Seen(revision, (), None)
    elevations, evidence = proofs_of(transaction, asked.question.user, asked.token, now)
    repeated = _use_repeated(transaction, asked, now)
    if repeated is not None:
        elevations = [
            replace(each, uses_left=(each.uses_left or 0) + 1) if each.id == repeated.elevation else each
            for each in elevations
            if each.uses is None or each.id == repeated.elevation
        ]
    return Seen(revision, tuple(elevations), evidence, repeated)


def proofs_of(
    transaction: ReadTransaction, user: UserId, token: UserToken | None, now: datetime
) -> tuple[Sequence[Elevation], TokenEvidence | None]:
    """
    The elevations of *user*'s token, ended ones of the last day too, and what the token proves by itself.

    Its own `acr` counts no more once its user said "this was not me" (semantics §7.7).
    """
    if token is None:
        return (), None
    elevations = transaction.elevations_of_token(user, token.key, since=now - LONGEST_LIFETIME)
    evidence = token_evidence(token)
    if evidence is not None and transaction.standing(token.key).not_me:
        evidence = None
    return elevations, evidence


def _use_repeated(transaction: ReadTransaction, asked: Asked, now: datetime) -> TakenUse | None:
    if asked.key is None or asked.asker is None:
        return None
    taken = transaction.taken_use(asked.asker, asked.key)
    if taken is None or not timedelta(0) <= now - taken.taken_at < REMEMBERED:
        return None
    if taken.fingerprint != asked.fingerprint:
        raise IdempotencyKeyReusedError
    return taken


def _is_written(decision: Allow, seen: Seen) -> bool:
    """Whether this Allow is to be written down: it takes a use, or a mark was observed."""
    return bool(decision.observed) or _takes_use(decision, seen)


def _takes_use(decision: Allow, seen: Seen) -> bool:
    return decision.counted and (seen.repeated is None or decision.elevation != seen.repeated.elevation)


def _settle(
    transaction: WriteTransaction, services: Services, asked: Asked, facts: Facts
) -> tuple[Decision, int, datetime]:
    """
    Decide again by this transaction's own state, and take the use in it.

    So of many that race for one use one wins, and one that was revoked meanwhile is not used (attacks 6 and 30).
    """
    now = services.clock.now()
    question = asked.question
    if transaction.revision() != facts.revision:
        facts = facts_in(transaction, question.user, asker=asked.asker, methods=services.rules.methods)
    seen = look(transaction, asked, now)
    decision = decide(question, facts, seen.elevations, now, seen.evidence)
    if isinstance(decision, Allow):
        by = audit.actor(asked.caller)
        for mark in decision.observed:
            entry = audit.observed_entry(question, mark, decision.elevation, revision=facts.revision, by=by, at=now)
            transaction.append_audit(entry)
        if decision.elevation is not None and _takes_use(decision, seen):
            used = transaction.take_use(decision.elevation, now=now)
            about = audit.question_facts(question, facts.revision)
            transaction.append_audit(audit.elevation_entry(Event.ELEVATION_USED, used, by=by, at=now, facts=about))
            if asked.key is not None and asked.asker is not None:
                transaction.put_taken_use(TakenUse(asked.asker, asked.key, asked.fingerprint, used.id, now))
    return decision, facts.revision, now


def _refused(
    services: Services, asked: Asked, decision: StepUpRequired | Deny, revision: int, now: datetime
) -> Checked:
    if isinstance(decision, Deny) or not decision.challengeable:
        return Checked(decision, revision)
    token, ticket = mint(
        services,
        decision,
        asked.question,
        client=asked.asker,
        revision=revision,
        now=now,
        token_expires_at=None if asked.token is None else asked.token.expires_at,
    )
    return Checked(decision, revision, token, ticket.expires_at)
