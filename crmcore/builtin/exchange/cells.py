"""Values as they stand in the cells of an exported file: one by one, and many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from operator import itemgetter
from types import NoneType
from typing import Any

from crmcore.builtin.exchange.guard import STARTS, guard

_TEXTS = frozenset({str, NoneType})
_AS_THEY_ARE = frozenset({int, NoneType})
_first = itemgetter(0)


def cell(value: Any, zone: tzinfo) -> str:
    """Return a value as it stands in a cell; text that a spreadsheet would run is guarded."""
    if value is None:
        return ""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value, zone)
    if isinstance(value, date):
        return value.isoformat()
    # Never 1E+3: a reader of amounts refuses exponents, and so does ours.
    return format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")


def rows_of_cells(rows: Sequence[tuple[Any, ...]], zone: tzinfo) -> Iterable[tuple[Any, ...]]:
    """Return rows of one width as csv.writer takes them, which writes None as nothing and an int in digits.

    Column by column: nearly each holds nothing, or texts of which none begins with a sign, and stays as it is.
    """
    return zip(*(_column(values, zone) for values in zip(*rows, strict=True)), strict=True)


def _column(values: tuple[Any, ...], zone: tzinfo) -> Iterable[Any]:
    kinds = set(map(type, values))
    if kinds <= _AS_THEY_ARE:
        return values
    if kinds <= _TEXTS:
        return values if STARTS.isdisjoint(map(_first, filter(None, values))) else _guarded(values)
    return [cell(value, zone) for value in values]


def _guarded(values: Iterable[str | None]) -> Iterable[str | None]:
    return [guard(value) if value else value for value in values]


def _moment(value: datetime, zone: tzinfo) -> str:
    local = value.astimezone(zone)
    plain = local.replace(tzinfo=None)
    # In the hour that a clock shows twice only the offset tells which one is meant.
    unique = plain.replace(tzinfo=zone) == value and local.fold == 0
    return (plain if unique else local).isoformat(sep=" ")
