"""From the value of an indicator to points."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from .model import Measure

Value = str | Fraction
_MOST_PLACES = 1000
"""Numbers with more places before or behind the point are none: to write them out would take for ever."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,6})?")
"""Decimal would also take 1_000, and digits of any script."""


def number_of(text: str) -> Fraction | None:
    """Return the exact number that a text states; None where it states none that is finite and of a size."""
    stripped = text.strip()
    if len(stripped) > 2 * _MOST_PLACES or not _NUMBER.fullmatch(stripped):
        return None
    number = Decimal(stripped)
    return None if abs(number.adjusted()) > _MOST_PLACES else Fraction(number)


def points_of(measure: Measure, value: Value) -> Fraction | None:
    """Return the points for a value: of the step that it names, or of the first band that it is not above.

    None for a value that the measure does not know.
    """
    if measure.steps:
        for step in measure.steps:
            if step.value == value or (isinstance(value, Fraction) and number_of(step.value) == value):
                return step.points
        return measure.otherwise
    number = number_of(value) if isinstance(value, str) else value
    if number is None:
        return None
    return next((band.points for band in measure.bands if band.holds(number)), None)


def all_points(measure: Measure) -> list[Fraction]:
    """Return the points that a measure can give, in the order of its table."""
    given = [step.points for step in measure.steps] + [band.points for band in measure.bands]
    return given if measure.otherwise is None else [*given, measure.otherwise]
