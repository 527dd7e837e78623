"""Passkeys: the relying party, a registered credential, and signed consent that anyone can verify again (§7.3)."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass

from stairgate.model.canonical import JsonValue, base64url
from stairgate.model.errors import InvalidInputError
from stairgate.model.protection import Level


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """
    Who asks for passkeys (WebAuthn Level 3 §5.4.2).

    *origins* are those that ceremonies may run on, related ones (§5.11) included; compared exactly. *top_origins* are
    those that may embed them in a frame: none, so that a ceremony in a foreign frame is refused.
    """

    id: str
    name: str
    origins: tuple[str, ...]
    top_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passkey:
    """
    A registered credential: public data alone.

    *backup_eligible* is fixed at registration (BE), *backed_up* changes (BS). *level* is what it proves.
    """

    credential_id: bytes
    public_key: bytes  # COSE_Key
    user_handle: bytes
    backup_eligible: bool
    backed_up: bool
    level: Level
    aaguid: str = ""
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """
    What a passkey signed, and for what: enough to verify the consent again, from public data alone (WA-7).

    *document* is JCS of what was agreed to; its digest and *nonce* make the WebAuthn challenge (semantics §7.3).
    """

    document: str
    nonce: bytes
    rp_id: str
    credential_id: bytes
    public_key: bytes  # COSE_Key
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


_TEXTS = {"document": "document", "rpId": "rp_id"}
_BYTES = {
    "nonce": "nonce",
    "credentialId": "credential_id",
    "publicKey": "public_key",
    "clientDataJSON": "client_data",
    "authenticatorData": "authenticator_data",
    "signature": "signature",
}


def signed_consent_document(signed: SignedConsent) -> dict[str, JsonValue]:
    """*signed* as plain JSON values, bytes in base64url."""
    texts: dict[str, JsonValue] = {name: getattr(signed, member) for name, member in _TEXTS.items()}
    return {**texts, **{name: base64url(getattr(signed, member)) for name, member in _BYTES.items()}}


def signed_consent_of(value: object, *, field: str = "evidence") -> SignedConsent:
    """
    What `signed_consent_document` wrote.

    Raises:
        InvalidInputError: It is something else.
    """
    if not isinstance(value, Mapping) or value.keys() != _TEXTS.keys() | _BYTES.keys():
        raise InvalidInputError(field, f"must be an object of {', '.join((*_TEXTS, *_BYTES))}")
    read: dict[str, str | bytes] = {}
    for name, text in value.items():
        if not isinstance(text, str):
            raise InvalidInputError(f"{field}.{name}", "must be a string")
        read[_TEXTS.get(name) or _BYTES[name]] = text if name in _TEXTS else _decoded(text, f"{field}.{name}")
    return SignedConsent(**read)  # type: ignore[arg-type]  # each has the type that its table says


def _decoded(text: str, field: str) -> bytes:
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise InvalidInputError(field, "must be base64url") from None
    if base64url(data) != text:
        raise InvalidInputError(field, "must be base64url in its one canonical form")
    return data
