"""From a field's type and the mapping's choices to what reads its cells, one by one or a whole column at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any, Protocol

from crmcore.builtin.exchange.dates import DateOrder, date_parser, datetime_parser
from crmcore.builtin.exchange.numbers import integer_parser, number_parser
from crmcore.builtin.exchange.problems import BadValueError
from crmcore.builtin.exchange.texts import (
    LONGEST_CODE,
    LONGEST_PHONE,
    LONGEST_TEXT,
    boolean_parser,
    choice_parser,
    code_parser,
    note_parser,
    phone_parser,
    text_parser,
)
from crmcore.plugins.types import Field

Parser = Callable[[str], Any]
"""Cell → value, None for a blank one; raises BadValueError."""

REMEMBERED_VALUES = 20_000
LONGEST_REMEMBERED = 100


class _Bad:
    """Stands in a column for a cell that cannot be taken."""


BAD = _Bad()


@dataclass(frozen=True, slots=True)
class Writing:
    """How a file writes dates and numbers."""

    zone: tzinfo = UTC
    date_order: DateOrder = None
    decimal_style: str = "1,234.56"


class Reader(Protocol):
    """Reads the cells of one column."""

    def one(self, cell: str) -> Any:
        """Return the value of a cell, None for a blank one; raises BadValueError."""

    def many(self, cells: Sequence[str]) -> tuple[Sequence[Any], bool]:
        """Return the values of many cells, BAD for those that cannot be taken, and whether each is a value."""


def make_reader(field: Field, writing: Writing, factor: Decimal = Decimal(1)) -> Reader:
    """Return the reader of a field's cells; factor = what the header's unit multiplies numbers by."""
    longest = field.max_length
    if field.accept is not None:
        return RememberingReader(_accepting(_parser(field, writing, factor), field.accept))
    match field.type:
        case "text":
            return TextReader(text_parser(longest), longest or LONGEST_TEXT)
        case "note":
            # Line breaks are not printable, so a column of notes is taken at once only where it has none.
            return TextReader(note_parser(longest), longest or LONGEST_TEXT)
        case "code":
            return TextReader(code_parser(longest), longest or LONGEST_CODE, suspicious="'#+")
        case "phone":
            return TextReader(
                phone_parser(longest), longest or LONGEST_PHONE, suspicious="'#.", ascii_only=True
            )
    return RememberingReader(_parser(field, writing, factor))


def _parser(field: Field, writing: Writing, factor: Decimal) -> Parser:
    longest = field.max_length
    makers: dict[str, Callable[[], Parser]] = {
        "text": lambda: text_parser(longest),
        "note": lambda: note_parser(longest),
        "code": lambda: code_parser(longest),
        "phone": lambda: phone_parser(longest),
        "amount": lambda: number_parser(writing.decimal_style, factor, Decimal(field.unit)),
        "decimal": lambda: number_parser(writing.decimal_style, factor, Decimal(field.unit)),
        "integer": lambda: integer_parser(writing.decimal_style),
        "date": lambda: date_parser(writing.date_order),
        "datetime": lambda: datetime_parser(writing.zone, writing.date_order),
        "boolean": boolean_parser,
        "choice": lambda: choice_parser(field.choices),
    }
    return makers[field.type]()


def _accepting(parse: Parser, accept: Callable[[Any], Any]) -> Parser:
    def parse_and_accept(cell: str) -> Any:
        value = parse(cell)
        try:
            return None if value is None else accept(value)
        except ValueError as error:
            raise BadValueError(str(error)) from None

    return parse_and_accept


class TextReader:
    """Reads texts; a column in which nothing needs cleaning is taken as it stands, which is nearly always so."""

    def __init__(
        self, parse: Parser, longest: int, suspicious: str = "'#", *, ascii_only: bool = False
    ) -> None:
        self.one = parse
        self._longest = longest
        self._suspicious = suspicious
        self._ascii_only = ascii_only

    def many(self, cells: Sequence[str]) -> tuple[Sequence[Any], bool]:
        """Return the values of a column."""
        if not self._clean(cells):
            return _one_by_one(self.one, cells)
        return (cells, True) if "" not in cells else ([cell or None for cell in cells], False)

    def _clean(self, cells: Sequence[str]) -> bool:
        # One look at all cells together costs a tenth of a look at each.
        text = f"|{'|'.join(cells)}|"
        return (
            text.isprintable()
            and "| " not in text
            and " |" not in text
            and not any(character in text for character in self._suspicious)
            and (text.isascii() or not self._ascii_only)
            and max(map(len, cells), default=0) <= self._longest
        )


class RememberingReader:
    """Reads each distinct cell once; forgets all when there are too many, so that memory stays flat."""

    def __init__(self, parse: Parser) -> None:
        self._parse = parse
        self._known: dict[str, Any] = {"": None}

    def one(self, cell: str) -> Any:
        """Return the value of a cell."""
        return self._parse(cell) if cell and not cell.isspace() else None

    def many(self, cells: Sequence[str]) -> tuple[Sequence[Any], bool]:
        """Return the values of a column."""
        known = self._known
        try:
            values = [known[cell] for cell in cells]
        except KeyError:
            return _one_by_one(self._look_up, cells)
        return values, None not in values

    def _look_up(self, cell: str) -> Any:
        known = self._known
        if cell in known:
            return known[cell]
        value = self.one(cell)
        if len(cell) <= LONGEST_REMEMBERED:
            if len(known) >= REMEMBERED_VALUES:
                known.clear()
                known[""] = None
            known[cell] = value
        return value


def _one_by_one(parse: Parser, cells: Sequence[str]) -> tuple[Sequence[Any], bool]:
    values: list[Any] = []
    whole = True
    for cell in cells:
        try:
            value = parse(cell) if cell else None
        except BadValueError:
            value = BAD
        values.append(value)
        whole = whole and value is not None and value is not BAD
    return values, whole
