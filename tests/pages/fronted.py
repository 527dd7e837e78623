"""A bank behind what ends TLS, as it is run: people reach it by https, it listens on plain http itself."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.pages.bank import Bank

from stairgate.model.protection import Method
from stairgate.ports.clock import Clock
from stairgate.ports.delivery import Sender

HOST = "step.example"  # no address that browsers trust without TLS, as they do `localhost`


class FrontedBank(Bank):
    """`url` is its https address, `plain` the http address behind it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._tls = server_context(folder)
        self._front = socket.create_server(("127.0.0.1", 0))
        self._open: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self.plain = f"http://{HOST}:{self.port}"
        self.url = f"https://{HOST}:{self._front.getsockname()[1]}"

    @asynccontextmanager
    async def post(self, clock: Clock) -> AsyncIterator[Mapping[Method, Sender] | None]:
        del clock
        front = await asyncio.start_server(self._connected, sock=self._front, ssl=self._tls)
        try:
            yield None
        finally:
            front.close()
            connections = dict(self._open)
            for connection, writer in connections.items():
                connection.cancel()
                writer.transport.abort()  # nobody is left to take leave of, as TLS would
            await asyncio.gather(*connections, return_exceptions=True)
            await asyncio.sleep(0.01)  # until the sockets are closed

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, answers = None, None
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            answers, behind = await asyncio.open_connection("127.0.0.1", self.port)
            both = (asyncio.ensure_future(copy(reader, behind)), asyncio.ensure_future(copy(answers, writer)))
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            del self._open[task]
            for side in (writer, behind):
                if side is not None:
                    side.close()


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()


def server_context(folder: Path) -> ssl.SSLContext:
    """A certificate for `HOST` that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "front.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
