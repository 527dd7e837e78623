"""
Challenge tokens: what the JWT says, written and read strictly (semantics §6; RFC 8725; attack 21, TX-1).

A member that is missing, unknown or contradicts another refuses the whole token: every claim is ours, so any deviation
means that somebody else wrote it. The signature and `typ` are the signer's to check.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from stairgate.model.actions import parse_action
from stairgate.model.canonical import JsonValue, canonical_json, read_json
from stairgate.model.challenges import Ticket
from stairgate.model.decisions import Question, StepUpRequired
from stairgate.model.documents import area_document, area_of, requirement_document, requirement_of
from stairgate.model.elevations import Area
from stairgate.model.errors import InvalidChallengeTokenError, InvalidInputError
from stairgate.model.ids import AccountId, ClientId, client_id, user_id
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import TokenKey

TICKET_TYP = "txn-authz-challenge+jwt"
TICKET_SECONDS = 600
MAX_DETAILS_BYTES = 2_048
CLOCK_SKEW = timedelta(seconds=60)  # between nodes; for `iat` only, `exp` is exact

_CLAIMS = frozenset(
    {
        "iss",
        "aud",
        "account",
        "sub",
        "token_key",
        "client_id",
        "resource",
        "action",
        "area",
        "lifetime",
        "uses",
        "requirement",
        "revision",
        "details",
        "token_exp",
        "jti",
        "iat",
        "exp",
    }
)


def ticket_for(
    outcome: StepUpRequired,
    question: Question,
    *,
    id: str,  # noqa: A002  # what it is called everywhere
    account: AccountId,
    client: ClientId | None,
    revision: int,
    now: datetime,
    token_expires_at: datetime | None,
) -> Ticket:
    """
    The ticket for a refusal. Whole seconds, as the JWT will carry them, rounded down.

    Args:
        outcome: The refusal; it must be one that a challenge can answer.
        question: What was asked, with the token that it was asked for.
        id: The `jti`, unpredictable.
        account: The account.
        client: The service client that asked, None where the user's own token did.
        revision: The policy revision of the decision.
        now: The server's time.
        token_expires_at: When the user token ends, None where that is not known.

    Raises:
        InvalidInputError: The bound details have over 2 KiB.
        ValueError: The refusal cannot be answered by a challenge, or names no token.
    """
    if not outcome.challengeable or question.token is None:
        raise ValueError("no challenge token can lead anywhere from this refusal")
    if len(canonical_json(dict(outcome.details)).encode()) > MAX_DETAILS_BYTES:
        raise InvalidInputError("context", f"the bound details must have at most {MAX_DETAILS_BYTES} bytes")
    issued_at = now.replace(microsecond=0)
    return Ticket(
        id=id,
        account=account,
        user=question.user,
        token=question.token,
        client=client,
        resource=question.resource,
        action=question.action,
        area=outcome.area,
        requirement=outcome.requirement,
        revision=revision,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=TICKET_SECONDS),
        details=outcome.details,
        token_expires_at=None if token_expires_at is None else token_expires_at.replace(microsecond=0),
    )


def claims_of(ticket: Ticket, *, issuer: str, audience: str) -> dict[str, JsonValue]:
    """The claims of *ticket*; members that do not apply are null, so that every token has all of them."""
    return {
        "iss": issuer,
        "aud": audience,
        "account": ticket.account,
        "sub": ticket.user,
        "token_key": {
            "iss": ticket.token.issuer,
            "sha256": ticket.token.digest,
            "cnf": ticket.token.confirmation,
        },
        "client_id": ticket.client,
        "resource": str(ticket.resource),
        "action": str(ticket.action),
        "area": area_document(ticket.area),
        "lifetime": ticket.requirement.lifetime,
        "uses": ticket.requirement.uses,
        "requirement": requirement_document(ticket.requirement),
        "revision": ticket.revision,
        "details": dict(ticket.details),
        "token_exp": None if ticket.token_expires_at is None else int(ticket.token_expires_at.timestamp()),
        "jti": ticket.id,
        "iat": int(ticket.issued_at.timestamp()),
        "exp": int(ticket.expires_at.timestamp()),
    }


def ticket_of(
    claims: Mapping[str, object],
    *,
    expected_issuers: Collection[str],
    expected_audience: str,
    now: datetime,
    allow_expired: bool = False,
) -> Ticket:
    """
    The ticket that *claims* are, of a JWT that our signer verified with `TICKET_TYP`.

    Args:
        claims: Of the verified JWT.
        expected_issuers: The names that this service signs under.
        expected_audience: Whom the token must be for.
        now: The server's time.
        allow_expired: Read one past its `exp`: it limits opening only, results are reported later, too.

    Raises:
        InvalidChallengeTokenError: Anything is not as `claims_of` writes it.
    """
    if claims.keys() != _CLAIMS:
        raise InvalidChallengeTokenError
    if _text(claims["iss"]) not in expected_issuers or _text(claims["aud"]) != expected_audience:
        raise InvalidChallengeTokenError
    try:
        ticket = _read(claims)
    except (InvalidInputError, KeyError, TypeError, ValueError):
        raise InvalidChallengeTokenError from None
    _require_consistent(claims, ticket)
    if ticket.issued_at > now + CLOCK_SKEW or (now >= ticket.expires_at and not allow_expired):
        raise InvalidChallengeTokenError
    return ticket


def _read(claims: Mapping[str, object]) -> Ticket:
    token = _object(claims["token_key"], {"iss", "sha256", "cnf"})
    confirmation, client = token["cnf"], claims["client_id"]
    token_exp = claims["token_exp"]
    details = _object(claims["details"], None)
    return Ticket(
        id=_text(claims["jti"]),
        account=AccountId(_text(claims["account"])),
        user=user_id(_text(claims["sub"])),
        token=TokenKey(
            _text(token["iss"]), _text(token["sha256"]), None if confirmation is None else _text(confirmation)
        ),
        client=None if client is None else client_id(_text(client)),
        resource=parse_resource(_text(claims["resource"])),
        action=parse_action(_text(claims["action"])),
        area=_area(claims["area"]),
        requirement=_requirement(claims["requirement"]),
        revision=_whole(claims["revision"]),
        issued_at=_time(claims["iat"]),
        expires_at=_time(claims["exp"]),
        details={name: _text(value) for name, value in details.items()},
        token_expires_at=None if token_exp is None else _time(token_exp),
    )


def _require_consistent(claims: Mapping[str, object], ticket: Ticket) -> None:
    """No token of ours says two things about one matter."""
    requirement = ticket.requirement
    details = canonical_json(dict(ticket.details))
    honest = (
        (claims["lifetime"], claims["uses"]) == (requirement.lifetime, requirement.uses)
        and ticket.area.covers(ticket.resource, ticket.action)
        and (ticket.area.exact or not requirement.exact)
        and ticket.details.keys() == requirement.bind
        and len(details.encode()) <= MAX_DETAILS_BYTES
        and ticket.expires_at - ticket.issued_at == timedelta(seconds=TICKET_SECONDS)
    )
    if not honest:
        raise InvalidChallengeTokenError
    try:
        canonical = all(canonical_json(read_json(value)) == value for value in ticket.details.values())
    except InvalidInputError:
        canonical = False
    if not canonical:
        raise InvalidChallengeTokenError


def _area(value: object) -> Area:
    members = _object(value, {"resourceUri", "action", "exact"})
    _text(members["resourceUri"]), _text(members["action"])
    if not isinstance(members["exact"], bool):
        raise TypeError
    return area_of(members)


def _requirement(value: object) -> Requirement:
    requirement = requirement_of(value)
    if requirement_document(requirement) != value:  # a member left out is not ours, either
        raise ValueError
    return requirement


def _object(value: object, names: set[str] | None) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or (names is not None and value.keys() != names):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidChallengeTokenError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _time(value: object) -> datetime:
    try:
        return datetime.fromtimestamp(_whole(value), UTC)
    except (OverflowError, OSError):
        raise ValueError from None
