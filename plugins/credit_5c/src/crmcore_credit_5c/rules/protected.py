"""Columns that may not count (受保护特征): what people are, not how they pay."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def is_protected(column: str, protected: Iterable[str]) -> bool:
    """Say whether a column's name has a protected word in it, whatever joins its words: AgeInYears, age_in_years.

    A word in Latin letters must stand there as whole words ("age" is not in "average"), others anywhere (年龄).
    """
    words = _words(column)
    return any(
        f" {_words(one).strip()} " in words if one.isascii() else one in column
        for one in protected
        if one.strip()
    )


def _words(text: str) -> str:
    return f" {' '.join(_BETWEEN_WORDS.split(_HUMP.sub(' ', text))).strip().lower()} "
