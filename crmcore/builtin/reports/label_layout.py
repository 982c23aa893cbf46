"""Labels on their sheets (标签): lengths in millimetres, texts in lines that fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from crmcore.builtin.reports.fonts import Face
from crmcore.builtin.reports.form_layout import LINE, POINT
from crmcore.builtin.reports.lines import at_most, lines_of, plain
from crmcore.errors import UsageProblem
from crmcore.i18n import _
from crmcore.plugins.types import Labels

WIDTH, HEIGHT = 210.0, 297.0
_INSET = 3.0
_LEAST = 15.0
"""Millimetres; nothing can be read on less."""
_SIZES = (11.0, 10.0, 9.0, 8.0, 7.0, 6.0)
_FIRST = 1.1
_BETWEEN = 0.6


def sheet_of(labels: Labels) -> dict[str, float]:
    """Return the measures of a sheet; UsageProblem where so many labels have no room on A4."""
    columns, rows = labels.columns, labels.rows
    width = (WIDTH - 2 * labels.side - (columns - 1) * labels.gap_across) / max(columns, 1)
    height = (HEIGHT - 2 * labels.top - (rows - 1) * labels.gap_down) / max(rows, 1)
    lengths = (labels.side, labels.top, labels.gap_across, labels.gap_down)
    if min(columns, rows) < 1 or min(lengths) < 0 or min(width, height) < _LEAST:
        message = _("{columns} × {rows} labels with these margins do not fit on A4; a label needs {least} mm")
        raise UsageProblem(message.format(columns=columns, rows=rows, least=f"{_LEAST:g}"))
    if not 0 <= labels.used < columns * rows:
        message = _("a sheet has {count} labels; {used} of them cannot be used already")
        raise UsageProblem(message.format(count=columns * rows, used=labels.used))
    return {
        "columns": columns,
        "width": width,
        "height": height,
        "side": labels.side,
        "top": labels.top,
        "gap_across": labels.gap_across,
        "gap_down": labels.gap_down,
        "inset": _INSET,
    }


def sheets_of(labels: Labels, texts: Sequence[Sequence[str]], face: Face) -> tuple[list[Any], int]:
    """Return the labels of each sheet with their places on it, and how many of them had to be cut."""
    measures, size = sheet_of(labels), labels.columns * labels.rows
    cut = 0
    made = []
    for text in texts:
        content, whole = _label(text, measures, face)
        made.append(content)
        cut += not whole
    places = ((labels.used + number) % size for number in range(len(made)))
    pairs = iter(zip(places, made, strict=True))
    first = list(islice(pairs, size - labels.used))
    return [first, *_parts(pairs, size)] if first else [], cut


def _parts(pairs: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while part := list(islice(pairs, size)):
        yield part


def _label(text: Sequence[str], measures: dict[str, float], face: Face) -> tuple[list[Any], bool]:
    """Lay out a label as large as all of it fits; else cut the longest of its texts."""
    texts = [one for one in map(plain, text) if one]
    wide, high = measures["width"] - 2 * _INSET, measures["height"] - 2 * _INSET
    tries = ([_lines(*one, size, wide, face) for one in enumerate(texts)] for size in _SIZES)
    lines: list[dict[str, Any]] = []
    for lines in tries:
        if _height(lines) <= high:
            return lines, True
    while _height(lines) > high and max(len(one["lines"]) for one in lines) > 1:
        longest = max(lines, key=lambda one: len(one["lines"]))
        room = wide / (longest["size"] * POINT)
        longest["lines"] = at_most(longest["lines"], len(longest["lines"]) - 1, room, face)
    while _height(lines) > high:
        lines.pop()
    return lines, False


def _lines(position: int, text: str, size: float, wide: float, face: Face) -> dict[str, Any]:
    own = size if position else size * _FIRST
    return {"size": own, "lines": lines_of(text, wide / (own * POINT), face)}


def _height(lines: Sequence[dict[str, Any]]) -> float:
    heights = [one["size"] * (len(one["lines"]) * LINE - LINE + 1 + _BETWEEN) for one in lines]
    return float(sum(heights)) * POINT
