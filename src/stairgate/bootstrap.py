"""The only place where objects are built: settings in, services out (design §2)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from stairgate.host.clock import SystemClock
from stairgate.host.entropy import SystemEntropy
from stairgate.host.issuer_keys import HttpIssuerKeys
from stairgate.host.keyfile import create_key_file, load_key_file, new_key
from stairgate.host.keyring import SealingKeyRing
from stairgate.host.signer import StoredSigner, generate_signing_key
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.model.ids import AccountId
from stairgate.model.passkeys import RelyingParty
from stairgate.model.protection import AVAILABLE_METHODS, Method
from stairgate.ports.clock import Clock
from stairgate.ports.delivery import Sender
from stairgate.ports.entropy import Entropy
from stairgate.ports.keys import IssuerKeys, KeyRing
from stairgate.ports.letters import Letters
from stairgate.ports.store import ChangeFeed, ReadTransaction, SigningKey, Store
from stairgate.service.conditions import require_evaluable
from stairgate.service.context import Rules, Services
from stairgate.service.facts import FactCache
from stairgate.service.initialise import (
    CHALLENGE_KEYS,
    TEST_ISSUER_KEYS,
    Initialised,
    NewSigningKey,
    account_of,
    initialise,
)
from stairgate.settings import MEMORY, Settings
from stairgate.storage.memory import MemoryStore

if TYPE_CHECKING:
    from stairgate.api.instruments import Instruments
    from stairgate.pages.branding import Branding

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Site:
    """
    The whole service over HTTP: the API, and the pages that people see, on one port.

    Args:
        settings: What the operator says.
        services: What both stand on.
        instruments: Who is told what was served.

    Raises:
        InvalidInputError: The pages cannot be shown as the operator says.
    """

    def __init__(self, settings: Settings, services: Services, *, instruments: Instruments | None = None) -> None:
        # A command that serves nothing loads neither.
        from stairgate.api.app import Application
        from stairgate.api.instruments import NoInstruments
        from stairgate.pages.app import Pages, is_page

        told = instruments or NoInstruments()
        self._is_page = is_page
        self.api = Application(services, instruments=told)
        self.pages = Pages(services, served=told, branding=branding_of(settings), folder=templates_of(settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the lifespan."""
        page = scope["type"] == "http" and self._is_page(scope["raw_path"])
        await (self.pages if page else self.api)(scope, receive, send)


def branding_of(settings: Settings) -> Branding:
    """
    What the pages look like.

    Raises:
        InvalidInputError: The logo cannot be read, or a colour cannot.
    """
    from stairgate.pages.branding import Branding, read_logo

    default = Branding()
    return Branding(
        name=settings.brand_name or default.name,
        logo=None if settings.brand_logo is None else read_logo(settings.brand_logo),
        accent=settings.brand_colour or default.accent,
        accent_dark=settings.brand_colour_dark or default.accent_dark,
    )


def templates_of(settings: Settings) -> Path | None:
    """
    The operator's folder of templates.

    Raises:
        InvalidInputError: There is none where the setting says.
    """
    if settings.templates is not None and not settings.templates.is_dir():
        raise InvalidInputError("STAIRGATE_TEMPLATES", f"`{settings.templates}` is no folder")
    return settings.templates


NO_SENDERS: Mapping[Method, Sender] = MappingProxyType({})


class _FollowedStore(Store, ChangeFeed, Protocol):
    """A store that tells of its changes, as both of ours do."""


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    issuer_keys: IssuerKeys | None = None,
    senders: Mapping[Method, Sender] | None = None,
) -> AsyncIterator[Services]:
    """
    Everything that use cases need, until the block ends.

    A database must have been prepared (`prepare`); one in memory is made here.

    Args:
        settings: What the operator says.
        clock: Another clock, for tests.
        entropy: Other chance, for tests.
        issuer_keys: Another way to issuers' keys, for tests.
        senders: Other ways to send messages, for tests.

    Raises:
        InvalidInputError: A setting is not valid.
        UnavailableError: The database or its keys are missing, wrong, or newer than this program. It says what to do.
    """
    async with AsyncExitStack() as opened:
        clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
        ring = _key_ring(settings)
        if issuer_keys is None:
            issuer_keys = await opened.enter_async_context(HttpIssuerKeys())
        if senders is None:
            senders = await _open_senders(settings, clock, opened)
        store = await _open_store(settings)
        opened.push_async_callback(store.close)
        if settings.database_url == MEMORY:
            await initialise(store, clock, entropy, _key_maker(ring), dev=settings.dev)
        yield await build_services(
            settings,
            store,
            store,
            ring,
            clock=clock,
            entropy=entropy,
            issuer_keys=issuer_keys,
            senders=senders,
        )


