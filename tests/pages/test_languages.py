"""No text is hard-coded, catalogues are complete, and every language is the reader's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from tests.pages import messages
from tests.pages.bank import Bank, open_bank
from tests.pages.browsing import Visitor
from tests.pages.states import STATES, Place

from stairgate.pages.languages import load_languages

PSEUDO = "zu"  # a language that nobody ships: here it is English in brackets
DATA = {"bdi", "code", "time", "style", "script", "title", "svg"}


def pseudo(text: object) -> str:
    return f"⟦{text}⟧"


@pytest.fixture(scope="module")
def pseudo_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    folder = tmp_path_factory.mktemp("pseudo")
    catalogue = Catalog(locale=PSEUDO, domain="pages")
    for message in messages.source():
        if isinstance(message.id, tuple):
            catalogue.add(message.id, tuple(pseudo(message.id[1]) for _ in range(catalogue.num_plurals)))
        elif message.id:
            catalogue.add(message.id, pseudo(message.id))
    path = folder / "locale" / PSEUDO / "LC_MESSAGES" / "pages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalogue)
    with open_bank(tmp_path_factory.mktemp("bank"), templates=folder) as opened:
        yield opened


class _Untranslated(HTMLParser):
    """Texts and text attributes that no catalogue gave."""

    VOID = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []
        self._bracketed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in {"aria-label", "title", "alt", "placeholder"} and value and not value.startswith("⟦"):
                self.found.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if DATA & set(self._open) or "brand" in self._open or self._open[-2:] == ["header", "span"]:
            return
        for part in re.split(r"([⟦⟧])", data):
            self._bracketed += {"⟦": 1, "⟧": -1}.get(part, 0)
            if not self._bracketed and re.search(r"[^\W\d_]", part):
                self.found.append(part.strip())


@pytest.mark.parametrize("name", STATES)
def test_no_text_is_hard_coded(pseudo_bank: Bank, name: str) -> None:
    place: Place = STATES[name](pseudo_bank)
    visitor = Visitor(PSEUDO, dict(place.cookies))
    seen = visitor.go(place.page)
    if place.enter:
        seen = visitor.submit(seen, "enter")
    seen = visitor.go(seen.url + place.below + place.query)
    if place.press:
        address = f"{seen.url.partition('/account')[0]}/account/{place.press}"
        seen = visitor.follow(visitor.send("POST", address, seen.form(place.press)))
    assert f'lang="{PSEUDO}"' in seen.text
    assert "⟦" in seen.words
    parser = _Untranslated()
    parser.feed(seen.text)
    assert parser.found == []


@pytest.mark.parametrize("path", list(messages.catalogues()), ids=lambda path: path.parent.parent.name)
def test_a_shipped_catalogue_translates_everything_and_nothing_else(path: Path) -> None:
    catalogue = messages.read(path)
    said = {message.id for message in messages.source() if message.id}
    assert {message.id for message in catalogue if message.id} == said, "run scripts/messages"
    for message in catalogue:
        if not message.id:
            continue
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        one = message.id if isinstance(message.id, str) else message.id[1]
        wanted = set(re.findall(r"%\(\w+\)s", one))
        for text in texts:
            assert isinstance(text, str), message.id
            assert text, message.id
            assert not message.fuzzy, message.id
            assert set(re.findall(r"%\(\w+\)s", text)) <= wanted, message.id
            if isinstance(message.id, str):
                assert set(re.findall(r"%\(\w+\)s", text)) == wanted, message.id


def test_the_apps_wish_comes_before_the_browsers_and_english_is_last(bank: Bank) -> None:
    user = bank.customer()
    wished, free = bank.ask(user, locale="de-CH"), bank.ask(user, below="/free")
    assert 'lang="de"' in Visitor("ar").go(wished.page).text
    assert 'lang="ar" dir="rtl"' in Visitor("xx, ar;q=0.8, en;q=0.5").go(free.page).text
    assert 'lang="en" dir="ltr"' in Visitor("xx").go(free.page).text
    assert 'lang="en"' in Visitor("de;q=0, ;;;, *, q").go(free.page).text


def test_times_and_spans_are_the_languages(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    assert "für 5 Minuten" in Visitor("de").go(it.page).words
    assert "UTC" in Visitor("en").go(it.page).words


def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no-language-at-all" / "LC_MESSAGES" / "pages.po"
    path.parent.mkdir(parents=True)
    path.write_text("")
    with pytest.raises(ValueError, match="no language"):
        load_languages([tmp_path])
