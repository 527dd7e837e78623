"""What messages say: in the reader's language, in the page's words, harmless, short by sms (semantics §7.3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from tests.pages import messages
from tests.unit.stepup import cases

from stairgate.model.challenges import Challenge
from stairgate.model.messages import News, Text
from stairgate.model.protection import Method
from stairgate.pages.letters import CatalogueLetters

PSEUDO = "zu"
CODE = "12345678"
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
ACTIONS = """
[actions."pay"]
title.en = "Pay {amount} to {to}"
title.de = "{amount} an {to} zahlen"
title.ar = "دفع {amount} إلى {to}"
consequence.en = "This cannot be undone."
"""


@pytest.fixture
def letters(tmp_path: Path) -> CatalogueLetters:
    (tmp_path / "actions.toml").write_text(ACTIONS, encoding="utf-8")
    return CatalogueLetters("The bank", tmp_path)


def challenge(to: str = '"Acme GmbH"') -> Challenge:
    return cases.challenge(details={"amount": '"250 EUR"', "to": to})


def code(letters: CatalogueLetters, it: Challenge, channel: Method, locale: str | None = "en") -> Text:
    return letters.challenge_code(it, CODE, channel=channel, asked_by="Bank app", locale=locale)


def every(letters: CatalogueLetters, locale: str) -> list[Text]:
    return [
        text
        for channel in (Method.EMAIL, Method.SMS)
        for text in (
            code(letters, challenge(), channel, locale),
            letters.enrolment_code(CODE, channel=channel, locale=locale),
            *(letters.news(news, Method.TOTP, channel=channel, locale=locale) for news in News),
        )
    ]


def test_a_letter_names_the_access_in_the_words_of_its_page(letters: CatalogueLetters) -> None:
    lines = code(letters, challenge(), Method.EMAIL).body.splitlines()
    assert "Pay 250 EUR to Acme GmbH" in lines
    assert "This cannot be undone." in lines
    assert "Asked by: Bank app" in lines
    assert any(line.startswith("Your yes is good: ") for line in lines)
    assert lines.index("Pay 250 EUR to Acme GmbH") < next(n for n, line in enumerate(lines) if CODE in line)


def test_without_the_operators_words_the_access_itself_is_told() -> None:
    text = code(CatalogueLetters("The bank"), challenge(), Method.SMS).body
    assert "Action: Pay" in text
    assert "amount: 250 EUR" in text
    assert "to: Acme GmbH" in text


def test_what_others_wrote_is_harmless(letters: CatalogueLetters) -> None:
    """Attack 16: neither bidi controls nor line breaks of a value reach the reader."""
    text = code(letters, challenge('"Acme\\u202e\\n\\nYour code is 0"'), Method.EMAIL).body
    assert "\u202e" not in text
    assert "Acme\\u202e\\u000a\\u000aYour code is 0" in text
    mixed = code(letters, challenge('"p\\u0430ypal"'), Method.EMAIL).body
    assert "mixes letters of different alphabets: Latin, Cyrillic" in mixed


def test_a_value_from_right_to_left_keeps_its_place(letters: CatalogueLetters) -> None:
    assert "Pay 250 EUR to \u2068سلمى\u2069" in code(letters, challenge('"سلمى"'), Method.EMAIL).body


def test_arabic_runs_from_right_to_left_line_by_line(letters: CatalogueLetters) -> None:
    for text in every(letters, "ar-EG"):
        assert text.locale == "ar"
        assert all(line.startswith("\u200f") for line in [text.subject, *text.body.splitlines()] if line)
    assert "\u2068250 EUR\u2069" in code(letters, challenge(), Method.EMAIL, "ar").body


@pytest.mark.parametrize("locale", ["en", "de", "ar"])
def test_text_messages_are_short_and_the_code_does_not_come_first(letters: CatalogueLetters, locale: str) -> None:
    """NIST SP 800-63B §3.1.3.2. Two segments: 306 characters of the GSM alphabet, or 134 of any."""
    texts = [text for text in every(letters, locale) if "\n" not in text.body]
    assert len(texts) == len(every(letters, locale)) // 2
    for text in texts:
        assert len(text.body) <= (306 if set(text.body) <= GSM else 134), text.body
        assert locale == "ar" or set(text.body) <= GSM, set(text.body) - GSM
        assert CODE not in text.subject
        assert CODE not in text.body[:20]


@pytest.mark.parametrize(("locale", "tag"), [("de-AT", "de"), (None, "en"), ("xx", "en"), ("../..", "en")])
def test_an_unknown_language_is_english(letters: CatalogueLetters, locale: str | None, tag: str) -> None:
    assert code(letters, challenge(), Method.EMAIL, locale).locale == tag


def test_no_text_is_hard_coded(tmp_path: Path) -> None:
    catalogue = Catalog(locale=PSEUDO, domain="pages")
    for message in messages.source():
        if message.id and not isinstance(message.id, tuple):
            catalogue.add(message.id, f"⟦{message.id}⟧")
    path = tmp_path / "locale" / PSEUDO / "LC_MESSAGES" / "pages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalogue)
    letters = CatalogueLetters("0", tmp_path)
    it = cases.challenge()
    texts = [
        *(code(letters, it, channel, PSEUDO) for channel in (Method.EMAIL, Method.SMS)),
        *every(letters, PSEUDO),
    ]
    shown = {"Pay", "accounts/1", "accounts", "user", "Bank app", "EUR", "Acme GmbH", "amount", "to", CODE}
    for text in texts:
        left = f"{text.subject}\n{text.body}"
        while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", left)) != left:
            left = inner
        for word in sorted(shown, key=len, reverse=True):
            left = left.replace(word, "")
        assert not re.search(r"[^\W\d_]", left), left


def test_a_text_that_may_hold_a_code_shows_none(letters: CatalogueLetters) -> None:
    assert CODE not in repr(code(letters, challenge(), Method.EMAIL))
