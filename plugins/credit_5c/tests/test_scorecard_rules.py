"""The rules of scorecards against plain counting, published figures and their own meaning."""

from math import e, inf, log, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore_credit_5c.rules.protected import is_protected
from crmcore_credit_5c.rules.scorecard import (
    Bin,
    Scale,
    Scorecard,
    ScoredColumn,
    bin_of,
    information_value,
    points_of,
    reasons,
    weight_of_evidence,
)
from crmcore_credit_5c.rules.scorecard_figures import (
    band_bounds,
    band_shares,
    brier,
    calibration,
    separation,
    shift_of,
    stability,
)

# -- points ------------------------------------------------------------------------------------------------------


def test_points_double_the_odds_as_the_book_has_it():
    """Siddiqi 2006, chapter 6: 600 at 50 : 1, 20 to double; factor 28.8539, offset 487.123."""
    scale = Scale(600, 50, 20)
    assert scale.factor == pytest.approx(28.8539, abs=1e-4)
    assert scale.offset == pytest.approx(487.123, abs=1e-3)
    assert scale.score(log(50)) == pytest.approx(600)
    assert scale.score(log(100)) == pytest.approx(620)
    assert scale.score(log(25)) == pytest.approx(580)


@given(st.floats(-5, 5), st.lists(st.tuples(st.floats(-3, 0), st.floats(-4, 4)), max_size=6))
def test_the_sum_of_the_points_is_the_score_of_the_regression(intercept, columns):
    scale = Scale()
    risk = intercept + sum(coefficient * woe for coefficient, woe in columns)
    points = scale.base_points(intercept) + sum(scale.points(*column) for column in columns)
    assert points == pytest.approx(scale.score(-risk), abs=1e-9)


@given(st.floats(-3, 0), st.floats(-4, 4), st.floats(-4, 4))
def test_a_better_bin_never_costs_points(coefficient, one, other):
    scale = Scale()
    better, worse = max(one, other), min(one, other)
    assert scale.points(coefficient, better) >= scale.points(coefficient, worse)


# -- evidence ----------------------------------------------------------------------------------------------------


def test_evidence_and_information_of_an_example_by_hand():
    """Of 80 good 60, of 20 bad 5: ln(.75 / .25) = 1.0986; IV = .5 · ln 3 + (-.5) · ln(1/3) = ln 3."""
    assert weight_of_evidence(60, 5, 80, 20) == pytest.approx(1.0986, abs=1e-4)
    assert information_value([(60, 5), (20, 15)]) == pytest.approx(log(3))


def test_a_bin_without_a_kind_is_good_news_but_no_certainty_and_an_empty_one_is_none():
    assert weight_of_evidence(0, 0, 80, 20) == 0
    assert 0 < weight_of_evidence(30, 0, 80, 20) < inf
    assert -inf < weight_of_evidence(0, 9, 80, 20) < 0
    assert weight_of_evidence(30, 0, 80, 20) == pytest.approx(log((30.5 / 80) / (0.5 / 20)))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6))
def test_information_is_never_below_zero_and_none_where_the_mix_is_the_same(bins):
    all_bins = [*bins, (5, 5)]
    value = information_value(all_bins)
    assert value >= -0.2  # half a case of correction in bins of one kind may cost a little
    assert information_value([(10 * good + 10, 20 * good + 20) for good, _bad in bins]) == pytest.approx(0)


# -- bins --------------------------------------------------------------------------------------------------------

DAYS = ScoredColumn(
    "days", (Bin("below", 12.0, 10.0), Bin("below", 3.0, 30.0), Bin("below", -9.0), Bin("missing", -2.0)), 2.0
)
REGION = ScoredColumn(
    "地区", (Bin("values", 4.0, values=("华东", "华南")), Bin("other", -1.0), Bin("missing", 0.5)), 1.0
)
CARD = Scorecard(500.0, (DAYS, REGION))


@pytest.mark.parametrize(
    ("cell", "points"),
    [(-5.0, 12), (9.99, 12), (10.0, 3), (29.9, 3), (30.0, -9), (1e300, -9), (None, -2), (nan, -2), (inf, -2), ("x", -2)],
)  # fmt: skip
def test_numbers_fall_below_bounds_and_nothing_into_the_bin_of_the_missing(cell, points):
    assert bin_of(DAYS, cell).points == points


@pytest.mark.parametrize(
    ("cell", "points"), [("华东", 4), ("华南", 4), ("西北", -1), (None, 0.5), ("", 0.5), (3.0, 0.5)]
)
def test_unknown_texts_fall_into_the_bin_of_others(cell, points):
    assert bin_of(REGION, cell).points == points