async def build_services(
    settings: Settings,
    store: Store,
    feed: ChangeFeed | None,
    ring: KeyRing,
    *,
    clock: Clock,
    entropy: Entropy,
    issuer_keys: IssuerKeys,
    senders: Mapping[Method, Sender] = NO_SENDERS,
) -> Services:
    """Services over a *store* that is open and has an account. Errors as for `open_services`."""

    def load(transaction: ReadTransaction) -> tuple[AccountId, list[SigningKey], list[SigningKey]]:
        require_evaluable(transaction)
        return (
            account_of(transaction),
            list(transaction.signing_keys(CHALLENGE_KEYS)),
            list(transaction.signing_keys(TEST_ISSUER_KEYS)) if settings.dev else [],
        )

    account, challenge_keys, test_keys = await store.read(load)
    party = settings.relying_party
    methods = _configured_methods(party, senders)
    rules = Rules(
        public_origins=settings.public_origins,
        stale_limit=settings.stale_limit,
        factor_hold=settings.factor_hold,
        totp_strict=settings.totp_strict,
        methods=methods,
        name=settings.rp_name,
        party=party,
        dev=settings.dev,
    )
    return Services(
        account=account,
        store=store,
        clock=clock,
        entropy=entropy,
        keys=ring,
        signer=StoredSigner(challenge_keys, ring),
        test_issuer=StoredSigner(test_keys, ring) if settings.dev else None,
        issuer_keys=issuer_keys,
        facts=FactCache(store, feed, clock, stale_limit=settings.stale_limit, methods=methods),
        rules=rules,
        letters=_letters(settings),
        senders=senders,
    )


def _letters(settings: Settings) -> Letters:
    """Who writes the messages, under the name that the pages show."""
    from stairgate.pages.letters import CatalogueLetters

    return CatalogueLetters(settings.brand_name or settings.rp_name, templates_of(settings))


async def _open_senders(settings: Settings, clock: Clock, opened: AsyncExitStack) -> Mapping[Method, Sender]:
    """What is configured to send by. Half a configuration is refused, so that nobody thinks that it works."""
    senders: dict[Method, Sender] = {}
    if settings.smtp_url is not None or settings.smtp_from is not None:
        if settings.smtp_url is None or settings.smtp_from is None:
            raise InvalidInputError("STAIRGATE_SMTP_URL", "and STAIRGATE_SMTP_FROM belong together: set both")
        from stairgate.host.mail import SmtpMailer, mail_server_of, sender_of

        server = mail_server_of(settings.smtp_url, setting="STAIRGATE_SMTP_URL")
        sender = sender_of(settings.smtp_from, setting="STAIRGATE_SMTP_FROM")
        senders[Method.EMAIL] = SmtpMailer(server, sender, clock=clock)
    if settings.message_webhook_url is not None or settings.message_webhook_secret is not None:
        if settings.message_webhook_url is None or settings.message_webhook_secret is None:
            problem = "and STAIRGATE_MESSAGE_WEBHOOK_SECRET belong together: set both"
            raise InvalidInputError("STAIRGATE_MESSAGE_WEBHOOK_URL", problem)
        from stairgate.host.webhook import WebhookMessenger, webhook_secret_of, webhook_url_of

        key = webhook_secret_of(settings.message_webhook_secret, setting="STAIRGATE_MESSAGE_WEBHOOK_SECRET")
        url = webhook_url_of(settings.message_webhook_url, setting="STAIRGATE_MESSAGE_WEBHOOK_URL")
        messenger = WebhookMessenger(url, key, clock=clock)
        senders[Method.SMS] = await opened.enter_async_context(messenger)
    return senders


def _configured_methods(party: RelyingParty | None, senders: Mapping[Method, Sender]) -> frozenset[Method]:
    """The methods that this service can offer: what needs a sender or a domain is there only with it."""
    missing = {Method.EMAIL, Method.SMS} - senders.keys()
    if party is None:
        missing.add(Method.PASSKEY)
    return AVAILABLE_METHODS - missing


async def prepare(settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None) -> Initialised:
    """
    Make what `open_services` needs, where it is missing: key file, database, schema, account.

    Returns:
        The account, with its first owner's access key where this call made it.

    Raises:
        InvalidInputError: A setting is not valid, or the database is in memory, where nothing stays.
        UnavailableError: Something cannot be made, or does not belong together. It says what to do.
    """
    if settings.database_url == MEMORY:
        raise InvalidInputError("database", "`memory:` is gone with the process: name a SQLite file")
    from stairgate.storage.sql import migrate

    fresh = not _database_file(settings).exists()
    if settings.secret_keys is None and not key_file(settings).exists():
        if not fresh:
            raise UnavailableError(
                f"the key file {key_file(settings)} is missing, and the database was made with it: put it back"
            )
        create_key_file(key_file(settings))
    ring = _key_ring(settings)
    migrate(settings.database_url)
    store = await _open_store(settings)
    try:
        return await initialise(
            store, clock or SystemClock(), entropy or SystemEntropy(), _key_maker(ring), dev=settings.dev
        )
    finally:
        await store.close()


def key_file(settings: Settings) -> Path:
    """Where the key ring of a SQLite database lies: beside it, unless the settings say otherwise."""
    if settings.key_file is not None:
        return settings.key_file
    database = _database_file(settings)
    return database.with_name(f"{database.name}.keys")


def _database_file(settings: Settings) -> Path:
    from stairgate.storage.sql.files import database_path

    return database_path(settings.database_url)


def _key_ring(settings: Settings) -> SealingKeyRing:
    if settings.secret_keys is not None:
        return SealingKeyRing(settings.secret_keys)
    if settings.database_url == MEMORY and settings.key_file is None:
        return SealingKeyRing([new_key()])
    return SealingKeyRing(load_key_file(key_file(settings)))


def _key_maker(ring: KeyRing) -> NewSigningKey:
    def make(use: str, now: datetime) -> SigningKey:
        return generate_signing_key(ring, use=use, now=now)

    return make


async def _open_store(settings: Settings) -> _FollowedStore:
    if settings.database_url == MEMORY:
        return MemoryStore()
    from stairgate.storage.sql import SqlStore

    return await SqlStore.open(settings.database_url)
