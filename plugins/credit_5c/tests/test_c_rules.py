"""The rules of grading: published examples, and what must hold for whatever a company writes into its model."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crmcore_credit_5c
from crmcore_credit_5c.rules.ahp import MatrixProblem, exact_weights, weigh, worst_triple
from crmcore_credit_5c.rules.altman import z_score, zone
from crmcore_credit_5c.rules.building import build_model
from crmcore_credit_5c.rules.changes import smallest_changes
from crmcore_credit_5c.rules.problems import ModelProblem
from crmcore_credit_5c.rules.ratios import RATIOS, Statement, assess
from crmcore_credit_5c.rules.scoring import score

MODELS = Path(crmcore_credit_5c.__file__).parent / "models"


def content(name: str) -> Any:
    return json.loads((MODELS / f"{name}.json").read_text("utf-8"))


# -- AHP ---------------------------------------------------------------------------------------------------------


def test_saatys_wealth_of_nations() -> None:
    """Seven countries by wealth: US, USSR, China, France, UK, Japan, West Germany; λmax 7.608.

    T. L. Saaty, *A scaling method for priorities in hierarchical structures*, J. Math. Psychology 15 (1977); the
    weights as he reprinted them in *The Analytic Hierarchy Process* (1980).
    """
    nations: list[list[float]] = [
        [1, 4, 9, 6, 6, 5, 5],
        [1 / 4, 1, 7, 5, 5, 3, 4],
        [1 / 9, 1 / 7, 1, 1 / 5, 1 / 5, 1 / 7, 1 / 5],
        [1 / 6, 1 / 5, 5, 1, 1, 1 / 3, 1 / 3],
        [1 / 6, 1 / 5, 5, 1, 1, 1 / 3, 1 / 3],
        [1 / 5, 1 / 3, 7, 3, 3, 1, 2],
        [1 / 5, 1 / 4, 5, 3, 3, 1 / 2, 1],
    ]
    found = weigh(nations)
    assert found.lambda_max == pytest.approx(7.608, abs=1e-3)
    assert found.weights == pytest.approx((0.427, 0.230, 0.021, 0.052, 0.052, 0.123, 0.094), abs=1e-3)
    assert found.cr == pytest.approx((found.lambda_max - 7) / 6 / 1.32)


def test_the_textbook_matrix_of_three() -> None:
    """[1 3 5; 1/3 1 3; 1/5 1/3 1]: .637, .258, .105, λmax 3.039, in most textbooks on AHP."""
    found = weigh([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])
    assert found.weights == pytest.approx((0.637, 0.258, 0.105), abs=1e-3)
    assert found.lambda_max == pytest.approx(3.0385, abs=1e-4)
    assert found.cr == pytest.approx(0.0332, abs=1e-4)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=15))
def test_weights_that_made_a_matrix_come_out_of_it(parts: list[int]) -> None:
    matrix = [[a / b for b in parts] for a in parts]
    found = weigh(matrix)
    assert found.weights == pytest.approx([p / sum(parts) for p in parts], abs=1e-9)
    assert found.cr == pytest.approx(0, abs=1e-9)
    assert sum(exact_weights(found.weights)) == 1


def test_two_rows_never_contradict_themselves() -> None:
    assert weigh([[1, 9], [1 / 9, 1]])[1:] == pytest.approx((2, 0, 0))
    assert weigh([[1]])[1:] == (1, 0, 0)


def test_six_places_are_near_enough_and_four_are_not() -> None:
    weigh([[1, 3], [0.333333, 1]])
    with pytest.raises(MatrixProblem, match="reciprocal"):
        weigh([[1, 3], [0.3333, 1]])


def test_the_worst_triple_is_named() -> None:
    matrix = [[1.0, 2, 4, 8], [1 / 2, 1, 2, 1 / 9], [1 / 4, 1 / 2, 1, 2], [1 / 8, 9, 1 / 2, 1]]
    # 0 is 2 × 1 and 1 is 1/9 × 3, so 0 should be 2/9 × 3, and is 8 ×: out by 36; with row 2 in between, by 36, too.
    assert worst_triple(matrix) in {(0, 1, 3), (1, 2, 3)}


# -- Altman and ratios -------------------------------------------------------------------------------------------

FIRM = {
    "current_assets": Decimal(500),
    "current_liabilities": Decimal(300),
    "retained_earnings": Decimal(300),
    "ebit": Decimal(150),
    "total_assets": Decimal(1000),
    "total_liabilities": Decimal(500),
    "market_value_equity": Decimal(750),
    "equity": Decimal(500),
    "sales": Decimal(1200),
}


@pytest.mark.parametrize(
    ("form", "z", "where"),
    [
        # X1 .2, X2 .3, X3 .15, X4 1.5 (market) or 1 (book), X5 1.2, with the coefficients of 1968, 1983 and 1995.
        ("altman_z", Decimal("3.255"), "safe"),
        ("altman_z1", Decimal("2.48115"), "grey"),
        ("altman_z2", Decimal("4.348"), "safe"),
    ],
)
def test_altmans_forms(form: str, z: Decimal, where: str) -> None:
    found = z_score(form, FIRM)
    assert found == Fraction(z)
    assert zone(form, Fraction(z)) == where


def test_the_means_of_altmans_groups_lie_in_their_zones() -> None:
    """Altman (1968), table 1: means of the bankrupt and of the other firms, in percent but for X5; Z -0.26 and 4.89."""
    bankrupt = (Decimal("-.061"), Decimal("-.626"), Decimal("-.318"), Decimal(".401"), Decimal("1.5"))
    sound = (Decimal(".414"), Decimal(".355"), Decimal(".153"), Decimal("2.477"), Decimal("1.9"))
    for (x1, x2, x3, x4, x5), z, where in ((bankrupt, -0.26, "distress"), (sound, 4.89, "safe")):
        figures = {
            "current_assets": x1 + 1, "current_liabilities": Decimal(1), "retained_earnings": x2, "ebit": x3,
            "total_assets": Decimal(1), "market_value_equity": x4, "total_liabilities": Decimal(1), "sales": x5,
        }  # fmt: skip
        found = z_score("altman_z", figures)
        assert found is not None
        assert float(found) == pytest.approx(z, abs=0.17)  # printed means, and .999 for 1.0, are rounded
        assert zone("altman_z", found) == where


@pytest.mark.parametrize("bound", ["1.81", "2.99"])
def test_the_bounds_of_zones_are_grey(bound: str) -> None:
    assert zone("altman_z", Fraction(bound)) == "grey"


@given(st.dictionaries(st.sampled_from(sorted(FIRM)), st.decimals(-10, 10, places=2)))
def test_a_ratio_is_a_number_or_not_assessable_never_an_error(changed: dict[str, Decimal]) -> None:
    figures = {**FIRM, "stock": Decimal(100), "interest": Decimal(0), "receivables": Decimal(0), **changed}
    figures["cost_of_sales"] = Decimal(900)
    for name in RATIOS:
        assert isinstance(assess(name, Statement(12, "CNY", figures)), Fraction | None)


def test_half_a_year_of_sales_counts_twice() -> None:
    figures = {"sales": Decimal(600), "receivables": Decimal(100)}
    assert assess("receivables_turnover", Statement(6, "CNY", figures)) == 12
    assert assess("receivables_turnover", Statement(12, "CNY", {"sales": Decimal(1)})) == ("receivables",)
    assert (
        assess("interest_cover", Statement(12, "CNY", {"ebit": Decimal(1), "interest": Decimal(0)})) is None
    )


# -- shipped models ----------------------------------------------------------------------------------------------


def test_5p_by_hand() -> None:
    """Personal .5*70 + .5*100 = 85; purpose .6*70 + .4*75 = 72; payment .4*85 + .3*80 + .3*70 = 79.

    Protection .6*100 + .4*50 = 80; perspective .5*40 + .5*100 = 70.
    Total .25*85 + .15*72 + .30*79 + .15*80 + .15*70 = 21.25 + 10.8 + 23.7 + 12 + 10.5 = 78.25.
    """
    answers: dict[str, str | Fraction] = {
        "owner_character": "good", "reputation": "excellent", "purpose_of_credit": "good",
        "stock_turnover": Fraction(5), "days_beyond_terms": Fraction(7), "share_overdue": Fraction(1, 10),
        "interest_cover": Fraction(3), "collateral_cover": "excellent", "gearing": Fraction(2),
        "industry_outlook": "fair", "order_trend": Fraction(6, 5),
    }  # fmt: skip
    found = score(build_model(content("5p")), answers)
    assert {name: str(points) for name, points in found.factors.items()} == {
        "personal": "85.00", "purpose": "72.00", "payment": "79.00", "protection": "80.00", "perspective": "70.00",
    }  # fmt: skip
    assert (found.total, found.grade, found.missing) == (Decimal("78.25"), "A", ())


def test_6a_by_hand() -> None:
    """Economic .5*70 + .5*70 = 70; technical .5*100 + .5*70 = 85; managerial .6*40 + .4*100 = 64.

    Organisational .4*70 + .3*70 + .3*80 = 73; commercial .4*100 + .3*60 + .3*45 = 71.5; financial
    .25*70 + .25*20 + .20*40 + .30*50 = 45.5. Total .15*70 + .10*85 + .20*64 + .10*73 + .20*71.5 + .25*45.5
    = 10.5 + 8.5 + 12.8 + 7.3 + 14.3 + 11.375 = 64.775.
    """
    answers: dict[str, str | Fraction] = {
        "industry_outlook": "good", "season": "good", "technology_level": "excellent",
        "returns_share": Fraction(3, 100), "management_ability": "fair", "years_of_trade": Fraction(5),
        "organisation": "good", "staff_stability": "good", "registered_capital": Fraction(200),
        "market_position": "excellent", "order_trend": Fraction(9, 10), "days_beyond_terms": Fraction(30),
        "quick_ratio": Fraction(4, 5), "gearing": Fraction(4), "interest_cover": Fraction(1),
        "altman_z2": Fraction(13, 5),
    }  # fmt: skip
    found = score(build_model(content("6a")), answers)
    assert [str(points) for points in found.factors.values()] == [
        "70.00", "85.00", "64.00", "73.00", "71.50", "45.50",
    ]  # fmt: skip
    assert (found.total, found.grade) == (Decimal("64.78"), "B")


@pytest.mark.parametrize("name", ["5c", "5p", "6a"])
def test_a_shipped_model_is_described_in_both_languages(name: str) -> None:
    model = build_model(content(name))
    assert sum(model.effective_weights().values()) == 1
    texts = [model.title, *(x.title for x in model.factors), *(x.title for x in model.indicators)]
    texts += [step.texts for one in model.indicators for step in one.measure.steps]
    assert all({"en", "zh"} == set(text) for text in texts)


# -- mistakes ----------------------------------------------------------------------------------------------------


def _set(where: str, value: Any) -> Any:
    def change(model: Any) -> None:
        *way, last = [int(part) if part.isdigit() else part for part in where.split("/")]
        for part in way:
            model = model[part]
        model[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "path", "problem"),
    [
        (_set("factors/0/weight", "45"), "factors/0/weight", "percent"),
        (_set("factors/0/weight", "0.31"), "factors", "sum"),
        (_set("factors/1/indicators/0/weight", "0.41"), "factors/1/indicators", "sum"),
        (_set("factors/0/weight", "0"), "factors/0/weight", "not_positive"),
        (_set("factors/0/weight", "half"), "factors/0/weight", "number"),
        (_set("factors/0/of", "character"), "factors/0/of", "cycle"),
        (_set("factors/0/of", "nobody"), "factors/0/of", "no_factor"),
        (_set("factors/1/name", "character"), "factors/1/name", "twice"),
        (
            _set("factors/0/indicators/2/measure/of", "beauty"),
            "factors/0/indicators/2/measure/of",
            "unknown_facts",
        ),
        (
            _set("factors/2/indicators/0/measure/of", "beauty"),
            "factors/2/indicators/0/measure/of",
            "unknown_ratio",
        ),
        (_set("grades/1/min_score", "75"), "grades/1/min_score", "order"),
        (
            _set("factors/0/indicators/2/measure/bands/1/up_to", "0"),
            "factors/0/indicators/2/measure/bands/1/up_to",
            "band_order",
        ),
        (
            _set("factors/0/indicators/0/measure/steps/0/points", "101"),
            "factors/0/indicators/0/measure/steps/0/points",
            "points",
        ),
        (_set("ahp", [["1", "3"], ["1/3", "1"]]), "ahp", "rows"),
        (_set("factors/3/ahp", [["1", "3"], ["1/2", "1"]]), "factors/3/ahp/1/0", "reciprocal"),
        (_set("factors/3/ahp", [["1", "-3"], ["1/3", "1"]]), "factors/3/ahp/0/1", "comparison"),
    ],
)
def test_a_mistake_in_a_model_is_named_with_its_place(change: Any, path: str, problem: str) -> None:
    model = content("5c")
    change(model)
    with pytest.raises(ModelProblem) as refused:
        build_model(model)
    assert (refused.value.path, refused.value.problem) == (path, problem)


def test_a_circle_of_several_factors_is_found() -> None:
    model = content("5c")
    for i, above in ((0, "capacity"), (1, "capital"), (2, "character")):
        model["factors"][i]["of"] = above
    with pytest.raises(ModelProblem) as refused:
        build_model(model)
    assert refused.value.problem == "cycle"
    assert "character → capacity → capital → character" in str(refused.value.values["value"])


def test_comparisons_that_contradict_each_other_are_refused_by_name() -> None:
    model = content("5c")
    model["factors"][0]["ahp"] = [["1", "5", "1/5"], ["1/5", "1", "5"], ["5", "1/5", "1"]]
    with pytest.raises(ModelProblem) as refused:
        build_model(model)
    assert refused.value.problem == "inconsistent"
    assert refused.value.values["triple"] == "reputation, legal_record, days_beyond_terms"


def test_factors_may_be_parts_of_factors() -> None:
    model = content("5c")
    model["factors"].insert(0, {"name": "will", "title": "Will", "weight": "0.45"})
    for factor, weight in zip(model["factors"][1:], ("0.6", "0.4", "0.25", "0.1", "0.2"), strict=True):
        factor["weight"] = weight
    model["factors"][1]["of"] = model["factors"][2]["of"] = "will"
    built = build_model(model)
    assert sum(built.effective_weights().values()) == 1
    everything_best = {
        one.name: max(one.measure.steps, key=lambda s: s.points).value
        for one in built.indicators
        if one.measure.steps
    }
    assert score(built, everything_best).factors["will"] is not None


# -- whatever is answered ----------------------------------------------------------------------------------------

MODEL = build_model(content("5c"))
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        one.name: st.sampled_from([step.value for step in one.measure.steps])
        if one.measure.steps
        else st.fractions(-5, 120, max_denominator=50)
        for one in MODEL.indicators
    },
)


@given(ANSWERS)
def test_the_total_is_the_weighted_sum_and_the_changes_change_the_grade(answers: dict[str, Any]) -> None:
    found = score(MODEL, answers)
    weights = MODEL.effective_weights()
    exact = sum((weights[name] * (a.points or 0) for name, a in found.answers.items()), Fraction(0))
    assert found.total is not None
    assert abs(Fraction(found.total) - exact) <= Fraction(1, 200)
    assert 0 <= found.total <= 100
    order = ["A", "B", "C"]
    for direction, change in smallest_changes(MODEL, answers).items():
        assert found.grade is not None
        assert (order.index(change.grade) < order.index(found.grade)) == (direction == "better")
        raised = exact + weights[change.indicator] * (
            change.points - (found.answers[change.indicator].points or 0)
        )
        assert abs(Fraction(change.total) - raised) <= Fraction(1, 200)


@given(ANSWERS)
def test_what_a_model_insists_on_leaves_no_grade(answers: dict[str, Any]) -> None:
    strict = copy.deepcopy(content("5c"))
    strict["factors"][0]["indicators"][0]["missing"] = "incomplete"
    found = score(build_model(strict), answers)
    assert (found.grade is None) == ("reputation" not in answers)
    assert (found.factors["character"] is None) == ("reputation" not in answers)
    assert found.factors["conditions"] is not None
