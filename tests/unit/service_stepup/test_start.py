"""Settings, the first moment of an account, and what a start says when something is wrong."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.unit.service_stepup.world import KnownIssuerKeys, World, allowed

from stairgate.bootstrap import key_file, open_services, prepare
from stairgate.host.keyfile import new_key
from stairgate.model.canonical import base64url
from stairgate.model.decisions import Reason, StepUpRequired
from stairgate.model.errors import DomainError, InvalidInputError, UnavailableError
from stairgate.model.ids import ClientId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import ClientCaller
from stairgate.service.authentication import authenticate
from stairgate.settings import Settings
from stairgate.testing.clock import FakeClock

pytestmark = pytest.mark.anyio


def at(folder: Path, **more: object) -> Settings:
    return Settings(database_url=f"sqlite:///{folder}/stairgate.db", **more)  # type: ignore[arg-type]


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_an_account_is_made_once_and_its_owner_may_do_everything(tmp_path: Path) -> None:
    """The access key is shown once, in no repr; files are the owner's alone; a repeat makes nothing new."""
    settings, clock = at(tmp_path, dev=True), FakeClock()
    made = await prepare(settings, clock=clock)
    assert made.access_key is not None
    assert made.access_key not in repr(made)
    again = await prepare(settings, clock=clock)
    assert (again.account, again.access_key) == (made.account, None)
    assert set(modes(tmp_path).values()) == {0o600}
    async with open_services(settings, clock=clock, issuer_keys=KnownIssuerKeys()) as services:
        assert services.account == made.account
        world = World(services, clock, KnownIssuerKeys(), settings)
        assert made.owner is not None
        world.access_keys[made.owner] = made.access_key
        owner = await authenticate(services, world.assertion(made.owner))
        assert owner == ClientCaller(ClientId(made.owner), owner.key)  # type: ignore[union-attr]
        assert allowed(await world.check(owner, UserId(made.owner), "anything", "any/where"))
        assert (await world.events())[:4] == ["account.created", "client.changed", "record.changed", "key.changed"]


async def test_the_test_identity_provider_can_be_added_later_and_is_off_otherwise(tmp_path: Path) -> None:
    await prepare(at(tmp_path))
    async with open_services(at(tmp_path), issuer_keys=KnownIssuerKeys()) as services:
        assert services.test_issuer is None
    with pytest.raises(UnavailableError):
        async with open_services(at(tmp_path, dev=True), issuer_keys=KnownIssuerKeys()):
            pytest.fail("it started without a key to sign test tokens with")
    await prepare(at(tmp_path, dev=True))
    async with open_services(at(tmp_path, dev=True), issuer_keys=KnownIssuerKeys()) as services:
        assert services.test_issuer is not None


async def start(settings: Settings) -> str:
    """What a start that fails says."""
    with pytest.raises(DomainError) as refusal:
        async with open_services(settings, issuer_keys=KnownIssuerKeys()):
            pytest.fail("it started")
    return str(refusal.value)


async def test_a_start_that_cannot_work_says_what_to_do(tmp_path: Path) -> None:
    settings = at(tmp_path)
    assert "stairgate init" in await start(settings)
    await prepare(settings)
    file = key_file(settings)
    kept = file.read_bytes()
    file.chmod(0o644)
    assert "chmod 600" in await start(settings)
    file.unlink()
    assert "put it back" in await start(settings)
    with pytest.raises(UnavailableError, match="put it back"):
        await prepare(settings)
    assert not file.exists()
    assert "sealed with a key that is not here" in await start(at(tmp_path, secret_keys=(new_key(),)))
    file.write_bytes(kept)
    file.chmod(0o600)
    async with open_services(settings, issuer_keys=KnownIssuerKeys()):
        pass
    assert "not supported" in await start(Settings(database_url="oracle://x"))
    with pytest.raises(InvalidInputError, match="memory"):
        await prepare(Settings(database_url="memory:"))


def test_settings_have_defaults_that_work_on_one_machine() -> None:
    settings = Settings.from_environment({"PATH": "/bin", "STAIRGATE_PORT": ""})
    assert settings == Settings()
    assert settings.public_origins == ("http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080")
    assert not settings.dev


def test_settings_are_read_from_the_environment_and_keep_secrets_out_of_sight() -> None:
    key = base64url(new_key())
    settings = Settings.from_environment(
        {
            "STAIRGATE_DATABASE_URL": "sqlite:////data/x.db",
            "STAIRGATE_SECRET_KEYS": key,
            "STAIRGATE_KEY_FILE": "/data/keys",
            "STAIRGATE_PUBLIC_URL": "https://auth.example/, HTTPS://Other.example:8443",
            "STAIRGATE_HOST": "::1",
            "STAIRGATE_PORT": "9000",
            "STAIRGATE_STALE_LIMIT": "0",
            "STAIRGATE_FACTOR_HOLD": "86400",
            "STAIRGATE_TOTP_STRICT": "yes",
            "STAIRGATE_DEV": "1",
        }
    )
    assert settings.public_origins == ("https://auth.example", "https://other.example:8443")
    assert (settings.stale_limit, settings.factor_hold, settings.totp_strict, settings.dev) == (0, 86_400, True, True)
    assert key not in repr(settings)
    assert "secret_keys" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "http"),
        ("PORT", "٣"),
        ("STALE_LIMIT", "1.5"),
        ("DEV", "maybe"),
        ("PUBLIC_URL", "auth.example"),
        ("PUBLIC_URL", "ftp://auth.example"),
        ("PUBLIC_URL", "https://auth.example/path"),
        ("PUBLIC_URL", "https://user@auth.example"),
        ("PUBLIC_URL", "https://auth.example:port"),
    ],
)
def test_a_setting_that_is_not_valid_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidInputError, match=f"STAIRGATE_{name}"):
        Settings.from_environment({f"STAIRGATE_{name}": value})


