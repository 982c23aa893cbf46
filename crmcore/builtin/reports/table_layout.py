"""How a table lies on the page: widths of its columns, size of its text, upright or on its side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmcore.builtin.reports.cells import NUMBERS, format_cell, heading, in_files
from crmcore.builtin.reports.fonts import Face
from crmcore.builtin.reports.lines import breakable, plain
from crmcore.plugins.types import Column, Table

_UPRIGHT, _LYING = 182.0, 269.0
_SMALL, _FEW = 87.0, 14
"""Millimetres of half a page, and rows of a table that stands beside a chart; a narrow one is not stretched."""
_HEADING = 10.5
_SIZES = (9.0, 8.5, 8.0, 7.5, 7.0, 6.5, 6.0, 5.0)
_POINT = 25.4 / 72
_INSETS = 1.3
"""Ems beside the text of a cell."""
_WIDEST, _LEAST = 16.0, 4.0
"""Ems of a column of text that is not to be folded, and of one that is."""
_FIXED = NUMBERS | {"date", "datetime"}


def lay_out(table: Table, rows: Sequence[Sequence[str]], face: Face) -> dict[str, Any]:
    """Return a table as `report.typ` draws it; its cells as they are shown."""
    titles = [heading(column, table.currency) for column in table.columns]
    wanted = [_wanted(*one, face) for one in zip(table.columns, titles, _columns(rows, titles), strict=True)]
    size, wide = _size(sum(wanted))
    most = (_LYING if wide else _UPRIGHT) / (size * _POINT)
    folded = sum(wanted) > most
    rooms = [width * min(most / sum(wanted), 1.0) - _INSETS for width in wanted]
    columns = [
        {
            "title": breakable(in_files(title), room, face),
            "right": column.type in NUMBERS,
            "fixed": column.type in _FIXED and not folded,
            "width": width,
        }
        for column, title, width, room in zip(table.columns, titles, wanted, rooms, strict=True)
    ]
    natural = sum(wanted) * size * _POINT
    narrow = natural <= _SMALL and max(wanted, default=0.0) < _WIDEST + _INSETS
    if narrow:
        columns = [{**column, "fixed": True} for column in columns]
    cells = [[breakable(cell, room, face) for cell, room in zip(row, rooms, strict=True)] for row in rows]
    return {
        "kind": "table",
        "title": breakable(plain(table.title), _SMALL / (_HEADING * _POINT), face),
        "columns": columns,
        "rows": cells,
        "size": size,
        "wide": wide,
        "small": narrow and len(rows) <= _FEW,
    }


def cells_of(table: Table, row: Sequence[Any], local: Any) -> list[str]:
    """Return the cells of a row as they are shown."""
    pairs = zip(row, table.columns, strict=True)
    return [in_files(format_cell(local(value), column, table.currency)) for value, column in pairs]


def _columns(rows: Sequence[Sequence[str]], titles: Sequence[str]) -> list[Sequence[str]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _title in titles]


def _wanted(column: Column, title: str, cells: Sequence[str], face: Face) -> float:
    """Return how wide a column would like to be, in ems: numbers and days whole, texts up to a limit."""
    longest = max((face.width(cell) for cell in set(cells)), default=0.0)
    word = max((face.width(part) for part in title.split()), default=0.0)
    if column.type in _FIXED:
        return max(longest, min(word, _WIDEST / 2)) + _INSETS
    return max(min(longest, _WIDEST), min(word, _WIDEST / 2), _LEAST) + _INSETS


def _size(ems: float) -> tuple[float, bool]:
    """Return the largest size of text at which it fits, and whether the page lies on its side."""
    for size in _SIZES:
        if ems * size * _POINT <= _UPRIGHT:
            return size, False
        if ems * size * _POINT <= _LYING and size > _SIZES[3]:
            return size, True
    fitting = (size for size in _SIZES if ems * size * _POINT <= _LYING)
    return next(fitting, _SIZES[-2]), True
