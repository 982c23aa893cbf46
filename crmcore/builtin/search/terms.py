"""What of a row goes into the index: short words, made of many rows at once because a bulk import waits for it.

* of names every pair of neighbouring characters (`示例`), with `¦` where a name begins and ends;
* the same of their initials (`sl`), and their syllables (`shi0`), without 有限公司 and the like;
* of signs in names `¤` and their number;
* of codes and numbers `§` and the whole of it; of phones also `¶` and its digits from the last to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Final

from crmcore.builtin.search import pinyin
from crmcore.builtin.search.folding import EDGE, fold_key, fold_lines
from crmcore.builtin.search.phones import numbers_in, plain_numbers
from crmcore.builtin.search.sources import Source
from crmcore.builtin.search.symbols import words_of

KEY = "§"
BACKWARDS = "¶"
LONGEST_KEY = 64
LEGAL_FORMS = ("有限责任公司", "股份有限公司", "有限公司")
"""Half of all firms bear them: by pinyin they say nothing."""
_GAP = f" {EDGE}\n \n{EDGE} "

_SIGNS = "utf-32-le"
_SIGN: Final = "I"
"""A character as a number of four bytes, however the machine reads it: they are moved and never looked at."""
_CONTEXTS = 20_000

Values = Sequence[str | None]
"""The values of a row in the order of `Source.columns`, or of a column."""


def terms_of(source: Source, columns: Sequence[Values]) -> list[str]:
    """Return the index text of rows, one for each: words with a blank between them.

    columns: the values of `Source.columns`, column by column.
    """
    names, keys = len(source.names), len(source.names) + len(source.keys)
    parts = [_words_of_names(columns[:names])] if names else []
    parts += words_of(columns[:names])
    parts += [_words_of_keys(values) for values in columns[names:keys]]
    parts += [_words_of_phones(values) for values in columns[keys:]]
    return list(map("".join, zip(*parts, strict=True)))


def without_legal_form(folded: str) -> str:
    """Return a folded name without the legal form that half of all firms bear."""
    for form in LEGAL_FORMS:
        folded = folded.replace(form, "")
    return folded


def pairs(text: str) -> list[str]:
    """Return every two neighbouring characters."""
    return [text[place : place + 2] for place in range(len(text) - 1)]


def _words_of_keys(values: Values) -> list[str]:
    """Return the words of a column of codes; nearly always all are plain, and folded as one text."""
    text = "\n".join([value or "" for value in values])
    plain = text.replace("\n", "")
    lines, longest = len(text) - len(plain) + 1, max(map(len, text.split("\n")))
    if plain.isascii() and plain.isalnum() and lines == len(values) and longest <= LONGEST_KEY:
        words = f" {KEY}{text.lower()}\n".replace("\n", f"\n {KEY}").replace(f" {KEY}\n", "\n")
        return words.split("\n")[:-1]
    return [f" {KEY}{fold_key(value)[:LONGEST_KEY]}" if value else "" for value in values]


def _words_of_phones(values: Values) -> list[str]:
    """Return the words of a column of phones."""
    numbers = plain_numbers(values)
    if numbers is not None:
        return [f" {KEY}{number} {BACKWARDS}{number[::-1]}" if number else "" for number in numbers]
    return [
        "".join([f" {KEY}{number} {BACKWARDS}{number[::-1]}" for number in numbers_in(value)])
        if value
        else ""
        for value in values
    ]


def _words_of_names(columns: Sequence[Values]) -> list[str]:
    """Return the words of names; all rows are one text with a line for each, which is what makes it quick."""
    given = [name for names in columns for name in names if name]
    together = "\n".join(given)
    if EDGE in together or together.count("\n") >= len(given) > 0:
        columns = [[_without_signs(name) if name else None for name in names] for names in columns]
    text = fold_lines("\n".join(_lines(columns)))
    found = _by_line(text)
    if not pinyin.has_pinyin():
        return found
    short = without_legal_form(text)
    initials = _by_line(short.translate(pinyin.initials_table()))
    syllables = short.translate(pinyin.syllables_table()).split("\n")
    whole = list(map(" ".join, zip(found, initials, syllables, strict=True)))
    for line, words in _other_readings(short).items():
        whole[line] += words
    return whole


def _lines(columns: Sequence[Values]) -> list[str]:
    """Return the names of each row between edges; of a short name that the name holds only how it begins and ends."""
    if len(columns) != 2:  # noqa: PLR2004  (a name and a short name: nearly all rows)
        return [f"{EDGE}{EDGE.join(filter(None, names))}{EDGE}" for names in zip(*columns, strict=True)]
    return [
        f"{EDGE}{name}{EDGE}{short[0]}{short[-1]}{EDGE}"
        if name and short and short in name and short.isalnum()
        else f"{EDGE}{EDGE.join(filter(None, (name, short)))}{EDGE}"
        for name, short in zip(*columns, strict=True)
    ]


def _without_signs(name: str) -> str:
    """Return a name without the signs that have a meaning here."""
    return name.replace("\n", "").replace(EDGE, "")


def _by_line(text: str) -> list[str]:
    """Return the pairs of each line; a line begins and ends with `EDGE`.

    The pairs of all are laid out as bytes: a string for each pair would take five times as long.
    """
    signs = memoryview(text.encode(_SIGNS)).cast(_SIGN)
    laid_out = bytearray(" ".encode(_SIGNS) * (3 * len(signs) - 2))
    places = memoryview(laid_out).cast(_SIGN)
    places[1::3], places[2::3] = signs[:-1], signs[1:]
    return laid_out.decode(_SIGNS).split(_GAP)


def _other_readings(text: str) -> dict[int, str]:
    """Return line → the words of what its characters may also be read as."""
    found: dict[int, str] = {}
    line = last = 0
    for match in pinyin.several().finditer(text):
        place = match.start()
        line, last = line + text.count("\n", last, place), place
        found[line] = found.get(line, "") + _readings_at(text[place - 1 : place + 2])
    return found


@lru_cache(_CONTEXTS)
def _readings_at(around: str) -> str:
    """Return the words of a character that is read in several ways, between its neighbours."""
    words = [reading + pinyin.MARK for reading in pinyin.further_readings()[around[1]]]
    before, at, after = map(pinyin.initials_of, around)
    words += map("".join, (*product(before, at), *product(at, after)))
    return " " + " ".join(dict.fromkeys(words))
