"""
What the operator says: settings of the service, from the environment (`STAIRGATE_*`) or from the command line.

Each has a default with which a newcomer's first start works on one machine, and fails closed where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from stairgate.host.keyfile import keys_from_environment
from stairgate.model.errors import InvalidInputError
from stairgate.model.passkeys import RelyingParty

PREFIX = "STAIRGATE_"
DEFAULT_DATABASE = "sqlite:///stairgate.db"
MEMORY = "memory:"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_SECONDS = 2_592_000  # 30 days
MOST_PORTS = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Every setting, with its variable.

    - *database_url* (`STAIRGATE_DATABASE_URL`): `sqlite:///file`, or `memory:`, which is gone with the process.
    - *secret_keys* (`STAIRGATE_SECRET_KEYS`): the key ring, in base64url, with commas, the first one sealing; or
    - *key_file* (`STAIRGATE_KEY_FILE`): the file that holds it. Default: beside the SQLite file, with `.keys` added.
    - *public_urls* (`STAIRGATE_PUBLIC_URL`, with commas): the origins under which clients reach the service; the first
      is its own name in what it signs. Default: `http://HOST:PORT`.
    - *host*, *port* (`STAIRGATE_HOST`, `STAIRGATE_PORT`): where it listens.
    - *stale_limit* (`STAIRGATE_STALE_LIMIT`): seconds that an unprotected check may be answered from memory while the
      store is away; 0 is never.
    - *factor_hold* (`STAIRGATE_FACTOR_HOLD`): seconds before a factor that is not a user's first can be used.
    - *totp_strict* (`STAIRGATE_TOTP_STRICT`): accept the current time step only.
    - *rp_id*, *rp_name* (`STAIRGATE_RP_ID`, `STAIRGATE_RP_NAME`): the domain that passkeys are bound to, and what the
      browser calls it. Default: the host of the first public origin that is a name and no address.
    - *passkey_origins* (`STAIRGATE_PASSKEY_ORIGINS`, with commas): origins beside the public ones on which passkeys may
      be used (related origins); *passkey_top_origins* (`STAIRGATE_PASSKEY_TOP_ORIGINS`): those that may embed them in a
      frame. Default: none.
    - *brand_name*, *brand_logo* (`STAIRGATE_BRAND_NAME`, `STAIRGATE_BRAND_LOGO`, an image file): what the pages show at
      their top; *brand_colour*, *brand_colour_dark* (`STAIRGATE_BRAND_COLOUR`, `STAIRGATE_BRAND_COLOUR_DARK`): the
      accent on light and on dark, refused where it could not be read.
    - *templates* (`STAIRGATE_TEMPLATES`): a folder with templates, catalogues and words for actions of the operator's
      own, used before the shipped ones.
    - *smtp_url*, *smtp_from* (`STAIRGATE_SMTP_URL`, `STAIRGATE_SMTP_FROM`): where email is handed in, such as
      `smtps://user:password@mail.bank.example`, and whom it is from. Without them there is no method `email`.
    - *message_webhook_url*, *message_webhook_secret* (`STAIRGATE_MESSAGE_WEBHOOK_URL`, `…_SECRET`): who delivers text
      messages, and the `whsec_…` that requests to it are signed with. Without them there is no method `sms`.
    - *dev* (`STAIRGATE_DEV`): trust the built-in test identity provider. Never where others can reach the service.
    """

    database_url: str = DEFAULT_DATABASE
    secret_keys: tuple[bytes, ...] | None = field(default=None, repr=False)
    key_file: Path | None = None
    public_urls: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    stale_limit: int = 10
    factor_hold: int = 0
    totp_strict: bool = False
    rp_id: str | None = None
    rp_name: str = "Stairgate"
    passkey_origins: tuple[str, ...] = ()
    passkey_top_origins: tuple[str, ...] = ()
    brand_name: str | None = None
    brand_logo: Path | None = None
    brand_colour: str | None = None
    brand_colour_dark: str | None = None
    templates: Path | None = None
    smtp_url: str | None = field(default=None, repr=False)
    smtp_from: str | None = None
    message_webhook_url: str | None = field(default=None, repr=False)
    message_webhook_secret: str | None = field(default=None, repr=False)
    dev: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """
        The settings that *environment* says; absent or empty variables have their defaults.

        Raises:
            InvalidInputError: A variable has no valid value; it is named.
            UnavailableError: `STAIRGATE_SECRET_KEYS` holds no keys.
        """
        default = cls()
        said = {name.removeprefix(PREFIX): value for name, value in environment.items() if value}
        return cls(
            database_url=said.get("DATABASE_URL", default.database_url),
            secret_keys=keys_from_environment(environment),
            key_file=_path(said, "KEY_FILE"),
            public_urls=_origins(said, "PUBLIC_URL"),
            host=said.get("HOST", default.host),
            port=_number(said, "PORT", default.port, MOST_PORTS),
            stale_limit=_number(said, "STALE_LIMIT", default.stale_limit, MOST_SECONDS),
            factor_hold=_number(said, "FACTOR_HOLD", default.factor_hold, MOST_SECONDS),
            totp_strict=_switch(said, "TOTP_STRICT"),
            rp_id=said.get("RP_ID"),
            rp_name=said.get("RP_NAME", default.rp_name),
            passkey_origins=_origins(said, "PASSKEY_ORIGINS"),
            passkey_top_origins=_origins(said, "PASSKEY_TOP_ORIGINS"),
            brand_name=said.get("BRAND_NAME"),
            brand_logo=_path(said, "BRAND_LOGO"),
            brand_colour=said.get("BRAND_COLOUR"),
            brand_colour_dark=said.get("BRAND_COLOUR_DARK"),
            templates=_path(said, "TEMPLATES"),
            smtp_url=said.get("SMTP_URL"),
            smtp_from=said.get("SMTP_FROM"),
            message_webhook_url=said.get("MESSAGE_WEBHOOK_URL"),
            message_webhook_secret=said.get("MESSAGE_WEBHOOK_SECRET"),
            dev=_switch(said, "DEV"),
        )

    @property
    def public_origins(self) -> tuple[str, ...]:
        """
        The origins that the service goes by, the first its own name in what it signs.

        On a loopback address all of its names count, because clients say `localhost` for `127.0.0.1`.
        """
        if self.public_urls:
            return self.public_urls
        shown = f"[{self.host}]" if ":" in self.host else self.host
        first = LOOPBACK[0] if shown in {"0.0.0.0", "[::]"} else shown  # noqa: S104  # compared, not listened on
        names = dict.fromkeys((first, *LOOPBACK) if first in LOOPBACK else (first,))
        return tuple(f"http://{name}:{self.port}" for name in names)

    @property
    def relying_party(self) -> RelyingParty | None:
        """
        Whose passkeys this service asks for; None where it has addresses only, which passkeys cannot be bound to.

        Raises:
            InvalidInputError: The domain is none.
        """
        names = [urlsplit(origin).hostname or "" for origin in self.public_origins]
        domain = self.rp_id or next((name for name in names if name and not _is_address(name)), None)
        if domain is None:
            return None
        if _is_address(domain) or domain != domain.lower() or any(c in domain for c in ":/@ ") or not domain.isascii():
            raise InvalidInputError(f"{PREFIX}RP_ID", f"`{domain}` must be a domain name in lower case")
        origins = dict.fromkeys((*self.public_origins, *self.passkey_origins))
        return RelyingParty(domain, self.rp_name, tuple(origins), self.passkey_top_origins)


def _path(said: Mapping[str, str], name: str) -> Path | None:
    text = said.get(name)
    return None if text is None else Path(text)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _origins(said: Mapping[str, str], name: str) -> tuple[str, ...]:
    texts = [text.strip() for text in said.get(name, "").split(",")]
    return tuple(_origin(text, f"{PREFIX}{name}") for text in texts if text)


def _origin(text: str, field_name: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidInputError(field_name, f"`{text}` is not an address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInputError(field_name, f"`{text}` must begin with https:// or http:// and name a host")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise InvalidInputError(field_name, f"`{text}` must have nothing after the host and port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def _number(said: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = said.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or int(text) > most:
        raise InvalidInputError(f"{PREFIX}{name}", f"must be a whole number from 0 to {most}")
    return int(text)


def _switch(said: Mapping[str, str], name: str) -> bool:
    text = said.get(name, "false").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise InvalidInputError(f"{PREFIX}{name}", "must be `true` or `false`")
