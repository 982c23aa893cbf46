"""From the JSON of a model to a checked model: every mistake is named with its place in the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from .ahp import LIMIT, MatrixProblem, exact_weights, weigh, worst_triple
from .bands import number_of
from .measures import build_measure
from .model import Factor, Indicator, Model, Rank
from .numbers import number_at
from .problems import ModelProblem

_MOST_POINTS = 100
_LEAST = 2
"""A factor with one indicator would be an indicator under another name."""


def build_model(content: Mapping[str, Any], fields: Collection[str] | None = None) -> Model:
    """Return the model that a JSON object describes; it has been validated by `credit_model.schema.json` before.

    fields: the names of the customer card that indicators may take; None = all names are taken as they are.
    Raises ModelProblem for whatever a schema cannot see: weights that do not sum to 1, factors in a circle, names
    twice, unknown facts, ratios and fields, bands out of order, comparisons that contradict each other.
    """
    scoring: Literal["weighted", "sum"] = content.get("scoring", "weighted")
    scorecard = "fitted" in content
    listed = content["factors"]
    _check_names(listed)
    _check_tree(listed)
    _check_children(listed)
    weights = _weights(content, listed) if scoring == "weighted" else {}
    factors = tuple(
        Factor(one["name"], one.get("of"), _texts(one["title"]), weights.get(("factor", one["name"]), _ONE))
        for one in listed
    )
    indicators = tuple(
        Indicator(
            one["name"],
            factor["name"],
            _texts(one["title"]),
            weights.get(("indicator", one["name"]), _ONE),
            one.get("missing", "neutral"),
            build_measure(
                _given_by(one["measure"], scorecard=scorecard),
                f"factors/{i}/indicators/{j}/measure",
                fields,
                scoring,
            ),
        )
        for i, factor in enumerate(listed)
        for j, one in enumerate(factor.get("indicators", ()))
    )
    return Model(
        name=content["name"],
        title=_texts(content["title"]),
        scoring=scoring,
        base=number_at(content.get("base", "0"), "base"),
        neutral=number_at(content.get("neutral", "50"), "neutral"),
        grades=build_grades(content["grades"]),
        factors=factors,
        indicators=indicators,
    )


_ONE = Fraction(1)


def _given_by(measure: Mapping[str, Any], *, scorecard: bool) -> Mapping[str, Any]:
    """Return a measure as it can be given: only scorecards score files with columns, else a column is a field."""
    return {**measure, "kind": "field"} if measure["kind"] == "column" and not scorecard else measure


def _texts(texts: Mapping[str, str] | str) -> Mapping[str, str]:
    return {"en": texts} if isinstance(texts, str) else dict(texts)


# -- names and tree ----------------------------------------------------------------------------------------------


def _check_names(listed: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a name that is there twice: evidence and scores are known by it."""
    seen: set[str] = set()
    for i, factor in enumerate(listed):
        _check_new(factor["name"], f"factors/{i}/name", seen)
        for j, one in enumerate(factor.get("indicators", ())):
            _check_new(one["name"], f"factors/{i}/indicators/{j}/name", seen)


def _check_new(name: str, path: str, seen: set[str]) -> None:
    if name in seen:
        raise ModelProblem(path, "twice", value=name)
    seen.add(name)


