"""Codes with a check digit: `C` of the pattern `C{seq:06}`, the number, its check digit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from .rules import check_digit


def codes_with_check_digit(pattern: str, numbers: Sequence[int], _today: date) -> list[str]:
    """Make one code per number; what stands before the first brace of the pattern is kept."""
    head = pattern.partition("{")[0]
    return [f"{head}{number:06}{check_digit(f'{number:06}')}" for number in numbers]
