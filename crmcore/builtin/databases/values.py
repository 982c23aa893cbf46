"""Values of a SQLite file: what a column may hold, looked at before it goes anywhere else.

SQLite keeps any value in any column. Rows travel in the form in which SQLite has them: days and times as text, yes and
no as 1 and 0, JSON as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmcore.builtin.databases.layout import Layout
    from crmcore.builtin.databases.sums import Batch

_ALLOWED: dict[str, frozenset[type]] = {
    "integer": frozenset({int}),
    "boolean": frozenset({int}),
    "text": frozenset({str}),
    "uuid": frozenset({str}),
    "date": frozenset({str}),
    "datetime": frozenset({str}),
    "time": frozenset({str}),
    "bytes": frozenset({bytes}),
    "number": frozenset({float, int}),
    "decimal": frozenset({float, int, str}),
    "json": frozenset({str, int, float}),
}
_FORMS = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})?"),
    "time": re.compile(r"\d\d:\d\d:\d\d(?:\.\d{6})?"),
}
_READ: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
}
_FRACTION = ".000000"


def checked(layout: Layout, batch: Batch) -> Batch:
    """Return rows of a SQLite file as they travel; CrmError names the column that holds what it cannot hold."""
    columns: list[Sequence[Any]] = list(zip(*batch, strict=True))
    changed = False
    for place, (name, kind) in enumerate(layout.columns.items()):
        column = columns[place]
        types = set(map(type, column)) - {type(None)}
        if not types <= _ALLOWED.get(kind, types) or not _well_formed(kind, column):
            raise _wrong(layout, name, kind)
        if tidied := _tidied(kind, types, column):
            columns[place], changed = tidied, True
    return list(zip(*columns, strict=True)) if changed else batch


def _well_formed(kind: str, column: Sequence[Any]) -> bool:
    if kind == "boolean":
        return set(column) <= {0, 1, None}
    if kind in _FORMS:
        match, read = _FORMS[kind].fullmatch, _READ[kind]
        try:
            return all(value is None or (match(value) and read(value) is not None) for value in column)
        except ValueError:  # a day or an hour that does not exist
            return False
    return True


def _tidied(kind: str, types: set[type], column: Sequence[Any]) -> list[Any] | None:
    """Return a column in the one form that its values have, None where they have it."""
    tidy: Callable[[Any], Any]
    if kind in {"datetime", "time"} and any(value and "." not in value for value in column):
        tidy = _with_fraction
    elif kind == "json" and types - {str}:  # SQLite takes a JSON number for a number
        tidy = str
    else:
        return None
    return [None if value is None else tidy(value) for value in column]


def _with_fraction(value: str) -> str:
    return value if "." in value else value + _FRACTION


def _wrong(layout: Layout, column: str, kind: str) -> CrmError:
    message = _("column {column} of table {table} holds a value that is no {kind}; nothing was copied")
    return CrmError(message.format(table=layout.name, column=column, kind=kind))
