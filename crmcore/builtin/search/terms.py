"""What of a row goes into the index: short words, made of many rows at once because a bulk import waits for it.

* of names every pair of neighbouring characters (`示例`), with `¦` where a name begins and ends;
* the same of their initials (`sl`), and their syllables (`shi0`), without 有限公司 and the like;
* of codes and numbers `§` and the whole of it; of phones also `¶` and its digits from the last to the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from operator import add

from crmcore.builtin.search import pinyin
from crmcore.builtin.search.folding import EDGE, fold_key, fold_lines
from crmcore.builtin.search.phones import numbers_in
from crmcore.builtin.search.sources import Source

KEY = "§"
BACKWARDS = "¶"
LONGEST_KEY = 64
LEGAL_FORMS = ("有限责任公司", "股份有限公司", "有限公司")
"""Half of all firms bear them: by pinyin they say nothing."""
_GAP = f" {EDGE}\n \n{EDGE} "

Values = Sequence[str | None]
"""The values of a row in the order of `Source.columns`."""


def terms_of(source: Source, rows: Sequence[Values]) -> list[str]:
    """Return the index text of rows, one for each: words with a blank between them."""
    if not rows:
        return []
    names, keys = len(source.names), len(source.names) + len(source.keys)
    words = _words_of_names([row[:names] for row in rows])
    numbers = [_numbers(row[names:keys], row[keys:]) for row in rows]
    return [text + number for text, number in zip(words, numbers, strict=True)]


def without_legal_form(folded: str) -> str:
    """Return a folded name without the legal form that half of all firms bear."""
    for form in LEGAL_FORMS:
        folded = folded.replace(form, "")
    return folded


def pairs(text: str) -> list[str]:
    """Return every two neighbouring characters."""
    return list(map(add, text, text[1:]))


def _numbers(keys: Values, phones: Values) -> str:
    text = "".join([f" {KEY}{fold_key(key)[:LONGEST_KEY]}" for key in keys if key])
    for phone in phones:
        for number in numbers_in(phone) if phone else ():
            text += f" {KEY}{number} {BACKWARDS}{number[::-1]}"
    return text


def _words_of_names(rows: Sequence[Values]) -> list[str]:
    """Return the words of names; all rows are one text with a line for each, which is what makes it quick."""
    given = [name for names in rows for name in names if name]
    together = "\n".join(given)
    if EDGE in together or together.count("\n") >= len(given):
        rows = [[_without_signs(name) for name in names if name] for names in rows]
    text = fold_lines("\n".join([_line(names) for names in rows]))
    found = _by_line(text)
    if not pinyin.has_pinyin():
        return found
    short = without_legal_form(text)
    initials = _by_line(short.translate(pinyin.initials_table()))
    syllables = short.translate(pinyin.syllables_table()).split("\n")
    further = _other_readings(short)
    whole = list(map(" ".join, zip(found, initials, syllables, strict=True)))
    for i, words in further.items():
        whole[i] += f" {words}"
    return whole


def _line(names: Values) -> str:
    """Return the names of a row between edges; of a short name that the name holds only how it begins and ends."""
    if len(names) == 2:  # noqa: PLR2004  (a name and a short name: nearly all rows)
        name, short = names
        if name and short and short in name and short.isalnum():
            return f"{EDGE}{name}{EDGE}{short[0]}{short[-1]}{EDGE}"
    return f"{EDGE}{EDGE.join(filter(None, names))}{EDGE}"


def _without_signs(name: str) -> str:
    """Return a name without the signs that have a meaning here."""
    return name.replace("\n", "").replace(EDGE, "")


def _by_line(text: str) -> list[str]:
    """Return the pairs of each line; a line begins and ends with `EDGE`."""
    return f" {' '.join(map(add, text, text[1:]))} ".split(_GAP)


def _other_readings(text: str) -> dict[int, str]:
    """Return line → the words of what its characters may also be read as."""
    found: dict[int, str] = {}
    if not pinyin.several().search(text):
        return found
    for i, line in enumerate(text.split("\n")):
        places = [match.start() for match in pinyin.several().finditer(line)]
        if places:
            found[i] = " ".join(_readings_at(line, places))
    return found


def _readings_at(line: str, places: Iterable[int]) -> set[str]:
    words: set[str] = set()
    for place in places:
        words.update(reading + pinyin.MARK for reading in pinyin.further_readings()[line[place]])
        before, at, after = (pinyin.initials_of(c) for c in line[place - 1 : place + 2])
        words.update(map("".join, product(before, at)))
        words.update(map("".join, product(at, after)))
    return words
