"""What a person agrees to, as one document, and the WebAuthn challenge that binds a passkey to it (semantics §7.3)."""

from __future__ import annotations

import hashlib
import json

from stairgate.model.canonical import JsonValue, canonical_json
from stairgate.model.challenges import Challenge
from stairgate.model.documents import area_document
from stairgate.model.elevations import Area

CONTEXT = b"stairgate/1"
NONCE_BYTES = 32


def consent_document(challenge: Challenge, *, once: bool) -> str:
    """
    JCS of what is agreed to where *challenge* is answered with a passkey.

    Bound details stand as the values that they are. "Only this once" is chosen before the nonce is made: *once* makes
    it one use of exactly this access.
    """
    ticket = challenge.ticket
    area = Area(ticket.resource, ticket.action, exact=True) if once else ticket.area
    details: dict[str, JsonValue] = {name: json.loads(value) for name, value in ticket.details.items()}
    document: dict[str, JsonValue] = {
        "account": ticket.account,
        "challenge": challenge.id,
        "user": ticket.user,
        "tokenKey": {
            "iss": ticket.token.issuer,
            "sha256": ticket.token.digest,
            "cnf": ticket.token.confirmation,
        },
        "resource": str(ticket.resource),
        "action": str(ticket.action),
        "area": area_document(area),
        "lifetime": ticket.requirement.lifetime,
        "uses": 1 if once else ticket.requirement.uses,
        "details": details,
    }
    return canonical_json(document)


def webauthn_challenge(nonce: bytes, document: str) -> bytes:
    """
    The bytes that the passkey signs: `SHA-256("stairgate/1" ‖ nonce ‖ SHA-256(document))`.

    Raises:
        ValueError: The nonce is not 32 bytes, so that another split of the same bytes could mean something else.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    return hashlib.sha256(CONTEXT + nonce + hashlib.sha256(document.encode()).digest()).digest()
