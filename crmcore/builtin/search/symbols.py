"""Signs that are neither letters nor digits and by which people know a name all the same: 🍜, ★, ☎.

Folding leaves them out, so that a name is found with and without them; they stand in the index beside the name, each a
word of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MARK = "¤"
"""Begins the word of such a sign; no other word does."""
_SIGN = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2190-\u245f\u2500-\u2bff\u3030\u303d\U0001f000-\U0001f2ff\U0001f300-\U0001faff]"
)
"""Arrows, shapes, dingbats, flags and emoji; of enclosed letters those beyond the first plane, which fold to nothing."""


def signs_in(text: str) -> tuple[str, ...]:
    """Return the signs of a text, each once, in their order."""
    return tuple(dict.fromkeys(_SIGN.findall(text)))


def word_of(sign: str) -> str:
    """Return the word of the index that a sign is."""
    return f"{MARK}{ord(sign):x}"


def words_of(columns: Sequence[Sequence[str | None]]) -> list[list[str]]:
    """Return the words of the signs in names, one text for each row in one list; no list where no name has any.

    columns: the names, column by column. Nearly always there is none, and all are looked through as one text.
    """
    if not any(_SIGN.search("\n".join([name or "" for name in names])) for names in columns):
        return []
    rows = ("\n".join(filter(None, names)) for names in zip(*columns, strict=True))
    return [["".join(f" {word_of(sign)}" for sign in signs_in(row)) for row in rows]]
