"""New rows by columns: taken apart once, they serve the table, the change log and the search index alike.

A bulk import waits for all three; a dict for each row, copied on its way, would take much of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, overload

from crmcore.db.base import dumps
from crmcore.db.rows import executemany
from crmcore.ids import new_uids

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from crmcore.db.tables import TableInfo

Row = dict[str, Any]
_ROWS_AT_ONCE = 50
"""So many rows one INSERT takes on SQLite: each statement costs as much as some rows, and more than this win little."""
_MOST_MARKS = 900
"""Every SQLite takes so many marks in a statement."""


class Columns(Sequence[Row]):
    """Rows that all have the same keys, as the values of each key; a row is put together when it is asked for."""

    def __init__(self, values: Mapping[str, Sequence[Any]], rows: int) -> None:
        """Take the values by their keys, as many of each as there are rows."""
        self.values = values
        self._rows = rows
        self.attributes: list[str] | None = None
        """The attributes as JSON, once they are encoded."""

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> Columns: ...

    def __getitem__(self, place: int | slice) -> Row | Columns:
        if isinstance(place, slice):
            cut = {name: values[place] for name, values in self.values.items()}
            part = Columns(cut, len(range(self._rows)[place]))
            part.attributes = None if self.attributes is None else self.attributes[place]
            return part
        place = range(self._rows)[place]
        return {name: values[place] for name, values in self.values.items()}

    def __iter__(self) -> Iterator[Row]:
        return map(self.__getitem__, range(self._rows))

    def column(self, name: str, default: Any = None) -> Sequence[Any]:
        """Return the values of a key, the default for each row where no row has it."""
        return self.values[name] if name in self.values else [default] * self._rows

    def without(self, places: Collection[int]) -> Columns:
        """Return the rows but those at these places."""
        kept = [place for place in range(self._rows) if place not in places]
        return Columns(
            {name: [values[place] for place in kept] for name, values in self.values.items()}, len(kept)
        )

    def encode(self) -> None:
        """Write the attributes as JSON, once for table and log."""
        if "attributes" in self.values:
            self.attributes = list(map(dumps, self.values["attributes"]))


def taken_apart(rows: Sequence[Row], fillers: Mapping[str, Callable[[], Any]] | None = None) -> Columns:
    """Return rows by columns; `fillers` make the values of keys that only other rows have, else they are None."""
    if isinstance(rows, Columns):
        return rows
    keys, fillers = rows[0].keys(), fillers or {}
    if all(row.keys() == keys for row in rows):
        return Columns({name: list(map(itemgetter(name), rows)) for name in keys}, len(rows))
    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        fill = fillers.get(name, _nothing)
        columns[name] = [row[name] if name in row else fill() for row in rows]
    return Columns(columns, len(rows))


def picked(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Columns:
    """Return these columns alone of rows."""
    return Columns({name: [row.get(name) for row in rows] for name in names}, len(rows))


def complete(info: TableInfo, rows: Sequence[Row], now: datetime) -> Columns:
    """Return new rows of a table with uid and defaults; KeyError for a column that the table has not."""
    given = taken_apart(rows, {**info.defaults, "uid": lambda: new_uids(1, now)[0]})
    for name in given.values:
        if name not in info.columns:
            raise KeyError(f"{info.entity} has no column {name} that may be set")
    count = len(given)
    absent = {name: [make()] * count for name, make in info.defaults.items() if name not in given.values}
    if "uid" in info.columns and "uid" not in given.values:
        absent = {"uid": new_uids(count, now), **absent}
    return Columns({**absent, **given.values}, count)


def write(connection: sa.Connection, table: str, columns: Mapping[str, Sequence[Any] | None]) -> None:
    """Insert rows of what the driver takes, None for a column of NULLs; the caller holds the gate open.

    They go straight to the driver: SQLAlchemy's care for each row costs a bulk import a tenth. On SQLite many rows go
    in one statement, on PostgreSQL all in one COPY, for its executemany would go there and back for each row.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name != "sqlite":
        given = [repeat(None) if values is None else values for values in columns.values()]
        executemany(connection, f'COPY "{table}" ({names}) FROM STDIN', list(zip(*given, strict=False)))
        return
    filled = [None if _is_null(values) else values for values in columns.values()]
    marks = ", ".join("NULL" if values is None else "?" for values in filled)
    there = [values for values in filled if values is not None]
    width, rows = len(there), len(there[0])
    together: list[Any] = [None] * (width * rows)
    for place, values in enumerate(there):
        together[place::width] = values
    size = max(1, min(_ROWS_AT_ONCE, _MOST_MARKS // width))
    whole, step = rows - rows % size, size * width
    for start, end, many in ((0, whole, size), (whole, rows, rows - whole)):
        if start < end:
            places = ",\n".join([f"({marks})"] * many)
            parts = [together[i : i + step] for i in range(start * width, end * width, step)]
            executemany(connection, f'INSERT INTO "{table}" ({names}) VALUES {places}', parts)  # noqa: S608  (names of our own)


def _is_null(values: Sequence[Any] | None) -> bool:
    return values is None or (values[0] is None and values.count(None) == len(values))


def _nothing() -> None:
    return None
