"""The challenge token as a JWT: minted at a refusal without a write, read back where it is used (semantics §6)."""

from __future__ import annotations

from datetime import datetime

from stairgate.model.challenges import Ticket
from stairgate.model.decisions import Question, StepUpRequired
from stairgate.model.errors import InvalidChallengeTokenError
from stairgate.model.ids import ClientId
from stairgate.service.context import Services
from stairgate.stepup.tickets import TICKET_TYP, claims_of, ticket_for, ticket_of

TICKET_ID_BITS = 160


def mint(
    services: Services,
    outcome: StepUpRequired,
    question: Question,
    *,
    client: ClientId | None,
    revision: int,
    now: datetime,
    token_expires_at: datetime | None,
) -> tuple[str, Ticket]:
    """The challenge token for *outcome*, which a challenge can answer, and what it says. Writes nothing."""
    ticket = ticket_for(
        outcome,
        question,
        id=services.entropy.token(bits=TICKET_ID_BITS),
        account=services.account,
        client=client,
        revision=revision,
        now=now,
        token_expires_at=token_expires_at,
    )
    claims = claims_of(ticket, issuer=services.rules.public_origins[0], audience=services.account)
    return services.signer.sign(claims, typ=TICKET_TYP), ticket


def read_ticket(services: Services, token: str, *, allow_expired: bool = False) -> Ticket:
    """
    What the challenge token *token* says.

    Args:
        services: The application's.
        token: The JWT.
        allow_expired: Its `exp` limits opening only: results are reported later, too.

    Raises:
        InvalidChallengeTokenError: It is malformed, forged, of another account, or past its `exp`.
    """
    ticket = ticket_of(
        services.signer.verify(token, typ=TICKET_TYP),
        expected_issuers=services.rules.public_origins,
        expected_audience=services.account,
        now=services.clock.now(),
        allow_expired=allow_expired,
    )
    if ticket.account != services.account:
        raise InvalidChallengeTokenError
    return ticket
