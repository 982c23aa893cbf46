"""The rules of privacy, as an officer for data protection reads them: plain values, nothing else.

* Who is erased keeps a pseudonym (化名), `erased` and the code: what accounting law keeps stays under it.
* Texts that hold a value of an erased person lose it wherever they are nobody's history: progress of imports and jobs,
  records of reads, kept errors.
* A person is recognised by names, numbers, addresses; not by what many have in common, such as a bank or a kind of invoice.
* A number is the same in any writing: with blanks, dashes, brackets, full-width digits, with or without country code.
* A person is no longer needed so many whole months after a day; on that day of the month, or the month's last.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Any

from crmcore.builtin.search.phones import number_of
from crmcore.i18n import LANGUAGES, _, _catalogue

ERASED = "(erased)"
"""Stands where a value of an erased person stood in a text that is kept; written in the language of who erases."""
LEAST = 2
"""A single character names nobody."""
IDENTIFYING = 6
"""A value as long as a telephone number is nobody else's by chance."""
_NUMBER = re.compile(r"\+?[\d\s()\-./–—]{6,}")
_DIGITS = 7
_BETWEEN = r"[\s()（）.\-/–—－]*"
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_DIGIT = r"[0-9０-９]"
_PLACES = ("address", "location")
_HAN = re.compile(r"(?<=[㐀-鿿])(?=[㐀-鿿])")


def pseudonym(code: str) -> str:
    """Return the name under which an erased person's record stays (化名), in the language of who erases."""
    return _("erased {code}").format(code=code)


def erased_word() -> str:
    """Return what stands in the place of an erased value, in the language of who erases."""
    return _(ERASED)


def is_mark(value: Any) -> bool:
    """Say whether a value stands for one that was erased, in whatever language."""
    return isinstance(value, str) and value.startswith(_marks())


@cache
def _marks() -> tuple[str, ...]:
    names = [_catalogue("crmcore", name) for name in LANGUAGES]
    beginnings = (c.gettext("erased {code}").partition("{code}")[0] for c in names)
    return (*beginnings, *(c.gettext(ERASED) for c in names))


def traces(values: Iterable[Any]) -> tuple[str, ...]:
    """Return by which texts a person can be recognised in others' texts, the longest first.

    A number also counts as its bare digits, in which files and indexes have it.
    """
    found: set[str] = set()
    for text in _texts(values):
        value = text.strip()
        if len(value) < LEAST or is_mark(value):
            continue
        found.add(value)
        if digits := _number(value):
            found.add(digits)
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def identifies(field: str, value: str) -> bool:
    """Say whether a value of some field is one person's alone: an address, an account, a number; not a word of many."""
    if len(value) < IDENTIFYING:
        return False
    digits = sum(character.isdigit() for character in value)
    return digits >= IDENTIFYING or "@" in value or field.endswith(_PLACES)


def _number(value: str) -> str:
    """Return the digits of a number as it is compared, of another text none."""
    plain = unicodedata.normalize("NFKC", value)
    digits = number_of(plain) if _NUMBER.fullmatch(plain) else ""
    return digits if len(digits) >= _DIGITS else ""


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _texts(value.values())
        elif isinstance(value, list | tuple):
            yield from _texts(value)


@lru_cache(maxsize=8)
def pattern_of(known: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds these values in any writing."""
    return re.compile("|".join(map(_written, known)) or "(?!)", re.IGNORECASE)


def _written(value: str) -> str:
    """Return the ways in which a value is written: a number as any of them, a name with blanks between its characters."""
    if digits := _number(value):
        each = _BETWEEN.join(f"[{digit}{digit.translate(_WIDE)}]" for digit in digits)
        country = rf"(?:\+?(?:00)?[8８][6６]{_BETWEEN})?(?:[(（]?[0０]+{_BETWEEN})?[(（]?"
        return rf"(?<!{_DIGIT})(?:{re.escape(value)}|{country}{each})(?!{_DIGIT})"
    parts = [re.escape(part) for part in _HAN.split(value)]
    text = re.sub(r"(?:\\\s)+", r"\\s+", r"[ \t\u3000]*".join(parts))
    if len(value) >= IDENTIFYING:
        return text
    # A short name in Latin letters is part of many a word.
    before = r"(?<![A-Za-z0-9])" if value[0].isascii() and value[0].isalnum() else ""
    behind = r"(?![A-Za-z0-9])" if value[-1].isascii() and value[-1].isalnum() else ""
    return f"{before}{text}{behind}"


def names_one(text: str, known: Sequence[str]) -> bool:
    """Say whether a text holds one of these values, in any writing."""
    return pattern_of(tuple(known)).search(text) is not None


def without(value: Any, known: Sequence[str]) -> Any:
    """Return a text, or all texts within a JSON value, with a mark in the place of these values.

    Within a JSON value single plain words are left: they are the product's own, and an import goes on by them.
    """
    if isinstance(value, str):
        return pattern_of(tuple(known)).sub(erased_word(), value)
    if isinstance(value, Mapping):
        return {_within(k, known): _within(v, known) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_within(one, known) for one in value]
    return value


def _within(value: Any, known: Sequence[str]) -> Any:
    return value if isinstance(value, str) and _is_word(value) else without(value, known)


def _is_word(value: str) -> bool:
    return value.isascii() and value.isidentifier() and value.islower()


def due_on(day: date, months: int) -> date:
    """Return the day on which so many months have passed since another."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    if year > date.max.year:
        return date.max
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