@pytest.mark.parametrize(
    ("host", "first"),
    [("10.0.0.7", "http://10.0.0.7:8080"), ("0.0.0.0", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")],
)
def test_the_first_origin_is_where_it_listens(host: str, first: str) -> None:
    assert Settings(host=host).public_origins[0] == first


@pytest.mark.parametrize(
    ("settings", "domain"),
    [
        (Settings(), "localhost"),
        (Settings(public_urls=("https://login.bank.example",)), "login.bank.example"),
        (Settings(public_urls=("https://login.bank.example",), rp_id="bank.example"), "bank.example"),
        (Settings(public_urls=("http://192.0.2.1:8080",)), None),
        (Settings(public_urls=("http://192.0.2.1", "https://bank.example")), "bank.example"),
    ],
    ids=str,
)
def test_passkeys_are_bound_to_a_domain_or_not_offered(settings: Settings, domain: str | None) -> None:
    party = settings.relying_party
    assert (None if party is None else party.id) == domain


@pytest.mark.parametrize("domain", ["Bank.example", "192.0.2.1", "https://bank.example", "bank.example:443"])
def test_a_passkey_domain_that_is_none_is_refused_by_name(domain: str) -> None:
    with pytest.raises(InvalidInputError, match="STAIRGATE_RP_ID"):
        _ = Settings(rp_id=domain).relying_party


def test_passkey_origins_are_the_public_ones_and_those_that_are_listed() -> None:
    settings = Settings.from_environment(
        {
            "STAIRGATE_PUBLIC_URL": "https://login.bank.example",
            "STAIRGATE_PASSKEY_ORIGINS": "https://bank.example.org, https://login.bank.example/",
            "STAIRGATE_PASSKEY_TOP_ORIGINS": "https://shop.example",
        }
    )
    party = settings.relying_party
    assert party is not None
    assert party.origins == ("https://login.bank.example", "https://bank.example.org")
    assert party.top_origins == ("https://shop.example",)


MAIL = {"smtp_url": "smtp://localhost:1025", "smtp_from": "The bank <security@bank.example>"}
HOOK = {
    "message_webhook_url": "https://sms.example/send",
    "message_webhook_secret": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
}


@pytest.mark.parametrize(
    ("members", "offered"),
    [
        ({}, set()),
        (MAIL, {Method.EMAIL}),
        (HOOK, {Method.SMS}),
        ({**MAIL, **HOOK}, {Method.EMAIL, Method.SMS}),
    ],
    ids=["nothing", "mail", "webhook", "both"],
)
async def test_email_and_sms_are_offered_only_where_they_are_configured(
    members: dict[str, Any], offered: set[Method]
) -> None:
    settings = Settings(database_url="memory:", **members)
    assert "whsec" not in repr(settings)
    async with open_services(settings) as services:
        assert services.rules.methods & {Method.EMAIL, Method.SMS} == offered
        assert services.senders.keys() == offered


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"smtp_url": "smtp://localhost"}, "STAIRGATE_SMTP_URL"),
        ({"smtp_from": "a@b.example"}, "STAIRGATE_SMTP_URL"),
        ({**MAIL, "smtp_url": "localhost:25"}, "STAIRGATE_SMTP_URL"),
        ({**MAIL, "smtp_from": "nobody"}, "STAIRGATE_SMTP_FROM"),
        ({"message_webhook_url": "https://sms.example"}, "STAIRGATE_MESSAGE_WEBHOOK_URL"),
        ({**HOOK, "message_webhook_url": "http://sms.example"}, "STAIRGATE_MESSAGE_WEBHOOK_URL"),
        ({**HOOK, "message_webhook_secret": "secret"}, "STAIRGATE_MESSAGE_WEBHOOK_SECRET"),
    ],
    ids=str,
)
async def test_half_a_way_to_send_is_refused_by_name(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        async with open_services(Settings(database_url="memory:", **members)):
            pass
    assert refused.value.field == field
    assert "secret" not in refused.value.problem


async def test_a_mark_that_needs_what_is_not_configured_cannot_be_met() -> None:
    """Semantics §5: accepted when written, `requirement_unsatisfiable` when asked."""
    clock, keys = FakeClock(), KnownIssuerKeys()
    settings = Settings(database_url="memory:", dev=True)
    async with open_services(settings, clock=clock, issuer_keys=keys) as services:
        world = World(services, clock, keys, settings)
        await world.grant("ann", "a", "pay")
        await world.protect("a", ("pay", Requirement(level=Level.BASIC, methods=frozenset({Method.SMS}))))
        checked = await world.check(await world.login("ann"), "ann", "pay", "a")
        assert isinstance(checked.decision, StepUpRequired)
        assert checked.decision.reason is Reason.REQUIREMENT_UNSATISFIABLE
        assert checked.challenge_token is None
