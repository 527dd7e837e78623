"""Challenges and elevations as JSON text, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from stairgate.model.actions import parse_action
from stairgate.model.approvals import Quorums, quorums_document, quorums_of
from stairgate.model.challenges import (
    NOTHING_SAID,
    Ceremony,
    Challenge,
    ChallengeState,
    IssuedCode,
    IssuedReturn,
    Opening,
    Ticket,
)
from stairgate.model.documents import area_document, area_of, requirement_document, requirement_of
from stairgate.model.elevations import Area, Elevation, EndReason
from stairgate.model.evidence import Evidence
from stairgate.model.ids import AccountId, ChallengeId, ClientId, ElevationId, FactorId, UserId
from stairgate.model.passkeys import signed_consent_document, signed_consent_of
from stairgate.model.protection import Level, Method
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.storage.sql.documents import (
    maybe_micros,
    maybe_time_of,
    members,
    micros,
    read,
    reader,
    text_of,
    time_of,
    token_of,
)


def ticket_document(ticket: Ticket) -> dict[str, Any]:
    """What *ticket* says but for whom and which token."""
    return {
        "id": ticket.id,
        "account": ticket.account,
        "client": ticket.client,
        "resource": str(ticket.resource),
        "action": str(ticket.action),
        "area": area_document(ticket.area),
        "requirement": requirement_document(ticket.requirement),
        "revision": ticket.revision,
        "issuedAt": micros(ticket.issued_at),
        "expiresAt": micros(ticket.expires_at),
        "details": dict(ticket.details),
        "tokenExpiresAt": maybe_micros(ticket.token_expires_at),
    }


def challenge_text(challenge: Challenge) -> str:
    """A whole challenge with its ticket, without what has a column of its own."""
    ticket, code = challenge.ticket, challenge.code
    return text_of(
        {
            "ticket": ticket_document(ticket),
            "opener": challenge.opener,
            "expiresAt": micros(challenge.expires_at),
            "wrongAnswers": challenge.wrong_answers,
            "code": None if code is None else _code(code),
            "ceremony": None if challenge.ceremony is None else _ceremony(challenge.ceremony),
            "signed": None if challenge.signed is None else signed_consent_document(challenge.signed),
            "prompts": challenge.prompts,
            "evidence": None if challenge.evidence is None else _evidence(challenge.evidence),
            "elevation": challenge.elevation,
            "endedAt": maybe_micros(challenge.ended_at),
            "notMe": challenge.not_me,
            "approvals": quorums_document(challenge.approvals),
            "opening": _opening(challenge.opening),
            "match": challenge.match,
            "returning": None if challenge.returning is None else _returning(challenge.returning),
            "request": challenge.request,
        }
    )


class ChallengeRow(NamedTuple):
    """A row of `challenges`."""

    id: str
    user_id: str
    token: str
    state: str
    opened_at: int
    version: int
    document: str


@reader
def challenge_of(row: ChallengeRow) -> Challenge:
    """The challenge that *row* and `challenge_text` keep."""
    value = read(row.document)
    code, evidence, elevation = value["code"], value["evidence"], value["elevation"]
    ceremony, signed = value.get("ceremony"), value.get("signed")  # a version before passkeys wrote neither
    return Challenge(
        id=ChallengeId(row.id),
        ticket=ticket_of(value["ticket"], UserId(row.user_id), token_of(row.token)),
        opener=_maybe_client(value["opener"]),
        opened_at=time_of(row.opened_at),
        expires_at=time_of(value["expiresAt"]),
        state=ChallengeState(row.state),
        wrong_answers=value["wrongAnswers"],
        code=None if code is None else _code_of(code),
        prompts=value["prompts"],
        evidence=None if evidence is None else _evidence_of(evidence),
        ceremony=None if ceremony is None else _ceremony_of(ceremony),
        signed=None if signed is None else signed_consent_of(signed),
        elevation=None if elevation is None else ElevationId(elevation),
        ended_at=maybe_time_of(value["endedAt"]),
        not_me=value["notMe"],
        approvals=quorums_of(value.get("approvals")),  # absent in what was stored before there were any
        request=value.get("request"),
        version=row.version,
        opening=_opening_of(value.get("opening")),  # a version before pages wrote none of these
        match=value.get("match"),
        returning=None if (returning := value.get("returning")) is None else _returning_of(returning),
    )


def _code(code: IssuedCode) -> dict[str, Any]:
    return {
        "digest": code.digest,
        "expiresAt": micros(code.expires_at),
        "method": code.method.value,
        "factor": code.factor,
    }


def _code_of(value: Mapping[str, Any]) -> IssuedCode:
    return IssuedCode(
        digest=value["digest"],
        expires_at=time_of(value["expiresAt"]),
        method=Method(value.get("method", Method.EXTERNAL)),
        factor=_maybe_factor(value.get("factor")),
    )


def _ceremony(ceremony: Ceremony) -> dict[str, Any]:
    return {"nonce": ceremony.nonce.hex(), "once": ceremony.once, "expiresAt": micros(ceremony.expires_at)}


def _ceremony_of(value: Mapping[str, Any]) -> Ceremony:
    return Ceremony(bytes.fromhex(value["nonce"]), value["once"], time_of(value["expiresAt"]))


def _opening(opening: Opening) -> dict[str, Any]:
    return {
        "device": opening.device,
        "locale": opening.locale,
        "returnUri": opening.return_uri,
        "state": opening.state,
    }


def _opening_of(value: Mapping[str, Any] | None) -> Opening:
    if value is None:
        return NOTHING_SAID
    return Opening(value["device"], value["locale"], value["returnUri"], value["state"])


def _returning(returning: IssuedReturn) -> dict[str, Any]:
    return {
        "digest": returning.digest,
        "expiresAt": micros(returning.expires_at),
        "once": returning.once,
        "amr": returning.amr,
    }


def _returning_of(value: Mapping[str, Any]) -> IssuedReturn:
    return IssuedReturn(value["digest"], time_of(value["expiresAt"]), value["once"], tuple(value["amr"]))


def ticket_of(value: Mapping[str, Any], user: UserId, token: TokenKey) -> Ticket:
    """The ticket that `ticket_document` wrote."""
    return Ticket(
        id=value["id"],
        account=AccountId(value["account"]),
        user=user,
        token=token,
        client=_maybe_client(value["client"]),
        resource=parse_resource(value["resource"]),
        action=parse_action(value["action"]),
        area=area_of(value["area"]),
        requirement=requirement_of(value["requirement"]),
        revision=value["revision"],
        issued_at=time_of(value["issuedAt"]),
        expires_at=time_of(value["expiresAt"]),
        details=members(value["details"]),
        token_expires_at=maybe_time_of(value["tokenExpiresAt"]),
    )


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "method": evidence.method.value,
        "level": _level(evidence.level),
        "userVerified": evidence.user_verified,
        "provenAt": micros(evidence.proven_at),
        "factor": evidence.factor,
        "counter": evidence.counter,
    }


def _evidence_of(value: Mapping[str, Any]) -> Evidence:
    return Evidence(
        method=Method(value["method"]),
        level=_level_of(value["level"]),
        user_verified=value["userVerified"],
        proven_at=time_of(value["provenAt"]),
        factor=_maybe_factor(value["factor"]),
        counter=value["counter"],
    )


def _level(level: Level | None) -> int | None:
    return None if level is None else level.value


def _level_of(value: int | None) -> Level | None:
    return None if value is None else Level(value)


def _maybe_client(client: str | None) -> ClientId | None:
    return None if client is None else ClientId(client)


def _maybe_factor(factor: str | None) -> FactorId | None:
    return None if factor is None else FactorId(factor)


def elevation_text(elevation: Elevation) -> str:
    """What never changes of an elevation and has no column of its own."""
    return text_of(
        {
            "area": area_document(elevation.area),
            "level": _level(elevation.level),
            "method": elevation.method.value,
            "provenAt": micros(elevation.proven_at),
            "factor": elevation.factor,
            "uses": elevation.uses,
            "details": dict(elevation.details),
            "sameDevice": elevation.same_device,
            "approvals": quorums_document(elevation.approvals),
        }
    )


class ElevationRow(NamedTuple):
    """A row of `elevations`."""

    id: str
    user_id: str
    token: str
    challenge_id: str
    issued_at: int
    expires_at: int
    uses_left: int | None
    ended_at: int | None
    end_reason: str | None
    document: str


class _Unchanging(NamedTuple):
    """What the document of an elevation says."""

    area: Area
    level: Level | None
    method: Method
    proven_at: datetime
    factor: FactorId | None
    uses: int | None
    details: Mapping[str, str]
    same_device: bool
    approvals: Quorums


@lru_cache(maxsize=4_096)
def _unchanging_of(document: str) -> _Unchanging:
    """Remembered by its text, not by the elevation: an elevation itself is never cached (semantics §8)."""
    value = read(document)
    return _Unchanging(
        area=area_of(value["area"]),
        level=_level_of(value["level"]),
        method=Method(value["method"]),
        proven_at=time_of(value["provenAt"]),
        factor=_maybe_factor(value["factor"]),
        uses=value["uses"],
        details=members(value["details"]),
        same_device=value.get("sameDevice", False),
        approvals=quorums_of(value.get("approvals")),
    )


@reader
def elevation_of(row: ElevationRow) -> Elevation:
    """The elevation that *row* and `elevation_text` keep."""
    rest = _unchanging_of(row.document)
    return Elevation(
        id=ElevationId(row.id),
        user=UserId(row.user_id),
        token=token_of(row.token),
        area=rest.area,
        level=rest.level,
        method=rest.method,
        proven_at=rest.proven_at,
        issued_at=time_of(row.issued_at),
        expires_at=time_of(row.expires_at),
        challenge=ChallengeId(row.challenge_id),
        factor=rest.factor,
        uses=rest.uses,
        uses_left=row.uses_left,
        details=rest.details,
        same_device=rest.same_device,
        approvals=rest.approvals,
        ended_at=maybe_time_of(row.ended_at),
        end_reason=None if row.end_reason is None else EndReason(row.end_reason),
    )
