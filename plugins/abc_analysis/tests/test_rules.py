"""Worked examples, reckoned by hand."""

from datetime import date
from decimal import Decimal

import pytest

from crmcore_abc_analysis.rules.classes import (
    PRESETS,
    BadCutoffs,
    GradeSum,
    GradeTotal,
    Rule,
    choose_rule,
    classify,
    grade_totals,
    last_full_year,
    own_rule,
    positive_total,
    share_of,
    threshold_rule,
)

PYRAMID, INCREMENTS, PARETO = PRESETS["pyramid"], PRESETS["increments"], PRESETS["pareto"]


def grades(rule: Rule, *amounts: int) -> str:
    """Grades in the order in which the amounts were given, as one word."""
    found = {s.customer: s.grade for s in classify(dict(enumerate(amounts)), rule)}
    return "".join(found[i] for i in range(len(amounts)))


def test_presets_read_the_cutoffs_in_two_ways():
    assert PYRAMID.bounds(100) == (1, 5, 20, 100)
    assert INCREMENTS.bounds(100) == (1, 6, 26, 100)


def test_bounds_are_exact_where_floats_are_not():
    assert INCREMENTS.bounds(100)[1] == 6  # math.ceil((0.01 + 0.05) * 100) is 7
    assert own_rule("rank", [("A", "0.07"), ("B", "1")]).bounds(100) == (
        7,
        100,
    )  # 0.07 * 100 is 7.000000000000001


def test_bounds_round_up():
    assert PYRAMID.bounds(1) == (1, 1, 1, 1)
    assert PYRAMID.bounds(101) == (2, 6, 21, 101)
    assert PYRAMID.bounds(0) == (0, 0, 0, 0)


def test_pyramid_divides_two_hundred_different_customers():
    rule = [s.grade for s in classify({i: 1000 - i for i in range(200)}, PYRAMID)]
    assert [rule.count(g) for g in "ABCD"] == [2, 8, 30, 160]


def test_increments_divide_two_hundred_different_customers():
    rule = [s.grade for s in classify({i: 1000 - i for i in range(200)}, INCREMENTS)]
    assert [rule.count(g) for g in "ABCD"] == [2, 10, 40, 148]


def test_a_tie_at_a_bound_is_taken_in_whole_and_moves_no_later_bound():
    # 20 buyers: A is the first 1, B the first 1 of them too, C the first 4. Ranks 1, 1, 1, 4, 5 …
    assert grades(PYRAMID, 9, 9, 9, 8, 7, *range(1, 6), *[0] * 10) == "AAAC" + "D" * 16


def test_a_tie_across_the_bound_of_c_stays_in_c():
    # 10 buyers: C is the first 2; ranks 1, 2, 2, 2, 5.
    assert grades(PYRAMID, 9, 8, 8, 8, 7, 6, 5, 4, 3, 2) == "ACCCDDDDDD"


def test_who_returned_as_much_as_it_bought_is_in_the_last_class_whatever_its_rank():
    assert grades(PYRAMID, 0, -5, -9) == "DDD"
    assert grades(PARETO, 0, -5) == "CC"
    assert grades(own_rule("rank", [("A", "0.9"), ("Z", "1")]), 5, 0, -1, 4) == "AZZA"


def test_ranks_follow_amounts_below_zero_too():
    standings = classify({1: -5, 2: 0, 3: 7, 4: -9, 5: 0}, PYRAMID)
    assert [(s.customer, s.rank) for s in standings] == [(3, 1), (2, 2), (5, 2), (1, 4), (4, 5)]


def test_one_buyer_is_the_best_and_none_is_no_trouble():
    assert grades(PYRAMID, 1) == "A"
    assert grades(PARETO, 1) == "A"
    assert classify({}, PYRAMID) == []
    assert classify({}, PARETO) == []


def test_by_amount_the_crossing_customer_is_in_the_better_class():
    # Of 1000: 700 + 150 crosses 800; 850 + 60 = 910, + 45 crosses 950; 955.
    assert grades(PARETO, 700, 150, 60, 45, 30, 15) == "AABBCC"


def test_by_amount_the_bound_itself_is_no_longer_inside():
    assert grades(PARETO, 80, 15, 5) == "ABC"


def test_by_amount_one_customer_with_95_percent_is_a_and_alone_there():
    assert grades(PARETO, 95, 3, 2) == "ACC"


def test_by_amount_ties_stay_in_the_better_class():
    assert grades(PARETO, 50, 25, 25, 0) == "AAAC"
    assert grades(PARETO, 60, 20, 10, 10) == "AABB"


def test_by_amount_small_totals_are_exact():
    assert PARETO.bounds(3) == (3, 3, 3)  # 2.4 and 2.85: one who stands behind 2 is still inside
    assert grades(PARETO, 1, 1, 1) == "AAA"
    assert grades(PARETO, 2, 1) == "AA"


def test_what_those_ahead_bought_is_the_same_for_equal_amounts_and_leaves_out_returns():
    standings = classify({1: 60, 2: -50, 3: 40, 4: 40, 5: -60}, PYRAMID)
    assert [s.ahead_minor for s in standings] == [0, 60, 60, 140, 140]
    assert [s.ahead_minor for s in classify({1: 1, 2: 0}, PYRAMID)] == [0, 1]


