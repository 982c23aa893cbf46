"""Which column is which field: real headers of Kingdee, Yonyou, Odoo and Excel exports, in Chinese and English."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import cache
from pathlib import Path

from crmcore.builtin.exchange.numbers import UNITS
from crmcore.plugins.types import Field

IGNORED_PREFIX = "_"
"""Columns of a rejects file (`_line`, `_reason` …) are not data."""

_PARENTHESES = re.compile(r"[(\[{【〔<《]([^()\[\]{}【】〔〕<>《》]*)[)\]}】〕>》]")
_OF_MONEY = re.compile(r"人民币|单位|rmb|cny|in|unit")
_UNIT_WORDS = {**UNITS, "": 1, "yuan": 1, "10000cny": 10_000, "10000yuan": 10_000, "10k": 10_000}
_HARMLESS = frozenset(
    [
        "必填",
        "必录",
        "必输",
        "选填",
        "可选",
        "可空",
        "required",
        "optional",
        "天",
        "日",
        "days",
        "人",
        "persons",
        "人数",
        "平方米",
        "m2",
        "sqm",
        "不含税",
        "净额",
        "net",
        "数字",
    ]
)


class Certainty(IntEnum):
    """How sure a column's field is; the surer column wins."""

    WEAK = 1
    KNOWN = 2
    NAME = 3
    """The header is the field's name: that always wins."""
    TOLD = 4
    """The mapping says so."""


@dataclass(frozen=True, slots=True)
class Match:
    """The field that a header means, and what its unit multiplies numbers by."""

    field: Field
    certainty: Certainty
    factor: Decimal = Decimal(1)


class HeaderTable:
    """The headers by which the fields of one entity are known."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = {field.name: field for field in fields}
        self._known: dict[str, Match] = {}
        for field in self.fields.values():
            for header in field.headers:
                weak = header.startswith("~")
                self._known.setdefault(
                    folded(header), Match(field, Certainty.WEAK if weak else Certainty.KNOWN)
                )
        for field in self.fields.values():
            # Our own word for a field is a header like others; its name is never another field's header.
            self._known.setdefault(folded(field.title), Match(field, Certainty.KNOWN))
        for field in self.fields.values():
            self._known[folded(field.name)] = Match(field, Certainty.KNOWN)
        self._known.pop("", None)

    def find(self, header: str) -> Match | None:
        """Return what a header means, or None."""
        text = unicodedata.normalize("NFKC", header).strip().casefold()
        if text in self.fields:
            return Match(self.fields[text], Certainty.NAME)
        inside = [folded(found) for found in _PARENTHESES.findall(text)]
        bare = folded(_PARENTHESES.sub("", text))
        match = self._known.get(folded(text)) or self._known.get(bare)
        if match is None:
            return self._with_unit_at_the_end(bare)
        if match.field.type not in {"amount", "decimal"}:
            return match
        return _with_unit(match, inside)

    def known(self, cells: Sequence[str]) -> int:
        """Return how many of some cells are headers that are known: a row of data has none."""
        return sum(1 for cell in cells if 0 < len(cell) <= _LONGEST_HEADER and self.find(cell))

    def _with_unit_at_the_end(self, bare: str) -> Match | None:
        for word, unit in UNITS.items():
            match = self._known.get(bare.removesuffix(word)) if bare.endswith(word) else None
            if match is not None and match.field.type in {"amount", "decimal"}:
                return Match(match.field, match.certainty, Decimal(unit) / match.field.unit)
        return None


_LONGEST_HEADER = 100


def folded(text: str) -> str:
    """Reduce a header to its letters and digits: width, case, blanks and punctuation do not matter."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("#", "no")
    return "".join(character for character in text if character.isalnum())


def _with_unit(match: Match, inside: Sequence[str]) -> Match | None:
    """Take the unit from the parentheses; a word in them that we do not know may be another currency."""
    factor = Decimal(1)
    for words in inside:
        unit = _UNIT_WORDS.get(_OF_MONEY.sub("", words))
        if unit is not None and words:
            factor = Decimal(unit) / match.field.unit
        elif words and words not in _HARMLESS:
            return None
    return Match(match.field, match.certainty, factor)


@cache
def known_headers(entity: str) -> dict[str, tuple[str, ...]]:
    """Return field name → headers of one of the core's entities, from headers.json."""
    table = json.loads((Path(__file__).parent / "headers.json").read_text(encoding="utf-8"))
    return {name: tuple(headers) for name, headers in table[entity].items()}
