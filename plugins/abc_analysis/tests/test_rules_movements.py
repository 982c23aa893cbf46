"""Which run another is compared with, and what a move from class to class means."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.movements import Made, is_drop, move_of, order_of_both, run_to_compare


def made(run, start, end, hour=0):
    day = date.fromisoformat
    return Made(run, day(start), day(end), datetime(2026, 1, 1, hour, tzinfo=UTC))


YEAR = made(9, "2025-01-01", "2025-12-31", 9)
BEFORE = made(1, "2024-01-01", "2024-12-31", 1)
LONG_BEFORE = made(2, "2023-01-01", "2023-12-31", 2)
MONTH = made(3, "2025-11-01", "2025-11-30", 3)
AGAIN = made(4, "2025-01-01", "2025-12-31", 4)
NEXT = made(5, "2026-01-01", "2026-12-31", 5)


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([], None),
        ([YEAR], None),
        ([NEXT], None),
        ([LONG_BEFORE, BEFORE, NEXT], BEFORE),
        ([BEFORE, MONTH, AGAIN], BEFORE),
        ([MONTH], MONTH),
        ([AGAIN, NEXT], AGAIN),
        ([made(6, "2025-01-01", "2025-12-31", 10)], None),
        ([AGAIN, made(6, "2025-01-01", "2025-12-31", 5)], made(6, "2025-01-01", "2025-12-31", 5)),
        ([BEFORE, made(7, "2024-01-01", "2024-12-31", 2)], made(7, "2024-01-01", "2024-12-31", 2)),
        ([made(2, "2025-01-01", "2025-12-31", 5), AGAIN], made(2, "2025-01-01", "2025-12-31", 5)),
    ],
)
def test_a_run_is_compared_with_the_period_before(others, chosen):
    assert run_to_compare(YEAR, others) == chosen


def test_months_are_compared_with_months():
    february = made(9, "2025-02-01", "2025-02-28")
    january = made(1, "2025-01-01", "2025-01-31")
    year = made(2, "2024-02-01", "2025-02-27")
    assert run_to_compare(february, [january, year]) == january


def test_lengths_that_differ_by_four_days_are_no_longer_the_same():
    month = made(9, "2025-03-01", "2025-03-31")
    shorter = made(1, "2025-01-01", "2025-01-28")
    later = made(2, "2025-02-01", "2025-02-27")
    assert run_to_compare(month, [shorter, later]) == shorter
    assert run_to_compare(month, [made(1, "2025-01-01", "2025-01-27"), later]) == later


@pytest.mark.parametrize(
    ("was", "now", "fell"),
    [
        ("A", "B", True),
        ("A", "D", True),
        ("A", "A", False),
        ("B", "A", False),
        ("C", None, True),
        ("D", None, False),
        ("Z", "A", False),
        ("A", "Z", False),
        ("Z", None, False),
    ],
)
def test_a_drop_is_a_worse_class_or_no_purchase_at_all(was, now, fell):
    assert is_drop(was, now, ("A", "B", "C", "D")) is fell


@pytest.mark.parametrize(
    ("was", "now", "move"),
    [
        ("A", "A", "stayed"),
        ("B", "A", "up"),
        ("A", "D", "down"),
        (None, "D", "won"),
        ("D", None, "gone"),
        (None, None, "stayed"),
        ("A", "Gold", "other"),
        ("Gold", "A", "other"),
    ],
)
def test_a_move_has_a_name(was, now, move):
    assert move_of(was, now, ("A", "B", "C", "D")) == move


@pytest.mark.parametrize(
    ("before", "now", "order"),
    [
        ("ABCD", "ABCD", "ABCD"),
        ("ABC", "ABCD", "ABCD"),
        ("ABCD", "ACD", "ABCD"),
        ("ABC", "AXC", ""),
        ("ABC", "BAC", ""),
        ("AB", "XY", ""),
    ],
)
def test_two_rules_have_one_order_only_where_one_holds_the_other(before, now, order):
    assert order_of_both(tuple(before), tuple(now)) == tuple(order)


places = st.sampled_from([None, *"ABCDXY"])


@given(places, places)
def test_what_is_up_one_way_is_down_the_other(was, now):
    back = {"up": "down", "down": "up", "won": "gone", "gone": "won", "stayed": "stayed", "other": "other"}
    assert move_of(now, was, "ABCD") == back[move_of(was, now, "ABCD")]


@given(places, places, places)
def test_going_down_twice_is_going_down(first, second, third):
    moves = {move_of(first, second, "ABCD"), move_of(second, third, "ABCD")}
    if moves == {"down"}:
        assert move_of(first, third, "ABCD") == "down"


@given(places, places)
def test_only_who_had_a_class_can_fall(was, now):
    assert not (is_drop(was, now, "ABCD") and (was is None or was == "D" or was in "XY"))
