"""Whether a name in Latin letters is how a Chinese one is read: Hangzhou Tengda Food for 杭州腾达食品."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.builtin.search.pinyin import has_pinyin, readings

_LEAST = 2
"""So many characters, at least, must be read in the letters."""


def reads_as(words: Sequence[str], core: str, place: str) -> bool:
    """Tell whether the words begin with how the name is read, with its place before it or without.

    False where pypinyin is not there (`crmcore[search]`).
    """
    if not has_pinyin() or len(core) < _LEAST:
        return False
    letters = "".join(words)
    starts = {letters, letters.removeprefix(words[0])}
    starts |= {letters[end:] for end in _ends(letters, place)} if place else set()
    return any(_read(start, core) >= _LEAST for start in starts)


def _read(letters: str, core: str) -> int:
    """Return how many characters of the core the letters begin with."""
    ends, count = {0}, 0
    for sign in core:
        ends = {end + len(r) for end in ends for r in readings(sign) if letters.startswith(r, end)}
        if not ends:
            break
        count += 1
    return count


def _ends(letters: str, place: str) -> set[int]:
    ends = {0}
    for sign in place:
        ends = {end + len(r) for end in ends for r in readings(sign) if letters.startswith(r, end)}
    return ends
