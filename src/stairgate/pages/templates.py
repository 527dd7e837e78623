"""Templates: Jinja with escaping always on, one environment a language, and the operator's folder before ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stairgate.pages.harmless import shown, visible
from stairgate.pages.languages import Language

_FOLDER = Path(__file__).parent / "templates"


class Templates:
    """
    What pages are rendered from.

    Args:
        override: The operator's folder: a template that is there is used instead of ours.
        everywhere: What every template may use.
    """

    def __init__(self, override: Path | None = None, **everywhere: object) -> None:
        folders = [_FOLDER] if override is None else [override, _FOLDER]
        self._environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
        )
        self._environment.globals.update(everywhere)
        self._environment.filters.update(visible=visible, shown=shown)
        self._of: dict[str, Environment] = {}

    def render(self, name: str, language: Language, **context: Any) -> bytes:  # noqa: ANN401  # what the template takes
        """The template *name* in *language*."""
        environment = self._of.get(language.tag)
        if environment is None:
            environment = self._environment.overlay()
            # Newstyle: what fills a message in is escaped, however the message came about.
            install: Any = environment
            install.install_gettext_translations(language.translations, newstyle=True)
            self._of[language.tag] = environment
        return environment.get_template(name).render(language=language, **context).encode()
