"""Email over SMTP (RFC 5321), encrypted unless the operator says otherwise or the server is this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from ssl import SSLContext
from urllib.parse import parse_qsl, unquote, urlsplit

import aiosmtplib

from stairgate.model.errors import DeliveryFailedError, InvalidInputError
from stairgate.model.messages import Message
from stairgate.ports.clock import Clock

SECONDS = 10.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """
    Where mail is handed in. *tls* is from the first byte, *start_tls* after a greeting; neither: not encrypted.

    SECURITY: the password is in no repr.
    """

    host: str
    port: int
    tls: bool
    start_tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def mail_server_of(url: str, *, setting: str) -> MailServer:
    """
    The server that *url* names: `smtps://user:password@host:465`, or `smtp://host:587`, which uses STARTTLS.

    `smtp://…?starttls=never` is not encrypted, and so is a server on this machine's own loopback.

    Raises:
        InvalidInputError: It names none; *setting* is the field.
    """
    problem = "must be smtps://user:password@host:465 or smtp://user:password@host:587"
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise InvalidInputError(setting, problem) from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    choice = options.pop("starttls", "required")
    if not parts.hostname or parts.path not in {"", "/"} or options or choice not in {"required", "never"}:
        raise InvalidInputError(setting, problem)
    tls = parts.scheme == "smtps"
    plain = choice == "never" or parts.hostname in LOOPBACK
    return MailServer(
        host=parts.hostname,
        port=port,
        tls=tls,
        start_tls=not tls and not plain,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def sender_of(text: str, *, setting: str) -> str:
    """
    Whom mail is from.

    Raises:
        InvalidInputError: It is no address; *setting* is the field.
    """
    _, address = parseaddr(text)
    if not text.isprintable() or "@" not in address or address.startswith("@") or address.endswith("@"):
        raise InvalidInputError(setting, "must be an address such as `The bank <security@bank.example>`")
    return text


class SmtpMailer:
    """
    Fulfils `ports.delivery.Sender` for email.

    Args:
        server: Where mail is handed in.
        sender: Whom it is from: `security@bank.example`, or `The bank <security@bank.example>`.
        clock: For the `Date` field.
        seconds: How long one delivery may take.
        context: Another way to trust certificates, for tests.
    """

    def __init__(
        self,
        server: MailServer,
        sender: str,
        *,
        clock: Clock,
        seconds: float = SECONDS,
        context: SSLContext | None = None,
    ) -> None:
        self._server = server
        self._name, self._address = parseaddr(sender)
        self._clock = clock
        self._seconds = seconds
        self._context = context

    async def send(self, message: Message) -> None:
        """
        Hand *message* in.

        Raises:
            DeliveryFailedError: The server cannot be reached, or does not take it.
        """
        server = self._server
        try:
            await aiosmtplib.send(
                self._letter(message),
                sender=self._address,
                recipients=[message.recipient],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls,
                start_tls=server.start_tls,
                tls_context=self._context,
                timeout=self._seconds,
            )
        except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPRecipientsRefused):
            raise DeliveryFailedError(uncertain=False, address_refused=True) from None
        except (aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPServerDisconnected) as error:
            # It may have been taken just before the silence; a connection that never stood took nothing.
            never = isinstance(error, aiosmtplib.SMTPConnectTimeoutError)
            raise DeliveryFailedError(uncertain=not never) from None
        except (aiosmtplib.SMTPException, OSError):
            raise DeliveryFailedError(uncertain=False) from None

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = formataddr((self._name, self._address))
        letter["To"] = message.recipient
        letter["Subject"] = message.subject
        letter["Date"] = format_datetime(self._clock.now())
        letter["Message-ID"] = f"<{message.id}@{self._address.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        letter["Content-Language"] = message.locale
        letter.set_content(message.text)
        return letter
