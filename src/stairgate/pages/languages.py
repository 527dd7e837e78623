"""
Languages: gettext catalogues, read once at the start, and how each language writes dates and runs its lines.

English is the source. A catalogue is a `.po` file in `locale/<language>/LC_MESSAGES`; what it does not translate stays
English, never a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE = "en"
DOMAIN = "pages"
_FOLDER = Path(__file__).parent / "locale"
_MOST_WISHES = 20  # of one Accept-Language


@dataclass(frozen=True)
class Language:
    """One language of the pages. *tag* is what `lang` says."""

    tag: str
    locale: Locale
    translations: NullTranslations = field(repr=False)

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return self.locale.text_direction

    def text(self, message: str) -> str:
        """*message* in this language."""
        return self.translations.gettext(message)

    def count(self, one: str, many: str, number: int) -> str:
        """The form for *number*, with `%(num)s` filled in."""
        return self.translations.ngettext(one, many, number) % {"num": number}

    def moment(self, at: datetime) -> str:
        """*at*, in UTC and saying so; where scripts run the page shows the reader's own zone."""
        return format_datetime(at.astimezone(UTC), "long", locale=self.locale)

    def span(self, seconds: int) -> str:
        """*seconds* in words: hours, minutes or seconds, none of them rounded away."""
        unit: Literal["hour", "minute", "second"] = "second"
        if seconds % 60 == 0:
            unit = "hour" if seconds % 3600 == 0 else "minute"
        return format_timedelta(timedelta(seconds=seconds), granularity=unit, threshold=10**9, locale=self.locale)


@dataclass(frozen=True)
class Languages:
    """Those that there are catalogues for."""

    known: Mapping[str, Language]

    def chosen(self, wish: str | None, accept: str) -> Language:
        """
        The language of a page.

        Args:
            wish: The challenge's locale, as its opener said it.
            accept: The browser's `Accept-Language`.
        """
        for tag in (wish or "", *_wishes(accept)):
            found = self.known.get(tag.lower()) or self.known.get(tag.lower().partition("-")[0])
            if found is not None:
                return found
        return self.known[SOURCE]


def load_languages(folders: Iterable[Path] = ()) -> Languages:
    """
    The shipped catalogues; a further folder's say what they say instead, or add a language.

    Raises:
        ValueError: A folder has a language that nobody knows, or a catalogue that cannot be read; says which.
    """
    known = {SOURCE: Language(SOURCE, Locale(SOURCE), NullTranslations())}
    for folder in (_FOLDER, *folders):
        for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
            tag = path.parent.parent.name
            language = _read(path, tag)
            before = known.get(tag.lower())
            if before is not None:
                language.translations.add_fallback(before.translations)
            known[tag.lower()] = language
    return Languages(known)


def _read(path: Path, tag: str) -> Language:
    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"{path}: `{tag}` is no language") from None
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=str(locale), abort_invalid=True)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    compiled.seek(0)
    return Language(tag, locale, GNUTranslations(compiled))


def _wishes(accept: str) -> list[str]:
    """The tags of an `Accept-Language` (RFC 9110 §12.5.4), most wanted first; what is malformed is left out."""
    wishes: list[tuple[float, str]] = []
    for part in accept.split(",")[:_MOST_WISHES]:
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if quality > 0:
            wishes.append((quality, tag.strip()))
    return [tag for _, tag in sorted(wishes, key=lambda wish: -wish[0])]
