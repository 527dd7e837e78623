"""Pictures of every state of every page, to be looked at: `make screenshots` writes them to `.cache/screenshots`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from tests.pages.bank import open_bank
from tests.pages.chromium import chromium, visit
from tests.pages.states import STATES

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "screenshots"
WIDTHS = (320, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = {"en": tuple(STATES), "de": ("passkey", "locked"), "ar": ("code", "satisfied")}


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder, open_bank(Path(folder)) as bank, chromium() as browser:
        for language, names in LANGUAGES.items():
            for name in names:
                for scheme in SCHEMES:
                    place = STATES[name](bank)  # anew: a link is good once
                    context = browser.new_context(
                        viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale=language
                    )
                    page = context.new_page()
                    visit(page, place)
                    for width in WIDTHS:
                        page.set_viewport_size({"width": width, "height": 800})
                        page.screenshot(path=FOLDER / f"{name}-{language}-{width}-{scheme}.png", full_page=True)
                    context.close()
    print(f"{len(list(FOLDER.iterdir()))} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
