"""What is held of a person, on paper: the same document as the JSON, made by the renderer of reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.builtin.audit.names import field_name
from crmcore.builtin.records.card import field_text
from crmcore.builtin.reports.output import own_font
from crmcore.builtin.reports.services import Requested
from crmcore.db.base import dumps
from crmcore.files import whole_file
from crmcore.i18n import N_, _, translate
from crmcore.plugins.types import Column, Context, Report, ReportSpec, Table

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.catalogue import Catalogue, CatalogueField

    Fields = Mapping[str, CatalogueField]

_TITLE = N_("All that is held of {code}")


def write_pdf(app: App, actor: str, content: Mapping[str, Any], target: Path) -> None:
    """Write the document as PDF for its owner alone; CrmError where PDF cannot be written here."""
    from crmcore.builtin.reports.pdf import write_pdf as printed_to

    font = own_font(app)
    report = report_of(content, app.catalogue)
    spec = ReportSpec("person_export", _TITLE, _unused)
    at = content["made_at"].astimezone(app.config.timezone)
    company = str(app.config.data["company"].get("name", ""))
    made = Requested(spec, report, actor, at, {}, {}, company)
    with whole_file(target) as file:
        printed = printed_to(made, file, font)
    for sentence in printed.warnings():
        app.warn(sentence)


def _unused(_ctx: Context, _parameters: Mapping[str, str]) -> Report:
    raise NotImplementedError("a document about a person is no report that can be asked for by name")


def report_of(content: Mapping[str, Any], catalogue: Catalogue) -> Report:
    """Return the document as tables: one for each table of each plugin, then the changes."""
    code = content["person"]["code"]
    tables = [
        _part(part, catalogue.fields if part["table"] == "customer" else {}) for part in content["parts"]
    ]
    return Report(
        _(_TITLE).format(code=code), (*tables, _history(content["history"], catalogue)), notes=_notes(content)
    )


def _part(part: Mapping[str, Any], fields: Fields) -> Table:
    purpose = translate("crmcore", part["purpose"]) if part["purpose"] else ""
    title = _("{table} ({plugin}): {purpose}") if purpose else _("{table} ({plugin})")
    columns = (Column("row", _("Row"), "integer"), Column("field", _("Field")), Column("value", _("Value")))
    shown = title.format(table=part["table"], plugin=part["plugin"], purpose=purpose)
    return Table(part["table"], shown, columns, list(_values(part["rows"], fields)))


def _values(rows: Sequence[Mapping[str, Any]], fields: Fields) -> Iterator[tuple[int, str, str]]:
    """Give number, name and value of every field; those of the customer card as the card writes them."""
    for number, row in enumerate(rows, 1):
        for name, value in _flat(row).items():
            yield number, _title(fields, name), _shown(fields.get(field_name(name)), value)


def _flat(row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of a row, its attributes among them."""
    values = dict(row or {})
    attributes = values.get("attributes")
    if isinstance(attributes, Mapping):
        del values["attributes"]
        values |= attributes
    return values


def _title(fields: Fields, name: str) -> str:
    field = fields.get(field_name(name))
    return field.shown_title if field else name


def _shown(field: CatalogueField | None, value: Any) -> str:
    return field_text(field, value) if field and isinstance(value, str) else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).strip('"')


def _history(entries: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> Table:
    columns = (
        Column("at", _("At"), "datetime"),
        Column("actor", _("Who")),
        Column("entity", _("Table")),
        Column("field", _("Field")),
        Column("before", _("Before")),
        Column("after", _("After")),
    )
    rows = [
        (entry["at"], entry["actor"], f"{entry['entity']} {entry['id']}", *change)
        for entry in entries
        for change in _changes(entry, catalogue.fields if entry["entity"] == "customer" else {})
    ]
    return Table("history", _("History"), columns, rows)


def _changes(entry: Mapping[str, Any], fields: Fields) -> Iterator[tuple[str, str, str]]:
    """Give name, value before and value after of each field that an entry tells of."""
    before, after = _flat(entry["before"]), _flat(entry["after"])
    for name in before | after:
        field = fields.get(field_name(name))
        old, new = (side.get(name) for side in (before, after))
        yield _title(fields, name), _side(field, old), _side(field, new)


def _side(field: CatalogueField | None, value: Any) -> str:
    return "" if value is None else _shown(field, value)


def _notes(content: Mapping[str, Any]) -> tuple[str, ...]:
    reads = _("Recorded reads of this person: {count}").format(count=len(content["reads"]))
    return (reads, _("The data is restricted: kept and not used.")) if content["restricted"] else (reads,)
