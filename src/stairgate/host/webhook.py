"""Messages by a signed webhook, for the operator to deliver: the Standard Webhooks format (version 1)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Self
from urllib.parse import urlsplit

import httpx2

from stairgate.model.errors import DeliveryFailedError, InvalidInputError
from stairgate.model.messages import Message
from stairgate.ports.clock import Clock

SECRET_PREFIX = "whsec_"  # noqa: S105  # a prefix, not a secret
LEAST_SECRET, MOST_SECRET = 24, 64  # bytes, as the format asks
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SECONDS = 5.0  # for one try
TRIES = 3
FIRST_PAUSE = 0.2  # seconds, doubled each time
_AGAIN = frozenset({408, 425, 429})  # answers after which another try may do better, beside those from 500 on
_SERVER_ERROR = 500


def webhook_secret_of(text: str, *, setting: str) -> bytes:
    """
    The key that *text* says: `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        InvalidInputError: It is none; *setting* is the field.
    """
    try:
        key = b64decode(text.removeprefix(SECRET_PREFIX), validate=True) if text.startswith(SECRET_PREFIX) else b""
    except (Base64Error, ValueError):
        key = b""
    if not LEAST_SECRET <= len(key) <= MOST_SECRET:
        problem = f"must be `{SECRET_PREFIX}` and base64 of {LEAST_SECRET} to {MOST_SECRET} bytes"
        raise InvalidInputError(setting, problem)
    return key


def webhook_url_of(text: str, *, setting: str) -> str:
    """
    The receiver's address: HTTPS, or plain HTTP on this machine's own loopback.

    Raises:
        InvalidInputError: It is none; *setting* is the field.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)):
        raise InvalidInputError(setting, "must begin with https:// and name a host")
    return text


def signature(key: bytes, id: str, timestamp: int, body: bytes) -> str:  # noqa: A002  # what the format calls it
    """The `webhook-signature` of one try: HMAC-SHA256 over id, timestamp and body."""
    mac = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{b64encode(mac).decode()}"


class WebhookMessenger:
    """
    Fulfils `ports.delivery.Sender` for whatever the receiver delivers by.

    No redirect is followed: only the address that the operator named is reached (attack 23). Every try carries the same
    `webhook-id`, so that the receiver can tell a repeat.

    Args:
        url: Of the receiver.
        key: What its requests are signed with.
        clock: For `webhook-timestamp`.
        transport: Another way to the network, for tests.
        pause: Seconds before the second try.
    """

    def __init__(
        self,
        url: str,
        key: bytes,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
        pause: float = FIRST_PAUSE,
    ) -> None:
        self._url = url
        self._key = key
        self._clock = clock
        self._pause = pause
        self._client = httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=SECONDS)

    async def aclose(self) -> None:
        """Let go of all connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def send(self, message: Message) -> None:
        """
        Post *message*, again where it may help.

        Raises:
            DeliveryFailedError: No try was answered with a 2xx.
        """
        body = json.dumps(
            {
                "channel": message.channel.value,
                "recipient": message.recipient,
                "text": message.text,
                "locale": message.locale,
                "purpose": message.purpose.value,
            },
            ensure_ascii=False,
        ).encode()
        uncertain = False
        for number in range(TRIES):
            if number:
                await asyncio.sleep(self._pause * 2 ** (number - 1))
            try:
                response = await self._client.post(self._url, content=body, headers=self._headers(message.id, body))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
            except (httpx2.HTTPError, OSError):
                uncertain = True  # it may have been read before the silence
                continue
            if response.is_success:
                return
            if response.status_code not in _AGAIN and response.status_code < _SERVER_ERROR:
                break
            uncertain = uncertain or response.status_code >= _SERVER_ERROR
        raise DeliveryFailedError(uncertain=uncertain)

    def _headers(self, id: str, body: bytes) -> dict[str, str]:  # noqa: A002  # what the format calls it
        timestamp = int(self._clock.now().timestamp())
        return {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, id, timestamp, body),
        }
