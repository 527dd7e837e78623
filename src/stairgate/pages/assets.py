"""What pages load: one style sheet, one script, the operator's colours and logo. Nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stairgate.model.errors import MethodNotAllowedError, NotFoundError
from stairgate.pages.branding import Branding
from stairgate.pages.http import Page, Request

ASSETS_PATH = "/pages"
_FOLDER = Path(__file__).parent / "assets"
_TYPES = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}
_KEPT = (b"cache-control", b"public, max-age=31536000, immutable")
# SECURITY: an SVG that is opened by itself would run scripts of its own, were it not for this.
_INERT = "default-src 'none'; frame-ancestors 'none'; sandbox"


class Assets:
    """Every asset, read once, under an address that changes with its content."""

    def __init__(self, branding: Branding) -> None:
        found = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in sorted(_FOLDER.iterdir())}
        found["brand.css"] = (branding.stylesheet().encode(), _TYPES[".css"])
        if branding.logo is not None:
            found["logo"] = (branding.logo.content, branding.logo.media_type.encode())
        self._found = found
        self._versions = {name: hashlib.sha256(content).hexdigest()[:16] for name, (content, _) in found.items()}

    def address(self, name: str) -> str:
        """Where the asset *name* is; empty where there is none."""
        version = self._versions.get(name)
        return "" if version is None else f"{ASSETS_PATH}/{version}/{name}"

    def serve(self, request: Request) -> tuple[str, Page]:
        """
        Answer `/pages/{version}/{name}`.

        Raises:
            NotFoundError: There is none of that name, or its content is another one by now.
            MethodNotAllowedError: It is only to be read.
        """
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowedError(("GET",))
        _, version, name = request.path if len(request.path) == 3 else ("", "", "")  # noqa: PLR2004  # its parts
        if not name or self._versions.get(name) != version:
            raise NotFoundError
        content, media_type = self._found[name]
        policy = _INERT if media_type.startswith(b"image/") else ""
        page = Page(200, content, media_type, (_KEPT,), kept=True, policy=policy)
        return f"{ASSETS_PATH}/{{version}}/{{name}}", page