def test_grade_totals_share_what_was_bought_and_name_empty_classes():
    assert grade_totals([GradeSum("D", 2, -10, 40), GradeSum("A", 1, 60, 60)], ("A", "B", "D")) == [
        GradeTotal("A", 1, 60, Decimal("0.6")),
        GradeTotal("B", 0, 0, Decimal(0)),
        GradeTotal("D", 2, -10, Decimal("0.4")),
    ]


def test_grade_totals_of_nothing_are_all_nothing():
    assert grade_totals([], ("A", "B")) == [
        GradeTotal("A", 0, 0, Decimal(0)),
        GradeTotal("B", 0, 0, Decimal(0)),
    ]


def test_share_has_twelve_decimals_rounded_half_to_even():
    assert share_of(2, 3) == Decimal("0.666666666667")
    assert share_of(1, 2 * 10**12) == Decimal(0)
    assert share_of(3, 2 * 10**12) == Decimal("0.000000000002")
    assert share_of(5, 5) == 1
    assert share_of(0, 0) == 0


def test_positive_total_leaves_out_credits():
    assert positive_total([5, -9, 0, 2]) == 7


def test_own_cutoffs_make_a_rule():
    rule = own_rule("amount", [("金", "0.5"), ("银", "1")])
    assert (rule.preset, rule.by, rule.grades) == ("own", "amount", ("金", "银"))


@pytest.mark.parametrize(
    ("cutoffs", "problem", "grade"),
    [
        ([("A", "0.2"), ("B", "0.1"), ("C", "1")], "falling", "B"),
        ([("A", "0.2"), ("B", "0.2"), ("C", "1")], "falling", "B"),
        ([("A", "0"), ("B", "1")], "falling", "A"),
        ([("A", "0.2"), ("B", "0.5"), ("C", "0.9")], "open", "C"),
        ([("A", "0.2"), ("B", "0.9"), ("A", "1")], "repeated", "A"),
    ],
)
def test_own_cutoffs_that_are_no_rule_are_refused(cutoffs, problem, grade):
    with pytest.raises(BadCutoffs) as caught:
        own_rule("rank", cutoffs)
    assert (caught.value.problem, caught.value.grade) == (problem, grade)


OWN = own_rule("amount", [("A", "0.5"), ("B", "1")])
THRESHOLDS = threshold_rule([("A", 1000), ("B", 10), ("C", None)])


@pytest.mark.parametrize(
    ("preset", "by", "usual", "chosen"),
    [
        (None, None, PYRAMID, PYRAMID),
        (None, None, OWN, OWN),
        (None, "rank", INCREMENTS, INCREMENTS),
        (None, "rank", OWN, PYRAMID),
        (None, "amount", PYRAMID, PARETO),
        (None, "amount", OWN, OWN),
        ("increments", None, PYRAMID, INCREMENTS),
        ("pareto", None, PYRAMID, PARETO),
        ("own", None, PYRAMID, OWN),
        ("pyramid", "amount", PYRAMID, Rule("pyramid", "amount", PYRAMID.cutoffs)),
        (None, "threshold", PYRAMID, THRESHOLDS),
        ("pyramid", "threshold", PYRAMID, THRESHOLDS),
        (None, None, THRESHOLDS, THRESHOLDS),
        (None, "rank", THRESHOLDS, PYRAMID),
    ],
)
def test_what_was_left_open_is_the_companys_usual_rule(preset, by, usual, chosen):
    assert choose_rule(preset, by, usual, OWN, THRESHOLDS) == chosen


def test_last_full_year_is_the_calendar_year_before():
    assert last_full_year(date(2026, 1, 1)) == (date(2025, 1, 1), date(2025, 12, 31))
    assert last_full_year(date(2026, 12, 31)) == (date(2025, 1, 1), date(2025, 12, 31))


@pytest.mark.parametrize(
    ("floors", "problem", "grade"),
    [
        ([("A", 10), ("B", 10), ("C", None)], "falling", "B"),
        ([("A", 10), ("B", 20), ("C", None)], "falling", "B"),
        ([("A", 0), ("C", None)], "falling", "A"),
        ([("A", None), ("C", None)], "falling", "A"),
        ([("A", 10), ("B", 5)], "open", "B"),
        ([("A", 10), ("A", None)], "repeated", "A"),
    ],
)
def test_thresholds_that_are_no_rule_are_refused(floors, problem, grade):
    with pytest.raises(BadCutoffs) as error:
        threshold_rule(floors)
    assert (error.value.problem, error.value.grade) == (problem, grade)


def test_by_threshold_a_class_holds_who_reaches_its_amount():
    totals = {1: 1000, 2: 999, 3: 10, 4: 9, 5: 0, 6: -2000}
    grades = {standing.customer: standing.grade for standing in classify(totals, THRESHOLDS)}
    assert grades == {1: "A", 2: "B", 3: "B", 4: "C", 5: "C", 6: "C"}


def test_the_least_threshold_is_the_smallest_unit():
    assert threshold_rule([("A", 1), ("B", None)]).grades == ("A", "B")
