"""What the operator puts on the pages: name, logo and one accent colour for light and for dark, readable or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from stairgate.model.errors import InvalidInputError

LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
LIGHT_GROUND = "#ffffff"
DARK_GROUND = "#1b1f27"  # the lighter of the two dark grounds: what reads on it reads on the other
MAX_NAME = 60
MAX_LOGO = 256 * 1024
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LOGOS = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Logo:
    """An image that the pages show beside the name."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Branding:
    """
    How the pages look.

    Raises:
        InvalidInputError: The name is too long, or a colour cannot be read on its ground.
    """

    name: str = "Stairgate"
    logo: Logo | None = None
    accent: str = "#1f4fd8"
    accent_dark: str = "#9db8ff"

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME or not self.name.isprintable():
            raise InvalidInputError("STAIRGATE_BRAND_NAME", f"must have 1 to {MAX_NAME} printable characters")
        _require_readable("STAIRGATE_BRAND_COLOUR", self.accent, LIGHT_GROUND, "darker")
        _require_readable("STAIRGATE_BRAND_COLOUR_DARK", self.accent_dark, DARK_GROUND, "lighter")

    def stylesheet(self) -> str:
        """The colours as custom properties; buttons have the ground's colour as their text."""
        light = f":root {{ --accent: {self.accent}; --on-accent: {LIGHT_GROUND}; }}\n"
        dark = f":root {{ --accent: {self.accent_dark}; --on-accent: {DARK_GROUND}; }}"
        return f"{light}@media (prefers-color-scheme: dark) {{ {dark} }}\n"


def read_logo(path: Path) -> Logo:
    """
    The image at *path*.

    Raises:
        InvalidInputError: It cannot be read, is too large, or is of another kind.
    """
    media_type = _LOGOS.get(path.suffix.lower())
    if media_type is None:
        raise InvalidInputError("STAIRGATE_BRAND_LOGO", f"must name a file that ends in {', '.join(sorted(_LOGOS))}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInputError("STAIRGATE_BRAND_LOGO", f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_LOGO:
        raise InvalidInputError("STAIRGATE_BRAND_LOGO", f"must have at most {MAX_LOGO // 1024} KiB")
    return Logo(content, media_type)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours `#rrggbb` (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # sRGB's own

    red, green, blue = (linear(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _require_readable(variable: str, colour: str, ground: str, better: str) -> None:
    if _COLOUR.fullmatch(colour) is None:
        raise InvalidInputError(variable, f"`{colour}` must be a colour such as #1f4fd8")
    ratio = contrast(colour, ground)
    if ratio < LEAST_CONTRAST:
        raise InvalidInputError(
            variable,
            f"`{colour}` on {ground} has a contrast of {ratio:.1f}:1, and text needs {LEAST_CONTRAST}:1:"
            f" choose a {better} one",
        )
