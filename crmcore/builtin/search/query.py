"""What somebody typed, and which words of the index it asks for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from crmcore.builtin.search import pinyin
from crmcore.builtin.search.folding import EDGE, LONGEST, fold
from crmcore.builtin.search.phones import LEAST_DIGITS, LEAST_END, LOCAL, is_number, number_of
from crmcore.builtin.search.symbols import signs_in, word_of
from crmcore.builtin.search.terms import BACKWARDS, KEY, LEGAL_FORMS, LONGEST_KEY, pairs

MOST_WORDS = 8
_LONGEST_PINYIN = 60
_RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_FORMS_IN_PINYIN = re.compile(
    r"(?<=..)(?:yxzrgs|gfyxgs|yxgs|youxianzerengongsi|gufenyouxiangongsi|youxiangongsi)$"
)
_FORM_PAIRS = frozenset(pair for form in LEGAL_FORMS for pair in pairs(form + EDGE))


@dataclass(frozen=True)
class Word:
    """A word of the index, or how one begins."""

    text: str
    begins: bool = False


@dataclass(frozen=True)
class Several:
    """Conditions that must all hold, or of which one must."""

    how: Literal["and", "or"]
    parts: tuple[Condition, ...]


Condition = Word | Several


def every(*parts: Condition | None) -> Condition | None:
    """Return the condition that all of these hold; None for a part that cannot hold."""
    if None in parts or not parts:
        return None
    given = tuple(part for part in dict.fromkeys(parts) if part is not None)
    return given[0] if len(given) == 1 else Several("and", given)


def some(*parts: Condition | None) -> Condition | None:
    """Return the condition that one of these holds; those that cannot hold are left out."""
    given = tuple(part for part in dict.fromkeys(parts) if part is not None)
    return given[0] if len(given) == 1 else Several("or", given) if given else None


@dataclass(frozen=True)
class Query:
    """A text to look for; without letters, digits and signs such as 🍜 it finds nothing."""

    typed: str
    phone_only: bool = False

    @cached_property
    def text(self) -> str:
        """All of it, folded; empty where it is longer than any name."""
        folded = fold(self.typed[: 10 * LONGEST])
        return folded if len(folded) <= LONGEST and len(self.typed) <= 10 * LONGEST else ""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, folded: cut at blanks, and where characters follow letters."""
        parts = unicodedata.normalize("NFKC", self.typed).split() if self.text else []
        runs = [run for part in parts for run in _RUNS.findall(fold(part))]
        return tuple(dict.fromkeys(runs)) if len(runs) <= MOST_WORDS else ()

    @cached_property
    def signs(self) -> tuple[str, ...]:
        """Its signs that are neither letters nor digits, such as 🍜."""
        found = () if self.phone_only or len(self.typed) > LONGEST else signs_in(self.typed)
        return found[:MOST_WORDS]

    @cached_property
    def number(self) -> str:
        """The telephone number that it is, or an empty text."""
        if not self.text or not (self.phone_only or is_number(self.typed)):
            return ""
        return number_of(self.typed)

    @cached_property
    def end(self) -> str:
        """The last digits of a number, as they were typed."""
        return "".join(c for c in self.text if c.isdigit()) if self.number else ""

    @cached_property
    def letters(self) -> str:
        """What may be pinyin of one name, without the legal form; else an empty text."""
        return _pinyin_letters(self.text)

    def exact(self) -> Condition | None:
        """Ask for a code, a number, a whole name."""
        if self.phone_only:
            return self._same_line()
        key = Word(KEY + self.text[:LONGEST_KEY]) if self.text.isascii() and self.text else None
        return some(key, self._same_line(), every(*_name(self.text, whole=True)))

    def signed(self) -> Condition | None:
        """Ask for what bears its signs, beside the text if there is one."""
        if not self.signs:
            return None
        signs = [Word(word_of(sign)) for sign in self.signs]
        return every(*signs, *(_pairs(self.text) if self.text else ()))

    def prefix(self) -> Condition | None:
        """Ask for what begins so."""
        if self.phone_only or not self.text:
            return None
        key = Word(KEY + self.text, begins=True) if self.text.isascii() and len(self.text) > 1 else None
        number = Word(KEY + self.number, begins=True) if len(self.number) >= LEAST_DIGITS else None
        return some(key, number, every(*_name(self.text)), self._pinyin(begins=True))

    def contained(self) -> Condition | None:
        """Ask for what holds it, or all its words in any order."""
        if self.phone_only or not self.text:
            return None
        end = Word(BACKWARDS + self.end[::-1], begins=True) if len(self.end) >= LEAST_END else None
        whole = every(*_pairs(self.text))
        words = every(*(some(every(*_pairs(w)), _syllables(_pinyin_letters(w))) for w in self.words))
        return some(end, whole, words if len(self.words) > 1 else None, self._pinyin(begins=False))

    def _same_line(self) -> Condition | None:
        """Ask for a number, with or without its area code."""
        number = self.number
        if len(number) < LEAST_DIGITS:
            return None
        backwards = number[::-1]
        shorter = [Word(BACKWARDS + backwards[:length]) for length in LOCAL if len(number) > length]
        longer = Word(BACKWARDS + backwards, begins=True) if len(number) in LOCAL else None
        return some(Word(BACKWARDS + backwards), *shorter, longer)

    def _pinyin(self, *, begins: bool) -> Condition | None:
        if not self.letters:
            return None
        initials = every(*_name(self.letters)) if begins else every(*_pairs(self.letters))
        return some(initials if len(self.letters) > 1 else None, _syllables(self.letters, begins=begins))


