"""Messages in the user's language: gettext catalogues, one per distribution.

Source text is English; `locale/<language>/LC_MESSAGES/<package>.mo` inside each package holds the rest.
The language is looked up at each call, so one process can serve several.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations, translation
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LANGUAGES = ("en", "zh_CN")
_language: ContextVar[str] = ContextVar("language", default="en")


def language() -> str:
    """Return the language of this context: `en` or `zh_CN`."""
    return _language.get()


def set_language(name: str) -> None:
    """Choose the language of this context; unknown names mean English."""
    _language.set(match_language(name) or "en")


def match_language(name: str) -> str | None:
    """Map `zh_CN.UTF-8`, `zh-Hans`, `en_GB`, `C` and the like to a language we have, or None."""
    base = name.split(".", maxsplit=1)[0].replace("-", "_").lower()
    if base.startswith("zh"):
        return "zh_CN"
    return "en" if base.startswith("en") or base in {"c", "posix"} else None


def language_from(environ: Mapping[str, str]) -> str:
    """Choose by CRM_LANG, LC_ALL, LANG, in that order."""
    for name in ("CRM_LANG", "LC_ALL", "LANG"):
        if environ.get(name) and (found := match_language(environ[name])):
            return found
    return "en"


@cache
def locale_dir(package: str) -> Path:
    """Return the folder of a package's catalogues, without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return Path("locale")
    return Path(next(iter(spec.submodule_search_locations))) / "locale"


@cache
def _catalogue(package: str, language_name: str) -> NullTranslations:
    if language_name == "en":
        return NullTranslations()
    try:
        return translation(package, locale_dir(package), [language_name], fallback=True)
    except Exception:  # noqa: BLE001  (a plugin's file may be damaged in any way; its texts stay English)
        return NullTranslations()


def translate(package: str, message: str) -> str:
    """Translate one message of a package into the language of this context."""
    return _catalogue(package, language()).gettext(message) if message else ""


def translator(package: str) -> Callable[[str], str]:
    """Return the `_` of a package; call it when the text is shown, not when the module is imported."""

    def _(message: str) -> str:
        return translate(package, message)

    return _


def N_(message: str) -> str:  # noqa: N802  (gettext's customary name)
    """Mark a message for the catalogue without translating it yet."""
    return message


def speak_click() -> None:
    """Let click's own words (Usage, Options, its errors) come from our catalogue in the chosen language."""
    import gettext

    gettext.bindtextdomain("crmcore", str(locale_dir("crmcore")))
    gettext.textdomain("crmcore")
    os.environ["LANGUAGE"] = language()


_ = translator("crmcore")
