"""Money is exact: integers in minor units, held against exact fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore import money
from crmcore.money import LARGEST_MINOR, convert, format_minor, from_minor, minor_digits, to_minor

CURRENCIES = ("CNY", "JPY", "KWD", "CLF")
currencies = st.sampled_from(CURRENCIES)
minors = st.integers(-LARGEST_MINOR, LARGEST_MINOR)
rates = st.decimals("0.000000000001", "999999999", places=12)


def test_minor_digits_are_those_of_iso_4217() -> None:
    assert {c: minor_digits(c) for c in ("CNY", "USD", "EUR", "JPY", "KRW", "KWD", "CLF", "ZZZ")} == {
        "CNY": 2, "USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "CLF": 4, "ZZZ": 2,
    }  # fmt: skip


def test_the_currencies_are_those_of_iso_4217() -> None:
    assert {"CNY", "EUR", "USD", "JPY", "KWD", "CLF", "HKD", "TWD", "MOP"} <= money.CURRENCIES
    assert not {"XYZ", "XXX", "XTS", "cny", ""} & money.CURRENCIES
    assert {len(code) for code in money.CURRENCIES} == {3}


def test_what_is_no_number_is_not_called_too_large() -> None:
    with pytest.raises(ValueError, match="the amount is no number"):
        to_minor(Decimal("NaN"), "CNY")


@given(minors, currencies)
def test_minor_units_to_amount_and_back_is_the_identity(minor: int, currency: str) -> None:
    amount = from_minor(minor, currency)
    assert Fraction(amount) * 10 ** minor_digits(currency) == minor
    assert to_minor(amount, currency) == minor
    assert (
        to_minor(Decimal(f"{amount}000"[: len(str(amount)) + 3]) if "." in str(amount) else amount, currency)
        == minor
    )


@given(st.integers(-(10**15), 10**15), currencies, st.integers(1, 40))
def test_more_decimals_than_the_currency_has_are_refused_however_small(
    minor: int, currency: str, place: int
) -> None:
    digits = minor_digits(currency) + place
    amount = Decimal(f"{from_minor(minor, currency):f}".split(".")[0] + "." + "0" * (digits - 1) + "1")
    with pytest.raises(ValueError, match=f"{currency} has {minor_digits(currency)} decimals"):
        to_minor(amount, currency)


@pytest.mark.parametrize(
    "amount",
    [
        "92233720368547758.08",
        "-92233720368547758.08",
        "1e30",
        "1E+999999",
        "Infinity",
        "-Infinity",
        "NaN",
        "sNaN",
    ],
)
def test_amounts_that_no_column_holds_are_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        to_minor(Decimal(amount), "CNY")


def test_the_largest_amount_is_held() -> None:
    assert to_minor(Decimal("92233720368547758.07"), "CNY") == LARGEST_MINOR
    assert to_minor(Decimal("-0.00"), "CNY") == 0
    assert to_minor(Decimal("1.20000"), "CNY") == 120


def rounded(value: Fraction, rule: str) -> int:
    """Round as the rule says; shares no code with decimal."""
    whole, rest = divmod(abs(value), 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rule == "half_up" or whole % 2 == 1))
    return int(whole + up) * (1 if value >= 0 else -1)


@given(minors, currencies, currencies, rates, st.sampled_from(["half_up", "half_even"]))
def test_conversion_is_exact_before_it_is_rounded_once(
    minor: int, source: str, target: str, rate: Decimal, rule: str
) -> None:
    exact = Fraction(minor, 10 ** minor_digits(source)) * Fraction(rate) * 10 ** minor_digits(target)
    assert convert(minor, source, target, rate, rule) == rounded(exact, rule)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123456789, "CNY", "1,234,567.89"),
        (-5, "CNY", "-0.05"),
        (1234, "JPY", "1,234"),
        (1, "KWD", "0.001"),
        (0, "CNY", "0.00"),
    ],
)
def test_amounts_are_written_with_separators(minor: int, currency: str, text: str) -> None:
    assert format_minor(minor, currency) == text
