"""`stairgate dev`: the built-in test identity provider and test factors, for a service that runs with `--dev`."""

from __future__ import annotations

import asyncio
from base64 import b32encode
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import click

from stairgate.bootstrap import open_services, prepare
from stairgate.cli.options import answer, database_option, json_option, require_database, settings_for, url_option
from stairgate.factors.totp import provisioning_uri
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import user_id
from stairgate.service.factors import enrol_totp
from stairgate.service.test_identity import TEST_TOKEN_SECONDS, issue_test_token
from stairgate.settings import Settings


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A totp factor and its seed, for an authenticator app. SECURITY: shown once, to whoever has the database."""

    factor_id: str
    secret: str
    uri: str


async def make_token(settings: Settings, user: str, *, ttl: int = TEST_TOKEN_SECONDS) -> str:
    """A user token of the test identity provider: another login each time."""
    async with open_services(settings) as services:
        return issue_test_token(services, user_id(user), ttl=ttl)


async def make_totp(settings: Settings, user: str) -> Enrolled:
    """A new totp factor of *user*."""
    async with open_services(settings) as services:
        factor, secret = await enrol_totp(services, user_id(user), "test")
    uri = provisioning_uri(secret, user=user, issuer="Stairgate test")
    return Enrolled(factor.id, b32encode(secret).decode().rstrip("="), uri)


@click.group()
def dev() -> None:
    """Test users, for a service that runs with `--dev`."""


@dev.command("token")
@click.argument("user")
@click.option("--ttl", default=TEST_TOKEN_SECONDS, show_default=True, metavar="SECONDS", help="How long it is good.")
@url_option
@database_option
@json_option
def dev_token(user: str, ttl: int, url: str, database: str | None, *, as_json: bool) -> None:
    """Print a user token of the test identity provider: each one is another login."""
    token = asyncio.run(_prepared_token(settings_for(database), user, ttl=ttl, url=url))
    answer({"token": token}, token, as_json=as_json)


async def _prepared_token(settings: Settings, user: str, *, ttl: int, url: str) -> str:
    require_database(settings)
    # The token's issuer is the service that is to accept it.
    origins = settings.public_urls or (_origin(url),)
    settings = replace(settings, dev=True, public_urls=origins)
    await prepare(settings)  # the test identity provider gets its key with the first `--dev`
    return await make_token(settings, user, ttl=ttl)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidInputError("--url", f"`{url}` is no address of a service: give one like http://127.0.0.1:8080")
    return f"{parts.scheme}://{parts.netloc}"


@dev.command("totp")
@click.argument("user")
@database_option
@json_option
def dev_totp(user: str, database: str | None, *, as_json: bool) -> None:
    """Enrol a totp factor of USER and print its secret, for an authenticator app."""
    settings = settings_for(database)
    require_database(settings)
    made = asyncio.run(make_totp(settings, user))
    answer(
        {"secret": made.secret, "factorId": made.factor_id, "uri": made.uri},
        f"secret  {made.secret}\nuri     {made.uri}",
        as_json=as_json,
    )
