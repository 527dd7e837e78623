"""A ticket, a challenge and evidence to test with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stairgate.model.actions import parse_action
from stairgate.model.challenges import Challenge, Ticket
from stairgate.model.elevations import Area
from stairgate.model.evidence import Evidence
from stairgate.model.ids import AccountId, ChallengeId, ElevationId, FactorId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.stepup.challenges import open_challenge

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RESOURCE, ACTION = parse_resource("accounts/1"), parse_action("Pay")
PROOF = Evidence(Method.TOTP, Level.STRONG, user_verified=False, proven_at=NOW, factor=FactorId("f"), counter=1)
ELEVATION = ElevationId("el_1")


def ticket(**changes: Any) -> Ticket:
    members: dict[str, Any] = {
        "id": "jti",
        "account": AccountId("acc"),
        "user": UserId("user"),
        "token": TokenKey("issuer", "digest"),
        "client": None,
        "resource": RESOURCE,
        "action": ACTION,
        "area": Area(parse_resource("accounts"), parse_action("*")),
        "requirement": Requirement(),
        "revision": 1,
        "issued_at": NOW,
        "expires_at": NOW + 600 * SECOND,
        "token_expires_at": NOW + 86_400 * SECOND,
    }
    return Ticket(**{**members, **changes})


def challenge(**changes: Any) -> Challenge:
    return open_challenge(ticket(**changes), id=ChallengeId("ch"), opener=None, now=NOW)
