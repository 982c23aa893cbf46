"""Where everything stands on the page of a form (表单): lengths in millimetres, texts in lines that fit.

The largest size of text at which the form fits is taken; beyond the smallest, texts are cut and the page says so. So a
form is one page by construction, whatever is written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from crmcore.builtin.reports.fonts import Face
from crmcore.builtin.reports.lines import at_most, lines_of, plain
from crmcore.i18n import _
from crmcore.plugins.types import Form, FormPart

WIDTH, HEIGHT = 182.0, 271.0
"""What the margins leave of A4."""
HEAD, SIGNATURES = 19.0, 12.0
LEAST_NOTES = 46.0
"""Height of the notes and the place for the seal: a company's seal (公章) is 40 to 45 mm wide."""
SEAL = 62.0
COLUMNS, TITLE = 24, 3
"""Each of the form's twelve columns is two of these, and a title takes three."""
COLUMN = WIDTH / COLUMNS
POINT = 25.4 / 72
LINE = 1.35
"""From one line of text to the next, in sizes of the text; `forms.typ` draws it so."""
_BESIDE = 1.5
_AROUND = 0.2
"""Millimetres above and below the lines of a place, together, for each point of their size."""
_UNIT = re.compile(r"(.+?)([(（][^()（）]+[)）])")
_NARROW = 0.88
_SMALLEST = 5.5
_DENSE = 4.3
"""Below this height of a row nothing gets smaller for the sake of the notes."""
_NOTE_SIZES = (9.0, 8.0, 7.0, 6.0)


class Try(NamedTuple):
    """A size of text in points, the least height of a row, and how many lines a value may have."""

    size: float
    row: float
    most: int


_ANY = 10_000
_TRIES = (
    Try(9.5, 9.0, _ANY),
    Try(9.5, 8.2, _ANY),
    Try(9.0, 7.4, _ANY),
    Try(9.0, 6.6, _ANY),
    Try(8.5, 5.8, _ANY),
    Try(8.0, 5.2, _ANY),
    Try(7.5, 4.7, _ANY),
    Try(7.0, 4.3, _ANY),
    Try(6.5, 4.0, _ANY),
    Try(6.0, 3.7, _ANY),
    *(Try(_SMALLEST, 3.4, most) for most in (_ANY, 3, 2, 1)),
)


@dataclass(frozen=True, slots=True)
class Laid:
    """A form as `forms.typ` draws it."""

    content: Mapping[str, Any]
    cut: bool
    """Whether something is missing on the page."""


def lay_out(form: Form, face: Face) -> Laid:
    """Lay out a form: as large as all of it fits; where it does not fit at all, as much as fits."""
    free = HEIGHT - HEAD - (SIGNATURES if form.signatures else 0)
    parts = [(plain(part.title), _places(part, face)) for part in form.parts]
    notes = _Notes(form, face)
    attempt, rows = _TRIES[0], list[dict[str, Any]]()
    for attempt in _TRIES:
        rows = list(_rows(parts, attempt, face))
        rest = free - sum(row["height"] for row in rows)
        if rest >= LEAST_NOTES and (notes.fit(attempt.size, rest) or attempt.row <= _DENSE):
            break
    kept = _that_fit(rows, free - LEAST_NOTES)
    rest = free - sum(row["height"] for row in kept)
    noted = notes.within(attempt.size, rest)
    cut = len(kept) < len(rows) or noted["cut"] or any(row["cut"] for row in kept)
    content = {
        "title": plain(form.title),
        "code": plain(form.code),
        "size": attempt.size,
        "rows": kept,
        "rest": rest,
        "notes": noted,
        "seal": plain(form.seal),
        "signatures": [plain(title) for title in form.signatures],
        "cut": _cut_note(form) if cut else "",
    }
    return Laid(content, cut)


def texts_of(form: Form) -> Iterator[str]:
    """Give all texts of a form."""
    yield from (form.title, form.code, form.seal, *form.signatures)
    fields = [field for part in form.parts for row in part.rows for field in row]
    yield from (part.title for part in form.parts)
    for field in (*fields, form.notes):
        if field is not None:
            yield field.title
            yield field.text


class _Text(NamedTuple):
    """A text with its width in ems, measured once for all sizes."""

    text: str
    ems: float

    def lines(self, room: float, face: Face) -> list[str]:
        """Break it into lines."""
        if self.ems <= room and "\n" not in self.text:
            return [self.text] if self.text else []
        return lines_of(self.text, room, face)


