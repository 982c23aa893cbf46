"""The sample that a scorecard is made from: customers whose outcome is known (样本)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path

from crmcore.api import CrmError, NotFound, UsageProblem, printable, translator
from crmcore_credit_5c.rules.scorecard import Cell

from .csv_table import CsvTable, open_table, rows_of

_ = translator("crmcore_credit_5c")
LEAST_ROWS, LEAST_OF_A_KIND, MOST_ROWS, MOST_USED = 100, 10, 500_000, 200
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "#n/a"})
"""Cells that say that there is no value; "none" and "-" may be answers."""
_LABELS = ({"0": 0, "1": 1, "0.0": 0, "1.0": 1}, {"good": 0, "bad": 1})
_CLASSES = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns and outcomes, all of the same length."""

    columns: Mapping[str, Sequence[Cell]]
    """A column in which all values are numbers holds floats, another texts; None = missing."""
    numeric: frozenset[str]
    bad: Sequence[int]
    """1 = turned bad."""
    target: str

    def only(self, names: Collection[str]) -> Sample:
        """Return the sample with these columns."""
        kept = {name: cells for name, cells in self.columns.items() if name in names}
        return Sample(kept, self.numeric & kept.keys(), self.bad, self.target)


def read_sample(
    path: Path, target: str, bad: str | None, exclude: Collection[str], texts: Collection[str] = ()
) -> Sample:
    """Read a labelled sample; texts: columns whose numbers are only names, such as regions.

    NotFound for an unknown column, UsageProblem for a target that is left out, CrmError for a sample that no
    scorecard can be made from.
    """
    table = open_table(path)
    for name in (target, *exclude, *texts):
        _require_column(table, name)
    if target in exclude:
        raise UsageProblem(_("{column!r} is the target; do not leave it out").format(column=target))
    lines, columns = _read(table)
    outcomes = _outcomes(table, target, lines, columns.pop(target), bad)
    _check_counts(table, outcomes)
    kept = {name: cells for name, cells in columns.items() if name not in exclude}
    numeric = frozenset(name for name, cells in kept.items() if name not in texts and _all_numbers(cells))
    return Sample(
        {name: [cell_of(text, numeric=name in numeric) for text in cells] for name, cells in kept.items()},
        numeric,
        outcomes,
        target,
    )


def cell_of(text: str, *, numeric: bool) -> Cell:
    """Return what a cell says: a finite number, a text, or nothing; a text where a number belongs is nothing."""
    if text.lower() in MISSING_WORDS:
        return None
    return number_of(text) if numeric else text


def number_of(text: str) -> float | None:
    """Return the finite number that a text states; None where it states none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and text.isascii() and "_" not in text else None


def _require_column(table: CsvTable, name: str) -> None:
    if name not in table.names:
        near = get_close_matches(name, table.names, n=1)
        meant = near[0] if near else ", ".join(table.names[:10])
        message = _("{file} has no column {column!r}; its columns are, for example: {meant}")
        raise NotFound(message.format(file=table.path, column=printable(name), meant=printable(meant)))


def _read(table: CsvTable) -> tuple[list[int], dict[str, list[str]]]:
    lines: list[int] = []
    cells: list[list[str]] = []
    for line, row in rows_of(table):
        if len(cells) == MOST_ROWS:
            message = _("{file} has more than {most} rows; take a sample of them")
            raise CrmError(message.format(file=table.path, most=MOST_ROWS))
        lines.append(line)
        cells.append(row)
    by_column = list(zip(*cells, strict=True)) or [()] * len(table.names)
    return lines, {name: list(column) for name, column in zip(table.names, by_column, strict=True)}


def _outcomes(
    table: CsvTable, target: str, lines: Sequence[int], cells: Sequence[str], bad: str | None
) -> list[int]:
    for line, cell in zip(lines, cells, strict=True):
        if cell.lower() in MISSING_WORDS:
            message = _(
                "{file}, line {line}: {column!r} is empty; leave out customers whose outcome is not known"
            )
            raise CrmError(message.format(file=table.path, line=line, column=target))
    if bad is not None:
        return _by_value(table, target, cells, bad.strip())
    words = [cell.lower() for cell in cells]
    labels = next((one for one in _LABELS if set(words) <= one.keys()), None)
    if labels is None:
        known = next((one for one in _LABELS if words[0] in one), {})
        place = next(i for i, word in enumerate(words) if word not in known)
        message = _(
            "{file}, line {line}: {column!r} is {value!r}, but must be 0 or 1 (1 = bad), or good or bad; or say which value is bad with --bad"
        )
        raise CrmError(
            message.format(file=table.path, line=lines[place], column=target, value=printable(cells[place]))
        )
    return [labels[word] for word in words]


def _by_value(table: CsvTable, target: str, cells: Sequence[str], bad: str) -> list[int]:
    values = sorted(set(cells))
    if values and bad not in values:
        message = _("{column!r} of {file} is never {value!r}, but {known}; give one of them to --bad")
        known = ", ".join(printable(one) for one in values[:5])
        raise NotFound(message.format(file=table.path, column=target, value=printable(bad), known=known))
    if len(values) > _CLASSES:
        message = _("{column!r} of {file} has {count} values ({known} …); a target has two, one of them bad")
        known = ", ".join(printable(one) for one in values[:5])
        raise CrmError(message.format(file=table.path, column=target, count=len(values), known=known))
    return [int(cell == bad) for cell in cells]


def _check_counts(table: CsvTable, bad: Sequence[int]) -> None:
    if len(bad) < LEAST_ROWS:
        message = _("{file} has {count} rows; a scorecard needs {least} at least")
        raise CrmError(message.format(file=table.path, count=len(bad), least=LEAST_ROWS))
    for count, word in ((sum(bad), _("bad")), (len(bad) - sum(bad), _("good"))):
        if count < LEAST_OF_A_KIND:
            message = _(
                "{file} has {count} {kind} customers; a scorecard needs {least} at least of each kind"
            )
            raise CrmError(message.format(file=table.path, count=count, kind=word, least=LEAST_OF_A_KIND))


def _all_numbers(cells: Sequence[str]) -> bool:
    stated = [cell for cell in cells if cell.lower() not in MISSING_WORDS]
    return bool(stated) and all(number_of(cell) is not None for cell in stated)
