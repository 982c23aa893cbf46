"""The rules, without a database."""

import pytest

from crmcore_loyalty_club.rules import earned, percent_of


@pytest.mark.parametrize(
    ("amount", "percent", "points"),
    [(9_999, 100, 0), (10_000, 100, 1), (25_000, 100, 2), (25_000, 200, 5), (-25_000, 100, -2), (0, 100, 0)],
)
def test_a_purchase_gives_points_and_its_return_takes_as_many(amount, percent, points):
    assert earned(amount, 10_000, percent) == points


def test_rules_add_up():
    assert percent_of([]) == 100
    assert percent_of([100, 50]) == 250