class _Place(NamedTuple):
    title: _Text
    text: _Text
    columns: int


def _places(part: FormPart, face: Face) -> list[list[_Place]]:
    """Clean and measure the texts, and widen the last place of a row to its end."""
    rows = []
    for row in part.rows:
        wide = [max(one.width, 2) for one in row]
        wide[-1] += max(COLUMNS // 2 - sum(wide), 0)
        fields = zip(row, wide, strict=True)
        rows.append(
            [
                _Place(_measured(one.title, face), _measured(one.text, face), 2 * width - TITLE)
                for one, width in fields
            ]
        )
    return rows


def _measured(text: str, face: Face) -> _Text:
    cleaned = plain(text)
    return _Text(cleaned, face.width(cleaned))


def _rows(
    parts: Sequence[tuple[str, list[list[_Place]]]], attempt: Try, face: Face
) -> Iterator[dict[str, Any]]:
    for title, rows in parts:
        yield {"height": attempt.size * POINT + 2.8, "title": title, "cells": [], "cut": False}
        for row in rows:
            cells = [_cell(place, attempt, face) for place in row]
            lines = max(max(len(cell["lines"]), len(cell["name"]) * _NARROW) for cell in cells)
            high = (lines * LINE - (LINE - 1)) * attempt.size * POINT + attempt.size * _AROUND
            height = max(high, attempt.row)
            yield {"height": height, "title": "", "cells": cells, "cut": any(cell["cut"] for cell in cells)}


def _cell(place: _Place, attempt: Try, face: Face) -> dict[str, Any]:
    room = _ems(place.columns * COLUMN - 2 * _BESIDE, attempt.size)
    lines = place.text.lines(room, face)
    kept = at_most(lines, attempt.most, room, face)
    name = _name_lines(place.title, _ems(TITLE * COLUMN - 1.6, attempt.size * _NARROW), face)
    return {"name": name, "lines": kept, "columns": place.columns, "cut": len(kept) < len(lines)}


def _name_lines(title: _Text, room: float, face: Face) -> list[str]:
    """Break a title; a unit in brackets (万元) stands on a line of its own where the whole has no room."""
    lines = title.lines(room, face)
    found = _UNIT.fullmatch(title.text) if len(lines) > 1 else None
    if found is None:
        return lines
    return [line for part in found.groups() for line in lines_of(part.strip(), room, face)]


def _ems(length: float, size: float) -> float:
    return length / (size * POINT)


def _that_fit(rows: Sequence[dict[str, Any]], free: float) -> list[dict[str, Any]]:
    kept, height = [], 0.0
    for row in rows:
        height += row["height"]
        if height > free:
            break
        kept.append(row)
    return kept


class _Notes:
    """The notes of a form, broken into lines once for each size of text."""

    def __init__(self, form: Form, face: Face) -> None:
        """Take the text; nothing is broken yet."""
        self._title = plain(form.notes.title) if form.notes else ""
        self._text = plain(form.notes.text) if form.notes else ""
        self._wide = WIDTH - (SEAL if form.seal else 0) - 4
        self._face = face
        self._lines: dict[float, list[str]] = {}

    def fit(self, size: float, height: float) -> bool:
        """Tell whether all of it fits."""
        return not self.within(size, height)["cut"]

    def within(self, size: float, height: float) -> dict[str, Any]:
        """Return what fits, at the largest size at which that is all."""
        free = height - 4 - size * POINT * 1.6
        sizes = [points for points in _NOTE_SIZES if points <= size] or _NOTE_SIZES[-1:]
        fitting = (points for points in sizes if len(self._broken(points)) <= _most(free, points))
        points = next(fitting, sizes[-1])
        lines = self._broken(points)
        kept = at_most(lines, _most(free, points), _ems(self._wide, points), self._face)
        return {"title": self._title, "lines": kept, "size": points, "cut": len(kept) < len(lines)}

    def _broken(self, points: float) -> list[str]:
        if points not in self._lines:
            self._lines[points] = lines_of(self._text, _ems(self._wide, points), self._face)
        return self._lines[points]


def _most(height: float, points: float) -> int:
    """Return how many lines have room, one at least."""
    return max(int(height / (points * POINT * LINE)), 1)


def _cut_note(form: Form) -> str:
    if not form.whole:
        return _("Shortened to fit on one page.")
    return _("Shortened to fit on one page; all of it: {whole}").format(whole=plain(form.whole))