def _pinyin_letters(text: str) -> str:
    letters = text if text.isascii() and text.isalpha() and pinyin.has_pinyin() else ""
    return _FORMS_IN_PINYIN.sub("", letters) if len(letters) <= _LONGEST_PINYIN else ""


def _name(text: str, *, whole: bool = False) -> list[Condition]:
    """Return the words that a name has that begins so."""
    return _telling(f"{EDGE}{text}{EDGE if whole else ''}") if text else []


def _telling(text: str) -> list[Condition]:
    """Return the words of a text but those of its legal form: half of all names hold these, and the rows are read anyway."""
    telling = [pair for pair in pairs(text) if pair not in _FORM_PAIRS]
    return [Word(pair) for pair in (telling if len(telling) > 1 else pairs(text))]


def _pairs(text: str) -> list[Condition]:
    """Return the words that a name has that holds this; of one character, those that it begins."""
    if len(text) == 1:
        return [Word(EDGE + text)] if text.isascii() else [Word(text, begins=True)]
    return _telling(text)


def _syllables(letters: str, *, begins: bool = False) -> Condition | None:
    """Ask for a name with these syllables one after the other, however the letters may be cut."""
    return some(*(_cut(cut, begins=begins) for cut in pinyin.cuts(letters))) if letters else None


def _cut(cut: list[str], *, begins: bool) -> Condition | None:
    whole = [s for s in cut if s in pinyin.syllables()]
    if len(whole) > 1 and whole[-1] == cut[-1] and pinyin.may_go_on(cut[-1]):
        whole.pop()  # it may be half typed
    if not whole:  # one syllable, half typed
        beginning = (s for s in sorted(pinyin.syllables()) if s.startswith(cut[0]) and len(cut[0]) > 1)
        return some(*(Word(s + pinyin.MARK) for s in beginning))
    asked = [_syllable(s) for s in whole]
    first = "".join(s[0] for s in cut)
    return every(*asked, *_name(first)) if begins else every(*asked, *map(Word, pairs(first)))


def _syllable(syllable: str) -> Condition | None:
    """Ask for a syllable; `lu` may be `lü`, too."""
    twin = syllable[0] + "v" + syllable[2:] if syllable in {"lu", "nu", "lue", "nue"} else syllable
    return some(Word(syllable + pinyin.MARK), Word(twin + pinyin.MARK))


def fts5(condition: Condition) -> str:
    """Write a condition as SQLite's FTS5 reads it; the words hold letters, digits and signs of our own, no quotes."""
    if isinstance(condition, Word):
        return f'"{condition.text}"{" *" if condition.begins else ""}'
    return "(" + f" {condition.how.upper()} ".join(map(fts5, condition.parts)) + ")"


def tsquery(condition: Condition) -> str:
    """Write a condition as PostgreSQL's tsquery reads it."""
    if isinstance(condition, Word):
        return f"'{condition.text}'{':*' if condition.begins else ''}"
    return "(" + {"and": " & ", "or": " | "}[condition.how].join(map(tsquery, condition.parts)) + ")"
