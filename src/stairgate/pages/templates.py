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
        self._folders = [_FOLDER] if override is None else [override, _FOLDER]
        self._everywhere = everywhere
        self._of: dict[str, Environment] = {}

    def render(self, name: str, language: Language, **context: Any) -> bytes:  # noqa: ANN401  # what the template takes
        """The template *name* in *language*."""
        environment = self._of.get(language.tag)
        if environment is None:
            environment = self._of[language.tag] = self._made(language)
        return environment.get_template(name).render(language=language, **context).encode()

    def _made(self, language: Language) -> Environment:
        # One a language: an overlay would share the functions that translate.
        environment: Any = Environment(
            loader=FileSystemLoader(self._folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
        )
        environment.globals.update(self._everywhere)
        environment.filters.update(visible=visible, shown=shown)
        # Newstyle: what fills a message in is escaped, however the message came about.
        environment.install_gettext_translations(language.translations, newstyle=True)
        made: Environment = environment
        return made
