"""Which run another is compared with."""

from datetime import UTC, date, datetime

import pytest

from crmcore_abc_analysis.rules import Made, run_to_compare


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
