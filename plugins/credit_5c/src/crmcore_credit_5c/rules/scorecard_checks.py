"""What a schema cannot see of a scorecard in a file: a scale that is none, bands without shares, columns without points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from .numbers import number_at
from .problems import ModelProblem

_ABOUT = 1e-6
"""Shares are floats: they sum to about 1."""


def check_scorecard(content: Mapping[str, Any]) -> None:
    """Raise ModelProblem, with its place, for a scorecard that cannot be reckoned with; both schemas allow it."""
    fitted = content["fitted"]
    _check_scale(fitted["scale"])
    for i, one in enumerate(fitted["columns"]):
        number_at(one["average"], f"fitted/columns/{i}/average")
    _check_bands(fitted["bands"])
    _check_columns(content["factors"])


def _check_scale(scale: Mapping[str, Any]) -> None:
    number_at(scale["base_score"], "fitted/scale/base_score")
    for name in ("base_odds", "pdo"):
        if float(number_at(scale[name], f"fitted/scale/{name}")) <= 0:
            raise ModelProblem(f"fitted/scale/{name}", "above_0", value=scale[name])


def _check_bands(bands: Mapping[str, Sequence[Any]]) -> None:
    path = "fitted/bands"
    bounds = [number_at(one, f"{path}/bounds/{i}") for i, one in enumerate(bands["bounds"])]
    for i, (before, bound) in enumerate(pairwise(bounds), 1):
        if bound <= before:
            raise ModelProblem(f"{path}/bounds/{i}", "band_order", value=bands["bounds"][i])
    shares = [float(number_at(one, f"{path}/shares/{i}")) for i, one in enumerate(bands["shares"])]
    for i, share in enumerate(shares):
        if not 0 <= share <= 1:
            raise ModelProblem(f"{path}/shares/{i}", "share", value=bands["shares"][i])
    wanted = len(bounds) + 1
    if len(shares) != wanted or abs(sum(shares) - 1) > _ABOUT:
        found = f"{sum(shares):.6f}".rstrip("0").rstrip(".")
        raise ModelProblem(f"{path}/shares", "shares", count=len(shares), wanted=wanted, value=found)


def _check_columns(factors: Sequence[Mapping[str, Any]]) -> None:
    seen: set[str] = set()
    for i, factor in enumerate(factors):
        for j, one in enumerate(factor.get("indicators", ())):
            path, measure = f"factors/{i}/indicators/{j}/measure", one["measure"]
            if measure["kind"] != "column" or not _has_all_points(measure):
                raise ModelProblem(path, "no_column")
            if measure["of"] in seen:
                raise ModelProblem(f"{path}/of", "column_twice", value=measure["of"])
            seen.add(measure["of"])


def _has_all_points(measure: Mapping[str, Any]) -> bool:
    """Say whether every number, or every text, has points, and so has none at all."""
    if "missing" not in measure:
        return False
    if "bands" in measure:
        return all("below" in band for band in measure["bands"][:-1])
    return "values" in measure and "otherwise" in measure
