"""The numbers of a model in a file, and what a schema cannot see of a scorecard: each mistake with its place."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest

from crmcore_credit_5c.rules.numbers import bound_at, number_at
from crmcore_credit_5c.rules.problems import ModelProblem
from crmcore_credit_5c.rules.scorecard_checks import check_scorecard


def problem(content: Any) -> tuple[str, str, dict[str, object]] | None:
    try:
        check_scorecard(content)
    except ModelProblem as found:
        return found.path, found.problem, found.values
    return None


# -- numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["999999999999.5", -999_999_999_999, 0, "1e11"])
def test_points_are_below_a_million_millions(value: object) -> None:
    assert number_at(value, "here") == Fraction(str(value))


@pytest.mark.parametrize("value", ["1e12", -(10**12), "1000000000000"])
def test_points_of_a_million_millions_are_too_large(value: object) -> None:
    with pytest.raises(ModelProblem) as refused:
        number_at(value, "here")
    assert (refused.value.path, refused.value.problem) == ("here", "too_large")
    assert refused.value.values == {"value": str(value), "power": 12}


def test_a_bound_is_below_ten_to_the_hundredth() -> None:
    assert bound_at("-9.9e99", "here") == Fraction("-9.9e99")
    with pytest.raises(ModelProblem, match=r"^here: too_large .*'power': 100"):
        bound_at("1e100", "here")


@pytest.mark.parametrize(("digits", "shown"), [(40, "9" * 40), (41, "9" * 40 + "…")])
def test_no_more_than_forty_digits_of_a_number_are_shown(digits: int, shown: str) -> None:
    with pytest.raises(ModelProblem) as refused:
        number_at("9" * digits, "here")
    assert refused.value.values["value"] == shown


def test_what_is_no_number_is_told_as_it_stands() -> None:
    with pytest.raises(ModelProblem) as refused:
        number_at("ten", "here")
    assert (refused.value.problem, refused.value.values) == ("number", {"value": "ten"})


# -- scorecards ----------------------------------------------------------------------------------------------


def of_numbers(name: str) -> dict[str, Any]:
    bands = [{"below": "1", "points": "2"}, {"below": "2", "points": "1"}, {"points": "0"}]
    return {"measure": {"kind": "column", "of": name, "missing": "0", "bands": bands}}


def of_texts(name: str) -> dict[str, Any]:
    values = [{"value": "east", "points": "1"}]
    return {"measure": {"kind": "column", "of": name, "missing": "0", "values": values, "otherwise": "0"}}


CARD: dict[str, Any] = {
    "factors": [
        {"name": "empty"},
        {"indicators": [of_numbers("days"), of_texts("region")]},
        {"indicators": [of_numbers("age")]},
    ],
    "fitted": {
        "scale": {"base_score": "-600", "base_odds": "0.5", "pdo": "0.5"},
        "columns": [{"average": "1"}, {"average": "-2"}],
        "bands": {"bounds": ["1", "2"], "shares": ["0", "1", "0"]},
    },
}


def test_a_card_that_can_be_reckoned_with_passes() -> None:
    assert problem(CARD) is None


@pytest.mark.parametrize(
    ("where", "value", "found"),
    [
        ("fitted/scale/base_score", "x", "number"),
        ("fitted/scale/base_odds", "x", "number"),
        ("fitted/scale/base_odds", "0", "above_0"),
        ("fitted/scale/pdo", "0", "above_0"),
        ("fitted/scale/pdo", "-0.5", "above_0"),
        ("fitted/columns/0/average", "x", "number"),
        ("fitted/columns/1/average", "x", "number"),
        ("fitted/bands/bounds/0", "x", "number"),
        ("fitted/bands/bounds/1", "1", "band_order"),
        ("fitted/bands/bounds/1", "0.5", "band_order"),
        ("fitted/bands/shares/2", "x", "number"),
        ("fitted/bands/shares/0", "-0.01", "share"),
        ("fitted/bands/shares/1", "1.01", "share"),
    ],
)
def test_a_value_that_is_none_is_told_with_its_place(where: str, value: str, found: str) -> None:
    card = copy.deepcopy(CARD)
    *way, last = [int(step) if step.isdigit() else step for step in where.split("/")]
    part: Any = card
    for step in way:
        part = part[step]
    part[last] = value
    assert problem(card) == (where, found, {"value": value})


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.5, 0.5, 0.000_000_9], None),
        ([0.5, 0.5, 0.000_002], "1.000002"),
        ([0.5, 0.4, 0], "0.9"),
        ([0, 0, 0], "0"),
        ([0.5, 0.5], "1"),
        ([0.25, 0.25, 0.25, 0.25], "1"),
    ],
)
def test_each_band_has_a_share_and_they_sum_to_about_one(shares: list[float], said: str | None) -> None:
    card = copy.deepcopy(CARD)
    card["fitted"]["bands"]["shares"] = shares
    values = {"count": len(shares), "wanted": 3, "value": said}
    assert problem(card) == (None if said is None else ("fitted/bands/shares", "shares", values))


@pytest.mark.parametrize(
    ("factor", "indicator", "changes"),
    [
        (1, 0, {"kind": "fact"}),
        (1, 0, {"missing": None}),
        (1, 1, {"missing": None}),
        (1, 1, {"otherwise": None}),
        (1, 1, {"values": None}),
        (2, 0, {"bands": [{"points": "1"}, {"below": "2", "points": "1"}, {"points": "0"}]}),
        (2, 0, {"bands": [{"below": "1", "points": "1"}, {"points": "1"}, {"points": "0"}]}),
    ],
)
def test_an_indicator_is_a_column_with_all_its_points(
    factor: int, indicator: int, changes: dict[str, Any]
) -> None:
    card = copy.deepcopy(CARD)
    measure = card["factors"][factor]["indicators"][indicator]["measure"]
    measure |= changes
    for name in [name for name, value in changes.items() if value is None]:
        del measure[name]
    assert problem(card) == (f"factors/{factor}/indicators/{indicator}/measure", "no_column", {})


def test_a_column_of_another_factor_is_there_twice_too() -> None:
    card = copy.deepcopy(CARD)
    card["factors"][2]["indicators"].append(of_texts("region"))
    place = "factors/2/indicators/1/measure/of"
    assert problem(card) == (place, "column_twice", {"value": "region"})
