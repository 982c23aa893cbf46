"""How indicators are measured, from the JSON of a model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from .altman import FORMS
from .model import FACT_INDICATORS, Band, Kind, Measure, Step
from .numbers import bound_at, number_at
from .problems import ModelProblem
from .ratios import RATIOS

_MOST = 100
_TABLES = ("steps", "values", "bands", "zones")
"""What says how many points a value gets: one of them for each indicator."""


def build_measure(
    measure: Mapping[str, Any], path: str, fields: Collection[str] | None, scoring: str = "weighted"
) -> Measure:
    """Return a checked measure; ModelProblem for an unknown name, bands out of order, points beyond 0 to 100."""
    kind: Kind = measure["kind"]
    of = "" if kind == "scale" else str(measure["of"])
    known: Mapping[str, Collection[str] | None] = {
        "facts": FACT_INDICATORS,
        "ratio": RATIOS,
        "field": fields,
    }
    names = known.get(kind)
    if names is not None and of not in names:
        raise ModelProblem(f"{path}/of", f"unknown_{kind}", value=of, known=", ".join(sorted(names)))
    tables = [name for name in _TABLES if name in measure]
    if len(tables) > 1:
        raise ModelProblem(path, "two_tables", value=", ".join(tables))
    if "otherwise" in measure and {"bands", "zones"}.intersection(tables):
        raise ModelProblem(f"{path}/otherwise", "beside_bands", value=measure["otherwise"])
    points = _points_reader(scoring)
    otherwise = points(measure["otherwise"], f"{path}/otherwise") if "otherwise" in measure else None
    missing = points(measure["missing"], f"{path}/missing") if "missing" in measure else None
    if "zones" in measure:
        zones = _zones(of, measure["zones"], f"{path}/zones", points)
        return Measure(kind, of, bands=zones, missing=missing)
    if "bands" in measure:
        return Measure(kind, of, bands=_bands(measure["bands"], f"{path}/bands", points), missing=missing)
    name = "steps" if "steps" in measure else "values"
    if name not in measure:
        raise ModelProblem(path, "no_points")
    return Measure(
        kind, of, steps=_steps(measure[name], f"{path}/{name}", points), otherwise=otherwise, missing=missing
    )


_Points = Callable[[Any, str], Fraction]


def _points_reader(scoring: str) -> _Points:
    def points(value: Any, path: str) -> Fraction:
        number = number_at(value, path)
        if scoring == "weighted" and not 0 <= number <= _MOST:
            raise ModelProblem(path, "points", value=value)
        return number

    return points


def _steps(listed: Sequence[Mapping[str, Any]], path: str, points: _Points) -> tuple[Step, ...]:
    seen: set[str] = set()
    steps = []
    for i, one in enumerate(listed):
        value = str(one["value"])
        if value in seen:
            raise ModelProblem(f"{path}/{i}/value", "twice", value=value)
        seen.add(value)
        texts = {language: one[language] for language in ("en", "zh") if language in one}
        steps.append(Step(value, points(one["points"], f"{path}/{i}/points"), texts))
    return tuple(steps)


def _bands(listed: Sequence[Mapping[str, Any]], path: str, points: _Points) -> tuple[Band, ...]:
    """Return bands in ascending order; only the last one goes on for ever."""
    bands: list[Band] = []
    for i, one in enumerate(listed):
        given = points(one["points"], f"{path}/{i}/points")
        if "up_to" in one and "below" in one:
            raise ModelProblem(f"{path}/{i}", "two_bounds")
        name = next((name for name in ("up_to", "below") if name in one), None)
        if (name is None) != (i == len(listed) - 1):
            raise ModelProblem(f"{path}/{i}", "last_band")
        bound = None if name is None else bound_at(one[name], f"{path}/{i}/{name}")
        if bands and bound is not None and bands[-1].bound is not None and bound <= bands[-1].bound:
            raise ModelProblem(f"{path}/{i}/{name}", "band_order", value=one[name or ""])
        bands.append(Band(bound, name == "up_to", given))
    return tuple(bands)


def _zones(of: str, zones: Mapping[str, Any], path: str, points: _Points) -> tuple[Band, ...]:
    """Return the three zones of one of Altman's forms as bands; the bounds themselves are grey."""
    if of not in FORMS:
        raise ModelProblem(path, "zones", value=of)
    form = FORMS[of]
    return (
        Band(
            Fraction(form.distress_below),
            inclusive=False,
            points=points(zones["distress"], f"{path}/distress"),
        ),
        Band(Fraction(form.safe_above), inclusive=True, points=points(zones["grey"], f"{path}/grey")),
        Band(None, inclusive=False, points=points(zones["safe"], f"{path}/safe")),
    )
