"""The history of a row and of what hangs on it: one line per field that changed, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit import entries
from crmcore.builtin.audit.entries import LogEntry
from crmcore.builtin.audit.fields import require_field
from crmcore.builtin.audit.finding import MODELS, Found, codes_ever, gone
from crmcore.builtin.audit.names import REFERENCES, TECHNICAL, field_name
from crmcore.changes import PERSONAL
from crmcore.entities.lookup import batches
from crmcore.keys import PersonKeys

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo
    from crmcore.plugins.types import Context


@dataclass(frozen=True, slots=True)
class Line:
    """One field that changed."""

    entry: LogEntry
    key: str
    """Code of the row; of one without a code, of whom it is about."""
    field: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Return the line as it is published."""
        entry = self.entry
        return {
            "at": entry.at,
            "actor": entry.actor,
            "entity": entry.entity,
            "field": self.field,
            "before": self.before,
            "after": self.after,
            "source": entry.source,
            "reason": entry.reason,
        }


def history(
    app: App, ctx: Context, found: Iterable[Found], limit: int | None = None, field: str | None = None
) -> list[Line]:
    """Return the lines of the history of rows, the newest `limit` of them, oldest first.

    Of a customer also those of the rows that hang on it, now or once. `field`: only lines of this field; NotFound for
    one that neither these rows have nor their past.
    """
    found = list(found)
    places = {place for one in found for place in _places(app, ctx.connection, one)}
    seqs = sorted(places, reverse=True)
    newest_first = entries.read(ctx.connection, seqs, PersonKeys(ctx.connection))
    lines = list(islice(_lines(app, ctx.connection, newest_first, field), limit))
    lines.reverse()
    if field is not None and not lines:
        require_field(app, _tables_of(app, found), field)
    return lines


def _places(app: App, connection: sa.Connection, found: Found) -> set[int]:
    places: set[int] = set()
    for entity, ids in _concerned(app, connection, found).items():
        places.update(entries.places(connection, entity, ids))
    return places


def _tables_of(app: App, found: Iterable[Found]) -> Iterator[TableInfo]:
    """Yield the tables whose rows the history of these rows may speak of."""
    for one in found:
        yield app.core_tables[one.entity]
        if one.entity in {"customer", "contact"}:
            yield from (app.core_tables[name] for name in ("contact", "contact_firm"))
        if one.entity == "customer":
            yield from (info for info, _column in _hanging(app))


def _concerned(app: App, connection: sa.Connection, found: Found) -> dict[str, set[int]]:
    """Return the rows whose changes make up the history: entity → ids."""
    rows = {found.entity: {found.id}}
    if found.entity == "customer":
        for info, column in _hanging(app):
            ids = set(connection.scalars(sa.select(info.table.c.id).where(info.table.c[column] == found.id)))
            rows.setdefault(info.entity, set()).update(ids)
        tables: dict[str, list[str]] = {}
        for info, column in _hanging(app):
            tables.setdefault(column, []).append(info.entity)
        for column, entities in tables.items():
            for entity, ids in gone(connection, entities, column, [found.id]).items():
                rows.setdefault(entity, set()).update(ids)
        rows.setdefault("contact", set()).update(_contacts_of(connection, rows["contact_firm"]))
    elif found.entity == "contact":
        link = app.core_tables["contact_firm"].table.c
        rows["contact_firm"] = set(connection.scalars(sa.select(link.id).where(link.contact_id == found.id)))
        rows["contact_firm"] |= gone(connection, ["contact_firm"], "contact_id", [found.id]).get(
            "contact_firm", set()
        )
    return rows


def _hanging(app: App) -> Iterator[tuple[TableInfo, str]]:
    """Yield the tables logged row by row whose rows hang on customers, each with its column."""
    for info in app.tables.values():
        if info.spec.log != "full" or info.entity == "customer":
            continue
        own = ("customer_id",) if info.entity in app.core_tables else info.spec.customer_references
        yield from ((info, column) for column in own if column in info.columns)


def _contacts_of(connection: sa.Connection, links: set[int]) -> set[int]:
    """Return the contacts whom these places at firms were ever of, removed places among them."""
    people: set[int] = set()
    seqs = entries.places(connection, "contact_firm", links)
    for entry in entries.read(connection, seqs, PersonKeys(connection)):
        named = {**(entry.before or {}), **(entry.after or {})}
        people |= {named["contact_id"]} if named.get("contact_id") else set()
    return people


