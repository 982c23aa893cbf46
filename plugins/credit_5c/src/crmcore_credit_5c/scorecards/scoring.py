"""Use case: score the customers of a file by a scorecard; SQLite reckons, neither scikit-learn nor optbinning is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import exp
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import CrmError, NotFound, translator
from crmcore_credit_5c.rules.reading_scorecards import Made
from crmcore_credit_5c.rules.scorecard import Cell, reasons
from crmcore_credit_5c.rules.scorecard_figures import band_shares, shift_of, stability

from .case import points_case, score_case
from .csv_table import CsvTable, rows_of
from .sample import MISSING_WORDS, cell_of

_ = translator("crmcore_credit_5c")
_BLOCK = 1_000
_LEAST_FOR_PSI = 100
_FARTHEST = 700.0


class ScoredRow(NamedTuple):
    """One customer of a file."""

    line: int
    cells: Sequence[str]
    score: float
    points: Mapping[str, float]


@dataclass(slots=True)
class Doubts:
    """What of a file did not fit the scorecard."""

    no_numbers: dict[str, int]
    """Column → how many cells of it should be numbers and are not; they count as missing."""


def scored_rows(made: Made, table: CsvTable, doubts: Doubts) -> Iterator[ScoredRow]:
    """Score a file row by row; NotFound names a column that the scorecard needs and the file has not."""
    wanted = [column.name for column in made.card.columns]
    missing = [name for name in wanted if name not in table.names]
    if missing:
        message = _("{file} has no column {column!r}, which the scorecard needs; add it (it may be empty)")
        raise NotFound(message.format(file=table.path, column=missing[0]))
    places = {name: table.names.index(name) for name in wanted}
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    rows = rows_of(table)
    try:
        with engine.connect() as connection:
            bench = _Bench(connection, made)
            while block := list(islice(rows, _BLOCK)):
                typed = [_typed(made, cells, places, doubts) for _line, cells in block]
                for (line, cells), (score, points) in zip(block, bench.scores(typed), strict=True):
                    yield ScoredRow(line, cells, score, points)
    finally:
        engine.dispose()


def _typed(made: Made, cells: Sequence[str], places: Mapping[str, int], doubts: Doubts) -> dict[str, Cell]:
    row: dict[str, Cell] = {}
    for column in made.card.columns:
        text = cells[places[column.name]]
        row[column.name] = cell_of(text, numeric=column.numeric)
        if column.numeric and row[column.name] is None and text.lower() not in MISSING_WORDS:
            doubts.no_numbers[column.name] = doubts.no_numbers.get(column.name, 0) + 1
    return row


class _Bench:
    """A table in memory in which the expression of the scorecard is reckoned."""

    def __init__(self, connection: sa.Connection, made: Made) -> None:
        self._connection = connection
        self._columns = made.card.columns
        self._names = {column.name: f"c{i}" for i, column in enumerate(self._columns)}
        self._table = sa.Table(
            "scored",
            sa.MetaData(),
            sa.Column("n", sa.Integer, primary_key=True),
            *(
                sa.Column(self._names[one.name], sa.Double if one.numeric else sa.Text)
                for one in self._columns
            ),
        )
        self._table.create(connection)
        c = self._table.c
        total = score_case(made.card, lambda name: c[self._names[name]])
        parts = [points_case(one, c[self._names[one.name]]) for one in self._columns]
        self._query = sa.select(total, *parts).order_by(c.n)

    def scores(self, rows: Sequence[Mapping[str, Cell]]) -> Iterator[tuple[float, dict[str, float]]]:
        """Return score and points by column of some rows, in their order."""
        self._connection.execute(self._table.delete())
        named = [
            {"n": n, **{self._names[name]: cell for name, cell in row.items()}} for n, row in enumerate(rows)
        ]
        self._connection.execute(self._table.insert(), named)
        names = [one.name for one in self._columns]
        for total, *points in self._connection.execute(self._query):
            yield total, dict(zip(names, points, strict=True))


def probability_of(made: Made, score: float) -> float:
    """Return how likely a customer of this score turns bad, as the sample was."""
    log_odds = (score - made.scale.offset) / made.scale.factor
    return 1 / (1 + exp(min(log_odds, _FARTHEST)))


def reasons_json(made: Made, row: ScoredRow, most: int = 4) -> list[dict[str, Any]]:
    """Return what cost the customer most points against the average customer of the sample."""
    found = reasons(made.card, row.points, most)
    return [{"column": one.column, "lost": one.lost} for one in found]


def drift(made: Made, scores: Sequence[float]) -> dict[str, Any]:
    """Return the PSI of some scores against those of the sample, and what it means; null for fewer than 100."""
    if len(scores) < _LEAST_FOR_PSI:
        return {"psi": None, "shift": None}
    psi = stability(made.shares, band_shares(scores, made.bounds))
    return {"psi": psi, "shift": shift_of(psi)}


def require_rows(table: CsvTable, count: int) -> None:
    """Refuse a file without customers."""
    if not count:
        message = _("{file} has no rows below its first line; nothing was scored")
        raise CrmError(message.format(file=table.path))
