"""Numbers of the demo: right in form, impossible in fact; the checkers share no code with the generator."""

from __future__ import annotations

import random

import pytest

from crmcore.builtin.demo.identifiers import Issuer, organisation_check, social_credit_check
from crmcore.builtin.demo.words import cities

ALPHABET = {c: value for value, c in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}
CREDIT_WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
ORGANISATION_WEIGHTS = [3, 7, 9, 10, 5, 8, 4, 2]


def organisation_code_is_valid(code: str) -> bool:
    """GB 11714: the ninth character makes the weighted sum a multiple of 11 (X counts ten)."""
    values = [int(c) if c.isdigit() else ord(c) - ord("A") + 10 for c in code[:8]]
    last = 10 if code[8] == "X" else int(code[8])
    return (sum(v * w for v, w in zip(values, ORGANISATION_WEIGHTS, strict=True)) + last) % 11 == 0


def tax_id_is_valid(code: str) -> bool:
    """GB 32100: 18 characters of 31, the weighted sum with its check character is a multiple of 31."""
    if len(code) != 18 or not set(code) <= set(ALPHABET) or not code[2:8].isdigit():
        return False
    total = sum(ALPHABET[c] * w for c, w in zip(code, [*CREDIT_WEIGHTS, 1], strict=True))
    return total % 31 == 0 and organisation_code_is_valid(code[8:17])


def luhn_holds(number: str) -> bool:
    total = 0
    for place, c in enumerate(reversed(number)):
        digit = int(c) * (2 if place % 2 else 1)
        total += digit // 10 + digit % 10
    return total % 10 == 0


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(random.Random(5))


def test_check_characters_agree_with_published_examples():
    assert organisation_check("D2143569") == "X"  # the example of GB 11714-1997
    assert social_credit_check("91350100M000100Y4") == "3"  # the example that circulates with GB 32100-2015


def test_tax_ids_on_the_cards_are_valid_and_of_no_province(distributor):
    codes = [customer.card["tax_id"] for customer in distributor.firms]
    assert all(tax_id_is_valid(code) and code[2:4] == "99" for code in codes)


@pytest.mark.parametrize("register", ["91", "92"])
def test_tax_ids_are_valid_and_of_no_province(issuer, register):
    codes = [issuer.tax_id(register) for _ in range(2000)]
    assert all(map(tax_id_is_valid, codes))
    assert {code[:4] for code in codes} == {f"{register}99"}
    assert len(set(codes)) == len(codes)


def test_licence_numbers_pass_iso_7064_mod_11_10(issuer):
    for _ in range(500):
        number = issuer.licence()
        product = 10
        for digit in number[:-1]:
            product = (product + int(digit)) % 10 or 10
            product = product * 2 % 11
        assert (product + int(number[-1])) % 10 == 1
        assert number.startswith("99")
        assert len(number) == 15


def test_landlines_have_the_length_of_their_city_and_a_first_digit_that_no_subscriber_has(issuer):
    for city in cities():
        area, _, number = issuer.landline(city).partition("-")
        assert area == city.area
        assert len(number) == city.digits
        assert number.startswith("0")


def test_mobiles_have_eleven_digits_of_a_block_that_no_mobile_network_has(issuer):
    numbers = {issuer.mobile() for _ in range(3000)}
    assert len(numbers) == 3000
    assert all(len(number) == 11 and number.startswith("102") and number.isdigit() for number in numbers)


def test_accounts_are_no_card_numbers(issuer):
    for _ in range(500):
        account = issuer.account()
        assert len(account) == 19
        assert account.startswith("0")
        assert not luhn_holds(account)
