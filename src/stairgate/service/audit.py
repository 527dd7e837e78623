"""
What is recorded about a step-up, and how: one function an event, so that the facts of an event always look the same.

SECURITY: ids, digests and small words only; never a token, code, secret or challenge token (semantics §12).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from stairgate.model.approvals import quorums_document
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.canonical import JsonValue, digest_of
from stairgate.model.challenges import Challenge, Ticket
from stairgate.model.decisions import Question
from stairgate.model.documents import area_document, requirement_document
from stairgate.model.elevations import Elevation
from stairgate.model.enrolment import AccountLink
from stairgate.model.evidence import Factor
from stairgate.model.ids import ElevationId
from stairgate.model.protection import Mark, level_name
from stairgate.model.requests import AccessTemplate, Request
from stairgate.model.tokens import ClientCaller, PageHolder, Participant, UserCaller

SYSTEM = "system"
PAGE = "page"  # whoever held the page of a challenge: it is not known who


def actor(participant: Participant) -> str:
    """Who acts, as entries name them: a user or client id (no issuer yields a client's id), or `page`."""
    match participant:
        case PageHolder():
            return PAGE
        case UserCaller():
            return participant.token.user
        case ClientCaller():
            return participant.client


def ticket_facts(ticket: Ticket) -> dict[str, JsonValue]:
    """Which access of whom a challenge token is about. Bound details only as a digest: they may be personal."""
    return {
        "user": ticket.user,
        "token": str(ticket.token),
        "askedBy": ticket.client,
        "resource": str(ticket.resource),
        "action": str(ticket.action),
        "area": area_document(ticket.area),
        "level": level_name(ticket.requirement.level),
        "details": digest_of(dict(ticket.details)),
        "policyRevision": ticket.revision,
    }


def challenge_entry(
    event: Event, challenge: Challenge, *, by: str, at: datetime, facts: Mapping[str, JsonValue] | None = None
) -> AuditDraft:
    """*event* happened to *challenge*; its state is the one after it."""
    about = {**ticket_facts(challenge.ticket), "challenge": challenge.id, "state": challenge.state.value}
    return AuditDraft(event, at, by, {**about, **(facts or {})})


def elevation_entry(
    event: Event, elevation: Elevation, *, by: str, at: datetime, facts: Mapping[str, JsonValue] | None = None
) -> AuditDraft:
    """*event* happened to *elevation*, which is as it is after it."""
    about: dict[str, JsonValue] = {
        "elevation": elevation.id,
        "challenge": elevation.challenge,
        "user": elevation.user,
        "token": str(elevation.token),
        "area": area_document(elevation.area),
        "level": level_name(elevation.level),
        "method": elevation.method.value,
        "approvals": quorums_document(elevation.approvals),
        "details": digest_of(dict(elevation.details)),
        "expiresAt": elevation.expires_at.isoformat(),
        "usesLeft": elevation.uses_left,
    }
    return AuditDraft(event, at, by, {**about, **(facts or {})})


def question_facts(question: Question, revision: int) -> dict[str, JsonValue]:
    """What was asked, and from which policy it was decided."""
    return {
        "user": question.user,
        "token": None if question.token is None else str(question.token),
        "resource": str(question.resource),
        "action": str(question.action),
        "context": None if question.context is None else digest_of(question.context),
        "policyRevision": revision,
    }


def observed_entry(
    question: Question, mark: Mark, elevation: ElevationId | None, *, revision: int, by: str, at: datetime
) -> AuditDraft:
    """A mark that only observes would have refused this access (semantics §4, `enforce`)."""
    return AuditDraft(
        Event.OBSERVED,
        at,
        by,
        {
            **question_facts(question, revision),
            "mark": mark.source,
            "level": level_name(mark.requirement.level),
            "would": "step_up_required",
            "elevation": elevation,
        },
    )


def barred_entry(challenge: Challenge, *, why: str, by: str, at: datetime) -> AuditDraft:
    """The token of *challenge*, on account of it, opens and redeems nothing further, for a while or until its end."""
    ticket = challenge.ticket
    facts = {"user": ticket.user, "token": str(ticket.token), "challenge": challenge.id, "why": why}
    return AuditDraft(Event.TOKEN_BARRED, at, by, facts)


def request_entry(
    event: Event, request: Request, *, by: str, at: datetime, facts: Mapping[str, JsonValue] | None = None
) -> AuditDraft:
    """*event* happened to *request*, which is as it is after it. What is asked only as a digest, but for a step-up."""
    ticket = request.ticket
    about: dict[str, JsonValue] = {
        "request": request.id,
        "requester": request.requester,
        "version": request.version,
        "status": request.status.value,
        "approvals": quorums_document(request.quorums),
        "expiresAt": request.expires_at.isoformat(),
    }
    if isinstance(request.asked, AccessTemplate):
        about["access"] = digest_of(access_document(request.asked))
    if ticket is not None:
        about.update(ticket_facts(ticket))
    return AuditDraft(event, at, by, {**about, **(facts or {})})


def access_document(access: AccessTemplate) -> dict[str, JsonValue]:
    """What *access* gives to whom, for digests."""
    return {
        "users": list(access.users),
        "statements": [
            {
                "roles": list(statement.roles),
                "resources": [str(resource) for resource in statement.resources],
                "stepUp": None if statement.step_up is None else requirement_document(statement.step_up),
                "when": statement.when,
            }
            for statement in access.statements
        ],
    }


def factor_entry(
    event: Event, factor: Factor, *, by: str, at: datetime, facts: Mapping[str, JsonValue] | None = None
) -> AuditDraft:
    """*event* happened to *factor*."""
    about = {"factor": factor.id, "user": factor.user, "method": factor.method.value}
    return AuditDraft(event, at, by, {**about, **(facts or {})})


def link_entry(event: Event, link: AccountLink, *, by: str, at: datetime) -> AuditDraft:
    """*event* happened to *link*."""
    token = None if link.token is None else str(link.token)
    return AuditDraft(event, at, by, {"link": link.id, "user": link.user, "token": token, "enrols": link.enrols})
