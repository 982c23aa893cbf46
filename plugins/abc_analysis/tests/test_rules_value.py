"""The rules of commercial value, customer profit, stars and gaps."""

from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.gaps import Bought, find_gaps, likeness
from crmcore_abc_analysis.rules.profit import PARTS, Profit, basis_for
from crmcore_abc_analysis.rules.stars import Growth, is_star, star_grade
from crmcore_abc_analysis.rules.value import (
    DECIDED_BY,
    KINDS,
    QUESTIONS,
    Signs,
    buys_elsewhere,
    in_proportion,
    is_wanted,
    kind_of,
    least_of_large,
    period_before,
    unanswered_for,
    whole_months,
)

SIGNS = [field.name for field in fields(Signs)]
PATTERNS = [Signs(*pattern) for pattern in product([False, True], repeat=len(SIGNS))]
amounts = st.integers(-(10**15), 10**15)
shares = st.integers(1, 1000).map(lambda n: Decimal(n) / 1000)


# -- kinds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signs", "kind", "because"),
    [
        (Signs(), None, None),
        (Signs(gold=True), "most_valuable", ("gold",)),
        (Signs(gold=True, wanted=True, complained=True), "most_valuable", ("gold",)),
        (Signs(gold=True, costly=True), "without_value", ("costly",)),
        (Signs(costly=True, complained=True, lapsed=True), "without_value", ("costly",)),
        (Signs(gold=True, costly=True, wanted=True), "to_develop", ("costly", "wanted")),
        (Signs(costly=True, elsewhere=True), "to_develop", ("costly", "elsewhere")),
        (Signs(wanted=True), "new_growth", ("wanted",)),
        (Signs(wanted=True, elsewhere=True, middle=True), "new_growth", ("wanted", "elsewhere")),
        (Signs(complained=True, lapsed=True, nothing=True), "to_develop", ("complained", "reordered")),
        (Signs(nothing=True), "without_value", ("nothing",)),
        (Signs(nothing=True, wanted=True), "new_growth", ("wanted",)),
        (Signs(middle=True), "to_develop", ("middle",)),
        (Signs(nothing=True, middle=True), "without_value", ("nothing",)),
    ],
)
def test_the_first_rule_that_fits_decides_the_kind(signs, kind, because):
    verdict = kind_of(signs)
    assert (verdict and verdict.kind, verdict and verdict.because) == (kind, because)


def test_who_costs_us_money_is_never_valuable_and_who_has_no_sign_is_of_no_kind():
    for signs in PATTERNS:
        verdict = kind_of(signs)
        any_sign = any(getattr(signs, name) for name in SIGNS)
        assert (verdict is None) == (not any_sign)
        if verdict is not None and signs.costly:
            assert verdict.kind in {"without_value", "to_develop"}
            assert "costly" in verdict.because


def test_only_the_questions_that_are_named_can_move_a_customer():
    """Turning an answer round never moves anybody between kinds that do not name the question."""
    sign_of = {question: question for question in QUESTIONS} | {"reordered": "lapsed"}
    for question, signs in product(QUESTIONS, PATTERNS):
        turned = Signs(**{name: getattr(signs, name) for name in SIGNS})
        setattr(turned, sign_of[question], not getattr(signs, sign_of[question]))
        one, other = kind_of(signs), kind_of(turned)
        for verdict, against in ((one, other), (other, one)):
            if verdict is not None and (against is None or against.kind != verdict.kind):
                assert question in DECIDED_BY[verdict.kind]


def test_open_questions_are_named_in_their_order():
    assert unanswered_for("most_valuable", ["elsewhere", "costly"]) == ("costly",)
    assert unanswered_for("to_develop", ["elsewhere", "complained"]) == ("complained", "elsewhere")
    assert set(DECIDED_BY) == set(KINDS)


# -- what the answers are made of ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("potential", "bought", "share", "wanted"),
    [
        (100, 50, "0.5", True),
        (100, 51, "0.5", False),
        (100, 100, "0", False),
        (100, 99, "0", True),
        (100, -5, "1", True),
        (0, 0, "0", False),
        (0, -5, "0.5", False),
        (3, 2, "0.333333", True),
        (3, 2, "0.333334", False),
    ],
)
def test_wanted_is_who_has_enough_left_to_buy(potential, bought, share, wanted):
    assert is_wanted(potential, bought, Decimal(share)) is wanted


@pytest.mark.parametrize(
    ("products", "bought", "wallet", "elsewhere"),
    [
        (1, 49, 100, True),
        (2, 49, 100, True),
        (3, 49, 100, False),
        (0, 0, 100, False),
        (1, 50, 100, False),
        (1, 10, 0, False),
        (1, -10, 100, True),
    ],
)
def test_elsewhere_is_who_buys_few_things_and_most_from_others(products, bought, wallet, elsewhere):
    assert buys_elsewhere(products, bought, wallet, 2, Decimal("0.5")) is elsewhere


