"""Scorecards: read from their file, scored at the edges of their bins, explained, and watched over time."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from crmcore_credit_5c.rules.protected import is_protected
from crmcore_credit_5c.rules.reading_scorecards import scorecard_of
from crmcore_credit_5c.rules.scorecard import (
    Bin,
    Reason,
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
    Calibrated,
    Separation,
    band_bounds,
    band_shares,
    brier,
    calibration,
    separation,
    shift_of,
    stability,
)

FILE: dict[str, Any] = {
    "base": "487.5",
    "factors": [
        {"name": "empty"},
        {
            "name": "columns",
            "indicators": [
                {"name": "days", "measure": {"kind": "column", "of": "days", "missing": "-2", "bands": [
                    {"below": "10.5", "points": "12"}, {"points": "-9"}]}},
                {"name": "region", "measure": {"kind": "column", "of": "region", "missing": "0.5", "otherwise": "-1",
                 "values": [{"value": "east", "points": "4"}, {"value": "west", "points": "-3"},
                            {"value": "south", "points": "4.0"}]}},
            ],
        },
    ],
    "fitted": {
        "columns": [{"column": "region", "average": "1.25"}],
        "scale": {"base_score": "600", "base_odds": "50", "pdo": "20"},
        "bands": {"bounds": ["450", "500.5"], "shares": ["0.25", "0.5", "0.25"]},
    },
}  # fmt: skip


# -- read from a file --------------------------------------------------------------------------------------------


def test_a_scorecard_is_read_with_its_points_and_what_is_known_of_its_customers() -> None:
    made = scorecard_of(FILE)
    days = ScoredColumn(
        "days", (Bin("below", 12.0, 10.5), Bin("below", -9.0), Bin("missing", -2.0)), average=0.0
    )
    region = ScoredColumn(
        "region",
        (
            Bin("values", 4.0, values=("east", "south")),
            Bin("values", -3.0, values=("west",)),
            Bin("other", -1.0),
            Bin("missing", 0.5),
        ),
        average=1.25,
    )
    assert made.card == Scorecard(487.5, (days, region))
    assert made.scale == Scale(600, 50, 20)
    assert (made.bounds, made.shares) == ((450.0, 500.5), (0.25, 0.5, 0.25))


def test_what_is_read_scores_as_the_file_says() -> None:
    card = scorecard_of(FILE).card
    assert points_of(card, {"days": 10.5, "region": "south"}) == {"days": -9.0, "region": 4.0}
    assert points_of(card, {"days": 10.4, "region": "north"}) == {"days": 12.0, "region": -1.0}
    assert points_of(card, {}) == {"days": -2.0, "region": 0.5}


# -- points ------------------------------------------------------------------------------------------------------


def test_the_usual_scale_is_six_hundred_at_fifty_to_one_and_twenty_to_double() -> None:
    assert Scale() == Scale(600, 50, 20)
    assert Scale().score(0) == pytest.approx(600 - 20 / log(2) * log(50))


def test_the_last_bin_of_numbers_and_one_that_holds_all() -> None:
    one = ScoredColumn("n", (Bin("below", 7.0), Bin("missing", 0.0)))
    assert (one.numeric, one.best, one.average) == (True, 7.0, 0.0)
    assert bin_of(one, -1e9).points == bin_of(one, 1e9).points == 7


def test_a_bin_with_one_kind_counts_half_a_case_of_the_other() -> None:
    assert weight_of_evidence(30, 0, 80, 20) == pytest.approx(log((30.5 / 80) / (0.5 / 20)))
    assert weight_of_evidence(0, 9, 80, 20) == pytest.approx(log((0.5 / 80) / (9.5 / 20)))
    assert weight_of_evidence(1, 1, 80, 20) == pytest.approx(log((1 / 80) / (1 / 20))), "both: as they are"


def test_information_by_hand() -> None:
    """Good 30, 0, 70 of 100, bad 10, 5, 5 of 20: each difference of the shares by its weight of evidence."""
    expected = (0.3 - 0.5) * log(0.3 / 0.5)
    expected += (0 - 0.25) * log((0.5 / 100) / (5.5 / 20))
    expected += (0.7 - 0.25) * log(0.7 / 0.25)
    assert information_value([(30, 10), (0, 5), (70, 5)]) == pytest.approx(expected)


# -- reasons -----------------------------------------------------------------------------------------------------


def columns(*names: str) -> Scorecard:
    bins = (Bin("below", 10.0), Bin("missing", 0.0))
    return Scorecard(0.0, tuple(ScoredColumn(name, bins, 5.0) for name in names))


def test_the_dearest_reason_comes_first_and_of_equal_ones_the_first_by_name() -> None:
    card = columns("d", "c", "b", "a", "e")
    points = {"a": 2.0, "b": 4.0, "c": 2.0, "d": 5.0, "e": -1.0}
    assert reasons(card, points) == [Reason("e", 6.0), Reason("a", 3.0), Reason("c", 3.0), Reason("b", 1.0)]
    assert [one.column for one in reasons(card, points, most=2)] == ["e", "a"]
    assert reasons(card, points, against="best")[-1] == Reason("b", 6.0)


def test_four_reasons_are_given_and_what_is_as_usual_is_none() -> None:
    card = columns("a", "b", "c", "d", "e", "f")
    assert len(reasons(card, dict.fromkeys("abcdef", 1.0))) == 4
    assert reasons(card, dict.fromkeys("abcdef", 5.0)) == []
    assert reasons(card, dict.fromkeys("abcdef", 10.0), against="best") == []


# -- separation, calibration, stability --------------------------------------------------------------------------


def test_separation_by_hand() -> None:
    """Bad at 3 and 1, good at 2, 1 and 0: of six pairs 3 beats all, 1 beats 0, ties 1, loses to 2: 4.5 of 6."""
    found = separation([3, 1, 2, 1, 0], [1, 1, 0, 0, 0])
    assert found.auc == pytest.approx(4.5 / 6)
    assert found.ks == pytest.approx(0.5), "above 2 there is half of the bad and none of the good"
    assert Separation(0.75, 0.5).gini == 0.5


def test_customers_of_the_same_risk_are_not_set_apart_by_how_they_turned_out() -> None:
    """All ten were thought equally risky, and half turned bad: so in each group, whoever is listed first."""
    for bad in ([0, 1] * 5, [0] * 5 + [1] * 5, [1] * 5 + [0] * 5):
        assert calibration([0.5] * 10, bad, bands=2) == [Calibrated(5, 0.5, 0.5)] * 2


def test_a_group_that_begins_among_equals_has_its_share_of_their_bad_ones() -> None:
    """Of .2, .4, .4, .4 the three equal ones turned bad once: a third of each."""
    found = calibration([0.4, 0.2, 0.4, 0.4], [1, 0, 0, 0], bands=2)
    assert [one.rows for one in found] == [2, 2]
    assert [one.expected for one in found] == pytest.approx([0.3, 0.4])
    assert [one.observed for one in found] == pytest.approx([1 / 6, 1 / 3])


def test_calibration_has_ten_groups_and_fewer_where_rows_are_few() -> None:
    rows = [(n / 40, n % 2) for n in range(40)]
    found = calibration([risk for risk, _bad in rows], [bad for _risk, bad in rows])
    assert [one.rows for one in found] == [4] * 10
    assert found[0].expected == pytest.approx(6 / 160)
    assert {one.observed for one in found} == {0.5}
    assert [one.rows for one in calibration([0.1, 0.2, 0.3], [0, 1, 0], bands=2)] in ([1, 2], [2, 1])


def test_the_score_of_a_prophet_is_nothing_and_of_a_coin_a_quarter() -> None:
    assert brier([1.0, 0.0], [1, 0]) == 0
    assert brier([0.5, 0.5, 0.5], [1, 0, 0]) == 0.25
    assert brier([0.0, 0.0, 1.0], [1, 0, 1]) == pytest.approx(1 / 3)


def test_bands_begin_half_way_between_scores() -> None:
    assert band_bounds([40, 10, 20, 30], bands=2) == [25]
    assert band_bounds(list(range(10))) == [n + 0.5 for n in range(9)]
    assert band_bounds(list(range(20))) == [n + 0.5 for n in range(1, 18, 2)], "ten bands"
    assert band_bounds([7, 7, 7, 7]) == [], "ties are one band"
    assert band_bounds([1, 2, 2, 2], bands=4) == [1.5]


def test_a_bound_belongs_to_the_band_above_it() -> None:
    assert band_shares([10, 24.9, 25, 40], [25]) == [0.5, 0.5]
    assert band_shares([25, 25, 30, 50], [25, 30]) == [0, 0.5, 0.5]
    assert band_shares([1], []) == [1]


def test_an_empty_band_counts_as_one_in_ten_thousand() -> None:
    assert stability([0.5, 0.5], [1.0, 0.0]) == pytest.approx(
        0.5 * log(2) + (0.0001 - 0.5) * log(0.0001 / 0.5)
    )


@pytest.mark.parametrize(
    ("psi", "shift"), [(0.0999, "stable"), (0.1, "some"), (0.25, "some"), (0.2501, "large")]
)
def test_a_tenth_is_some_shift_and_more_than_a_quarter_a_large_one(psi: float, shift: str) -> None:
    assert shift_of(psi) == shift


# -- protected ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "word", "protected"),
    [
        ("CUSTOMER_AGE", "Age", True),
        ("age_", " age ", True),
        ("dateOfBirth", "date-of-birth", True),
        ("age2Group", "group", True),
        ("birth of date", "date of birth", False),
        ("客户年龄段", "年龄", True),
        ("anything", " ", False),
        ("anything", "", False),
        ("_", " ", False),
    ],
)
def test_a_word_is_protected_however_it_is_written(column: str, word: str, protected: bool) -> None:  # noqa: FBT001
    assert is_protected(column, [word]) == protected
    assert is_protected(column, ["other", word]) == protected
