"""Rules of the credit policy (信用政策), as a general manager states them: plain Python over plain values.

1. A policy says what every grade means. It holds as a whole, from a day on, until another one takes over.
2. Of several, the one that became valid last holds; of those from the same day, the one that was approved last.
3. Before the first one, the company's settings hold.
4. What a grade means today is changed by a version from today or later: how customers were dealt with is not rewritten.
5. A version that was worked out against another one than the one that holds is proposed anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple

GradeTerms = Mapping[str, Any]
"""payment_days, cap (decimal text; left out = none), deposit (share as decimal text), hold, overdue_days, review_days."""
Grades = Mapping[str, GradeTerms]
"""Grade → what it means, the best grade first."""

KEYS = ("payment_days", "cap", "deposit", "hold", "overdue_days", "review_days")
OPTIONAL = frozenset({"cap"})
NOTHING = "none"
"""Typed for a value that is to be taken away: `cap=none`."""
_WHOLE_NUMBER = re.compile("[0-9]{1,9}")
_SHARE = re.compile(r"0(\.[0-9]{1,4})?|1(\.0{1,4})?")


class Version(NamedTuple):
    """What the grades mean from a day on."""

    number: int
    """Versions are numbered as they are approved."""
    valid_from: date
    grades: Grades


class Difference(NamedTuple):
    """One value that differs between two policies; None where one of them does not say it."""

    grade: str
    key: str
    before: Any
    after: Any


class BadPolicy(ValueError):
    """What is no part of a policy."""

    def __init__(self, problem: Literal["key", "value", "missing"], key: str, value: object = None) -> None:
        super().__init__(problem, key, value)
        self.problem = problem
        self.key = key
        self.value = value


def version_on(versions: Iterable[Version], day: date) -> Version | None:
    """Return the version that holds on a day; None before the first."""
    begun = [version for version in versions if version.valid_from <= day]
    return max(begun, key=lambda version: (version.valid_from, version.number), default=None)


def differences(before: Grades, after: Grades) -> list[Difference]:
    """Return all that differs, by grade in the new order, then grades that are gone."""
    grades = [*after, *(grade for grade in before if grade not in after)]
    return [
        Difference(grade, key, before.get(grade, {}).get(key), after.get(grade, {}).get(key))
        for grade in grades
        for key in KEYS
        if before.get(grade, {}).get(key) != after.get(grade, {}).get(key)
    ]


def changed(grades: Grades, grade: str, words: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return a policy with what is typed changed for one grade; a new grade is the last. BadPolicy says what is wrong."""
    terms = {**grades.get(grade, {}), **{key: read_word(key, text) for key, text in words.items()}}
    terms = {key: terms[key] for key in KEYS if terms.get(key) is not None}
    return {**{name: dict(its) for name, its in grades.items()}, grade: checked(terms)}


def read_word(key: str, text: str) -> Any:
    """Read a value as it is typed; None takes it away. BadPolicy for an unknown key."""
    if key not in KEYS:
        raise BadPolicy("key", key, text)
    if key in OPTIONAL and text == NOTHING:
        return None
    return int(text) if key.endswith("_days") and _WHOLE_NUMBER.fullmatch(text) else text


def checked(terms: GradeTerms) -> dict[str, Any]:
    """Return what a grade means in the order of the keys; BadPolicy for what is missing, unknown or not allowed."""
    for key, value in terms.items():
        if key not in KEYS:
            raise BadPolicy("key", key, value)
        if not _fits(key, value):
            raise BadPolicy("value", key, value)
    for key in KEYS:
        if key not in terms and key not in OPTIONAL:
            raise BadPolicy("missing", key)
    return {key: terms[key] for key in KEYS if key in terms}


HOLDS = ("limit", "overdue", "prepayment", "never")
BOUNDS = {"payment_days": (0, 3650), "overdue_days": (0, 3650), "review_days": (1, 3650)}
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")


def _fits(key: str, value: object) -> bool:
    if key in BOUNDS:
        least, most = BOUNDS[key]
        return type(value) is int and least <= value <= most
    if key == "hold":
        return value in HOLDS
    pattern = _SHARE if key == "deposit" else _AMOUNT
    return isinstance(value, str) and pattern.fullmatch(value) is not None
