"""How well a row answers a query: the best of its fields, by what is written in them and not by the index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from crmcore.builtin.search import pinyin
from crmcore.builtin.search.folding import LONGEST, fold, fold_key
from crmcore.builtin.search.phones import LEAST_DIGITS, LEAST_END, numbers_in, same_line
from crmcore.builtin.search.symbols import signs_in
from crmcore.builtin.search.terms import without_legal_form

if TYPE_CHECKING:
    from crmcore.builtin.search.query import Query
    from crmcore.builtin.search.sources import Source
    from crmcore.builtin.search.terms import Values

EXACT, WHOLE, PREFIX, CONTAINED, WORDS = "exact", "whole", "prefix", "contained", "words"
TOGETHER = "together"
PINYIN, INITIALS = "pinyin", "initials"
SCORES = {
    EXACT: 100,
    WHOLE: 90,
    f"key {PREFIX}": 75,
    PREFIX: 70,
    "key end": 55,
    CONTAINED: 50,
    WORDS: 45,
    TOGETHER: 44,
    f"{PINYIN} {WHOLE}": 40,
    f"{PINYIN} {PREFIX}": 35,
    f"{PINYIN} {CONTAINED}": 30,
    f"{INITIALS} {WHOLE}": 25,
    f"{INITIALS} {PREFIX}": 20,
    f"{INITIALS} {CONTAINED}": 15,
}
"""From what was found to how much it counts, before the field is taken into account."""


class Match(NamedTuple):
    """How a row answers."""

    score: int
    field: str
    how: str


def best_match(query: Query, source: Source, row: Values) -> Match | None:
    """Return how a row answers a query best; None where it does not. A later field counts a little less."""
    names, keys = len(source.names), len(source.names) + len(source.keys)
    found: list[Match] = []
    for place, (column, value) in enumerate(zip(source.columns, row, strict=True)):
        if not value:
            continue
        if place >= keys:
            how = _phone(query, value)
        elif query.phone_only:
            how = None
        elif place >= names:
            how = _key(query, value)
        else:
            how = _name(query, value)
        if how is not None:
            found.append(Match(SCORES[how] - (0 if how == EXACT else min(place, 4)), column, how))
    if not query.phone_only and (best := max((m.score for m in found), default=0)) < SCORES[WORDS]:
        found += _words(query, source, row, best)
    answer = max(found, default=None)
    return _less_unsigned(query, source, row, answer) if answer and query.signs else answer


def _less_unsigned(query: Query, source: Source, row: Values, match: Match) -> Match:
    """Let a row without the signs of a query count less than any with them that answers in the same way."""
    names = "".join(value or "" for value in row[: len(source.names)])
    lacking = not set(query.signs) <= set(signs_in(names))
    return match._replace(score=match.score - 5) if lacking else match


def _key(query: Query, value: str) -> str | None:
    if value.isascii() and not query.text.isascii():
        return None
    key = fold_key(value)
    if not query.text:
        return None
    if key == query.text:
        return EXACT
    return f"key {PREFIX}" if len(query.text) > 1 and key.startswith(query.text) else None


def _phone(query: Query, value: str) -> str | None:
    number = query.number
    if not number:
        return None
    known = numbers_in(value)
    if len(number) >= LEAST_DIGITS and any(same_line(number, one) for one in known):
        return EXACT
    if query.phone_only:
        return None
    if len(number) >= LEAST_DIGITS and any(one.startswith(number) for one in known):
        return f"key {PREFIX}"
    end = query.end
    return "key end" if len(end) >= LEAST_END and any(one.endswith(end) for one in known) else None


def _name(query: Query, value: str) -> str | None:
    name = fold(value)
    if not query.text:
        return _signs(query, value)
    if query.text in name:
        return WHOLE if name == query.text else PREFIX if name.startswith(query.text) else CONTAINED
    letters = query.letters
    if not letters:
        return None
    name = without_legal_form(name)[:LONGEST]
    if how := _read(name, letters):
        return f"{PINYIN} {how}"
    how = _initials(name, letters)
    return f"{INITIALS} {how}" if how else None


def _signs(query: Query, value: str) -> str | None:
    """Say where a name bears the signs of a query that has nothing else; None where it lacks one."""
    if not set(query.signs) <= set(signs_in(value)):
        return None
    return WHOLE if value == query.typed else PREFIX if value.startswith(query.signs[0]) else CONTAINED


def _words(query: Query, source: Source, row: Values, best: int) -> Iterable[Match]:
    """Look for all words of a query, in any order, in the names of a row."""
    if len(query.words) < 2 or best >= SCORES[WORDS]:  # noqa: PLR2004  (one word is no list of words)
        return []
    names = [(column, fold(value)) for column, value in zip(source.names, row, strict=False) if value]
    for column, name in names:
        if all(word in name or (_letters_in(word, name)) for word in query.words):
            return [Match(SCORES[WORDS], column, WORDS)]
    return []


def _letters_in(word: str, name: str) -> bool:
    return word.isascii() and word.isalpha() and bool(_read(without_legal_form(name), word))


def _read(name: str, letters: str) -> str | None:
    """Say where a name is read as these letters, the last syllable perhaps half typed; None if nowhere."""
    if not pinyin.has_pinyin():
        return None
    found = None
    for start, character in enumerate(name):
        if letters[0] not in pinyin.initials_of(character):
            continue
        end = _read_from(name, start, letters)
        if end is not None:
            if start == 0:
                return WHOLE if end == len(name) else PREFIX
            found = CONTAINED
    return found


def _read_from(name: str, start: int, letters: str) -> int | None:
    """Return behind which character the letters end if they are read from a place on; None if they are not."""
    places = {0}
    for end in range(start, len(name)):
        half = end > start or letters not in pinyin.syllables()
        further: set[int] = set()
        for reading in pinyin.readings(name[end]):
            for place in places:
                if letters.startswith(reading, place):
                    further.add(place + len(reading))
                elif half and reading.startswith(letters[place:]):
                    return end + 1
        if len(letters) in further:
            return end + 1
        if not further:
            return None
        places = further
    return None


def _initials(name: str, letters: str) -> str | None:
    """Say where the characters of a name begin with these letters; None if nowhere, or for a single letter."""
    if len(letters) < 2:  # noqa: PLR2004  (one letter is no initials)
        return None
    firsts: Sequence[str] = [pinyin.initials_of(character) for character in name]
    for start in range(len(name) - len(letters) + 1):
        if all(letter in firsts[start + place] for place, letter in enumerate(letters)):
            if start == 0:
                return WHOLE if len(letters) == len(name) else PREFIX
            return CONTAINED
    return None
