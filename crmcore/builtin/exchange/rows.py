"""From the cells of rows to the values of fields, column by column, by readers chosen once per file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from crmcore.builtin.exchange.columns import ColumnPlan
from crmcore.builtin.exchange.problems import BadValueError, BrokenRow
from crmcore.builtin.exchange.table_file import Record
from crmcore.builtin.exchange.values import BAD, Reader, Writing, make_reader
from crmcore.errors import CrmError
from crmcore.i18n import translator
from crmcore.plugins.types import Field, Row

_ = translator("crmcore")

LONGEST_LINE_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was not taken: the first bad cell, and all reasons."""

    column: str
    """The header, or the field's name where no column has it."""
    value: str
    reason: str


Rejection = tuple[int, list[str], Problem]
"""Line, cells and what is wrong with them."""


@dataclass(slots=True)
class Chunk:
    """Some rows of the file, read."""

    records: Sequence[Record]
    rows: list[Row] = field(default_factory=list)
    bad: list[Rejection] = field(default_factory=list)

    def cells(self) -> dict[int, list[str]]:
        """Return line → cells."""
        return dict(self.records)


class RowParser:
    """Reads the rows of one file."""

    def __init__(
        self,
        plan: ColumnPlan,
        fields: Mapping[str, Field],
        constants: Mapping[str, str],
        writing: Writing,
        width: int,
    ) -> None:
        self._columns: list[tuple[int, str, Reader]] = [
            (column.index, column.field.name, make_reader(column.field, writing, column.factor))
            for column in plan.columns
        ]
        self._headers = {column.field.name: column.header for column in plan.columns}
        self._constants = {name: _constant(fields[name], text, writing) for name, text in constants.items()}
        there = plan.fields() | constants.keys()
        self._required = [
            field.name
            for field in fields.values()
            if field.required and (field.name in there or not there.intersection(field.unless))
        ]
        self._line_column = plan.line_column
        self._width = width

    def header_of(self, name: str) -> str:
        """Return the header under which a field stands in the file."""
        return self._headers.get(name, name)

    def parse(self, records: Sequence[Record], first_number: int) -> Chunk:
        """Read rows (line, cells), of which the first has this number; blank cells give no value."""
        chunk = Chunk(records)
        lines, numbers, cells = self._in_shape(records, first_number, chunk)
        if not lines:
            return chunk
        columns = list(zip(*cells, strict=True))
        names = [name for _index, name, _reader in self._columns]
        read = [reader.many(columns[index]) for index, _name, reader in self._columns]
        rows = zip(*(values for values, _whole in read), strict=True)
        named: Iterable[dict[str, Any]] = map(dict, map(zip, repeat(names), rows))
        if all(whole for _values, whole in read):
            chunk.rows = list(map(Row, lines, numbers, named))
        else:
            chunk.rows = self._only_good(chunk, zip(lines, numbers, cells, named, strict=True))
        self._complete(chunk)
        return chunk

    def _only_good(
        self, chunk: Chunk, rows: Iterable[tuple[int, int, list[str], dict[str, Any]]]
    ) -> list[Row]:
        """Leave out blank cells, and rows in which a cell is bad or a required one blank."""
        good = []
        for line, number, cells, named in rows:
            values = {name: value for name, value in named.items() if value is not None}
            missing = any(name not in values and name not in self._constants for name in self._required)
            if missing or BAD in values.values():
                chunk.bad.append((line, cells, self._problem(cells)))
            else:
                good.append(Row(line, number, values))
        return good

    def _complete(self, chunk: Chunk) -> None:
        """Add constants, and the lines that rows of a rejects file had."""
        if self._constants:
            for row in chunk.rows:
                row.values = {**self._constants, **row.values}
        if self._line_column is not None:
            by_line = chunk.cells()
            for row in chunk.rows:
                cells = by_line[row.line]
                row.rejected_line = (
                    _line_of(cells[self._line_column]) if self._line_column < len(cells) else None
                )

    def _in_shape(
        self, records: Sequence[Record], first_number: int, chunk: Chunk
    ) -> tuple[Sequence[int], Sequence[int], Sequence[list[str]]]:
        """Return lines, numbers and cells of the rows that can be read, short ones padded."""
        width = self._width
        lines, cells = [line for line, _cells in records], [found for _line, found in records]
        numbers = range(first_number, first_number + len(records))
        if set(map(len, cells)) == {width} and BrokenRow not in set(map(type, cells)):
            return lines, numbers, cells
        shaped: list[tuple[int, int, list[str]]] = []
        for line, number, found in zip(lines, numbers, cells, strict=True):
            problem = self._misshapen(found)
            if problem is None:
                shaped.append((line, number, found[:width] + [""] * (width - len(found))))
            else:
                chunk.bad.append((line, found, problem))
        return (
            [line for line, _number, _found in shaped],
            [number for _line, number, _found in shaped],
            [found for _line, _number, found in shaped],
        )

    def _misshapen(self, cells: Sequence[str]) -> Problem | None:
        if isinstance(cells, BrokenRow):
            return Problem("", cells[0], cells.reason)
        if any(cells[self._width :]):
            reason = _(
                "the row has {count} cells, the header {width}: is a delimiter inside a value?"
            ).format(count=len(cells), width=self._width)
            return Problem("", cells[self._width], reason)
        return None

    def _problem(self, cells: Sequence[str]) -> Problem:
        """Read a row again, cell by cell, and gather all that is wrong with it."""
        found: list[Problem] = []
        seen = set(self._constants)
        for index, name, reader in self._columns:
            cell = cells[index]
            try:
                if cell and reader.one(cell) is not None:
                    seen.add(name)
            except BadValueError as error:
                seen.add(name)
                found.append(Problem(self.header_of(name), cell, str(error)))
        found += [
            Problem(self.header_of(name), "", _("is empty")) for name in self._required if name not in seen
        ]
        first = found[0]
        more = [f"{problem.column}: {problem.reason}" for problem in found[1:]]
        return Problem(first.column, first.value, "; ".join([first.reason, *more]))


def _constant(field: Field, text: str, writing: Writing) -> Any:
    try:
        return make_reader(field, writing).one(text)
    except BadValueError as error:
        raise CrmError(
            _("the mapping's constant {value!r} for {field}: {reason}").format(
                value=text, field=field.name, reason=error
            )
        ) from None


def _line_of(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_LINE_NUMBER else None
