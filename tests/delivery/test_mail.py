"""Email over a real SMTP server: what arrives, what is encrypted, what each failure becomes."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stairgate.host.mail import MailServer, SmtpMailer, mail_server_of, sender_of
from stairgate.model.errors import DeliveryFailedError, InvalidInputError
from stairgate.model.messages import Message, Purpose
from stairgate.model.protection import Method
from stairgate.testing.clock import FakeClock

# aiosmtpd leaves what a client broke off to the garbage collector, which complains.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

MESSAGE = Message(
    id="m-1",
    channel=Method.EMAIL,
    recipient="ann@example.org",
    subject="The bank: bestätigen",
    text="Ihr Code lautet 12345678 – „nur hier“.",
    locale="de",
    purpose=Purpose.CHALLENGE_CODE,
)
SENDER = "The bank <security@bank.example>"


class Mailbox:
    """What a server was handed."""

    def __init__(self, answer: str = "250 OK", rcpt: str = "250 OK") -> None:
        self.letters: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.encrypted: list[bool] = []
        self.answer, self.rcpt = answer, rcpt

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos), session.auth_data))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return self.answer


@asynccontextmanager
async def serving(mailbox: Mailbox, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """The port of a server; with *tls* encrypted from the first byte."""
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def protocol() -> SMTP:
        made.append(SMTP(mailbox, loop=loop, **options))
        return made[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for each in made:
            for transport in (each.transport, each._original_transport):
                if isinstance(transport, asyncio.Transport):
                    transport.abort()
        tasks = [each._handler_coroutine for each in made if each._handler_coroutine is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writers = [each._writer for each in made]
        for writer in writers:
            writer.close()
        await asyncio.sleep(0)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def mailer(port: int, **members: Any) -> SmtpMailer:
    server = MailServer("localhost", port, tls=members.pop("tls", False), start_tls=members.pop("start_tls", False))
    return SmtpMailer(server, SENDER, clock=FakeClock(), seconds=5, **members)


async def test_a_letter_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    async with serving(mailbox) as port:
        await mailer(port).send(MESSAGE)
    (letter,) = mailbox.letters
    assert letter["From"] == SENDER
    assert letter["To"] == "ann@example.org"
    assert letter["Subject"] == "The bank: bestätigen"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Message-ID"] == "<m-1@bank.example>"
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content().strip() == MESSAGE.text
    assert mailbox.envelopes[0][:2] == ("security@bank.example", ["ann@example.org"])


@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "starttls"])
async def test_mail_is_encrypted_before_anything_is_said(
    mailbox: Mailbox, certificate: tuple[ssl.SSLContext, ssl.SSLContext], implicit: bool
) -> None:
    server, trusting = certificate
    options: dict[str, Any] = {"tls": server} if implicit else {"tls_context": server, "require_starttls": True}
    async with serving(mailbox, **options) as port:
        await mailer(port, tls=implicit, start_tls=not implicit, context=trusting).send(MESSAGE)
    assert mailbox.encrypted == [True]


async def test_a_server_that_nobody_vouches_for_is_told_nothing(
    mailbox: Mailbox, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with serving(mailbox, tls_context=certificate[0]) as port:
        with pytest.raises(DeliveryFailedError):
            await mailer(port, start_tls=True).send(MESSAGE)
    assert mailbox.letters == []


async def test_a_server_without_starttls_is_told_nothing(mailbox: Mailbox) -> None:
    """A stripped offer of encryption must not become plain text."""
    async with serving(mailbox) as port:
        with pytest.raises(DeliveryFailedError) as failed:
            await mailer(port, start_tls=True).send(MESSAGE)
    assert not failed.value.uncertain
    assert mailbox.letters == []


async def test_user_and_password_are_used_where_they_are_given(
    mailbox: Mailbox, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    def check(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"mail", b"s3cret")
        return AuthResult(success=good)

    server, trusting = certificate
    async with serving(mailbox, tls_context=server, authenticator=check, auth_required=True) as port:
        right = MailServer("localhost", port, tls=False, start_tls=True, user="mail", password="s3cret")
        assert "s3cret" not in repr(right)
        await SmtpMailer(right, SENDER, clock=FakeClock(), context=trusting).send(MESSAGE)
        wrong = MailServer("localhost", port, tls=False, start_tls=True, user="mail", password="other")
        with pytest.raises(DeliveryFailedError):
            await SmtpMailer(wrong, SENDER, clock=FakeClock(), seconds=1, context=trusting).send(MESSAGE)
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize(
    ("answer", "rcpt", "address_refused"),
    [
        ("250 OK", "550 no such user", True),
        ("554 not today", "250 OK", False),
        ("451 later", "250 OK", False),
    ],
)
async def test_a_refusal_says_what_was_refused(answer: str, rcpt: str, address_refused: bool) -> None:
    async with serving(Mailbox(answer, rcpt)) as port:
        with pytest.raises(DeliveryFailedError) as failed:
            await mailer(port).send(MESSAGE)
    assert (failed.value.uncertain, failed.value.address_refused) == (False, address_refused)
    assert "12345678" not in str(failed.value)


async def test_a_server_that_is_away_took_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DeliveryFailedError) as failed:
        await mailer(port).send(MESSAGE)
    assert not failed.value.uncertain


async def test_a_server_that_falls_silent_is_given_up_and_may_have_taken_it() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 hello\r\n")
            await reader.read()
        finally:  # also where the test is over before the client's end was read
            writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = MailServer("localhost", port, tls=False, start_tls=False)
    async with server:
        with pytest.raises(DeliveryFailedError) as failed:
            await SmtpMailer(settings, SENDER, clock=FakeClock(), seconds=0.3).send(MESSAGE)
    assert failed.value.uncertain
    await asyncio.sleep(0.05)  # its end is read


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://u:p%40@mail.example", MailServer("mail.example", 465, True, False, "u", "p@")),
        ("smtp://mail.example", MailServer("mail.example", 587, False, True)),
        ("smtp://mail.example:25?starttls=never", MailServer("mail.example", 25, False, False)),
        ("smtp://localhost:1025", MailServer("localhost", 1025, False, False)),
    ],
)
def test_a_mail_server_is_encrypted_unless_it_is_said(url: str, server: MailServer) -> None:
    assert mail_server_of(url, setting="S") == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://m:x",
        "smtp://m/x",
        "smtp://m?starttls=no",
        "smtp://m?a=b",
    ],
)
def test_what_names_no_mail_server_is_refused_by_name(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        mail_server_of(url, setting="STAIRGATE_SMTP_URL")
    assert refused.value.field == "STAIRGATE_SMTP_URL"


@pytest.mark.parametrize("text", ["", "bank", "@bank.example", "a@", "a@b.example\r\nBcc: c@d.example"])
def test_a_sender_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        sender_of(text, setting="STAIRGATE_SMTP_FROM")
