"""
The published keys of trusted issuers, fetched with care (attack 23, RFC 8725 §3.10).

Only addresses that the operator named are reached: an issuer's own origin, or its `keys_uri`. No redirect is followed,
no proxy or password is taken from the environment, and time and size are bounded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urlsplit

import httpx2

from stairgate.model.canonical import JsonValue, read_json
from stairgate.model.clients import Issuer
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.model.jwk import verifying_key
from stairgate.ports.keys import JsonWebKey

FRESH_SECONDS = 600.0  # how long a set is used without asking again
USABLE_SECONDS = 3_600.0  # how long it is used while the issuer cannot be reached
RETRY_SECONDS = 30.0  # the least time between two fetches, whatever a token names
TOTAL_SECONDS = 5.0  # for a fetch, discovery included
MAX_BYTES = 262_144
MAX_KEYS = 100
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_JWKS_PATH = "/.well-known/openid-configuration/jwks"
_DISCOVERY_PATH = "/.well-known/openid-configuration"
_OK = 200


class _NotAKeySetError(Exception):
    """The answer came, and was no JWK set."""


@dataclass(slots=True)
class _Known:
    """What is known of one issuer. Times are monotonic."""

    keys: tuple[JsonWebKey, ...] | None = None
    fetched_at: float = 0.0
    tried_at: float | None = None
    fetching: asyncio.Task[None] | None = None

    def usable(self, now: float, seconds: float) -> tuple[JsonWebKey, ...] | None:
        """The keys, if they are younger than *seconds*."""
        return self.keys if self.keys is not None and now - self.fetched_at < seconds else None


class HttpIssuerKeys:
    """
    Fulfils `ports.keys.IssuerKeys` over HTTPS; plain HTTP for this machine's own loopback only.

    Args:
        transport: Another way to the network, for tests.
        monotonic: A clock that is never set back.
        total_seconds: How long one fetch may take.
    """

    def __init__(
        self,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._client = httpx2.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            timeout=total_seconds,
            headers={"Accept": "application/json, application/jwk-set+json", "Accept-Encoding": "identity"},
        )
        self._monotonic = monotonic
        self._total_seconds = total_seconds
        self._known: dict[Issuer, _Known] = {}

    async def aclose(self) -> None:
        """End what is under way and let go of all connections."""
        fetches = [known.fetching for known in self._known.values() if known.fetching is not None]
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def find(self, issuer: Issuer, kid: str | None) -> JsonWebKey | None:
        """
        The key *kid* of *issuer*, None where it publishes none of that name.

        A token without `kid` finds the only key, where there is only one. An unknown `kid` makes us ask again, at
        most every 30 seconds, and only once however many callers wait.

        Raises:
            UnavailableError: The keys cannot be had.
        """
        # An issuer that the operator changed is another key of this table; what it was asked under before is dropped.
        known = self._known.get(issuer)
        if known is None:
            for other in [other for other in self._known if other.issuer == issuer.issuer]:
                del self._known[other]
            known = self._known[issuer] = _Known()
        fresh = known.usable(self._monotonic(), FRESH_SECONDS)
        if fresh is not None and (key := _pick(fresh, kid)) is not None:
            return key
        await self._refresh(known, issuer)
        usable = known.usable(self._monotonic(), USABLE_SECONDS)
        if usable is None:
            raise UnavailableError("the keys of the token's issuer cannot be had now")
        return _pick(usable, kid)

    async def _refresh(self, known: _Known, issuer: Issuer) -> None:
        """
        Fetch, or wait for the fetch that is under way, unless the last one was just now.

        The fetch is a task of its own: a caller who goes away must neither end it for the others nor, having used up
        the interval, leave them without keys.
        """
        now = self._monotonic()
        if known.fetching is None or known.fetching.done():
            if known.tried_at is not None and now - known.tried_at < RETRY_SECONDS:
                return
            known.tried_at = now
            known.fetching = asyncio.create_task(self._fetch_into(known, issuer, now))
        await asyncio.shield(known.fetching)

    async def _fetch_into(self, known: _Known, issuer: Issuer, now: float) -> None:
        try:
            async with asyncio.timeout(self._total_seconds):
                keys = await self._fetch(issuer)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, _NotAKeySetError):
            return  # what is known stays usable for a while; `find` says so where it is not
        known.keys, known.fetched_at = keys, now

    async def _fetch(self, issuer: Issuer) -> tuple[JsonWebKey, ...]:
        if issuer.keys_uri is not None:
            return _key_set(await self._get(issuer.keys_uri))
        _require_safe(issuer.issuer)  # before anything is joined to it: `https://` and a path would name a host
        base = issuer.issuer.removesuffix("/")
        try:
            return _key_set(await self._get(base + _JWKS_PATH))
        except _NotAKeySetError:
            return _key_set(await self._get(await self._discovered(issuer.issuer, base)))

    async def _discovered(self, name: str, base: str) -> str:
        """The `jwks_uri` of the issuer's own metadata (OpenID Connect Discovery §4.3), if it is of its own origin."""
        document = await self._get(base + _DISCOVERY_PATH)
        uri = document.get("jwks_uri")
        if document.get("issuer") != name or not isinstance(uri, str):
            raise _NotAKeySetError
        try:
            same = _origin(urlsplit(uri)) == _origin(urlsplit(name))
        except ValueError:
            same = False
        if not same:
            raise _NotAKeySetError
        return uri

    async def _get(self, address: str) -> Mapping[str, JsonValue]:
        _require_safe(address)
        async with self._client.stream("GET", address) as response:
            # A redirect is an answer like any other that is not 200. Compressed bytes were not asked for, and
            # would grow after they were counted.
            encoding = response.headers.get("content-encoding", "identity")
            if response.status_code != _OK or encoding != "identity":
                raise _NotAKeySetError
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise _NotAKeySetError
        try:
            document = read_json(bytes(body))
        except InvalidInputError:
            raise _NotAKeySetError from None
        if not isinstance(document, Mapping):
            raise _NotAKeySetError
        return document


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454). Raises `ValueError` for a port that is none."""
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _require_safe(address: str) -> None:
    try:
        parts = urlsplit(address)
        _origin(parts)
    except ValueError:
        raise _NotAKeySetError from None
    plain_but_local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or "@" in parts.netloc or not (parts.scheme == "https" or plain_but_local):
        raise _NotAKeySetError


def _key_set(document: Mapping[str, JsonValue]) -> tuple[JsonWebKey, ...]:
    """The keys of a JWK set that can verify signatures. Others may stand beside them (RFC 7517 §5)."""
    keys = document.get("keys")
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise _NotAKeySetError
    usable = []
    for key in keys:
        if not isinstance(key, Mapping):
            raise _NotAKeySetError
        try:
            verifying_key(key)
        except InvalidInputError:
            continue
        usable.append(key)
    return tuple(usable)


def _pick(keys: tuple[JsonWebKey, ...], kid: str | None) -> JsonWebKey | None:
    """The one key of that name. Two of a name are ambiguous, and so none."""
    found = [key for key in keys if kid is None or key.get("kid") == kid]
    return found[0] if len(found) == 1 else None