# -- lines -------------------------------------------------------------------------------------------------------


def _lines(
    app: App, connection: sa.Connection, newest_first: Iterator[LogEntry], field: str | None
) -> Iterator[Line]:
    """Yield the lines of entries backwards."""
    while part := list(islice(newest_first, entries.BATCH)):
        codes = _codes(connection, part)
        keys = _keys(app, connection, part, codes)
        for entry in part:
            for name, before, after in reversed(list(_fields(app, entry, codes))):
                if field is None or name == field:
                    yield Line(entry, keys[entry.entity, entry.entity_id], name, before, after)


Codes = Mapping[tuple[str, int], str]


def _codes(connection: sa.Connection, part: Sequence[LogEntry]) -> dict[tuple[str, int], str]:
    """Return the codes of all rows that these entries name."""
    named: dict[str, set[int]] = {}
    for entry in part:
        for side in (entry.before, entry.after):
            for column, entity in REFERENCES.items():
                if side and side.get(column) is not None:
                    named.setdefault(entity, set()).add(side[column])
        if entry.entity in MODELS:
            named.setdefault(entry.entity, set()).add(entry.entity_id)
    return {
        (entity, number): code
        for entity, ids in named.items()
        for number, code in codes_ever(connection, entity, ids).items()
    }


def _keys(
    app: App, connection: sa.Connection, part: Sequence[LogEntry], codes: Codes
) -> dict[tuple[str, int], str]:
    """Return what people call each row: its code, of a place at a firm the contact's, else its number."""
    keys: dict[tuple[str, int], str] = {}
    links = {entry.entity_id for entry in part if entry.entity == "contact_firm"}
    people: dict[int, int] = {}
    table = app.core_tables["contact_firm"].table
    for some in batches(links):
        query = sa.select(table.c.id, table.c.contact_id).where(table.c.id.in_(some))
        people.update(map(tuple, connection.execute(query)))
    names = codes_ever(connection, "contact", people.values())
    for entry in part:
        place = (entry.entity, entry.entity_id)
        if entry.entity == "contact_firm" and people.get(entry.entity_id) in names:
            keys[place] = names[people[entry.entity_id]]
        else:
            keys[place] = codes.get(place) or str(entry.entity_id)
    return keys


def _fields(app: App, entry: LogEntry, codes: Codes) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, before and after of each field of an entry; of creates and deletes only what is set."""
    before, after = _flat(entry.before), _flat(entry.after)
    whole = entry.operation in {"create", "delete"}
    info = app.tables.get(entry.entity)
    order = {name: place for place, name in enumerate(info.columns if info else ())}
    for name in sorted({**before, **after}, key=lambda name: order.get(name, len(order))):
        old, new = before.get(name), after.get(name)
        if name in TECHNICAL or (whole and (old if new is None else new) in (None, [], {})):
            continue
        entity = REFERENCES.get(name)
        if entity:
            old, new = (codes.get((entity, v), v) if v is not None else None for v in (old, new))
        yield field_name(name), old, new
    if entry.erased:
        yield PERSONAL, None, None


def _flat(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values with the attributes beside the columns."""
    flat = dict(values or {})
    attributes = flat.pop("attributes", None)
    return {**flat, **attributes} if isinstance(attributes, dict) else flat


def sensitive_in(app: App, lines: Sequence[Line]) -> set[str]:
    """Return the sensitive fields of the card whose values these lines show, and the plugins' tables on persons."""
    sensitive = {field.name for field in app.catalogue.fields.values() if field.sensitive}
    shown = [line for line in lines if (line.before, line.after) != (None, None)]
    return {line.field for line in shown} & sensitive | {
        line.entry.entity for line in shown if _is_of_a_person(app, line)
    }


def _is_of_a_person(app: App, line: Line) -> bool:
    """Say whether a line shows a personal value of a natural person that a plugin keeps; all, if the plugin does not run."""
    if not line.entry.sealed or line.entry.entity in app.core_tables:
        return False
    info = app.tables.get(line.entry.entity)
    return info is None or line.field in info.personal_columns or info.is_personal(line.field)
