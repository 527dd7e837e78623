"""Messages by webhook, to a real receiver: the Standard Webhooks format, bounded repeats."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from stairgate.host.webhook import WebhookMessenger, webhook_secret_of, webhook_url_of
from stairgate.model.errors import DeliveryFailedError, InvalidInputError
from stairgate.model.messages import Message, Purpose
from stairgate.model.protection import Method
from stairgate.testing.clock import FakeClock

pytestmark = pytest.mark.anyio

KEY = bytes(range(32))
SECRET = "whsec_" + b64encode(KEY).decode()
MESSAGE = Message(
    "msg_1", Method.SMS, "+4915123456712", "", "code 12345678 für „Zahlung“", "de", Purpose.CHALLENGE_CODE
)


@dataclass
class Receiver:
    """An HTTP receiver that answers with each status in turn; the last one for good. 0: it hangs up instead."""

    statuses: list[int]
    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append((first, headers, body))
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
                if status == 0:
                    break
                extra = "location: http://127.0.0.1:1/\r\n" if 300 <= status < 400 else ""
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{extra}\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[tuple[Receiver, WebhookMessenger]]:
    receiver = Receiver(list(statuses))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{receiver.port}/messages"
    async with server, WebhookMessenger(url, KEY, clock=FakeClock(), pause=0) as messenger:
        yield receiver, messenger


async def test_a_message_arrives_signed_as_the_format_says() -> None:
    async with receiving(204) as (receiver, messenger):
        await messenger.send(MESSAGE)
    ((first, headers, body),) = receiver.requests
    assert first == "POST /messages HTTP/1.1"
    assert json.loads(body) == {
        "channel": "sms",
        "recipient": "+4915123456712",
        "text": MESSAGE.text,
        "locale": "de",
        "purpose": "challenge_code",
    }
    # Verified as the format's own documentation does it.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
    expected = b64encode(hmac.new(b64decode(SECRET[6:]), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-timestamp"] == str(int(FakeClock().now().timestamp()))


async def test_what_may_help_is_tried_again_under_the_same_id() -> None:
    async with receiving(503, 429, 200) as (receiver, messenger):
        await messenger.send(MESSAGE)
    assert [headers["webhook-id"] for _, headers, _ in receiver.requests] == ["msg_1"] * 3


@pytest.mark.parametrize(
    ("statuses", "tries", "uncertain"),
    [((500,), 3, True), ((400,), 1, False), ((302,), 1, False), ((429,), 3, False), ((0,), 3, True)],
)
async def test_tries_are_bounded_and_no_redirect_is_followed(
    statuses: tuple[int, ...], tries: int, uncertain: bool
) -> None:
    """Attack 23."""
    async with receiving(*statuses) as (receiver, messenger):
        with pytest.raises(DeliveryFailedError) as failed:
            await messenger.send(MESSAGE)
    assert len(receiver.requests) == tries
    assert failed.value.uncertain is uncertain
    assert "12345678" not in f"{failed.value} {failed.value.details}"


async def test_a_receiver_that_is_away_took_nothing() -> None:
    async with WebhookMessenger("http://127.0.0.1:1/", KEY, clock=FakeClock(), pause=0) as messenger:
        with pytest.raises(DeliveryFailedError) as failed:
            await messenger.send(MESSAGE)
    assert not failed.value.uncertain


def test_secrets_and_addresses_of_receivers() -> None:
    assert webhook_secret_of(SECRET, setting="S") == KEY
    assert webhook_url_of("https://sms.example/send?x=1", setting="S") == "https://sms.example/send?x=1"
    assert webhook_url_of("http://localhost:9000/", setting="S") == "http://localhost:9000/"
    for text in ("", "whsec_", "whsec_short", SECRET[6:], "whsec_!!!", "whsec_" + b64encode(bytes(65)).decode()):
        with pytest.raises(InvalidInputError):
            webhook_secret_of(text, setting="S")
    for text in ("", "sms.example", "http://sms.example/", "ftp://sms.example", "https://", "https://[::1"):
        with pytest.raises(InvalidInputError):
            webhook_url_of(text, setting="S")
