"""What a limit is used for, who is the top of a group, and how limits are worked out and decided."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from crmcore_credit_5c.rules.exposure import Used, headroom_minor, together, top_of
from crmcore_credit_5c.rules.limits import (
    Decided,
    Known,
    LimitRule,
    Working,
    counting,
    holds,
    nearly_used,
    smallest,
    work_out,
    work_out_all,
)

# -- exposure ----------------------------------------------------------------------------------------------------


def test_exposure_is_what_is_owed_ordered_and_delivered() -> None:
    assert Used(500, 30, 7).total_minor == 537
    assert Used().total_minor == 0
    assert Used(-20, 30).total_minor == 10, "a credit note takes off"


def test_customers_use_a_limit_together() -> None:
    assert together([Used(500, 30, 7), Used(40, 2, 1), Used(-10)]) == Used(530, 32, 8)
    assert together([]) == Used(0, 0, 0)


def test_headroom_is_what_is_left_and_below_nothing_where_the_limit_is_exceeded() -> None:
    assert headroom_minor(100, 30) == 70
    assert headroom_minor(100, 130) == -30
    assert headroom_minor(0, 30) == -30, "a limit of nothing is one"
    assert headroom_minor(None, 30) is None


def test_the_top_of_a_group_is_the_parent_of_the_parent() -> None:
    parents = {1: 2, 2: 3}
    assert [top_of(number, parents) for number in (1, 2, 3, 4)] == [3, 3, 3, 4]


def test_the_top_of_a_ring_is_its_smallest_and_not_who_only_leads_to_it() -> None:
    """1 belongs to 7, and 7, 5 and 9 to each other in a circle."""
    parents = {1: 7, 7: 5, 5: 9, 9: 7}
    assert {top_of(number, parents) for number in parents} == {5}
    assert top_of(2, {2: 2}) == 2


# -- how much ----------------------------------------------------------------------------------------------------


def test_each_step_of_a_working_is_kept() -> None:
    rule = LimitRule("avg_monthly_purchases", 3, {"B": Fraction(3, 2)}, round_to_minor=100)
    found = work_out(rule, Known("B", {3: 1000, 6: 9999}))
    assert found == Working(rule, "assessed", Fraction(1000, 3), Fraction(3, 2), Fraction(500), 500)


def test_a_grade_that_is_not_named_keeps_the_base_that_is_known() -> None:
    rule = LimitRule("net_assets", times={"A": Fraction(1)})
    assert work_out(rule, Known("D", {}, net_assets_minor=70)) == Working(rule, "grade_unnamed", Fraction(70))


def test_purchases_are_those_of_the_months_that_the_rule_looks_back() -> None:
    assert LimitRule("avg_monthly_purchases").months == 6
    assert work_out(LimitRule("avg_monthly_purchases"), Known("A", {6: 600, 12: 1200})).amount_minor == 100
    assert work_out(LimitRule("avg_monthly_purchases", 3), Known("A", {6: 600})).status == "base_unknown"


def test_net_assets_and_wishes_are_not_taken_for_each_other() -> None:
    known = Known("A", {}, net_assets_minor=70, requested_minor=90)
    assert work_out(LimitRule("net_assets"), known).amount_minor == 70
    assert work_out(LimitRule("requested"), known).amount_minor == 90


@pytest.mark.parametrize(
    ("wish", "amount"), [(999, 1000), (1000, 1000), (1999, 1000), (2000, 2000), (3000, 3000), (3001, 3000)]
)
def test_a_limit_is_at_least_the_floor_at_most_the_cap_and_rounded_down(wish: int, amount: int) -> None:
    rule = LimitRule("requested", cap_minor=3000, floor_minor=1000, round_to_minor=1000)
    assert work_out(rule, Known("A", {}, None, wish)).amount_minor == amount


def test_a_floor_of_nothing_and_a_cap_of_nothing_are_bounds() -> None:
    known = Known("A", {}, -5, 5)
    assert work_out(LimitRule("net_assets", floor_minor=0), known).amount_minor == 0
    assert work_out(LimitRule("requested", cap_minor=0), known).amount_minor == 0
    assert work_out(LimitRule("net_assets", floor_minor=3), known).amount_minor == 3, "debts, and a floor"


def test_the_ceiling_of_the_grade_and_the_wish_speak_after_the_rules() -> None:
    known = Known("A", {}, 500, 300)
    found = work_out_all([LimitRule("net_assets")], known, 400)
    assert [(one.rule.base, one.amount_minor) for one in found] == [
        ("net_assets", 500),
        ("policy_cap", 400),
        ("requested", 300),
    ]
    best = smallest(found)
    assert best is not None
    assert best.rule.base == "requested", "nobody is given more than asked for"


def test_a_rule_about_the_wish_is_not_asked_twice() -> None:
    rules = [LimitRule("requested", times={"A": Fraction(1, 2)}), LimitRule("net_assets")]
    found = work_out_all(rules, Known("A", {}, 500, 300), None)
    assert [one.rule for one in found] == rules


def test_without_a_wish_nothing_is_added() -> None:
    assert [one.rule.base for one in work_out_all([LimitRule("net_assets")], Known("A", {}, 5), None)] == [
        "net_assets"
    ]


def test_a_ceiling_of_nothing_is_one() -> None:
    found = work_out_all([LimitRule("net_assets")], Known("A", {}, 500), 0)
    best = smallest(found)
    assert best is not None
    assert (best.rule.base, best.amount_minor) == ("policy_cap", 0)


def test_of_equal_amounts_the_first_rule_is_named_and_what_is_not_known_never_wins() -> None:
    rules = [LimitRule("avg_monthly_purchases"), LimitRule("net_assets"), LimitRule("requested")]
    best = smallest(work_out_all(rules, Known("A", {}, 300, 300), 300))
    assert best is not None
    assert best.rule.base == "net_assets"


def test_nothing_is_smaller_than_the_smallest_amount() -> None:
    rules = [LimitRule("requested", cap_minor=1), LimitRule("requested", cap_minor=0)]
    best = smallest(work_out_all(rules, Known("A", {}, None, 5), None))
    assert best is not None
    assert best.amount_minor == 0


# -- which decision counts ---------------------------------------------------------------------------------------

MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 6)


def test_a_temporary_raise_holds_from_its_first_day_to_the_day_before_it_ends() -> None:
    raised = Decided(2, 900, MONDAY, FRIDAY)
    days = [date(2026, 3, day) for day in (1, 2, 5, 6)]
    assert [holds(raised, day) for day in days] == [False, True, True, False]
    standing = Decided(1, 500, date(2026, 1, 1), None)
    for decisions in ([standing, raised], [raised, standing]):
        assert [counting(decisions, day) for day in days] == [standing, raised, raised, standing]


def test_the_decision_made_last_counts_even_if_it_began_earlier() -> None:
    first, second = Decided(1, 500, FRIDAY, None), Decided(2, 700, MONDAY, None)
    assert counting([second, first], FRIDAY) == second
    assert counting([first], MONDAY) is None


def test_a_limit_is_nearly_used_above_the_share_and_not_on_it() -> None:
    assert not nearly_used(1000, 800, Fraction(4, 5))
    assert nearly_used(1000, 801, Fraction(4, 5))
