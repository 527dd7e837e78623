"""
What a browser returns from a WebAuthn ceremony, read strictly (WebAuthn Level 3 §5.1, §7.1, §7.2).

The library `webauthn` verifies the cryptography. What it reads leniently is read here first: base64url in its one
form, client data without repeated members, `crossOrigin` and `topOrigin`.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from stairgate.model.canonical import base64url, read_json
from stairgate.model.errors import InvalidInputError, ProofRefusedError
from stairgate.model.passkeys import RelyingParty

MAX_PART = 16 * 1024  # bytes of any one part; an attestation object with certificates stays below
CREATE, GET = "webauthn.create", "webauthn.get"


def part(members: Mapping[str, object], name: str, *, required: bool = True) -> bytes:
    """
    The bytes that *members* carry under *name* in base64url; empty where absent and not *required*.

    Raises:
        ProofRefusedError: They are missing, too long, or not in the one canonical form.
    """
    value = members.get(name)
    if value is None and not required:
        return b""
    if not isinstance(value, str) or not value or len(value) > MAX_PART * 4 // 3:
        raise ProofRefusedError
    try:
        data = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (Base64Error, ValueError):
        raise ProofRefusedError from None
    if base64url(data) != value:
        raise ProofRefusedError
    return data


def response_of(credential: Mapping[str, object]) -> tuple[bytes, Mapping[str, object]]:
    """
    The credential id and the response of a `PublicKeyCredential` in JSON form.

    Raises:
        ProofRefusedError: It is none.
    """
    response = credential.get("response")
    if credential.get("type") != "public-key" or not isinstance(response, Mapping):
        raise ProofRefusedError
    if credential.get("id") != credential.get("rawId"):
        raise ProofRefusedError
    return part(credential, "rawId"), response


def require_client_data(data: bytes, *, kind: str, challenge: bytes, party: RelyingParty) -> None:
    """
    Let pass only client data of exactly this ceremony, on an origin of *party*, in no foreign frame.

    Where `crossOrigin` is true the embedding origin must be named and configured: a browser that does not say who
    embeds it is refused.

    Raises:
        ProofRefusedError: Anything is otherwise.
    """
    members = _members(data)
    crossing, top = members.get("crossOrigin", False), members.get("topOrigin")
    framed = crossing is not False or top is not None
    expected = (
        members.get("type") == kind
        and members.get("challenge") == base64url(challenge)
        and members.get("origin") in party.origins
        and (not framed or (crossing is True and top in party.top_origins))
    )
    if not expected:
        raise ProofRefusedError


def origin_in(data: bytes) -> str:
    """The origin that client data name. Raises `ProofRefusedError` where they name none."""
    origin = _members(data).get("origin")
    if not isinstance(origin, str):
        raise ProofRefusedError
    return origin


def frames_in(data: bytes) -> tuple[str, ...]:
    """The origins of frames around the ceremony, as client data name them."""
    top = _members(data).get("topOrigin")
    return (top,) if isinstance(top, str) else ()


def _members(data: bytes) -> Mapping[str, object]:
    try:
        members = read_json(data, field="clientDataJSON")
    except InvalidInputError:
        raise ProofRefusedError from None
    if not isinstance(members, Mapping):
        raise ProofRefusedError
    return members
