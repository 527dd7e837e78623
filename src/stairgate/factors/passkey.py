"""
Passkeys: registration and assertion, pure (WebAuthn Level 3 §7.1, §7.2; semantics §4 `level`, §7.3; WA-1..7).

User verification is always required. Without attestation, which is not asked for, the level `hardware` rests on what
the authenticator says of itself: that the credential is not backup eligible.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography, parse_authenticator_data
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    CredentialDeviceType,
    RegistrationCredential,
)

from stairgate.factors.ceremony import CREATE, GET, frames_in, origin_in, part, require_client_data, response_of
from stairgate.model.canonical import JsonValue, base64url, canonical_json
from stairgate.model.errors import ProofRefusedError, SignCounterError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import FactorId
from stairgate.model.passkeys import Passkey, RelyingParty, SignedConsent
from stairgate.model.protection import LEVELS, Level, Method

# What is accepted, most wanted first (WebAuthn Level 3 §5.4.5).
ALGORITHMS = (
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
LEAST_RSA_BITS = 2048
MAX_CREDENTIAL_ID = 1023  # bytes (WebAuthn Level 3 §7.1 step 26)
TIMEOUT_SECONDS = 300
FLAGS_AT, BACKUP_ELIGIBLE = 32, 0x08  # in authenticator data (WebAuthn Level 3 §6.1)
KNOWN_TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})


@dataclass(frozen=True, slots=True)
class Registered:
    """A credential that was made just now, and its sign counter."""

    passkey: Passkey
    sign_count: int


@dataclass(frozen=True, slots=True)
class Asserted:
    """What an assertion proved, and what was signed."""

    evidence: Evidence
    passkey: Passkey  # with its backup state as it is now
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def level_of(*, backup_eligible: bool) -> Level:
    """What a passkey can prove: `hardware` only where it says that it never leaves its device (NIST-6)."""
    return Level.PHISHING_RESISTANT if backup_eligible else Level.HARDWARE


def credential_id_of(credential: Mapping[str, object]) -> bytes:
    """Which credential an answer is from. Raises `ProofRefusedError` where that cannot be read."""
    return response_of(credential)[0]


def register(
    credential: Mapping[str, object], *, challenge: bytes, party: RelyingParty, user_handle: bytes, most: Level
) -> Registered:
    """
    The credential that a registration made.

    Args:
        credential: `RegistrationResponseJSON`, as the browser gave it.
        challenge: What this ceremony was started with.
        party: Who asked.
        user_handle: What the options called the user.
        most: The level that whoever allowed this may give; a stronger credential counts as that.

    Raises:
        ProofRefusedError: Anything about it is not as the specification demands.
    """
    raw_id, response = response_of(credential)
    client_data, attestation = part(response, "clientDataJSON"), part(response, "attestationObject")
    require_client_data(client_data, kind=CREATE, challenge=challenge, party=party)
    try:
        verified = verify_registration_response(
            credential=RegistrationCredential(
                id=base64url(raw_id),
                raw_id=raw_id,
                response=AuthenticatorAttestationResponse(client_data_json=client_data, attestation_object=attestation),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
            supported_pub_key_algs=list(ALGORITHMS),
        )
        _require_sound_key(verified.credential_public_key)
    except ProofRefusedError:
        raise
    except Exception:  # noqa: BLE001  # whatever hostile bytes raise in a parser, they prove nothing
        raise ProofRefusedError from None
    if verified.credential_id != raw_id or len(raw_id) > MAX_CREDENTIAL_ID:
        raise ProofRefusedError
    eligible = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    passkey = Passkey(
        credential_id=raw_id,
        public_key=verified.credential_public_key,
        user_handle=user_handle,
        backup_eligible=eligible,
        backed_up=verified.credential_backed_up,
        level=min(level_of(backup_eligible=eligible), most),
        aaguid=verified.aaguid,
        transports=_transports(response),
    )
    return Registered(passkey, verified.sign_count)


def verify(
    credential: Mapping[str, object],
    passkey: Passkey,
    *,
    challenge: bytes,
    party: RelyingParty,
    sign_count: int,
    factor: FactorId,
    now: datetime,
) -> Asserted:
    """
    The evidence that an assertion is, once its sign counter is stored.

    Args:
        credential: `AuthenticationResponseJSON`, as the browser gave it.
        passkey: The credential that it must be from.
        challenge: What this ceremony was started with.
        party: Who asked.
        sign_count: The counter that was last seen.
        factor: Which factor *passkey* is.
        now: The server's time.

    Raises:
        SignCounterError: All else holds, but the counter did not go up: the credential may have been cloned (WA-6).
        ProofRefusedError: Anything else is not as the specification demands.
    """
    raw_id, response = response_of(credential)
    client_data = part(response, "clientDataJSON")
    authenticator_data, signature = part(response, "authenticatorData"), part(response, "signature")
    handle = part(response, "userHandle", required=False)
    if raw_id != passkey.credential_id or (handle and handle != passkey.user_handle):
        raise ProofRefusedError
    require_client_data(client_data, kind=GET, challenge=challenge, party=party)
    try:
        parsed = parse_authenticator_data(authenticator_data)
        verified = verify_authentication_response(
            credential=AuthenticationCredential(
                id=base64url(raw_id),
                raw_id=raw_id,
                response=AuthenticatorAssertionResponse(
                    client_data_json=client_data, authenticator_data=authenticator_data, signature=signature
                ),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # looked at below, so that a clone can be told from a forgery
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  # whatever hostile bytes raise in a parser, they prove nothing
        raise ProofRefusedError from None
    if parsed.flags.be is not passkey.backup_eligible or parsed.flags.at:
        raise ProofRefusedError
    count = verified.new_sign_count
    if (count or sign_count > 0) and count <= sign_count:
        raise SignCounterError
    evidence = Evidence(Method.PASSKEY, passkey.level, user_verified=True, proven_at=now, factor=factor, counter=count)
    current = replace(passkey, backed_up=verified.credential_backed_up)
    return Asserted(evidence, current, client_data, authenticator_data, signature)


def verify_again(signed: SignedConsent, *, challenge: bytes) -> str:
    """
    Verify what was signed once more, from the record alone (WA-7).

    Whether the origin is one that was trusted is for whoever reads the record to say.

    Args:
        signed: The record.
        challenge: What its document and nonce amount to.

    Returns:
        The origin on which it was signed.

    Raises:
        ProofRefusedError: The record does not hold.
    """
    origin = origin_in(signed.client_data)
    flags = signed.authenticator_data[FLAGS_AT : FLAGS_AT + 1]
    passkey = Passkey(
        credential_id=signed.credential_id,
        public_key=signed.public_key,
        user_handle=b"",
        backup_eligible=bool(flags and flags[0] & BACKUP_ELIGIBLE),
        backed_up=False,
        level=Level.PHISHING_RESISTANT,
    )
    credential: dict[str, object] = {
        "id": base64url(signed.credential_id),
        "rawId": base64url(signed.credential_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": base64url(signed.client_data),
            "authenticatorData": base64url(signed.authenticator_data),
            "signature": base64url(signed.signature),
        },
    }
    frames = frames_in(signed.client_data)
    party = RelyingParty(signed.rp_id, signed.rp_id, (origin,), frames)
    verify(
        credential,
        passkey,
        challenge=challenge,
        party=party,
        sign_count=0,
        factor=FactorId(""),
        now=datetime.fromtimestamp(0, UTC),
    )
    return origin


def _require_sound_key(public_key: bytes) -> None:
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise ProofRefusedError


def _transports(response: Mapping[str, object]) -> tuple[str, ...]:
    """What the browser says of how the authenticator is reached: hints for the next ceremony, no evidence."""
    said = response.get("transports")
    if not isinstance(said, list | tuple):
        return ()
    return tuple(sorted({value for value in said if isinstance(value, str)} & KNOWN_TRANSPORTS))


def creation_options(
    party: RelyingParty, *, challenge: bytes, user_handle: bytes, user: str, known: tuple[Passkey, ...]
) -> dict[str, JsonValue]:
    """`PublicKeyCredentialCreationOptionsJSON`: no attestation, user verification required, no credential twice."""
    return {
        "rp": {"id": party.id, "name": party.name},
        "user": {"id": base64url(user_handle), "name": user, "displayName": user},
        "challenge": base64url(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": int(algorithm)} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT_SECONDS * 1000,
        "excludeCredentials": [_descriptor(passkey) for passkey in known],
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request_options(
    party: RelyingParty, *, challenge: bytes, allowed: tuple[Passkey, ...], seconds: int = TIMEOUT_SECONDS
) -> dict[str, JsonValue]:
    """`PublicKeyCredentialRequestOptionsJSON` for one of the *allowed* credentials, user verification required."""
    return {
        "challenge": base64url(challenge),
        "timeout": seconds * 1000,
        "rpId": party.id,
        "allowCredentials": [_descriptor(passkey) for passkey in allowed],
        "userVerification": "required",
    }


def _descriptor(passkey: Passkey) -> dict[str, JsonValue]:
    return {"type": "public-key", "id": base64url(passkey.credential_id), "transports": list(passkey.transports)}


def passkey_text(passkey: Passkey) -> str:
    """*passkey* as the text that a factor keeps."""
    return canonical_json(
        {
            "credentialId": base64url(passkey.credential_id),
            "publicKey": base64url(passkey.public_key),
            "userHandle": base64url(passkey.user_handle),
            "backupEligible": passkey.backup_eligible,
            "backedUp": passkey.backed_up,
            "level": passkey.level.wire,
            "aaguid": passkey.aaguid,
            "transports": list(passkey.transports),
        }
    )


def passkey_of(text: str) -> Passkey:
    """What `passkey_text` wrote."""
    value: dict[str, Any] = json.loads(text)
    return Passkey(
        credential_id=_bytes(value["credentialId"]),
        public_key=_bytes(value["publicKey"]),
        user_handle=_bytes(value["userHandle"]),
        backup_eligible=value["backupEligible"],
        backed_up=value["backedUp"],
        level=LEVELS[value["level"]],
        aaguid=value["aaguid"],
        transports=tuple(value["transports"]),
    )


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
