"""What the operator says of the pages: brand, colours, templates, words for actions, and where pages are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.api.door import Instruments, scope_of
from tests.pages.bank import Bank, open_bank
from tests.pages.browsing import Visitor
from tests.unit.service_stepup.world import new_world

from stairgate.bootstrap import Site, branding_of
from stairgate.model.errors import InvalidInputError
from stairgate.model.protection import Level, Requirement
from stairgate.pages.branding import DARK_GROUND, LIGHT_GROUND, Branding, contrast
from stairgate.pages.harmless import mixed_scripts, shown, visible
from stairgate.settings import Settings

ACTIONS = """
version = "2026-11"

[actions."payout"]
title.en = "Pay {amount} to {to}"
title.de = "{amount} an {to} zahlen"
consequence.en = "This cannot be undone."
labels.to.en = "Payee"
labels.to.de = "Empfänger"
labels.amount.en = "Amount"
"""


def colours(css: str) -> dict[str, str]:
    """The custom properties that are set first, as `name -> colour`."""
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", css))


def test_the_shipped_colours_can_be_read() -> None:
    """WCAG 1.4.3, 1.4.11: every text on every ground that it stands on."""
    css = (Path(__file__).parents[2] / "src/stairgate/pages/assets/page.css").read_text(encoding="utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)", 1)
    for part in (colours(light), colours(light) | colours(dark.partition("}\n}")[0])):
        for ink in ("ink", "quiet", "alarm", "good"):
            for ground in ("ground", "card"):
                assert contrast(part[ink], part[ground]) >= 4.5, (ink, ground)
        assert contrast(part["edge"], part["card"]) >= 3
    assert (contrast("#000000", "#ffffff"), contrast("#777777", "#777777")) == (21, 1)
    assert contrast(Branding().accent, LIGHT_GROUND) >= 4.5
    assert contrast(Branding().accent_dark, DARK_GROUND) >= 4.5


@pytest.mark.parametrize(
    ("settings", "field", "problem"),
    [
        ({"brand_colour": "#ffcc00"}, "STAIRGATE_BRAND_COLOUR", "contrast of 1.5:1, and text needs 4.5:1"),
        ({"brand_colour_dark": "#123456"}, "STAIRGATE_BRAND_COLOUR_DARK", "choose a lighter one"),
        ({"brand_colour": "red"}, "STAIRGATE_BRAND_COLOUR", "must be a colour such as"),
        ({"brand_name": "x" * 61}, "STAIRGATE_BRAND_NAME", "1 to 60"),
        ({"brand_logo": Path("/nowhere/logo.svg")}, "STAIRGATE_BRAND_LOGO", "cannot be read"),
        ({"brand_logo": Path("logo.exe")}, "STAIRGATE_BRAND_LOGO", "ends in"),
    ],
)
def test_what_could_not_be_read_is_refused_at_the_start(settings: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(problem)) as caught:
        branding_of(Settings(**settings))
    assert caught.value.field == field


def test_settings_come_from_the_environment() -> None:
    said = {
        "STAIRGATE_BRAND_NAME": "Bank",
        "STAIRGATE_BRAND_LOGO": "logo.svg",
        "STAIRGATE_BRAND_COLOUR": "#003366",
        "STAIRGATE_BRAND_COLOUR_DARK": "#99ccff",
        "STAIRGATE_TEMPLATES": "pages",
    }
    settings = Settings.from_environment(said)
    assert (settings.brand_name, settings.brand_logo, settings.templates) == ("Bank", Path("logo.svg"), Path("pages"))
    assert (settings.brand_colour, settings.brand_colour_dark) == ("#003366", "#99ccff")


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "actions.toml").write_text(ACTIONS, encoding="utf-8")
    (folder / "notice.html").write_text('{% extends "base.html" %}{% block main %}<h1>Ours</h1>{% endblock %}')
    with open_bank(tmp_path_factory.mktemp("bank"), templates=folder) as opened:
        yield opened


def asked(bank: Bank, context: dict[str, Any]) -> Any:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset({"amount", "to"})))
    return bank.ask(user, context=context)


def test_an_action_is_told_in_the_operators_words(worded: Bank) -> None:
    """§7.3; a text that is not translated is English, never a key."""
    it = asked(worded, {"amount": "1,249.00 EUR", "to": "Acme GmbH"})
    english, german, arabic = (Visitor(tag).go(it.page) for tag in ("en", "de", "ar"))
    assert english.words.startswith("Bank of Examples Pay 1,249.00 EUR to Acme GmbH")
    assert "This cannot be undone." in english.words
    assert "Pay 1,249.00 EUR to Acme GmbH</button>" in re.sub(r"\s+", " ", english.text)  # the button is the verb
    assert "1,249.00 EUR an Acme GmbH zahlen" in german.words
    assert "Empfänger" in german.words
    assert "Amount" in german.words
    assert "Pay 1,249.00 EUR to Acme GmbH" in arabic.words
    assert "2026-11" in english.words
    assert english.words.index("Payee") < english.words.index("Amount1,249")  # the operator's order


def test_what_was_asked_is_told_in_the_same_words_on_the_account_page(worded: Bank) -> None:
    it = asked(worded, {"amount": "1,249.00 EUR", "to": "\u202eAcme <b>"})
    for tag, words in (("en", "Pay 1,249.00 EUR to \\u202eAcme <b>"), ("de", "1,249.00 EUR an \\u202eAcme <b> zahlen")):
        visitor = Visitor(tag)
        seen = visitor.submit(visitor.go(worded.own_account_link(it.user)), "enter")
        assert words in seen.words
        assert "<b>" not in seen.text


def test_values_in_a_title_are_inert_and_kept_apart(worded: Bank) -> None:
    """Attack 16."""
    it = asked(worded, {"amount": "1 EUR", "to": "<b>\u202e{amount}{{7*7}}"})
    seen = Visitor().go(it.page)
    assert "<bdi>&lt;b&gt;\\u202e{amount}{{7*7}}</bdi>" in seen.text


def test_a_template_of_the_operator_is_used_instead(worded: Bank) -> None:
    assert "Ours" in Visitor().go(f"{worded.url}/step-up/unknown").words


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version = ", "cannot be read"),
        ('[actions."a b"]\ntitle.en = "x"', "a b"),
        ('[actions.a]\ntitle.de = "x"', "`en` among them"),
        ('[actions.a]\ntitle.en = "x"\ntittle.en = "y"', "and nothing else"),
        ('[action.a]\ntitle.en = "x"', "and nothing else"),
    ],
)
async def test_words_that_will_not_do_are_refused_at_the_start(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "actions.toml").write_text(text, encoding="utf-8")
    async with new_world("memory", tmp_path) as world:
        with pytest.raises(InvalidInputError, match=problem):
            Site(Settings(templates=tmp_path), world.services)
        with pytest.raises(InvalidInputError, match="no folder"):
            Site(Settings(templates=tmp_path / "nothing"), world.services)


async def test_with_https_the_cookie_is_tied_to_the_host(tmp_path: Path) -> None:
    """§7.8: `__Host-`, Secure, HttpOnly, SameSite=Lax, path /; and browsers are told to stay with https."""
    async with new_world("memory", tmp_path, origin="https://step.example") as world:
        await world.grant("ann", "accounts", "payout")
        await world.protect("accounts", ("payout", Requirement(level=Level.BASIC)))
        await world.enrol("ann")
        ann = await world.login("ann")
        view = await world.open(ann, await world.refused(ann, "ann", "payout", "accounts/1"))
        site = Site(world.settings, world.services, instruments=Instruments())
        address = urlsplit(view.page_uri or "")
        assert address.netloc == "step.example"
        status, fields, _ = await get(site, f"{address.path}?{address.query}")
        assert (status, fields["location"]) == (303, address.path)
        secret = parse_qs(address.query)["key"][0]
        name = f"__Host-stairgate-{view.challenge.id}"
        assert fields["set-cookie"] == f"{name}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=4200"
        assert fields["strict-transport-security"] == "max-age=31536000"
        status, _, body = await get(site, address.path, [(b"cookie", f"a=b; {name}={secret}".encode())])
        assert (status, b"accounts/1" in body) == (200, True)
        twice = f"{name}={secret}; {name}={secret}".encode()
        assert (await get(site, address.path, [(b"cookie", twice)]))[0] == 404


async def get(site: Site, target: str, fields: list[tuple[bytes, bytes]] | None = None) -> tuple[int, Any, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    await site(scope_of("GET", target, fields or []), receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(each["body"] for each in sent[1:])


def test_text_of_others_is_made_harmless() -> None:
    """Attack 16."""
    assert visible("a\u202eb\x00c\u00a0d") == "a\\u202eb\\u0000c\\u00a0d"
    assert visible("e\u0301 ok") == "e\u0301 ok"
    assert shown("x" * 200).text == "x" * 39 + "…" + "x" * 39
    assert shown("x" * 200).cut
    for amount in ("1" * 100, "EUR 1,249.00", "1 249,00 €", "-5", "1" * 90 + " USD"):
        assert shown(amount).text == amount
    assert mixed_scripts("p\u0430ypal") == ("Latin", "Cyrillic")
    assert mixed_scripts("Москва London Αθήνα") == ()


def test_a_failure_inside_says_nothing_of_itself(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("stairgate.pages.challenge.routes.screen", broken)
    user = bank.customer()
    seen = Visitor().go(bank.ask(user).page)
    assert (seen.status, "Something went wrong" in seen.words) == (500, True)
    assert "secret of the house" not in seen.text
