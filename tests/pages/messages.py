"""The texts of the pages, gathered from templates and code; `scripts/messages` brings the catalogues up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PAGES = Path(__file__).resolve().parents[2] / "src" / "stairgate" / "pages"
METHODS = [("**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"**.html": {"trimmed": "true"}, "**.py": {}}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "text": None,
    "count": (1, 2),
}


def source() -> Catalog:
    """Every text that a page may say, in English."""
    catalogue = Catalog(project="Stairgate", charset="utf-8", fuzzy=False)
    found = extract_from_dir(str(PAGES), METHODS, OPTIONS, keywords=KEYWORDS)
    for filename, _line, message, _comments, context in found:
        catalogue.add(message, locations=[(filename, 0)], context=context)
    return catalogue


def catalogues() -> Iterator[Path]:
    """The shipped catalogues."""
    yield from sorted(PAGES.glob("locale/*/LC_MESSAGES/pages.po"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain="pages")


def main() -> None:
    for path in catalogues():
        catalogue = read(path)
        catalogue.update(source(), no_fuzzy_matching=True)
        with path.open("wb") as file:
            write_po(file, catalogue, width=116, omit_header=False, no_location=True, ignore_obsolete=True)


if __name__ == "__main__":
    main()
