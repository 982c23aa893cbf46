"""Numbers of generated customers: right in form, so that every check accepts them, and impossible in fact.

* Tax ids: characters 3-8 are the registering office's region after GB/T 2260, whose province codes end at 82;
  99 is no province, so no office can have issued them.
* Landlines: 工信部《电信网编号计划》 gives local numbers the first digits 2-8; 0 is the trunk prefix, so
  `0571-0…` is no subscriber. Not 1 or 9: `0571-110…` would ring the police, 95… a service desk.
* Mobiles: the same plan gives mobile networks 13-19 (and keeps 92 and 98); 10 is for network services, and
  102 within it is spare. Not 100: a switch that routes digit by digit takes `10000` for an operator's desk.
* Bank accounts: nineteen digits that begin with 0, in ISO/IEC 7812 the digit of ISO/TC 68 and no bank's, with
  a Luhn digit that is wrong on purpose, at a bank that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from crmcore.builtin.demo.words import City

CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: digits and capital letters without I, O, S, V, Z."""
UNUSED_PROVINCE = "99"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def organisation_check(body: str) -> str:
    """Return the ninth character of an organisation code from its first eight (GB 11714-1997)."""
    total = sum(int(c, 36) * weight for c, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def social_credit_check(body: str) -> str:
    """Return the last character of a unified social credit code from its first 17 (GB 32100-2015, mod 31)."""
    total = sum(CREDIT_CHARACTERS.index(c) * pow(3, place, 31) for place, c in enumerate(body))
    return CREDIT_CHARACTERS[-total % 31]


def licence_check(body: str) -> str:
    """Return the last digit of a 15-digit business licence number (GS 15-2006: ISO 7064, mod 11,10)."""
    product = 10
    for digit in body:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def luhn_digit(body: str) -> int:
    """Return the digit that would make a card number pass Luhn's check."""
    doubled = (int(c) * (2 - place % 2) for place, c in enumerate(reversed(body)))
    return -sum(value - 9 * (value > 9) for value in doubled) % 10  # noqa: PLR2004  (the cross sum of two digits)


class Issuer:
    """Hands out impossible numbers, each once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._issued: set[str] = set()

    def tax_id(self, register: str) -> str:
        """Return a unified social credit code 统一社会信用代码; 91 = enterprise, 92 = sole trader."""
        return self._fresh(lambda: self._tax_id(register))

    def licence(self) -> str:
        """Return a licence number 营业执照编号 of the 15-digit form that older papers bear."""

        def make() -> str:
            body = UNUSED_PROVINCE + self._digits(12)
            return body + licence_check(body)

        return self._fresh(make)

    def landline(self, city: City) -> str:
        """Return a number such as `0571-01234567`."""
        return self._fresh(lambda: f"{city.area}-0{self._digits(city.digits - 1)}")

    def mobile(self) -> str:
        """Return a number such as `10200012345`."""
        return self._fresh(lambda: "102000" + self._digits(5))

    def account(self) -> str:
        """Return a bank account number such as `0000123412341234567`."""

        def make() -> str:
            body = "0000" + self._digits(14)
            return f"{body}{(luhn_digit(body) + 5) % 10}"

        return self._fresh(make)

    def _tax_id(self, register: str) -> str:
        organisation = "MA" + "".join(self._rng.choices(CREDIT_CHARACTERS, k=6))
        body = f"{register}{UNUSED_PROVINCE}{self._digits(4)}{organisation}{organisation_check(organisation)}"
        return body + social_credit_check(body)

    def _digits(self, count: int) -> str:
        return "".join(self._rng.choices("0123456789", k=count))

    def _fresh(self, make: Callable[[], str]) -> str:
        while (number := make()) in self._issued:
            pass
        self._issued.add(number)
        return number
