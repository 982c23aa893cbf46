"""What makes two writings the same: width, case, accents, punctuation, traditional and simplified characters.

Index, query and comparison all go through here, so that what is equal for one is equal for the others.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.util import find_spec
from typing import Any

EDGE = "¦"
"""Stands where a name begins and ends; no text that was folded holds it."""
LONGEST = 200
"""No name is longer."""


def has_traditional() -> bool:
    """Tell whether traditional characters can be turned into simplified ones (`crmcore[search]`)."""
    return find_spec("opencc") is not None


@cache
def _converter() -> Any:
    if not has_traditional():
        return None
    import opencc

    return opencc.OpenCC("t2s")


class _Folded(dict[int, str | int]):
    """Character → what it counts as; filled as characters come, for `str.translate`."""

    def __missing__(self, number: int) -> str:
        found = self[number] = _fold_character(chr(number))
        return found


def _fold_character(character: str) -> str:
    if character in f"\n{EDGE}":
        return character
    if not character.isalnum():
        return ""
    if _converter() is not None and ord(character) > 0x2E7F:  # noqa: PLR2004  (where Chinese characters begin)
        character = _converter().convert(character)
    base = unicodedata.normalize("NFD", character)[0]
    return (base if base.isascii() else character).casefold()


@cache
def table() -> _Folded:
    """Return the table for `str.translate`, one for the process."""
    return _Folded()


def fold_lines(text: str) -> str:
    """Fold many names at once; line feeds and `EDGE` between them stay."""
    if not text.isascii() and not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return text.translate(table())


def fold(text: str) -> str:
    """Fold one text: letters and digits are left, nothing else."""
    return fold_lines(text).replace(EDGE, "").replace("\n", "")


def fold_key(text: str) -> str:
    """Fold a code or number; most are plain already."""
    return text.lower() if text.isascii() and text.isalnum() else fold(text)