def test_reasons_name_what_cost_most_and_nothing_that_cost_nothing():
    points = points_of(CARD, {"days": 45.0, "地区": "西北"})
    assert [(one.column, one.lost) for one in reasons(CARD, points)] == [("days", 11.0), ("地区", 2.0)]
    assert [(one.column, one.lost) for one in reasons(CARD, points, against="best")] == [
        ("days", 21.0),
        ("地区", 5.0),
    ]
    assert [one.column for one in reasons(CARD, points, most=1)] == ["days"]
    assert reasons(CARD, points_of(CARD, {"days": 1.0, "地区": "华东"})) == []


# -- separation --------------------------------------------------------------------------------------------------

RISKS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=2, max_size=60).filter(
    lambda rows: len({bad for _risk, bad in rows}) == 2
)


@given(RISKS)
def test_auc_and_ks_are_what_counting_all_pairs_and_all_cuts_gives(rows):
    found = separation([risk for risk, _bad in rows], [bad for _risk, bad in rows])
    bads = [risk for risk, bad in rows if bad]
    goods = [risk for risk, bad in rows if not bad]
    pairs = [1 if b > g else 0.5 if b == g else 0 for b in bads for g in goods]
    assert found.auc == pytest.approx(sum(pairs) / len(pairs))
    cuts = [
        abs(sum(b <= cut for b in bads) / len(bads) - sum(g <= cut for g in goods) / len(goods))
        for cut in range(9)
    ]
    assert found.ks == pytest.approx(max(cuts))
    assert found.gini == pytest.approx(2 * found.auc - 1)


@pytest.mark.slow
@settings(deadline=None)  # the first example imports scikit-learn
@given(RISKS)
def test_auc_and_ks_are_those_of_scikit_learn(rows):
    metrics = pytest.importorskip("sklearn.metrics")
    risks, bad = [risk for risk, _bad in rows], [bad for _risk, bad in rows]
    found = separation(risks, bad)
    assert found.auc == pytest.approx(metrics.roc_auc_score(bad, risks))
    wrong, right, _cuts = metrics.roc_curve(bad, risks)
    assert found.ks == pytest.approx(abs(right - wrong).max())


def test_a_score_that_knows_everything_and_one_that_knows_nothing():
    assert separation([1, 2, 3, 4], [0, 0, 1, 1]) == (1.0, 1.0)
    assert separation([7, 7, 7, 7], [0, 1, 0, 1]) == (0.5, 0.0)
    assert separation([4, 3, 2, 1], [0, 0, 1, 1]).auc == 0


# -- calibration and stability -----------------------------------------------------------------------------------


def test_calibration_puts_the_least_risky_first_and_loses_nobody():
    found = calibration([0.9, 0.1, 0.2, 0.8], [1, 0, 0, 1], bands=2)
    assert [(one.rows, one.observed) for one in found] == [(2, 0), (2, 1)]
    assert [one.expected for one in found] == pytest.approx([0.15, 0.85])
    assert [one.rows for one in calibration([0.5] * 3, [0, 1, 0])] == [1, 1, 1]
    assert brier([0.9, 0.1], [1, 0]) == pytest.approx(0.01)


@given(st.lists(st.floats(300, 800), min_size=1, max_size=200))
def test_bands_hold_everybody_and_the_same_customers_have_not_moved(scores):
    bounds = band_bounds(scores)
    shares = band_shares(scores, bounds)
    assert len(bounds) <= 9
    assert sum(shares) == pytest.approx(1)
    assert stability(shares, shares) == 0


def test_stability_of_an_example_by_hand():
    """(.3 - .5) ln(.3/.5) + (.7 - .5) ln(.7/.5) = .1695."""
    assert stability([0.5, 0.5], [0.3, 0.7]) == pytest.approx(0.1695, abs=1e-4)
    assert stability([1.0, 0.0], [0.0, 1.0]) == pytest.approx(2 * 0.9999 * log(1e4))
    assert stability([1 / (1 + e)], [1 / (1 + e)]) == 0


@pytest.mark.parametrize(
    ("psi", "shift"), [(0, "stable"), (0.0999, "stable"), (0.1, "some"), (0.25, "some"), (0.2501, "large")]
)
def test_a_shift_is_named_by_the_usual_bands(psi, shift):
    assert shift_of(psi) == shift


# -- protected columns -------------------------------------------------------------------------------------------

WORDS = ["sex", "age", "date of birth", "foreign", "年龄", "民族"]


@pytest.mark.parametrize(
    "column",
    ["sex", "Sex", "personal_status_and_sex", "age.in.years", "AgeInYears", "客户年龄", "民族", "DATE_OF_BIRTH",
     "foreign worker", "applicantAge"],
)  # fmt: skip
def test_protected_words_are_found_whatever_joins_them(column):
    assert is_protected(column, WORDS)


@pytest.mark.parametrize("column", ["average_days", "mortgage", "sextant", "birthplace", "账龄", "usage", ""])
def test_other_words_that_only_contain_them_are_not(column):
    assert not is_protected(column, WORDS)
