"""Open a challenge with the token of a refusal (semantics §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from stairgate.model.audit import Event
from stairgate.model.challenges import Challenge, ChallengeState, Ticket
from stairgate.model.errors import (
    ChallengeBarredError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotYetSupportedError,
    TooManyChallengesError,
)
from stairgate.model.ids import ChallengeId, ClientId
from stairgate.model.protection import Level
from stairgate.model.tokens import Caller, ClientCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.service.challenge_tokens import read_ticket
from stairgate.service.context import Services
from stairgate.service.eligible import eligible_methods, no_eligible_factor, view
from stairgate.service.endings import end_challenges, live_challenges, settle
from stairgate.service.parties import Party, attesting_level, party_of
from stairgate.service.views import ChallengeView
from stairgate.stepup import challenges
from stairgate.stepup.challenges import MAX_LIVE, identical, supersedes

CHALLENGE_ID_BITS = 160
MAX_LOCALE_LENGTH = 35  # what BCP 47 calls enough (RFC 5646 §4.4.1)


@dataclass(frozen=True, slots=True)
class OpenCall:
    """*device* belongs to later work and is refused; *locale* is what the person reads, a wish."""

    challenge_token: str
    device: str | None = None
    locale: str | None = None

    def __repr__(self) -> str:
        return f"OpenCall(device={self.device!r}, locale={self.locale!r})"  # SECURITY: never the token


async def open_challenge(services: Services, caller: Caller, call: OpenCall) -> ChallengeView:
    """
    Open the challenge that *call*'s token asks for; a repeat, or the token of an identical refusal, gives the same one.

    Raises:
        InvalidChallengeTokenError: The token is malformed, forged, or past its `exp`.
        NotFoundError: The token was minted to somebody else: to another user token, or another client.
        ForbiddenError: The client lacks `StepUp:Challenge`.
        ChallengeBarredError: The user token is barred.
        NoEligibleFactorError: The user has no factor that meets the requirement.
        TooManyChallengesError: The user token has five live challenges.
    """
    if call.device is not None:
        raise NotYetSupportedError("device", "is not supported by this version, and nothing is ignored")
    if call.locale is not None and len(call.locale) > MAX_LOCALE_LENGTH:
        raise InvalidInputError("locale", f"must have at most {MAX_LOCALE_LENGTH} characters")
    ticket = read_ticket(services, call.challenge_token)
    if ticket.requirement.approvals:
        raise NotYetSupportedError("stepUpChallengeToken", "this version cannot ask other people for approvals yet")
    party = await party_of(services, caller, ticket)
    _require_may_open(party)
    external = await attesting_level(services, ticket)
    opener = caller.client if isinstance(caller, ClientCaller) and not party.named else None
    fresh = ChallengeId(services.entropy.token(bits=CHALLENGE_ID_BITS))

    def run(transaction: WriteTransaction) -> tuple[ChallengeView, list[ChallengeId]]:
        now = services.clock.now()
        touched: list[ChallengeId] = []
        challenge = _opened(
            services, transaction, ticket, fresh, opener, external, by=audit.actor(caller), now=now, ended=touched
        )
        return view(services, transaction, challenge, external, now), touched

    seen, touched = await services.store.write(run)
    services.notices.tell(touched)
    return seen


def _require_may_open(party: Party) -> None:
    if party.may_answer:
        return
    if party.addressed:
        raise ForbiddenError("the client may not open this challenge: it needs StepUp:Challenge on Authress:StepUp/…")
    raise NotFoundError


def _opened(
    services: Services,
    transaction: WriteTransaction,
    ticket: Ticket,
    fresh: ChallengeId,
    opener: ClientId | None,
    external: Level | None,
    *,
    by: str,
    now: datetime,
    ended: list[ChallengeId],
) -> Challenge:
    known = transaction.challenge_of_ticket(ticket.id)
    if known is not None:
        return settle(transaction, known, now)
    if transaction.standing(ticket.token).barred(now):
        raise ChallengeBarredError
    if ticket.token_expires_at is not None and ticket.token_expires_at <= now:
        raise ChallengeBarredError("the user token that the challenge is for has ended")
    if not eligible_methods(services, transaction, ticket, external, now):
        raise no_eligible_factor(ticket.user)
    live = live_challenges(transaction, ticket.token, now)
    for challenge in live:
        if identical(challenge.ticket, ticket):
            transaction.join_challenge(ticket.id, challenge.id)
            return challenge
    outdated = [challenge for challenge in live if supersedes(ticket, challenge.ticket)]
    if len(live) - len(outdated) >= MAX_LIVE:
        soonest = min(challenge.expires_at for challenge in live)
        raise TooManyChallengesError(max(1, ceil((soonest - now).total_seconds())))
    ended += end_challenges(transaction, outdated, ChallengeState.SUPERSEDED, by=by, at=now)
    challenge = challenges.open_challenge(ticket, id=fresh, opener=opener, now=now)
    transaction.add_challenge(challenge)
    transaction.append_audit(audit.challenge_entry(Event.CHALLENGE_OPENED, challenge, by=by, at=now))
    return challenge
