"""Open a challenge with the token of a refusal (semantics §7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from stairgate.model.audit import Event
from stairgate.model.challenges import NOTHING_SAID, Challenge, ChallengeState, Opening, Ticket
from stairgate.model.errors import (
    ChallengeBarredError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    TooManyChallengesError,
)
from stairgate.model.ids import ChallengeId, RequestId
from stairgate.model.protection import Level
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, pages
from stairgate.service.account_links import account_return
from stairgate.service.asking import Asking
from stairgate.service.challenge_tokens import read_ticket
from stairgate.service.context import Services
from stairgate.service.eligible import eligible_methods, no_eligible_factor, view
from stairgate.service.endings import end_challenges, live_challenges, settle
from stairgate.service.parties import Party, attesting_level, opened_by, party_of
from stairgate.service.requests import ID_BITS, expiry_of
from stairgate.service.views import ChallengeView
from stairgate.stepup import challenges
from stairgate.stepup.challenges import MAX_LIVE, identical, supersedes

CHALLENGE_ID_BITS = 160
MAX_DEVICE_LENGTH = 200
MAX_STATE_LENGTH = 512
MAX_LOCALE_LENGTH = 35  # what BCP 47 calls enough (RFC 5646 §4.4.1)


@dataclass(frozen=True, slots=True)
class OpenCall:
    """What opens a challenge, and what the opener says of the moment."""

    challenge_token: str
    opening: Opening = NOTHING_SAID
    expiry: int | None = None  # seconds that other people have to agree; None: the usual

    def __repr__(self) -> str:
        return f"OpenCall({self.opening!r})"  # SECURITY: never the token


async def open_challenge(services: Services, caller: Caller, call: OpenCall) -> ChallengeView:
    """
    Open the challenge that *call*'s token asks for; a repeat, or the token of an identical refusal, gives the same one.

    Raises:
        InvalidChallengeTokenError: The token is malformed, forged, or past its `exp`.
        InvalidInputError: What the opener says is out of bounds, or the return address is not registered.
        NotFoundError: The token was minted to somebody else: to another user token, or another client.
        ForbiddenError: The client lacks `StepUp:Challenge`.
        ChallengeBarredError: The user token is barred.
        NoEligibleFactorError: The user has no factor that meets the requirement.
        TooManyChallengesError: The user token has five live challenges.
        LimitReachedError: The user asks other people for as much as one may.
    """
    _require_sane(call.opening)
    ticket = read_ticket(services, call.challenge_token)
    if call.expiry is not None and not ticket.requirement.approvals:
        raise InvalidInputError("expiry", "is for challenges that ask other people: leave it out")
    party = await party_of(services, caller, ticket)
    _require_may_open(party)
    external = await attesting_level(services, ticket)
    opener = caller.client if isinstance(caller, ClientCaller) and not party.named else None
    asking = Asking(RequestId(f"req_{services.entropy.token(bits=ID_BITS)}"), expiry_of(call.expiry), opener)
    fresh = ChallengeId(services.entropy.token(bits=CHALLENGE_ID_BITS))

    def run(transaction: WriteTransaction) -> tuple[ChallengeView, list[ChallengeId]]:
        now = services.clock.now()
        touched: list[ChallengeId] = []
        if call.opening.return_uri is not None and not _back_to_page(services, caller, call.opening.return_uri):
            _require_registered(transaction, caller, ticket, call.opening.return_uri)
        challenge = _opened(
            services,
            transaction,
            ticket,
            fresh,
            external,
            asking,
            opening=call.opening,
            by=audit.actor(caller),
            now=now,
            ended=touched,
        )
        if not opened_by(challenge, caller, party):
            return view(services, transaction, challenge, external, now), touched
        told = challenges.reopened(challenge, call.opening)
        if told.version != challenge.version:
            transaction.replace_challenge(told)
        seen = view(services, transaction, told, external, now)
        # SECURITY: for the opener alone; whoever joined has the number from neither the page nor here (semantics §7.2).
        address, number = pages.page_uri(services, told), pages.shown_match(services, told)
        return replace(seen, page_uri=address, match_code=number), touched

    seen, touched = await services.store.write(run)
    services.notices.tell(touched)
    return seen


def _require_sane(opening: Opening) -> None:
    if opening.locale is not None and len(opening.locale) > MAX_LOCALE_LENGTH:
        raise InvalidInputError("locale", f"must have at most {MAX_LOCALE_LENGTH} characters")
    if opening.device is not None and not 1 <= len(opening.device) <= MAX_DEVICE_LENGTH:
        raise InvalidInputError("device", f"must have 1 to {MAX_DEVICE_LENGTH} characters")
    if opening.state is not None:
        if opening.return_uri is None:
            raise InvalidInputError("state", "goes back with a browser: it needs a `returnUri`")
        if not 1 <= len(opening.state) <= MAX_STATE_LENGTH or not opening.state.isprintable():
            raise InvalidInputError("state", f"must have 1 to {MAX_STATE_LENGTH} printable characters")


def _back_to_page(services: Services, caller: Caller, uri: str) -> bool:
    """Whether the account page itself opens, and *uri* leads back to it. Nobody else needs that address."""
    return isinstance(caller, UserCaller) and caller.page is not None and uri == account_return(services)


def _require_registered(transaction: WriteTransaction, caller: Caller, ticket: Ticket, uri: str) -> None:
    """Refuse a return address but those of the client that opens or asked, or of the user token's issuer."""
    involved = {caller.client if isinstance(caller, ClientCaller) else None, ticket.client}
    registered = {
        each for issuer in transaction.issuers() if issuer.issuer == ticket.token.issuer for each in issuer.return_uris
    }
    for client in involved:
        known = None if client is None else transaction.client(client)
        registered |= set() if known is None else set(known.return_uris)
    if uri not in registered:
        raise InvalidInputError("returnUri", "must be exactly one of the `returnUris` of the client or issuer")


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
    external: Level | None,
    asking: Asking,
    *,
    opening: Opening,
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
    if ticket.requirement.level is not None and not eligible_methods(services, transaction, ticket, external, now):
        raise no_eligible_factor(ticket.user)
    live = live_challenges(transaction, ticket.token, now)
    for challenge in live:
        if identical(challenge.ticket, ticket):
            transaction.join_challenge(ticket.id, challenge.id)
            return challenge
    request = asking.ask(transaction, ticket, fresh, by=by, now=now) if ticket.requirement.approvals else None
    match = pages.stored_match(services, fresh)
    challenge = challenges.open_challenge(
        ticket, id=fresh, opener=asking.opener, now=now, opening=opening, match=match, request=request
    )
    outdated = [other for other in live if supersedes(ticket, other.ticket)]
    # Those that wait for other people are limited as requests are (semantics §7).
    counted = [other for other in live if other not in outdated and not other.waiting]
    if not challenge.waiting and len(counted) >= MAX_LIVE:
        soonest = min(other.expires_at for other in counted)
        raise TooManyChallengesError(max(1, ceil((soonest - now).total_seconds())))
    transaction.add_challenge(challenge)
    ended += end_challenges(transaction, outdated, ChallengeState.SUPERSEDED, by=by, at=now)
    transaction.append_audit(audit.challenge_entry(Event.CHALLENGE_OPENED, challenge, by=by, at=now))
    return challenge
