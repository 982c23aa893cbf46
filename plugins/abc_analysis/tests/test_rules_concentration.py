"""Lorenz curve, Gini coefficient and the best customers, against formulas over all pairs."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.concentration import STEPS, Alike, Concentration, concentration_of

amounts = st.lists(st.one_of(st.integers(-3, 4), st.integers(-(10**15), 10**15)), min_size=1, max_size=40)


def measured(numbers: list[int]) -> Concentration | None:
    groups = [Alike(amount, count) for amount, count in sorted(Counter(numbers).items(), reverse=True)]
    return concentration_of(groups, len(numbers), sum(n for n in numbers if n > 0))


def gini_of_all_pairs(numbers: list[int]) -> Fraction:
    """Return the mean absolute difference of all pairs by twice the mean."""
    count = len(numbers)
    differences = sum(abs(one - two) for one in numbers for two in numbers)
    return Fraction(differences, 2 * count * sum(numbers))


@given(amounts)
def test_the_gini_coefficient_equals_that_of_all_pairs(numbers):
    counted = [max(n, 0) for n in numbers]
    found = measured(numbers)
    if not any(counted):
        assert found is None
        return
    assert found is not None
    assert found.gini == gini_of_all_pairs(counted)
    assert 0 <= found.gini <= 1 - Fraction(1, len(numbers))


@given(amounts)
def test_the_lorenz_curve_rises_ever_faster_from_0_to_1(numbers):
    found = measured(numbers)
    if found is None:
        return
    curve = found.lorenz
    assert len(curve) == STEPS + 1
    assert curve[0] == 0
    assert curve[-1] == 1
    rises = [two - one for one, two in pairwise(curve)]
    assert rises == sorted(rises)
    assert rises[0] >= 0
    assert all(share <= Fraction(step, STEPS) for step, share in enumerate(curve))


@given(amounts)
def test_the_lorenz_curve_equals_the_sum_of_the_smallest(numbers):
    found = measured(numbers)
    if found is None:
        return
    # Each customer twenty times: then every step falls between two.
    smallest = sorted(max(n, 0) for n in numbers for _ in range(STEPS))
    for step, share in enumerate(found.lorenz):
        assert share == Fraction(sum(smallest[: len(numbers) * step]), sum(smallest))


@given(amounts)
def test_the_best_bring_what_the_largest_amounts_come_to(numbers):
    found = measured(numbers)
    if found is None:
        return
    largest = sorted((max(n, 0) for n in numbers), reverse=True)
    for best in found.best:
        assert best.customers == ceil(Fraction(best.within) * len(numbers))
        assert best.amount_minor == sum(largest[: best.customers])
        assert best.share == Fraction(best.amount_minor, sum(largest))
        assert best.share >= Fraction(best.within)


@given(amounts)
def test_the_effective_number_is_between_one_and_all(numbers):
    found = measured(numbers)
    if found is None:
        return
    counted = [max(n, 0) for n in numbers]
    shares = [Fraction(n, sum(counted)) for n in counted]
    assert found.effective == 1 / sum(share * share for share in shares)
    assert found.largest == max(shares)
    assert 1 <= found.effective <= sum(n > 0 for n in counted)


def test_equal_customers_are_not_concentrated():
    found = measured([7] * 12)
    assert found is not None
    assert [found.gini, found.effective, found.largest] == [Fraction(0), Fraction(12), Fraction(1, 12)]
    assert found.lorenz == tuple(Fraction(step, STEPS) for step in range(STEPS + 1))


def test_one_customer_has_all():
    found = measured([100])
    assert found is not None
    assert [found.gini, found.effective, found.largest] == [Fraction(0), Fraction(1), Fraction(1)]
    found = measured([100, 0, 0, -50])
    assert found is not None
    assert found.gini == Fraction(3, 4)
    assert found.lorenz[15:] == tuple(Fraction(fifth, 5) for fifth in range(6))


def test_a_customer_with_95_percent():
    found = measured([9500, *[5] * 100])
    assert found is not None
    assert found.largest == Fraction(95, 100)
    assert [best.customers for best in found.best] == [2, 6, 11, 21, 51]
    assert found.best[0].share == Fraction(9505, 10000)


def test_nobody_bought_anything():
    assert measured([0, -5]) is None
    assert concentration_of([], 0, 0) is None
