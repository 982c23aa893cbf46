"""The check digit, in plain Python: a slip in typing a code shows at once."""

from __future__ import annotations

_TEN = 10
_NINE = 9


def check_digit(digits: str) -> int:
    """Return the check digit of a number by Luhn's rule (ISO/IEC 7812-1): it catches any single wrong digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - _NINE if doubled > _NINE else doubled
    return -total % _TEN
