"""Evidence of consent, verified again from public data alone: no key, no database (semantics §7.3, WA-7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stairgate.factors import passkey
from stairgate.model.canonical import JsonValue, read_json
from stairgate.model.errors import ProofRefusedError
from stairgate.model.passkeys import SignedConsent
from stairgate.stepup.consent import webauthn_challenge


@dataclass(frozen=True, slots=True)
class VerifiedConsent:
    """What was agreed to, and where it was signed. Whether the public key is the user's, the record cannot say."""

    document: Mapping[str, JsonValue]
    origin: str
    rp_id: str


def verify_evidence(signed: SignedConsent) -> VerifiedConsent:
    """
    What a passkey signed, if the record holds.

    Raises:
        ProofRefusedError: A part of it was changed, or it never held.
    """
    try:
        challenge = webauthn_challenge(signed.nonce, signed.document)
    except ValueError:
        raise ProofRefusedError from None
    origin = passkey.verify_again(signed, challenge=challenge)
    document = read_json(signed.document, field="document")
    if not isinstance(document, Mapping):
        raise ProofRefusedError
    return VerifiedConsent(document, origin, signed.rp_id)
