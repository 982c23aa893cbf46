"""The numbers in a file of a model: exact, finite, and of a size that can be reckoned with."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .bands import number_of
from .problems import ModelProblem

_LONGEST = 40
_POWER = 12
_POWER_OF_BOUNDS = 100
"""Bands are also of money, in whatever currency and unit a file has it."""


def number_at(value: Any, path: str) -> Fraction:
    """Return the points, or another number, that stand at a place; ModelProblem for none, and for one too large."""
    return _below(value, path, _POWER)


def bound_at(value: Any, path: str) -> Fraction:
    """Return the bound of a band; ModelProblem for none, and for one too large."""
    return _below(value, path, _POWER_OF_BOUNDS)


def _below(value: Any, path: str, power: int) -> Fraction:
    number = number_of(str(value))
    if number is None:
        raise ModelProblem(path, "number", value=value)
    if abs(number) >= 10**power:
        digits = str(value)
        shown = digits if len(digits) <= _LONGEST else f"{digits[:_LONGEST]}…"
        raise ModelProblem(path, "too_large", value=shown, power=power)
    return number
