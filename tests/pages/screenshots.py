"""Pictures of every state of every page, to be looked at: `make screenshots` writes them to `.cache/screenshots`."""

from __future__ import annotations

import shutil
import tempfile
from itertools import product
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser
from tests.pages.bank import open_bank
from tests.pages.chromium import chromium, visit
from tests.pages.states import STATES, Place

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "screenshots"
WIDTHS = (320, 1280)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
FORCED = ("code", "wrong", "expired")  # as they are where the reader's colours replace all others
LANGUAGES = {"en": tuple(STATES), "de": ("passkey", "locked"), "ar": ("code", "satisfied")}


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder, open_bank(Path(folder)) as bank, chromium() as browser:
        for language, names in LANGUAGES.items():
            for name, scheme in product(names, SCHEMES):
                _take(browser, STATES[name](bank), f"{name}-{language}", scheme=scheme, language=language)
        for name, scheme in product(FORCED, SCHEMES):
            _take(browser, STATES[name](bank), f"{name}-forced", scheme=scheme, forced_colors="active")
    print(f"{len(list(FOLDER.iterdir()))} pictures in {FOLDER}")


def _take(browser: Browser, place: Place, name: str, *, scheme: Scheme, language: str = "en", **more: Any) -> None:
    """Take *place*, which is made anew for each: a link is good once."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale=language, **more)
    page = context.new_page()
    visit(page, place)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=True)
    context.close()


if __name__ == "__main__":
    main()