@given(st.lists(st.integers(-3, 9), max_size=40), shares)
def test_large_are_the_first_of_the_buyers_and_who_equals_the_last(numbers, share):
    least = least_of_large(numbers, share)
    large = [n for n in numbers if least is not None and n >= least]
    if not any(n > 0 for n in numbers):
        assert least is None
        return
    assert least is not None
    assert least in numbers
    assert least > 0
    positive = sum(n > 0 for n in numbers)
    needed = Fraction(share) * len(numbers)
    assert len(large) >= min(needed, positive)
    assert sum(n > least for n in numbers) < needed


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 800))
def test_the_period_before_is_as_long_and_ends_the_day_before(start, days):
    end = start + timedelta(days=days)
    first, last = period_before(start, end)
    assert last == start - timedelta(days=1)
    if whole_months(start, end) is None:
        assert last - first == end - start
    else:
        assert whole_months(first, last) == whole_months(start, end)


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (("2025-01-01", "2025-12-31"), ("2024-01-01", "2024-12-31")),
        (("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31")),
        (("2025-03-01", "2025-03-31"), ("2025-02-01", "2025-02-28")),
        (("2025-01-01", "2025-03-31"), ("2024-10-01", "2024-12-31")),
        (("2025-07-01", "2026-06-30"), ("2024-07-01", "2025-06-30")),
        (("2025-01-15", "2025-01-20"), ("2025-01-09", "2025-01-14")),
        (("2025-03-01", "2025-03-01"), ("2025-02-28", "2025-02-28")),
    ],
)
def test_whole_months_come_before_whole_months(period, before):
    found = period_before(*map(date.fromisoformat, period))
    assert found == tuple(map(date.fromisoformat, before))


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [
        ("2025-01-01", "2025-12-31", "1"),
        ("2024-01-01", "2024-12-31", "1"),
        ("2024-01-01", "2025-12-31", "2"),
        ("2025-02-01", "2025-02-28", "1/12"),
        ("2025-04-01", "2025-06-30", "1/4"),
        ("2025-01-02", "2025-01-02", "1/365"),
    ],
)
def test_a_yearly_amount_is_taken_in_proportion(start, end, share):
    period = date.fromisoformat(start), date.fromisoformat(end)
    for yearly in (0, 1, 6, 12, 365, 10**15 + 7):
        exact = yearly * Fraction(share)
        assert abs(in_proportion(yearly, *period) - exact) <= Fraction(1, 2)
    assert in_proportion(6, date(2025, 2, 1), date(2025, 2, 28)) == 1  # a half is rounded up


# -- profit --------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(PARTS), amounts), st.integers(-100, 10**15))
def test_who_costs_us_money_does_so_whatever_the_unknown_costs_were(parts, without_cost):
    profit = Profit(parts, without_cost)
    assert profit.profit_minor == sum(parts.values())
    if profit.costs_us_money:
        assert all(profit.profit_minor + gain < 0 for gain in (0, max(without_cost, 0)))
    elif profit.profit_minor < 0:
        assert profit.profit_minor + without_cost >= 0


@pytest.mark.parametrize(
    ("missing", "costs_known", "basis"),
    [
        ([], True, "profit"),
        (["cost_to_serve", "investments"], True, "profit"),
        (["cost_to_serve", "investments", "payments"], True, "margin"),
        (["cost_to_serve", "investments", "receivables", "payments"], True, "margin"),
        (["investments", "receivables"], True, "profit"),
        ([], False, "purchases"),
        (["cost_to_serve", "investments", "receivables", "payments"], False, "purchases"),
    ],
)
def test_the_worst_are_found_by_the_best_that_is_known(missing, costs_known, basis):
    assert basis_for(missing, costs_known=costs_known) == basis


# -- stars ---------------------------------------------------------------------------------------------------


def test_a_star_is_better_by_potential_and_grows_twice():
    grades = ("A", "B", "C", "D")
    growing = Growth(0, 5, 6)
    assert [is_star("C", could, growing, grades) for could in grades] == [True, True, False, False]
    for amounts_ in ((5, 5, 6), (1, 6, 6), (6, 7, 5), (9, 8, 7)):
        assert not is_star("C", "A", Growth(*amounts_), grades)
    assert is_star("C", "A", Growth(-3, -2, -1), grades)


@pytest.mark.parametrize(
    ("wanted", "grades", "grade"),
    [
        ("", "ABCD", "C"),
        ("", "ABC", "B"),
        ("", "AB", None),
        ("", "A", None),
        ("D", "ABCD", "D"),
        ("A", "ABCD", None),
        ("X", "ABCD", None),
    ],
)
def test_stars_are_looked_for_in_the_last_class_but_one(wanted, grades, grade):
    assert star_grade(wanted, tuple(grades)) == grade


# -- gaps ----------------------------------------------------------------------------------------------------


def test_customers_are_compared_by_the_first_field_that_is_known():
    values = {"industry": None, "customer_kind": "", "channel": "web", "region": "North"}
    assert likeness(["industry", "customer_kind", "channel"], values) == ("channel", "web")
    assert likeness(["industry", "customer_kind"], values) is None
    assert likeness([], values) is None


bought = st.lists(
    st.builds(Bought, st.integers(1, 9), st.integers(0, 12), st.integers(1, 10**6)),
    unique_by=lambda row: row.product,
)


@given(bought, st.sets(st.integers(1, 9)), st.integers(12, 20), shares)
def test_gaps_are_what_enough_of_the_others_buy_and_this_one_does_not(rows, own, comparable, share):
    gaps = find_gaps(rows, own, comparable, share)
    expected = {
        row.product
        for row in rows
        if row.product not in own and row.buyers > 0 and row.buyers * 1000 >= comparable * int(share * 1000)
    }
    assert {gap.product for gap in gaps} == expected
    by_product = {row.product: row for row in rows}
    for gap in gaps:
        row = by_product[gap.product]
        assert gap.buyers == row.buyers
        assert abs(gap.average_minor - Fraction(row.amount_minor, row.buyers)) <= Fraction(1, 2)
        assert abs(Fraction(gap.share) - Fraction(row.buyers, comparable)) < Fraction(1, 10**12)
    order = [(-gap.buyers, -gap.average_minor) for gap in gaps]
    assert order == sorted(order)


def test_gaps_that_are_alike_keep_their_order():
    rows = [Bought(n, 2, 10) for n in (5, 3, 4)]
    assert [gap.product for gap in find_gaps(rows, [], 2, Decimal(1))] == [5, 3, 4]
