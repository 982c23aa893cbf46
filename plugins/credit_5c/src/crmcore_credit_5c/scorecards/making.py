"""Use case: make a scorecard from a sample, and say how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from crmcore.api import CrmError, translator
from crmcore_credit_5c.rules.protected import is_protected
from crmcore_credit_5c.rules.scorecard import Scale
from crmcore_credit_5c.rules.scorecard_figures import (
    band_bounds,
    band_shares,
    brier,
    calibration,
    shift_of,
    stability,
)

from .exporting import Making, column_json
from .fitting import fit
from .quiet import load_libraries
from .sample import MOST_USED, Sample, read_sample
from .validating import Validation, Way, cross_validate, in_sample, probability

_ = translator("crmcore_credit_5c")
_LEAST_COLUMNS = 2


class Wish(NamedTuple):
    """What to make a scorecard from, and how."""

    path: Path
    target: str
    bad: str | None = None
    exclude: Sequence[str] = ()
    texts: Sequence[str] = ()
    """Columns whose numbers are only names."""
    keep_protected: bool = False
    way: Way = Way()


class Made(NamedTuple):
    """A scorecard, and what is said of it."""

    making: Making
    document: dict[str, Any]
    """As `crm credit scorecard fit --json` prints it: schemas/credit_scorecard_fit.schema.json."""


def make_scorecard(settings: Mapping[str, Any], today: date, wish: Wish) -> Made:
    """Fit a scorecard and cross-validate it; errors as `sample.read_sample`, and where nothing tells good from bad."""
    load_libraries()  # before a large file is read for nothing
    whole = read_sample(wish.path, wish.target, wish.bad, wish.exclude, wish.texts)
    protected = [name for name in whole.columns if is_protected(name, settings["protected_columns"])]
    fair = whole.only(whole.columns.keys() - set(protected))
    keep = wish.keep_protected or bool(settings["allow_protected"])
    sample = whole if keep else fair
    _check(wish, sample)
    validation = cross_validate(sample, wish.way)
    making = _making(settings, today, wish, sample, validation)
    without = cross_validate(fair, wish.way) if keep and protected else validation
    excluded = [*wish.exclude, *([] if keep else protected)]
    document = _document(making, excluded) | {
        "without_protected": _figures(without) | {"excluded": protected}
    }
    return Made(making, document)


def _check(wish: Wish, sample: Sample) -> None:
    if not 2 <= wish.way.folds <= min(sum(sample.bad), len(sample.bad) - sum(sample.bad)):  # noqa: PLR2004
        message = _(
            "{folds} folds need {folds} bad and {folds} good customers at least; give fewer to --folds"
        )
        raise CrmError(message.format(folds=wish.way.folds))
    if len(sample.columns) > MOST_USED:
        message = _("{file} has {count} columns to choose from; leave out all but {most} with --exclude")
        raise CrmError(message.format(file=wish.path, count=len(sample.columns), most=MOST_USED))


def _making(
    settings: Mapping[str, Any], today: date, wish: Wish, sample: Sample, validation: Validation
) -> Making:
    fitted = fit(sample, wish.way.trend)
    if len(fitted.columns) < _LEAST_COLUMNS:
        message = _(
            "{count} columns of {file} tell good from bad, and a scorecard needs two; add columns, or customers"
        )
        raise CrmError(message.format(file=wish.path, count=len(fitted.columns)))
    scale = Scale(*(float(settings[f"scorecard_{name}"]) for name in ("base_score", "base_odds", "pdo")))
    seen = [scale.score(-risk) for risk in fitted.log_odds(sample)]
    unseen = [scale.score(-risk) for risk in validation.log_odds]
    bounds = band_bounds(seen)
    psi = stability(band_shares(seen, bounds), band_shares(unseen, bounds))
    used = {one.column.name for one in fitted.columns}
    kept = [
        name for name in sample.columns if name in used and is_protected(name, settings["protected_columns"])
    ]
    return Making(sample, wish.way, scale, fitted, validation, psi, kept, today)


def _figures(validation: Validation) -> dict[str, Any]:
    return {"auc": validation.auc, "ks": validation.ks, "gini": validation.gini}


def _document(made: Making, excluded: Sequence[str]) -> dict[str, Any]:
    flattering = in_sample(made.fitted, made.sample)
    probabilities = [probability(risk) for risk in made.validation.log_odds]
    columns = [
        column_json(one, coefficient, made)
        for one, coefficient in zip(made.fitted.columns, made.fitted.coefficients, strict=True)
    ]
    return {
        **_figures(made.validation),
        "auc_sd": made.validation.spread,
        "folds": made.way.folds,
        "excluded": list(excluded),
        "rows": len(made.sample.bad),
        "bad": sum(made.sample.bad),
        "target": made.sample.target,
        "trend": made.way.trend,
        "seed": made.way.seed,
        "in_sample": {"auc": flattering.auc, "ks": flattering.ks, "gini": flattering.gini},
        "brier": brier(probabilities, made.sample.bad),
        "calibration": [one._asdict() for one in calibration(probabilities, made.sample.bad)],
        "psi": made.psi,
        "shift": shift_of(made.psi),
        "protected": list(made.protected),
        "columns": columns,
        "reasons": _reasons(columns),
        "left_out": _left_out(made),
        "out": None,
        "proposal": None,
    }


def _reasons(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how much each column can cost against the average customer, the dearest first, and its worst bin."""
    found = []
    for column in columns:
        worst = min(column["bins"], key=lambda one: one["points"])
        best = max(one["points"] for one in column["bins"])
        found.append(
            {
                "column": column["column"],
                "bin": {name: worst[name] for name in ("kind", "below", "values") if name in worst},
                "lost_to_average": column["average"] - worst["points"],
                "lost_to_best": best - worst["points"],
            }
        )
    return sorted(found, key=lambda one: (-one["lost_to_average"], one["column"]))


def _left_out(made: Making) -> list[dict[str, Any]]:
    weak = [{"column": name, "reason": "weak", "value": value} for name, value in made.fitted.weak.items()]
    turned = [{"column": name, "reason": "reversed", "value": None} for name in made.fitted.reversed]
    return [*weak, *turned]
