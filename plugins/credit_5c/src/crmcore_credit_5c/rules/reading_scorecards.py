"""The scorecard in a credit model: its points, and what is known of the customers whom it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .scorecard import Bin, Scale, Scorecard, ScoredColumn


@dataclass(frozen=True, slots=True)
class Made:
    """A scorecard, and how the customers whom it was made from scored."""

    card: Scorecard
    scale: Scale
    bounds: tuple[float, ...]
    """Scores at which bands begin, but for the first."""
    shares: tuple[float, ...]
    """Share of those customers in each band."""


def scorecard_of(content: Mapping[str, Any]) -> Made:
    """Return the scorecard that a model describes; it has been validated by both schemas before.

    What counts are the points of the model; `fitted` only adds what a model has no place for.
    """
    fitted = content["fitted"]
    averages = {one["column"]: float(one["average"]) for one in fitted["columns"]}
    columns = tuple(
        _column(one["measure"], averages.get(one["measure"]["of"], 0.0))
        for factor in content["factors"]
        for one in factor.get("indicators", ())
    )
    scale = Scale(*(float(fitted["scale"][name]) for name in ("base_score", "base_odds", "pdo")))
    return Made(
        Scorecard(float(content["base"]), columns),
        scale,
        tuple(map(float, fitted["bands"]["bounds"])),
        tuple(map(float, fitted["bands"]["shares"])),
    )


def _column(measure: Mapping[str, Any], average: float) -> ScoredColumn:
    missing = Bin("missing", float(measure["missing"]))
    if "bands" in measure:
        bands = [_band(one) for one in measure["bands"]]
        return ScoredColumn(measure["of"], (*bands, missing), average)
    alike: dict[float, list[str]] = {}
    for one in measure["values"]:
        alike.setdefault(float(one["points"]), []).append(str(one["value"]))
    groups = [Bin("values", points, values=tuple(values)) for points, values in alike.items()]
    other = Bin("other", float(measure["otherwise"]))
    return ScoredColumn(measure["of"], (*groups, other, missing), average)


def _band(one: Mapping[str, Any]) -> Bin:
    return Bin("below", float(one["points"]), float(one["below"]) if "below" in one else None)
