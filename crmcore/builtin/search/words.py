"""What people read of a search: reasons, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmcore.builtin.search import folding, pinyin
from crmcore.builtin.search.sources import Source, sources
from crmcore.i18n import N_, _, translate

if TYPE_CHECKING:
    from crmcore.app import App

_HOW = {
    "exact": N_("exactly"),
    "whole": N_("the whole"),
    "prefix": N_("begins so"),
    "contained": N_("holds it"),
    "end": N_("ends so"),
    "words": N_("holds all words"),
    "together": N_("holds all words with the customer"),
    "pinyin whole": N_("pinyin of the whole"),
    "pinyin prefix": N_("pinyin, begins so"),
    "pinyin contained": N_("pinyin, holds it"),
    "initials whole": N_("initials of the whole"),
    "initials prefix": N_("initials, begins so"),
    "initials contained": N_("initials, holds it"),
}
_USUAL_FIELDS = {
    "name": N_("Name"),
    "code": N_("Code"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "mobile": N_("Mobile"),
}


class Reasons:
    """Tells why a customer was found, in the user's language."""

    def __init__(self, app: App) -> None:
        """Take what the fields are called."""
        self._app = app
        self._sources = sources(app)

    def shown(self, why: str) -> str:
        """Return a reason (`contact T001 name prefix`) as people say it."""
        words = why.split(" ")
        place = 2 if words[0] == "contact" else 1 if words[0] in self._sources and len(words) > 2 else 0  # noqa: PLR2004
        written = " ".join(words[place + 1 :])
        how = _(_HOW[written])
        field = words[place]
        if place == 0:
            return f"{self._app.catalogue.fields[field].shown_title}: {how}"
        if words[0] == "contact":
            return f"{_('Contact')} {words[1]}, {_(_USUAL_FIELDS[field])}: {how}"
        called = _(_USUAL_FIELDS[field]) if field in _USUAL_FIELDS else field
        return f"{self._title(self._sources[words[0]])}, {called}: {how}"

    def _title(self, source: Source) -> str:
        package = self._app.host.get(source.plugin).manifest.package.split(".")[0]
        return translate(package, source.title)


def missing_sentence(text: str, *, found: bool) -> str:
    """Say which library this question could have used and there is not; an empty text if none."""
    folded = folding.fold(text[: folding.LONGEST])
    if not pinyin.has_pinyin() and not found and folded.isascii() and folded.isalpha():
        return _("names are not found by pinyin here; install it with: pip install 'crmcore[search]'")
    if not folding.has_traditional() and not folded.isascii() and not found:
        return _(
            "traditional and simplified characters are not the same here; install it with: pip install 'crmcore[search]'"
        )
    return ""


def features_shown(features: Mapping[str, Any]) -> str:
    """Say what names are found by."""
    words = [
        _("pinyin") if features["pinyin"] else _("no pinyin"),
        _("traditional as simplified") if features["traditional"] else _("traditional apart from simplified"),
    ]
    return ", ".join(words)
