"""Write a fitted scorecard as a credit model: its points as JSON, which nothing else is needed to score with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from math import floor, log
from typing import Any, NamedTuple

from crmcore_credit_5c.rules.scorecard import Bin, Scale
from crmcore_credit_5c.rules.scorecard_figures import band_bounds, band_shares

from .fitting import BinCount, BinnedColumn, Fitted
from .sample import Sample
from .validating import Validation, Way

_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
_PLACES = 12


class Making(NamedTuple):
    """All that is known of a scorecard when it is made."""

    sample: Sample
    way: Way
    scale: Scale
    fitted: Fitted
    validation: Validation
    psi: float
    protected: Sequence[str]
    """Protected columns that count all the same."""
    made_on: date


def model_content(name: str, made: Making) -> dict[str, Any]:
    """Return the model file: shape schemas/credit_model.schema.json, `fitted` by credit_scorecard.schema.json."""
    pairs = list(zip(made.fitted.columns, made.fitted.coefficients, strict=True))
    names = indicator_names([one.column.name for one, _coefficient in pairs])
    indicators = [
        {
            "name": names[one.column.name],
            "title": one.column.name,
            "measure": _measure(one, coefficient, made.scale),
        }
        for one, coefficient in pairs
    ]
    return {
        "$schema": "urn:crmcore:schema:credit_5c:credit_model:1",
        "name": name,
        "title": {"en": f"Scorecard {name}", "zh": f"评分卡 {name}"},
        "scoring": "sum",
        "base": _text(made.scale.base_points(made.fitted.intercept)),
        "neutral": "0",
        "grades": _grades(made),
        "factors": [
            {
                "name": "scorecard",
                "title": {"en": "Scorecard", "zh": "评分卡"},
                "indicators": indicators,
            }
        ],
        "fitted": _fitted(made, names),
    }


def indicator_names(columns: Sequence[str]) -> dict[str, str]:
    """Return column → a name that a model allows: its own where that is one, else c1, c2 and so on."""
    own = {column for column in columns if _NAME.fullmatch(column) and column != "scorecard"}
    spare = (name for name in (f"c{i}" for i in range(1, 2 * len(columns) + 2)) if name not in own)
    return {column: column if column in own else next(spare) for column in columns}


def _measure(one: BinnedColumn, coefficient: float, scale: Scale) -> dict[str, Any]:
    def points(part: Bin) -> str:
        return _text(scale.points(coefficient, part.points))

    by_kind = {part.kind: part for part in one.column.bins}
    measure: dict[str, Any] = {"kind": "column", "of": one.column.name, "missing": points(by_kind["missing"])}
    if one.column.numeric:
        bands = [part for part in one.column.bins if part.kind == "below"]
        measure["bands"] = [_bound(part) | {"points": points(part)} for part in bands]
    else:
        listed = [
            {"value": value, "points": points(part)} for part in one.column.bins for value in part.values
        ]
        # A model wants a value; where all are rare, only this one says anything of its own.
        measure["values"] = listed or [{"value": "N/A", "points": measure["missing"]}]
        measure["otherwise"] = points(by_kind["other"])
    return measure


def _text(number: float) -> str:
    """Return decimal text with twelve places: what is cut off is far below what anybody reads."""
    return f"{number:.{_PLACES}f}"


def _bound(part: Bin) -> dict[str, Any]:
    return {} if part.bound is None else {"below": part.bound}


def _grades(made: Making) -> list[dict[str, str]]:
    """Return A, B, C: A = at least twice the odds of the whole sample, C = less than half of them."""
    bad = sum(made.sample.bad)
    usual = made.scale.score(log((len(made.sample.bad) - bad) / bad))
    pairs = zip(made.fitted.columns, made.fitted.coefficients, strict=True)
    worst = made.scale.base_points(made.fitted.intercept) + sum(
        min(made.scale.points(coefficient, part.points) for part in one.column.bins)
        for one, coefficient in pairs
    )
    last = min(floor(worst), floor(usual - made.scale.pdo) - 1)
    bounds = (round(usual + made.scale.pdo), round(usual - made.scale.pdo), last)
    return [{"grade": grade, "min_score": str(bound)} for grade, bound in zip("ABC", bounds, strict=True)]


def _fitted(made: Making, names: dict[str, str]) -> dict[str, Any]:
    scores = [made.scale.score(-risk) for risk in made.fitted.log_odds(made.sample)]
    bounds = band_bounds(scores)
    pairs = zip(made.fitted.columns, made.fitted.coefficients, strict=True)
    return {
        "made_on": made.made_on.isoformat(),
        "target": made.sample.target,
        "rows": len(made.sample.bad),
        "bad": sum(made.sample.bad),
        **asdict(made.way),
        "auc": made.validation.auc,
        "ks": made.validation.ks,
        "gini": made.validation.gini,
        "psi": made.psi,
        "scale": {
            "base_score": made.scale.base_score,
            "base_odds": made.scale.base_odds,
            "pdo": made.scale.pdo,
        },
        "intercept": made.fitted.intercept,
        "protected": list(made.protected),
        "columns": [
            column_json(one, coefficient, made) | {"indicator": names[one.column.name]}
            for one, coefficient in pairs
        ],
        "bands": {"bounds": bounds, "shares": band_shares(scores, bounds)},
    }


def column_json(one: BinnedColumn, coefficient: float, made: Making) -> dict[str, Any]:
    """Return a column with its bins, as models and `crm credit scorecard fit --json` have it."""
    bins = [_bin_json(count, made.scale.points(coefficient, count.bin.points)) for count in one.counts]
    average = sum(
        (count.good + count.bad) * shown["points"] for count, shown in zip(one.counts, bins, strict=True)
    ) / len(made.sample.bad)
    return {
        "column": one.column.name,
        "value": one.value,
        "coefficient": coefficient,
        "average": average,
        "bins": bins,
    }


def _bin_json(count: BinCount, points: float) -> dict[str, Any]:
    return {
        "kind": count.bin.kind,
        **_bound(count.bin),
        **({"values": list(count.bin.values)} if count.bin.values else {}),
        "good": count.good,
        "bad": count.bad,
        "evidence": count.bin.points,
        "points": points,
    }
