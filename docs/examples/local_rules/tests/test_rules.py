"""The check digit, without a database."""

from crmcore_local_rules.rules import check_digit


def test_the_check_digit_is_that_of_luhn():
    assert check_digit("7992739871") == 3


def test_any_wrong_digit_shows():
    right = check_digit("004711")
    for place in range(6):
        for digit in "0123456789":
            wrong = "004711"[:place] + digit + "004711"[place + 1 :]
            assert wrong == "004711" or check_digit(wrong) != right
