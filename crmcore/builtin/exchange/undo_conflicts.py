"""What an undo leaves alone, and the sentences that say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from crmcore.builtin.audit.names import field_name
from crmcore.builtin.exchange.undo_history import Writer
from crmcore.builtin.exchange.undo_keys import Keys
from crmcore.builtin.exchange.undo_references import Hanging
from crmcore.entities.lookup import NOUNS
from crmcore.i18n import translate, translator
from crmcore.plugins.types import Refusal

_ = translator("crmcore")

_IMPORT, _MERGE = "import:", "merge:"


class Conflict(NamedTuple):
    """One field of one row that is left as it is."""

    entity: str
    number: int
    field: str
    why: str
    key: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as users see it."""
        return {"entity": self.entity, "key": self.key, "field": field_name(self.field), "why": self.why}


def changed_since(by: Writer, zone: ZoneInfo) -> str:
    """Say who changed a field since."""
    if by.source.startswith(_IMPORT):
        return _("changed since by import {id}").format(id=by.source.removeprefix(_IMPORT))
    day = by.at.astimezone(zone).date()
    if by.source.startswith(_MERGE):
        return _("merged since by {actor} on {day}").format(actor=by.actor, day=day)
    return _("changed since by {actor} on {day}").format(actor=by.actor, day=day)


def hangs(rows: Sequence[Hanging], keys: Keys) -> str:
    """Say what hangs on a row: the first by name, of the others how many."""
    first = min(rows, key=lambda row: row.number)
    noun = translate("crmcore", NOUNS[first.entity]) if first.entity in NOUNS else first.entity
    key = keys.of(first.entity, first.number) if first.number else ""
    shown = f"{noun} {key}".strip()
    if len(rows) == 1:
        return _("{row} hangs on it").format(row=shown)
    return _("{row} and {count} more hang on it").format(row=shown, count=len(rows) - 1)


def refused(refusal: Refusal) -> str:
    """Say which plugin refused, and what it said."""
    return f"{refusal.message} [{refusal.plugin}]"


def gone() -> str:
    """Say that a row cannot point again to what it pointed to."""
    return _("what it pointed to is no longer there")


def taken(value: object) -> str:
    """Say that somebody else has what is unique."""
    return _("{value} belongs to another row by now").format(value=value)
