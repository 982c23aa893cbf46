"""The rules, without a database."""

from datetime import date

import pytest

from crmcore_birthday_gifts.rules import birthday_in, days_around, nearest_birthday, verdict_on


def test_who_was_born_on_a_leap_day_has_a_birthday_every_year():
    assert birthday_in(2026, date(1992, 2, 29)) == date(2026, 2, 28)
    assert birthday_in(2028, date(1992, 2, 29)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("today", "nearest"),
    [(date(2026, 12, 30), date(2027, 1, 2)), (date(2026, 1, 5), date(2026, 1, 2))],
)
def test_the_nearest_birthday_may_lie_in_another_year(today, nearest):
    assert nearest_birthday(date(1980, 1, 2), today) == nearest


def test_days_are_looked_for_over_the_turn_of_the_year():
    assert days_around(date(2026, 1, 1), 1) == ["01-01", "01-02", "12-31"]
    assert "02-29" in days_around(date(2026, 3, 1), 1)


def test_small_gifts_need_nobody():
    assert verdict_on(10_000, 10_000) == "approve"
    assert verdict_on(10_001, 10_000) is None
