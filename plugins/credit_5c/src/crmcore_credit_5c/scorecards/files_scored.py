"""Use case: a file of customers in, their scores out, as JSON or as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

from crmcore.api import Context, guard
from crmcore_credit_5c.rules.model import Model
from crmcore_credit_5c.rules.reading_scorecards import Made
from crmcore_credit_5c.rules.scoring import grade_of, two_places

from .csv_table import CsvTable, open_table
from .model_files import read_scorecard, require_other, whole_file
from .sample import number_of
from .scoring import Doubts, ScoredRow, drift, probability_of, reasons_json, require_rows, scored_rows


def score_file(ctx: Context, path: Path, model: str | None, out: Path | None) -> dict[str, Any]:
    """Score the customers of a file; shape schemas/credit_scorecard_scored.schema.json.

    out: a CSV file with all columns of the file, and score, probability, grade and reasons; the JSON has no scores then.
    """
    require_other(out, path, *([Path(model)] if model else []))
    made, its_model = read_scorecard(ctx, model)
    table = open_table(path)
    doubts, scores, listed = Doubts({}), [], []
    with whole_file(out) if out is not None else nullcontext() as file:
        writer = _writer(file, table)
        for row in scored_rows(made, table, doubts):
            said = _said(made, its_model, row)
            scores.append(row.score)
            if writer is None:
                listed.append(said)
            else:
                writer.writerow([*map(_guarded, row.cells), *_cells(said)])
        require_rows(table, len(scores))
    return {
        "model": its_model.name,
        "rows": len(scores),
        "scores": listed,
        **drift(made, scores),
        "no_numbers": doubts.no_numbers,
        "out": None if out is None else str(out),
    }


def _said(made: Made, model: Model, row: ScoredRow) -> dict[str, Any]:
    return {
        "line": row.line,
        "score": row.score,
        "probability": probability_of(made, row.score),
        "grade": grade_of(model, two_places(Fraction(Decimal(row.score)))),
        "reasons": reasons_json(made, row),
    }


def _writer(file: TextIO | None, table: CsvTable) -> Any:
    if file is None:
        return None
    writer = csv.writer(file, lineterminator="\n")
    added = _free(table.names, ("score", "probability", "grade", "reasons"))
    writer.writerow([*map(_guarded, table.names), *added])
    return writer


def _guarded(text: str) -> str:
    """Return a cell of the file as a spreadsheet shows it: as text, where it would run it; numbers stay numbers."""
    return text if number_of(text) is not None else guard(text)


def _free(taken: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield names that the file does not have yet."""
    for name in names:
        while name in taken:
            name = f"{name}_"  # noqa: PLW2901  (until it is free)
        yield name


def _cells(said: dict[str, Any]) -> list[str]:
    reasons = "; ".join(f"{one['column']} -{one['lost']:.0f}" for one in said["reasons"])
    return [repr(said["score"]), f"{said['probability']:.6f}", _guarded(said["grade"]), _guarded(reasons)]
