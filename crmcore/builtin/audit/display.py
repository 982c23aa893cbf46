"""Histories, verdicts and reads as the terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmcore.builtin.audit.structures import is_cut, is_structured, structure
from crmcore.builtin.records.options import local
from crmcore.builtin.records.words import shown
from crmcore.changes import PERSONAL
from crmcore.cli.kit import Session, echo, show_table
from crmcore.db.base import dumps
from crmcore.entities.lookup import NOUNS
from crmcore.i18n import N_, _, translate
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.builtin.audit.history import Line
    from crmcore.builtin.audit.verify import Verdict

_OPERATIONS = {
    "create": N_("created"),
    "update": N_("changed"),
    "archive": N_("archived"),
    "restore": N_("taken back"),
    "delete": N_("removed"),
}
_KINDS = {
    "backup": N_("backup"),
    "copy": N_("copy of the database"),
    "export": N_("export"),
    "extract": N_("document taken out"),
    "list": N_("list"),
    "report": N_("report"),
    "sensitive": N_("sensitive fields"),
}
_TITLES = {
    "archived_at": N_("Archived"),
    "at": N_("At"),
    "channel": N_("Channel"),
    "code": N_("Code"),
    "confidential": N_("Confidential"),
    "contact": N_("Contact"),
    "customer": N_("Customer"),
    "direction": N_("Direction"),
    "done_at": N_("Done"),
    "drawer": N_("Drawer"),
    "due_on": N_("Due"),
    "email": N_("E-mail"),
    "file_name": N_("File"),
    "mobile": N_("Mobile"),
    "name": N_("Name"),
    "notes": N_("Notes"),
    "owner": N_("Owner"),
    "phone": N_("Phone"),
    "position": N_("Position"),
    "roles": N_("Roles"),
    "sha256": N_("Checksum"),
    "since": N_("Since"),
    "size": N_("Size"),
    "subject": N_("Subject"),
    "title": N_("Title"),
    "until": N_("Until"),
    PERSONAL: N_("Personal values"),
}
"""Fields of what is no customer; those of a plugin's tables are shown under their own names."""
_WORDS = frozenset({"kind", "lifecycle", "direction", "channel", "drawer", "roles"})
"""Fields whose stored words are translated."""
_LINK = N_("contact's place")


def print_history(session: Session, lines: Sequence[Line], limit: int | None) -> None:
    """Print the lines of a history as a table."""
    columns = (
        Column("at", _("At"), "datetime"),
        Column("actor", _("Who")),
        Column("row", _("What")),
        Column("operation", _("Change")),
        Column("field", _("Field")),
        Column("before", _("Before")),
        Column("after", _("After")),
        Column("why", _("Why")),
    )
    show_table(Table("history", "", columns, [_row(session, line) for line in lines]))
    if any(is_cut(value) for line in lines for value in (line.before, line.after)):
        echo(_("What is only counted, or ends in …, stands in full with --json"))
    if not lines:
        echo(_("(none)"))
    elif limit is not None and len(lines) >= limit:
        echo(_("These are the newest {count}; there may be earlier ones: --limit N").format(count=limit))


def _row(session: Session, line: Line) -> tuple[Any, ...]:
    entry = line.entry
    erased = _("(erased)") if line.field == PERSONAL else ""
    return (
        local(session, entry.at),
        entry.actor,
        f"{entity_title(entry.entity)} {line.key}",
        translate("crmcore", _OPERATIONS.get(entry.operation, entry.operation)),
        field_title(session, entry.entity, line.field),
        erased if erased and entry.before else _value(session, line.field, line.before),
        erased or _value(session, line.field, line.after),
        _why(entry.reason, entry.source),
    )


def entity_title(entity: str) -> str:
    """Return what people call a kind of row; a plugin's table is shown under its own name."""
    noun = _LINK if entity == "contact_firm" else NOUNS.get(entity)
    return translate("crmcore", noun) if noun else entity


def field_title(session: Session, entity: str, field: str) -> str:
    """Return what people call a field of a kind of row."""
    if entity == "customer" and field in session.app.catalogue.fields:
        return session.app.catalogue.fields[field].shown_title
    return translate("crmcore", _TITLES[field]) if field in _TITLES else field


def conflict_row(session: Session, conflict: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an undo has left as the cells of a table; its field may be the kind of row that hangs on it."""
    entity, field = conflict["entity"], conflict["field"]
    title = field_title(session, entity, field)
    hangs = title == field and field in {*NOUNS, "contact_firm"}
    return entity_title(entity), conflict["key"], entity_title(field) if hangs else title, conflict["why"]


def _value(session: Session, field: str, value: Any) -> str:
    """Write a value of the log for people."""
    if value is None:
        return ""
    if isinstance(value, list) and not is_structured(value):
        return ", ".join(_value(session, field, item) for item in value)
    if isinstance(value, list | dict):
        return structure(value)
    if isinstance(value, str):
        is_time = field == "at" or field.endswith("_at")
        return _moment(session, value) if is_time else shown(value) if field in _WORDS else value
    return {True: _("yes"), False: _("no")}[value] if isinstance(value, bool) else dumps(value)


def _moment(session: Session, value: str) -> str:
    try:
        return f"{local(session, datetime.fromisoformat(value)):%Y-%m-%d %H:%M}"
    except ValueError:
        return value


def _why(reason: str, source: str) -> str:
    """Return the reason, and where the change came from unless somebody typed it."""
    return reason if source == "cli" else f"{reason} ({source})".strip()


def print_verdict(verdict: Verdict) -> None:
    """Say what a check of the log came to."""
    if verdict.ok:
        echo(_("The change log is as it was written: {count} entries checked.").format(count=verdict.checked))
    else:
        echo(_("The change log is not as it was written: {problem}").format(problem=verdict.problem))
    if verdict.anchored_to is not None:
        echo(_("An anchor confirms it up to position {position}.").format(position=verdict.anchored_to))
    elif verdict.ok:
        echo(_("Without an anchor nobody can see whether its newest entries were cut off; see --anchor."))
    if verdict.unsealed:
        echo(_("{count} transactions are not sealed yet.").format(count=verdict.unsealed))


def reads_table(session: Session, found: Sequence[Mapping[str, Any]]) -> Table:
    """Return recorded reads as a table."""
    columns = (
        Column("at", _("At"), "datetime"),
        Column("actor", _("Who")),
        Column("authenticated_as", _("User of the system")),
        Column("what", _("Kind")),
        Column("entity", _("What")),
        Column("count", _("Count"), "integer"),
        Column("filter", _("Filter")),
    )
    rows = [
        (
            local(session, read["at"]),
            read["actor"],
            read["authenticated_as"],
            translate("crmcore", _KINDS.get(read["what"], read["what"])),
            translate("crmcore", NOUNS.get(read["entity"], read["entity"])),
            read["count"],
            read["filter"],
        )
        for read in found
    ]
    return Table("reads", "", columns, rows)
