"""What an indicator can be at all: a share lies from 0 to 1, a number of days is not below 0, nothing is endless."""

from __future__ import annotations

from fractions import Fraction

import pytest

from crmcore_credit_5c.rules.model import FACT_INDICATORS, Kind, Measure
from crmcore_credit_5c.rules.plausible import LARGEST, implausible
from crmcore_credit_5c.rules.ratios import RATIOS

LITTLE = Fraction(1, 10**9)
SHARES = ("share_overdue", "returns_share")
RATIOS_NEVER_NEGATIVE = ("current_ratio", "quick_ratio", "gearing", "receivables_turnover", "stock_turnover")


@pytest.mark.parametrize("share", SHARES)
def test_a_share_lies_from_nothing_to_the_whole(share: str) -> None:
    measure = Measure("facts", share)
    for value in (Fraction(0), Fraction(1), "0", "1", "0.45"):
        assert implausible(measure, value) is None
    for value in (-LITTLE, 1 + LITTLE, "-0.01", "45"):
        assert implausible(measure, value) == "no_share"


@pytest.mark.parametrize(
    ("kind", "of", "problem"),
    [
        *(("facts", name, "negative") for name in FACT_INDICATORS if name not in SHARES),
        *(("ratio", name, "negative_ratio") for name in RATIOS_NEVER_NEGATIVE),
    ],
)
def test_what_is_counted_is_never_below_nothing(kind: Kind, of: str, problem: str) -> None:
    measure = Measure(kind, of)
    assert implausible(measure, -LITTLE) == problem
    assert implausible(measure, Fraction(0)) is None
    assert implausible(measure, Fraction(45)) is None


@pytest.mark.parametrize("name", sorted(set(RATIOS) - set(RATIOS_NEVER_NEGATIVE)))
def test_losses_make_cover_of_interest_and_altmans_forms_negative(name: str) -> None:
    assert implausible(Measure("ratio", name), Fraction(-4)) is None


def test_nothing_is_larger_than_a_million_millions() -> None:
    assert LARGEST == 1_000_000_000_000
    for measure in (Measure("ratio", "interest_cover"), Measure("field", "employees"), Measure("scale", "")):
        for sign in (1, -1):
            assert implausible(measure, sign * LARGEST) is None
            assert implausible(measure, sign * (LARGEST + LITTLE)) == "too_large"
    assert implausible(Measure("facts", "share_overdue"), LARGEST + 1) == "too_large", "said first"


def test_a_field_of_the_card_with_the_name_of_a_fact_is_a_field() -> None:
    assert implausible(Measure("field", "share_overdue"), "45") is None
    assert implausible(Measure("field", "years_of_trade"), "-1") is None


def test_a_step_of_a_scale_is_no_number() -> None:
    assert implausible(Measure("scale", ""), "excellent") is None
