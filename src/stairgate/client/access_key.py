"""
A service client's access key: it signs the client's own bearer tokens; no token endpoint is asked.

The key is `{clientId}.{keyId}.{accountId}.{base64(PKCS#8 DER of an Ed25519 private key)}`, and the token a JWT signed
with it (EdDSA, RFC 8037), as the Authress SDKs make them.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from stairgate.client.errors import ArgumentError

LIFETIME = 86_400  # seconds that a signed token is valid
RENEW_BEFORE = 3_600  # seconds before its end at which the next one is signed
_PARTS = 4


@dataclass(slots=True)
class AccessKey:
    """
    The credentials of a service client.

    Args:
        client_id: Who calls.
        key_id: Which of the client's keys.
        account_id: The account that the client belongs to.
        url: The service's URL, without a trailing slash: the issuer's name begins with it.
        private_key: The key.
    """

    client_id: str
    key_id: str
    account_id: str
    url: str
    private_key: Ed25519PrivateKey = field(repr=False)
    _token: str = field(default="", repr=False)
    _expires_at: float = field(default=0.0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_user(self) -> bool:
        """Never: a client passes user tokens on."""
        return False

    def bearer(self, now: float) -> str:
        """A token that is valid for an hour from *now* (seconds since 1970) at least; signed anew once a day."""
        with self._lock:
            if self._expires_at - now < RENEW_BEFORE:
                self._expires_at = int(now) + LIFETIME
                self._token = self._signed(int(now))
            return self._token

    def _signed(self, now: int) -> str:
        header = {"alg": "EdDSA", "kid": self.key_id, "typ": "at+jwt"}
        claims = {
            "iss": f"{self.url}/v1/clients/{self.client_id}",
            "sub": self.client_id,
            "client_id": self.client_id,
            "aud": f"{self.account_id}.accounts.authress.io",
            "iat": now,
            "exp": now + LIFETIME,
            "scope": "openid",
        }
        unsigned = f"{_part(header)}.{_part(claims)}"
        return f"{unsigned}.{_base64url(self.private_key.sign(unsigned.encode()))}"


def parse_access_key(text: str, *, url: str) -> AccessKey:
    """
    The access key that *text* writes, for the service at *url*.

    Raises:
        ArgumentError: It is not an access key. The message holds nothing of it.
    """
    parts = text.strip().split(".", _PARTS - 1)
    if len(parts) != _PARTS or not all(parts):
        raise ArgumentError("this is no access key: it has four parts, clientId.keyId.accountId.privateKey")
    client_id, key_id, account_id, encoded_key = parts
    try:
        private_key = load_der_private_key(base64.b64decode(encoded_key, validate=True), password=None)
    except (ValueError, TypeError):
        raise ArgumentError("the private key in this access key is damaged: was all of it copied?") from None
    if not isinstance(private_key, Ed25519PrivateKey):
        raise ArgumentError("the private key in this access key is not an Ed25519 key")
    return AccessKey(client_id, key_id, account_id, url, private_key)


def _part(document: object) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
