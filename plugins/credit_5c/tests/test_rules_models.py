"""Models as companies write them: read as they stand, and each mistake named with its place and its value."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from crmcore_credit_5c.rules.building import build_model
from crmcore_credit_5c.rules.model import Band, Factor, Model, Rank, Step
from crmcore_credit_5c.rules.problems import ModelProblem

DEALERS: dict[str, Any] = {
    "name": "dealers",
    "title": {"en": "Dealers", "zh": "经销商"},
    "grades": [
        {"grade": "A", "min_score": "70.5"}, {"grade": "B", "min_score": 40}, {"grade": "C", "min_score": "0"},
    ],
    "factors": [
        {
            "name": "firm", "title": "Firm", "weight": "0.6",
            "indicators": [
                {"name": "shop", "title": "Shop", "weight": "0.7", "missing": "worst",
                 "measure": {"kind": "scale", "steps": [
                     {"value": "own", "points": "100", "en": "Owned", "zh": "自有"},
                     {"value": "rented", "points": "0", "en": "Rented"}]}},
                {"name": "form", "title": "Legal form", "weight": 0.3,
                 "measure": {"kind": "field", "of": "legal_form", "otherwise": "20", "missing": "10",
                             "values": [{"value": "limited", "points": "90"}]}},
            ],
        },
        {
            "name": "books", "title": {"en": "Books"}, "weight": "0.4",
            "indicators": [
                {"name": "overdue", "title": "Overdue", "weight": "0.5",
                 "measure": {"kind": "facts", "of": "oldest_overdue_days", "missing": "30", "bands": [
                     {"up_to": "30", "points": "100"}, {"below": "90", "points": "40"}, {"points": "0"}]}},
                {"name": "z", "title": "Altman", "weight": "0.5",
                 "measure": {"kind": "ratio", "of": "altman_z2",
                             "zones": {"safe": "100", "grey": "50", "distress": "5"}}},
            ],
        },
    ],
}  # fmt: skip
CARD = {"legal_form", "region"}
NOTHING = object()


def changed(*changes: tuple[str, Any], of: dict[str, Any] = DEALERS) -> dict[str, Any]:
    """Return the model with other values in some places; NOTHING takes one away."""
    model = copy.deepcopy(of)
    for where, value in changes:
        part: Any = model
        *way, last = [int(step) if step.isdigit() else step for step in where.split("/")]
        for step in way:
            part = part[step]
        if value is NOTHING:
            del part[last]
        else:
            part[last] = value
    return model


def refused(build: Callable[[], object]) -> tuple[str, str, dict[str, object]]:
    with pytest.raises(ModelProblem) as problem:
        build()
    return problem.value.path, problem.value.problem, problem.value.values


def mistake(*changes: tuple[str, Any]) -> tuple[str, str, dict[str, object]]:
    return refused(lambda: build_model(changed(*changes), CARD))


# -- a model as it is written ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dealers() -> Model:
    return build_model(DEALERS, CARD)


def test_names_titles_and_weights_are_those_of_the_file(dealers: Model) -> None:
    assert (dealers.name, dealers.title) == ("dealers", {"en": "Dealers", "zh": "经销商"})
    assert dealers.factors == (
        Factor("firm", None, {"en": "Firm"}, Fraction(3, 5)),
        Factor("books", None, {"en": "Books"}, Fraction(2, 5)),
    )
    assert [(one.factor, one.name, one.title, one.weight, one.missing) for one in dealers.indicators] == [
        ("firm", "shop", {"en": "Shop"}, Fraction(7, 10), "worst"),
        ("firm", "form", {"en": "Legal form"}, Fraction(3, 10), "neutral"),
        ("books", "overdue", {"en": "Overdue"}, Fraction(1, 2), "neutral"),
        ("books", "z", {"en": "Altman"}, Fraction(1, 2), "neutral"),
    ]
    assert dealers.effective_weights() == {
        "shop": Fraction("0.42"), "form": Fraction("0.18"), "overdue": Fraction("0.2"), "z": Fraction("0.2"),
    }  # fmt: skip


def test_grades_are_those_of_the_file_the_best_first(dealers: Model) -> None:
    assert dealers.grades == (
        Rank("A", Fraction("70.5")),
        Rank("B", Fraction(40)),
        Rank("C", Fraction(0)),
    )


def test_a_model_that_says_nothing_of_them_weighs_points_and_puts_missing_evidence_in_the_middle(
    dealers: Model,
) -> None:
    assert dealers.scoring == "weighted"
    assert (dealers.base, dealers.neutral) == (Fraction(0), Fraction(50))
    other = build_model(changed(("base", "7"), ("neutral", "45.5")), CARD)
    assert (other.base, other.neutral) == (Fraction(7), Fraction("45.5"))


def test_each_way_to_measure_is_read(dealers: Model) -> None:
    shop, form, overdue, z = (one.measure for one in dealers.indicators)
    assert [(one.kind, one.of) for one in (shop, form, overdue, z)] == [
        ("scale", ""),
        ("field", "legal_form"),
        ("facts", "oldest_overdue_days"),
        ("ratio", "altman_z2"),
    ]
    assert shop.steps == (
        Step("own", Fraction(100), {"en": "Owned", "zh": "自有"}),
        Step("rented", Fraction(0), {"en": "Rented"}),
    )
    assert (shop.bands, shop.otherwise, shop.missing) == ((), None, None)
    assert form.steps == (Step("limited", Fraction(90), {}),)
    assert (form.otherwise, form.missing) == (Fraction(20), Fraction(10))
    assert overdue.bands == (
        Band(Fraction(30), inclusive=True, points=Fraction(100)),
        Band(Fraction(90), inclusive=False, points=Fraction(40)),
        Band(None, inclusive=False, points=Fraction(0)),
    )
    assert (overdue.steps, overdue.otherwise, overdue.missing) == ((), None, Fraction(30))
    assert z.bands == (
        Band(Fraction("1.1"), inclusive=False, points=Fraction(5)),
        Band(Fraction("2.6"), inclusive=True, points=Fraction(50)),
        Band(None, inclusive=False, points=Fraction(100)),
    ), "the edges of Altman's zones are grey"


def test_a_column_is_a_field_of_the_card_unless_the_model_was_fitted() -> None:
    column = ("factors/0/indicators/1/measure/kind", "column")
    assert build_model(changed(column), CARD).indicators[1].measure.kind == "field"
    fitted = build_model(changed(column, ("fitted", {})), set())
    assert fitted.indicators[1].measure.kind == "column", "a column of a file, of which nobody has a list"


def test_points_that_are_added_up_need_no_weights_and_may_be_below_zero() -> None:
    weights = [(f"factors/{i}/weight", NOTHING) for i in (0, 1)]
    points = ("factors/0/indicators/0/measure/steps/0/points", "-250")
    model = build_model(changed(("scoring", "sum"), ("base", "600"), points, *weights), CARD)
    assert (model.scoring, model.base) == ("sum", Fraction(600))
    assert {one.weight for one in model.factors} | {one.weight for one in model.indicators} == {1}
    assert model.indicators[0].measure.steps[0].points == -250


# -- weights -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "path", "problem", "values"),
    [
        ("45", "factors/0/weight", "percent", {"value": "45", "meant": "0.45"}),
        (60, "factors/0/weight", "percent", {"value": 60, "meant": "0.6"}),
        ("1.000001", "factors/0/weight", "percent", {"value": "1.000001", "meant": "0.01000001"}),
        ("1", "factors", "sum", {"value": "1.4"}),
        ("0.6000001", "factors", "sum", {"value": "1.0000001"}),
        ("0.5999999", "factors", "sum", {"value": "0.9999999"}),
        ("0", "factors/0/weight", "not_positive", {"value": "0"}),
        ("-0.6", "factors/0/weight", "not_positive", {"value": "-0.6"}),
        ("most", "factors/0/weight", "number", {"value": "most"}),
        (NOTHING, "factors/0/weight", "no_weight", {}),
    ],
)
def test_weights_sum_to_exactly_one(weight: Any, path: str, problem: str, values: dict[str, object]) -> None:
    assert mistake(("factors/0/weight", weight)) == (path, problem, values)


def test_a_weight_of_one_indicator_is_wrong_in_its_own_place() -> None:
    assert mistake(("factors/1/indicators/1/weight", "0.6")) == (
        "factors/1/indicators",
        "sum",
        {"value": "1.1"},
    )
    assert mistake(("factors/1/indicators/1/weight", "60")) == (
        "factors/1/indicators/1/weight",
        "percent",
        {"value": "60", "meant": "0.6"},
    )


def test_weights_in_floating_numbers_are_what_is_written() -> None:
    """0.1 + 0.2 is not 0.3 for a computer; for whoever wrote the file it is."""
    weights = [("factors/1/weight", 0.1), ("factors/0/weight", 0.9), ("factors/0/indicators/0/weight", 0.7)]
    assert sum(build_model(changed(*weights), CARD).effective_weights().values()) == 1


def test_a_part_of_a_factor_is_weighed_with_its_indicators() -> None:
    part = {**copy.deepcopy(DEALERS["factors"][1]), "of": "firm", "weight": "0.25"}
    weights = [("factors/0/weight", "1"), ("factors/0/indicators/0/weight", "0.45")]
    model = build_model(changed(("factors/1", part), *weights), CARD)
    assert model.factors[1].parent == "firm"
    assert model.effective_weights()["z"] == Fraction("0.125")
    off = changed(("factors/1", {**part, "weight": "0.26"}), *weights)
    assert refused(lambda: build_model(off)) == ("factors/0/indicators", "sum", {"value": "1.01"})
    off = changed(("factors/1", {**part, "weight": "26"}), *weights)
    assert refused(lambda: build_model(off))[0] == "factors/1/weight"


def test_comparisons_take_the_place_of_weights_in_the_order_of_the_file() -> None:
    model = build_model(changed(("ahp", [[1, 3], ["1/3", 1]]), ("factors/0/weight", NOTHING)), CARD)
    assert [one.weight for one in model.factors] == [Fraction(3, 4), Fraction(1, 4)]
    model = build_model(changed(("factors/1/ahp", [[1, "1/4"], [4, 1]])), CARD)
    assert [one.weight for one in model.indicators[2:]] == [Fraction(1, 5), Fraction(4, 5)]


def test_wrong_comparisons_are_named_with_the_place_of_their_matrix() -> None:
    assert mistake(("ahp", [[1]])) == ("ahp", "rows", {"value": 1, "wanted": 2})
    assert mistake(("factors/1/ahp", [[1, 3], [0.5, 1]])) == (
        "factors/1/ahp/1/0",
        "reciprocal",
        {"value": 0.5},
    )


# -- names and circles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "value", "problem"),
    [
        ("factors/1/name", "firm", "twice"),
        ("factors/1/indicators/0/name", "shop", "twice"),
        ("factors/1/indicators/1/name", "firm", "twice"),
        ("factors/1/of", "nobody", "no_factor"),
    ],
)
def test_a_name_is_there_once_and_is_known(where: str, value: str, problem: str) -> None:
    assert mistake((where, value)) == (where, problem, {"value": value})


def test_factors_below_each_other_are_a_circle_and_the_way_round_is_shown() -> None:
    assert mistake(("factors/0/of", "books"), ("factors/1/of", "firm")) == (
        "factors/0/of",
        "cycle",
        {"value": "firm → books → firm"},
    )
    assert mistake(("factors/1/of", "books")) == ("factors/1/of", "cycle", {"value": "books → books"})


def test_a_factor_that_only_leads_to_a_circle_is_not_where_it_is_named() -> None:
    third = {**copy.deepcopy(DEALERS["factors"][1]), "name": "third", "of": "books"}
    for number, one in enumerate(third["indicators"]):
        one["name"] = f"third{number}"
    model = changed(("factors/0/of", "books"), ("factors/1/of", "third"))
    model["factors"].append(third)
    assert refused(lambda: build_model(model)) == (
        "factors/1/of",
        "cycle",
        {"value": "books → third → books"},
    )


def test_a_factor_has_at_least_two_below_it() -> None:
    assert mistake(("factors/1/indicators/1", NOTHING)) == ("factors/1/indicators", "too_few", {"value": 1})
    assert mistake(("factors/1/indicators", NOTHING)) == ("factors/1/indicators", "too_few", {"value": 0})


def test_an_indicator_and_a_part_are_two() -> None:
    part = {**copy.deepcopy(DEALERS["factors"][1]), "of": "firm", "weight": "0.3"}
    model = changed(("factors/1", part), ("factors/0/indicators/1", NOTHING), ("factors/0/weight", "1"))
    assert [one.name for one in build_model(model, CARD).indicators] == ["shop", "overdue", "z"]


@pytest.mark.parametrize("where", ["base", "neutral"])
def test_points_of_the_whole_are_numbers(where: str) -> None:
    assert mistake((where, "x")) == (where, "number", {"value": "x"})


@pytest.mark.parametrize(
    ("where", "value", "problem"),
    [
        ("grades/1/min_score", "71", "order"),
        ("factors/1/indicators/0/measure/bands/0/points", "101", "points"),
        ("factors/0/indicators/1/measure/values/0/points", "-1", "points"),
    ],
)
def test_grades_and_measures_are_checked_in_their_places(where: str, value: str, problem: str) -> None:
    assert mistake((where, value)) == (where, problem, {"value": value})


def test_a_mistake_says_where_and_what_even_where_nobody_words_it() -> None:
    assert str(ModelProblem("factors/0", "sum", value="0.9")) == "factors/0: sum {'value': '0.9'}"
