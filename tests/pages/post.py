"""A bank whose messages go out: mail to a real SMTP server, text messages to a receiver of signed webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.delivery.test_mail import SENDER, Mailbox, serving
from tests.delivery.test_webhook import KEY, Receiver, receiving
from tests.pages.bank import Bank

from stairgate.host.mail import SmtpMailer, mail_server_of
from stairgate.model.protection import Method
from stairgate.ports.clock import Clock
from stairgate.ports.delivery import Sender

_CODE = re.compile(r"(?<![0-9])[0-9]{8}(?![0-9])")


class PostBank(Bank):
    """What arrives is in `mailbox` and `phone`."""

    phone: Receiver

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mailbox = Mailbox()

    @asynccontextmanager
    async def post(self, clock: Clock) -> AsyncIterator[Mapping[Method, Sender] | None]:
        async with serving(self.mailbox) as port, receiving(204) as (self.phone, messenger):
            server = mail_server_of(f"smtp://127.0.0.1:{port}?starttls=never", setting="SMTP_URL")
            yield {Method.EMAIL: SmtpMailer(server, SENDER, clock=clock), Method.SMS: messenger}

    def mailed(self) -> str:
        """The newest letter."""
        return str(self.mailbox.letters[-1].get_content())

    def texted(self) -> str:
        """The newest text message, whose signature is right."""
        _, headers, body = self.phone.requests[-1]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        return str(json.loads(body)["text"])


def code_in(message: str) -> str:
    (code,) = _CODE.findall(message)
    return str(code)
