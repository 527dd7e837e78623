"""
Secrets at rest: sealed with AES-256-GCM, and keyed digests with HMAC-SHA-256 (design §4).

The first key of the ring seals, all open. Every key is used only through keys derived from it, one for each kind of
use, so nothing that one use gives away helps with another.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stairgate.model.canonical import base64url
from stairgate.model.errors import UnavailableError

KEY_BYTES = 32
NONCE_BYTES = 12  # random ones are safe for 2^32 sealings a key; seeds and signing keys are far fewer
KEY_ID_BYTES = 6
SEAL_MARKER = b"SG1"
DIGEST_MARKER = "d1"


@dataclass(frozen=True, slots=True)
class _Key:
    id: bytes
    sealing: AESGCM = field(repr=False)
    digesting: bytes = field(repr=False)


def _derived(key: bytes, use: str) -> bytes:
    return hmac.digest(key, f"stairgate {use}".encode(), hashlib.sha256)


def _key_of(key: bytes) -> _Key:
    if len(key) != KEY_BYTES:
        raise UnavailableError(f"a secret key must be {KEY_BYTES} bytes; `stairgate init` makes one")
    return _Key(_derived(key, "id")[:KEY_ID_BYTES], AESGCM(_derived(key, "seal")), _derived(key, "digest"))


class SealingKeyRing:
    """
    Fulfils `ports.keys.KeyRing`.

    A sealed value is marker, key id, nonce, ciphertext; marker, key id and purpose are authenticated with it.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise UnavailableError("there is no secret key: set STAIRGATE_SECRET_KEYS, or run `stairgate init`")
        self._keys = {key.id: key for key in map(_key_of, keys)}
        self._first = _key_of(keys[0])

    def __repr__(self) -> str:
        return f"SealingKeyRing({len(self._keys)} keys)"

    def seal(self, secret: bytes, *, purpose: str) -> bytes:
        """*secret*, sealed by the first key for *purpose*."""
        head = SEAL_MARKER + self._first.id
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + self._first.sealing.encrypt(nonce, secret, head + purpose.encode())

    def unseal(self, sealed: bytes, *, purpose: str) -> bytes:
        """
        What was sealed for *purpose*.

        Raises:
            UnavailableError: It was sealed by a key that is not in the ring, or is not what was sealed.
        """
        start = len(SEAL_MARKER)
        body = start + KEY_ID_BYTES
        head = sealed[:body]
        if sealed[:start] != SEAL_MARKER or len(sealed) <= body + NONCE_BYTES:
            raise UnavailableError(f"a stored secret ({purpose}) is damaged: restore it from a backup")
        key = self._keys.get(sealed[start:body])
        if key is None:
            raise UnavailableError(
                f"a stored secret ({purpose}) was sealed with a key that is not here:"
                " add that key to STAIRGATE_SECRET_KEYS or the key file"
            )
        nonce, ciphertext = sealed[body : body + NONCE_BYTES], sealed[body + NONCE_BYTES :]
        try:
            return key.sealing.decrypt(nonce, ciphertext, head + purpose.encode())
        except InvalidTag:
            raise UnavailableError(f"a stored secret ({purpose}) is damaged: restore it from a backup") from None

    def sealed_by_first(self, sealed: bytes) -> bool:
        """Whether *sealed* needs no new sealing after the ring was rotated."""
        return sealed.startswith(SEAL_MARKER + self._first.id)

    def digest(self, data: str, *, purpose: str) -> str:
        """The keyed hash of *data* for *purpose* under the first key: marker, key id, hash."""
        return self._digest(self._first, data, purpose)

    def matches(self, data: str, digest: str, *, purpose: str) -> bool:
        """Whether *digest* is the keyed hash of *data* for *purpose*, under the key of the ring that it names."""
        key = self._first
        parts = digest.split(".")
        if len(parts) == 3:  # noqa: PLR2004  # marker, key id, hash
            try:
                key = self._keys.get(urlsafe_b64decode(parts[1]), self._first)
            except ValueError:  # not ours: compared under the first key, it does not match
                key = self._first
        expected = self._digest(key, data, purpose)
        return hmac.compare_digest(expected.encode(), digest.encode("utf-8", "replace"))

    @staticmethod
    def _digest(key: _Key, data: str, purpose: str) -> str:
        purpose_key = hmac.digest(key.digesting, purpose.encode(), hashlib.sha256)
        mac = hmac.digest(purpose_key, data.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{DIGEST_MARKER}.{base64url(key.id)}.{base64url(mac)}"
