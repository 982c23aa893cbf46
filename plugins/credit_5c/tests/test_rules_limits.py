"""The rules for limits and holds: worked examples by hand, and what holds for all of them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_credit_5c.rules.exposure import top_of
from crmcore_credit_5c.rules.holds import Account, Buyer, Terms, breaches, release_in_turn
from crmcore_credit_5c.rules.limits import (
    Base,
    Decided,
    Known,
    LimitRule,
    counting,
    nearly_used,
    smallest,
    work_out,
    work_out_all,
)


def amount(rule: LimitRule, **known: Any) -> int | None:
    return work_out(rule, Known("A", **{"purchases": {}, **known})).amount_minor


def test_average_purchases_by_hand() -> None:
    rule = LimitRule("avg_monthly_purchases", 6, {"A": Fraction(2)}, round_to_minor=100_000)
    # 1,000,000.01 in six months: 166,666.6683… a month, twice 333,333.3366…, in steps of 1,000.00
    assert amount(rule, purchases={6: 100_000_001}) == 33_300_000


def test_a_factor_is_exact() -> None:
    # In floats 0.06 × 100 is more than 6, and 0.29 × 100 less than 29.
    assert amount(LimitRule("requested", times={"A": Fraction("0.06")}), requested_minor=100) == 6
    assert amount(LimitRule("requested", times={"A": Fraction("0.29")}), requested_minor=100) == 29


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [({"floor_minor": 700}, 700), ({"cap_minor": 300}, 300), ({"round_to_minor": 300}, 300), ({}, 500)],
)
def test_bounds(bounds: dict[str, Any], expected: int) -> None:
    assert amount(LimitRule("requested", **bounds), requested_minor=500) == expected


def test_debts_instead_of_assets_give_no_credit() -> None:
    assert amount(LimitRule("net_assets", times={"A": Fraction(1)}), net_assets_minor=-5) == 0


def test_an_unknown_base_is_not_assessable() -> None:
    rules = [LimitRule("avg_monthly_purchases"), LimitRule("net_assets"), LimitRule("requested")]
    workings = work_out_all(rules, Known("A", {6: None}), None)
    assert [one.status for one in workings] == ["base_unknown"] * 3
    assert smallest(workings) is None


def test_no_purchase_known_is_no_zero() -> None:
    workings = work_out_all([LimitRule("avg_monthly_purchases")], Known("A", {6: None}, None, 900), None)
    best = smallest(workings)
    assert best is not None
    assert best.amount_minor == 900, "the wish bounds the proposal"


def test_a_grade_without_a_factor_is_not_assessable() -> None:
    rule = LimitRule("requested", times={"A": Fraction(1)})
    assert work_out(rule, Known("D", {}, None, 5)).status == "grade_unnamed"


def test_a_ceiling_alone_is_no_proposal() -> None:
    assert smallest(work_out_all([LimitRule("net_assets")], Known("A", {}), 100)) is None


@given(
    st.integers(-(10**12), 10**12),
    st.decimals("0", "100", places=3),
    st.none() | st.integers(0, 10**12),
    st.integers(1, 10**6),
    st.integers(1, 60),
)
def test_a_limit_is_never_more_than_the_rule_says(
    bought: int, times: Decimal, cap: int | None, step: int, months: int
) -> None:
    rule = LimitRule("avg_monthly_purchases", months, {"A": Fraction(times)}, cap, None, step)
    got = amount(rule, purchases={months: bought})
    exact = max(Decimal(0), Decimal(bought) * times / months)
    bounded = min(exact, Decimal(cap)) if cap is not None else exact
    assert got is not None
    assert got % step == 0
    assert Decimal(got) <= bounded + Decimal("1e-9")
    assert got + step > bounded.to_integral_value(ROUND_FLOOR)


_BASES: st.SearchStrategy[Base] = st.sampled_from(("avg_monthly_purchases", "net_assets", "requested"))


@st.composite
def limit_rules(draw: st.DrawFn) -> LimitRule:
    floor = draw(st.none() | st.integers(0, 10**6))
    cap = draw(st.none() | st.integers(floor or 0, 10**7))
    times = draw(st.none() | st.fractions(0, 10).map(lambda factor: {"A": factor}))
    return LimitRule(draw(_BASES), 6, times, cap, floor, draw(st.integers(1, 10**6)))


@given(st.lists(limit_rules(), min_size=1, max_size=4), st.integers(1, 10**7), st.integers(-(10**6), 10**7))
def test_a_proposal_keeps_to_the_wish_to_every_cap_and_to_the_floor_of_its_rule(
    rules: list[LimitRule], wish: int, known: int
) -> None:
    workings = work_out_all(rules, Known("A", {6: known}, known, wish), None)
    best = smallest(workings)
    assert best is not None
    assert best.amount_minor is not None
    assert best.amount_minor <= wish
    assert all(best.amount_minor <= rule.cap_minor for rule in rules if rule.cap_minor is not None)
    for one in workings:
        assert one.amount_minor is not None
        assert one.amount_minor >= (one.rule.floor_minor or 0)


def test_the_wish_bounds_a_rule_that_multiplies_or_raises_it() -> None:
    twice = LimitRule("requested", times={"A": Fraction(2)})
    least = LimitRule("requested", cap_minor=2_000, floor_minor=1_050, round_to_minor=100)
    assert amount(least, requested_minor=500) == 1_050, "rounding does not go below the floor"
    for rule in (twice, least):
        workings = work_out_all([rule], Known("A", {}, None, 500), None)
        assert [one.rule for one in workings] == [rule, LimitRule("requested")]
        best = smallest(workings)
        assert best is not None
        assert best.amount_minor == 500


def test_a_rule_that_keeps_to_the_wish_needs_none_beside_it() -> None:
    once = LimitRule("requested", times={"A": Fraction(1)})
    assert len(work_out_all([once], Known("A", {}, None, 500), None)) == 1


def test_the_wish_of_a_grade_that_the_rule_on_wishes_leaves_out_is_a_bound_and_no_reason() -> None:
    rules = [LimitRule("requested", times={"A": Fraction(1)}), LimitRule("net_assets")]
    assert smallest(work_out_all(rules, Known("D", {}, None, 500), 900)) is None
    best = smallest(work_out_all(rules, Known("D", {}, 800, 500), 900))
    assert best is not None
    assert best.amount_minor == 500


@given(st.lists(st.integers(0, 1000), min_size=1))
def test_the_smallest_wins(amounts: list[int]) -> None:
    workings = work_out_all(
        [LimitRule("requested", cap_minor=cap) for cap in amounts], Known("A", {}, None, 10**6), None
    )
    best = smallest(workings)
    assert best is not None
    assert best.amount_minor == min(amounts)


DAY = date(2026, 3, 2)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(1, 10)), max_size=8), st.integers(0, 40)
)
def test_of_several_decisions_the_one_made_last_counts(spans: list[tuple[int, int | None]], on: int) -> None:
    days = sorted(start for start, _length in spans)
    decisions = [
        Decided(
            number,
            number,
            DAY + timedelta(start),
            None if length is None else DAY + timedelta(start + length),
        )
        for number, (start, (_start, length)) in enumerate(zip(days, spans, strict=True))
    ]
    day, expected = DAY + timedelta(on), None
    for one in decisions:
        if one.valid_from <= day and (one.ends_on is None or one.ends_on > day):
            expected = one
    assert counting(decisions, day) == expected


def test_use_of_a_limit() -> None:
    assert not nearly_used(100, 90, Fraction("0.9"))
    assert nearly_used(100, 91, Fraction("0.9"))
    assert nearly_used(0, 1, Fraction("0.9"))
    assert not nearly_used(0, 0, Fraction("0.9"))


def test_a_ring_of_parents_has_one_top() -> None:
    ring = {1: 2, 2: 3, 3: 1, 4: 1}
    assert {top_of(number, ring) for number in (1, 2, 3, 4)} == {1}


@given(st.integers(0, 1000), st.lists(st.integers(1, 400), max_size=12))
def test_what_is_released_never_exceeds_the_limit(limit: int, amounts: list[int]) -> None:
    buyer = Buyer(Terms("limit"), Account(limit))
    held = release_in_turn((buyer, one) for one in amounts)
    released = sum(one for one, broken in zip(amounts, held, strict=True) if not broken)
    assert released <= limit
    room = limit
    for one, broken in zip(amounts, held, strict=True):
        assert bool(broken) == (one > room)
        room -= 0 if broken else one


@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 200)), max_size=12),
    st.integers(0, 300),
)
def test_members_share_the_limit_of_their_group(limit: int, orders: list[tuple[str, int]], own: int) -> None:
    group = Account(limit)
    buyers = {
        "a": Buyer(Terms("limit"), Account(own), group),
        "b": Buyer(Terms("limit"), Account(None), group),
    }
    held = release_in_turn((buyers[who], one) for who, one in orders)
    released = [(who, one) for (who, one), broken in zip(orders, held, strict=True) if not broken]
    assert sum(one for _who, one in released) <= limit
    assert sum(one for who, one in released if who == "a") <= own
    assert group.exposure_minor == sum(one for _who, one in released)


@given(
    st.integers(0, 1000),
    st.integers(-200, 500),
    st.integers(0, 500),
    st.lists(st.integers(1, 300), max_size=8),
)
def test_payment_first_releases_what_is_paid(paid: int, owed: int, ordered: int, amounts: list[int]) -> None:
    own = Account(None, owed + ordered, owed, paid)
    held = release_in_turn((Buyer(Terms("prepayment"), own), one) for one in amounts)
    spoken_for = owed + ordered
    for one, broken in zip(amounts, held, strict=True):
        assert bool(broken) == (paid - spoken_for < one)
        spoken_for += 0 if broken else one


def test_a_deposit_is_rounded_up() -> None:
    buyer = Buyer(Terms("limit", deposit=Fraction("0.3")), Account(1000, unallocated_minor=30))
    assert not breaches(buyer, 100)
    (short,) = breaches(buyer, 101)
    assert (short.rule, short.needed_minor, short.available_minor) == ("deposit", 31, 30)