def _check_tree(listed: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a factor below one that is not there, and factors below each other in a circle."""
    parents = {one["name"]: one.get("of") for one in listed}
    for i, one in enumerate(listed):
        path, name, way = f"factors/{i}/of", one.get("of"), [one["name"]]
        while name is not None:
            if name not in parents:
                raise ModelProblem(path, "no_factor", value=name)
            way.append(name)
            if name == one["name"]:
                raise ModelProblem(path, "cycle", value=" → ".join(way))
            if name in way[:-1]:
                break  # a circle that this factor only leads to; it is named where it begins
            name = parents[name]


def _check_children(listed: Sequence[Mapping[str, Any]]) -> None:
    for i, one in enumerate(listed):
        below = len(one.get("indicators", ())) + sum(other.get("of") == one["name"] for other in listed)
        if below < _LEAST:
            raise ModelProblem(f"factors/{i}/indicators", "too_few", value=below)


# -- weights -----------------------------------------------------------------------------------------------------

_Member = tuple[Literal["factor", "indicator"], str, str, Any]
"""Kind, name, path of its weight, the weight as written."""
_PERCENT = 100


def _weights(
    content: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], Fraction]:
    """Return (kind, name) → weight among its brothers, as written or by comparisons in pairs."""
    found = _level(_members(listed, None), content.get("ahp"), "ahp", "factors")
    for i, factor in enumerate(listed):
        path = f"factors/{i}"
        own: list[_Member] = [
            ("indicator", one["name"], f"{path}/indicators/{j}/weight", one.get("weight"))
            for j, one in enumerate(factor.get("indicators", ()))
        ]
        members = own + _members(listed, factor["name"])
        found |= _level(members, factor.get("ahp"), f"{path}/ahp", f"{path}/indicators")
    return found


def _members(listed: Sequence[Mapping[str, Any]], parent: str | None) -> list[_Member]:
    return [
        ("factor", one["name"], f"factors/{i}/weight", one.get("weight"))
        for i, one in enumerate(listed)
        if one.get("of") == parent
    ]


def _level(
    members: Sequence[_Member], matrix: Sequence[Sequence[Any]] | None, path: str, where: str
) -> dict[tuple[str, str], Fraction]:
    """Return the weights of those that are weighed against each other; they sum to exactly 1."""
    if matrix is not None:
        names = [name for _kind, name, _path, _weight in members]
        given = [Fraction(weight) for weight in weights_of_matrix(matrix, path, names)]
    else:
        given = [_weight(weight, own) for _kind, _name, own, weight in members]
        if sum(given) != 1:
            raise ModelProblem(where, "sum", value=_shown(sum(given, Fraction(0))))
    return {(kind, name): weight for (kind, name, _p, _w), weight in zip(members, given, strict=True)}


def _weight(weight: Any, path: str) -> Fraction:
    if weight is None:
        raise ModelProblem(path, "no_weight")
    try:
        number = _quotient(str(weight))
    except (ValueError, ZeroDivisionError):
        raise ModelProblem(path, "number", value=weight) from None
    if number > _PERCENT or (number > 1 and "/" in str(weight)):
        raise ModelProblem(path, "whole", value=weight)
    if number > 1:
        raise ModelProblem(path, "percent", value=weight, meant=_shown(number / _PERCENT))
    if number <= 0:
        raise ModelProblem(path, "not_positive", value=weight)
    return number


def weights_of_matrix(matrix: Sequence[Sequence[Any]], path: str, names: Sequence[str]) -> list[Decimal]:
    """Return the weights of a matrix of comparisons, six places, summing to 1; ModelProblem with the place."""
    if len(matrix) != len(names):
        raise ModelProblem(path, "rows", value=len(matrix), wanted=len(names))
    rows = matrix_of(matrix, path)
    try:
        found = weigh(rows)
    except MatrixProblem as problem:
        raise matrix_problem(problem, path) from None
    if found.cr >= LIMIT:
        triple = ", ".join(names[i] for i in worst_triple(rows))
        raise ModelProblem(path, "inconsistent", value=f"{found.cr:.3f}", triple=triple)
    return exact_weights(found.weights)


def matrix_of(matrix: Sequence[Sequence[Any]], path: str) -> list[list[float]]:
    """Return the numbers of a matrix; a text may be a fraction such as "1/3"."""
    return [
        [_comparison(value, _place(path, i, j)) for j, value in enumerate(row)]
        for i, row in enumerate(matrix)
    ]


def _comparison(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ModelProblem(path, "comparison", value=value)
    try:
        return float(_quotient(value) if isinstance(value, str) else value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ModelProblem(path, "comparison", value=value) from None


def _quotient(text: str) -> Fraction:
    """Return the number that a text such as `3` or `1/3` states; ValueError where it states none."""
    above, line, below = text.partition("/")
    numerator, denominator = number_of(above), number_of(below if line else "1")
    if numerator is None or denominator is None:
        raise ValueError(text)
    return numerator / denominator


def matrix_problem(problem: MatrixProblem, path: str) -> ModelProblem:
    """Return a problem of a matrix with its place in the file."""
    codes = {"number": "comparison"}
    return ModelProblem(
        _place(path, problem.row, problem.column),
        codes.get(problem.problem, problem.problem),
        value=problem.value,
    )


def _place(path: str, *indexes: int) -> str:
    return "/".join([part for part in (path,) if part] + [str(i) for i in indexes if i >= 0])


# -- grades ------------------------------------------------------------------------------------------------------


def build_grades(listed: Sequence[Mapping[str, Any]]) -> tuple[Rank, ...]:
    """Return the grades, the best first; each needs less than the one before."""
    ranks = [
        Rank(one["grade"], number_at(one["min_score"], f"grades/{i}/min_score"))
        for i, one in enumerate(listed)
    ]
    names: set[str] = set()
    for i, rank in enumerate(ranks):
        _check_new(rank.grade, f"grades/{i}/grade", names)
        if i and rank.min_score >= ranks[i - 1].min_score:
            raise ModelProblem(f"grades/{i}/min_score", "order", value=_shown(rank.min_score))
    return tuple(ranks)


def check_last_grade(grades: Sequence[Rank]) -> None:
    """Refuse grades of which the last begins above 0: whoever has fewer points would be given it all the same."""
    if grades[-1].min_score != 0:
        place = f"grades/{len(grades) - 1}/min_score"
        raise ModelProblem(place, "last_grade", value=_shown(grades[-1].min_score))


def check_weighted(model: Model) -> None:
    """Refuse what points that are weighed, from 0 to 100, can never come to; those of a scorecard have no bounds."""
    if model.scoring != "weighted":
        return
    if not 0 <= model.neutral <= _MOST_POINTS:
        raise ModelProblem("neutral", "points", value=_shown(model.neutral))
    if model.base:
        raise ModelProblem("base", "base", value=_shown(model.base))
    if model.grades[0].min_score > _MOST_POINTS:
        raise ModelProblem("grades/0/min_score", "unreached", value=_shown(model.grades[0].min_score))
    check_last_grade(model.grades)


def _shown(number: Fraction) -> str:
    return format((Decimal(number.numerator) / Decimal(number.denominator)).normalize(), "f")
