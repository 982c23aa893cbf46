"""Amounts as people write them: read exactly or refused with the reason."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.exchange.numbers import integer_parser, number_parser
from crmcore.builtin.exchange.problems import BadValueError

parse = number_parser()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.56", "1234.56"),
        ("１，２３４．５６", "1234.56"),
        ("￥1,200.50", "1200.50"),
        ("¥ -3", "-3"),
        ("-￥3", "-3"),
        ("CNY 5.5", "5.5"),
        ("RMB5", "5"),
        ("5元", "5"),
        ("5.00元整", "5"),
        ("人民币5元", "5"),
        ("12万元", "120000"),
        ("1.2亿", "120000000"),
        ("3 万", "30000"),
        ("(1,234.50)", "-1234.50"),
        ("（１２）", "-12"),
        ("(￥12)", "-12"),
        ("5-", "-5"),
        ("\u22127", "-7"),
        ("+7", "7"),
        (" 7 ", "7"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0", "0"),
        ("1234567890123456.78", "1234567890123456.78"),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, value: str):
    assert parse(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("12%", "is a percentage"),
        ("NaN", "is not a number"),
        ("Infinity", "is not a number"),
        ("1e5", "is in scientific notation"),
        ("1.38E+10", "is in scientific notation"),
        ("$5", "names a currency"),
        ("USD 5", "names a currency"),
        ("5 €", "names a currency"),
        ("1,23", "separators do not fit"),
        ("1 234", "separators do not fit"),
        ("1.234,5", "separators do not fit"),
        ("1,234,56", "separators do not fit"),
        ("12345678901234567", "is too large"),
        ("0.1234567890123", "decimals"),
        ("--5", "is not a number"),
        ("(-5)", "is not a number"),
        ("五", "is not a number"),
        ("-", "is not a number"),
        ("٣", "is not a number"),
        ("0x10", "is not a number"),
        ("1_000", "is not a number"),
        ("9" * 5000, "is not a number"),
    ],
)
def test_what_is_no_plain_amount_is_refused_with_the_reason(text: str, reason: str):
    with pytest.raises(BadValueError, match=reason):
        parse(text)


def test_separators_of_other_countries_are_read_only_where_the_mapping_says():
    assert number_parser("1.234,56")("1.234,5") == Decimal("1234.5")
    assert number_parser("1 234,56")("1 234,5") == Decimal("1234.5")
    with pytest.raises(BadValueError):
        number_parser("1.234,56")("1,234.5")


def test_the_headers_unit_multiplies_and_the_cells_own_unit_wins():
    in_ten_thousands = number_parser(factor=Decimal(10_000))
    assert in_ten_thousands("1.5") == 15_000
    assert in_ten_thousands("1.5万元") == 15_000
    assert in_ten_thousands("3元") == 3


def test_a_field_kept_in_ten_thousands_divides_the_cells_unit():
    capital = number_parser(unit=Decimal(10_000))
    assert capital("500") == 500
    assert capital("500万元") == 500
    assert capital("5000000元") == 500
    assert capital("1亿元") == 10_000


def test_multiplying_by_a_unit_loses_no_digit():
    assert number_parser()("1234567890123.123456789012亿元") == Decimal("123456789012312345678.9012")


def test_integers_refuse_fractions_and_what_the_database_cannot_hold():
    integer = integer_parser()
    assert integer("1,000") == 1000
    assert integer("12.0") == 12
    with pytest.raises(BadValueError, match="whole"):
        integer("1.5")
    with pytest.raises(BadValueError, match="too large"):
        integer("9999999999999999亿")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_every_written_amount_is_read_back(value: Decimal):
    assert parse(f"{value:f}") == value
    assert parse(f"{value:,f}") == value
    assert parse(f"￥{abs(value):,f}") == abs(value)


@given(st.text(max_size=40))
def test_any_text_is_either_a_finite_number_or_refused(text: str):
    try:
        value = parse(text)
    except BadValueError:
        return
    assert value.is_finite()
