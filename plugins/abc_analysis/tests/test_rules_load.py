"""Visits a year: worked examples, and what holds for all policies."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.load import (
    VISITORS,
    Served,
    customers_by_grade,
    loads,
    shown,
    together,
    visits_a_year,
)

POLICIES = {
    "A": {"visit_interval_days": 14, "visitor": "manager"},
    "B": {"visit_interval_days": 30, "visitor": "rep_and_manager"},
    "C": {"visit_interval_days": 90, "visitor": "rep"},
    "D": {"visit_interval_days": 0, "visitor": "rep_or_phone"},
    "E": {"visit_interval_days": 365, "visitor": "rep_or_phone"},
}


@pytest.mark.parametrize(
    ("days", "visits"), [(0, "0.0"), (1, "365.0"), (14, "26.1"), (30, "12.2"), (3660, "0.1")]
)
def test_a_year_has_so_many_visits(days, visits):
    assert shown(visits_a_year(days)) == Decimal(visits)


@pytest.mark.parametrize(
    ("visits", "text"), [("1/20", "0.0"), ("3/20", "0.2"), ("1/4", "0.2"), ("7/20", "0.4")]
)
def test_visits_are_shown_with_one_decimal_half_to_even(visits, text):
    assert str(shown(Fraction(visits))) == text


def test_each_representative_has_the_visits_of_its_customers():
    served = [Served("anna", "A", 2), Served("anna", "B", 3), Served(None, "C", 4), Served("", "E", 5)]
    found = loads([*served, Served("ben", "D", 6), Served("ben", None, 7), Served("ben", "Z", 8)], POLICIES)
    anna, nobody, ben = (found[owner] for owner in ("anna", None, "ben"))
    assert (anna.customers, anna.visits) == (5, Fraction(730, 14) + Fraction(1095, 30))
    assert anna.by_grade == {"A": Fraction(730, 14), "B": Fraction(1095, 30)}
    assert anna.by_visitor == {"manager": anna.visits, "rep": Fraction(1095, 30), "rep_or_phone": 0}
    assert nobody.customers == 9
    assert nobody.by_visitor == {"manager": 0, "rep": Fraction(1460, 90), "rep_or_phone": 5}
    assert ben.customers == 21
    assert ben.visits == 0


def test_the_capacity_is_used_by_the_visits_that_the_representative_makes():
    load = loads([Served("anna", "A", 9), Served("anna", "B", 30), Served("anna", "E", 35)], POLICIES)["anna"]
    assert load.own == 400
    assert load.used(200) == 2
    assert load.used(600) == Decimal("0.666666666667")


def test_customers_are_counted_by_class():
    assert customers_by_grade([Served("a", "A", 1), Served("b", "A", 2), Served("b", None, 3)]) == {
        "A": 3,
        None: 3,
    }


policies = st.fixed_dictionaries(
    {"visit_interval_days": st.integers(0, 3660), "visitor": st.sampled_from(sorted(VISITORS))}
)
served = st.lists(
    st.builds(
        Served,
        st.sampled_from([None, "anna", "ben"]),
        st.sampled_from([None, *"ABCZ"]),
        st.integers(0, 10**6),
    ),
    max_size=12,
)


@given(served, st.dictionaries(st.sampled_from("ABC"), policies))
def test_loads_equal_the_sum_over_single_customers(rows, by_grade):
    found = loads(rows, by_grade)
    for owner in {row.owner for row in rows}:
        mine = [row for row in rows if row.owner == owner]
        expected = Fraction(0)
        for row in mine:
            days = by_grade.get(row.grade, {"visit_interval_days": 0})["visit_interval_days"]
            if days:
                expected += Fraction(365 * row.customers, days)
        assert (found[owner].visits, found[owner].customers) == (expected, sum(row.customers for row in mine))


@given(served, st.dictionaries(st.sampled_from("ABC"), policies))
def test_the_whole_is_the_sum_of_its_parts(rows, by_grade):
    whole = together(loads(rows, by_grade).values())
    assert whole == loads([row._replace(owner="all") for row in rows], by_grade).get("all", whole)
    assert whole.visits == sum(whole.by_grade.values())
    assert max(whole.by_visitor.values()) <= whole.visits <= sum(whole.by_visitor.values())


@given(st.integers(1, 3660), st.integers(1, 3660))
def test_who_is_visited_more_often_costs_more(one, other):
    assert (one < other) == (visits_a_year(one) > visits_a_year(other))
