"""Tax ids of thousands of rows checked at once, because an import waits for it.

Each of the 18 places of a code is a column of signs; what a sign is worth there is looked up for the whole column, and
columns are added up as one number of as many bytes as there are codes. No byte overflows into the next: at most seven
columns are added before the remainder is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crmcore.builtin.duplicates.tax_ids import (
    CREDIT_SIGNS,
    CREDIT_WEIGHTS,
    ORGANISATION_SIGNS,
    ORGANISATION_WEIGHTS,
)

_LENGTH, _ORGANISATION_AT, _CHECK_AT = 18, 8, 16
_AT_ONCE = 7
_CODE = rf"[{CREDIT_SIGNS}]{{2}}[0-9]{{6}}[{CREDIT_SIGNS}]{{8}}[0-9X][{CREDIT_SIGNS}]"
_CODES = re.compile(rf"(?:{_CODE})*")
Worth = list[tuple[int, bytes]]
"""(place in the code, what each sign is worth there)."""


def _worth(signs: str, weight: int, modulus: int) -> bytes:
    table = bytearray(256)
    for value, sign in enumerate(signs):
        table[ord(sign)] = value * weight % modulus
    return bytes(table)


_OUTER: Worth = [
    (place, _worth(CREDIT_SIGNS, weight, 31)) for place, weight in enumerate((*CREDIT_WEIGHTS, 1))
]
_INNER: Worth = [
    *(
        (place, _worth(ORGANISATION_SIGNS, weight, 11))
        for place, weight in enumerate(ORGANISATION_WEIGHTS, _ORGANISATION_AT)
    ),
    (_CHECK_AT, _worth("0123456789X", 1, 11)),
]


def unsound(texts: Sequence[str]) -> list[int]:
    """Return the places of the texts that are no unified social credit codes with both checks right."""
    together = "".join(texts)
    if set(map(len, texts)) <= {_LENGTH} and _CODES.fullmatch(together):
        return _wrong(together.encode(), len(texts))
    odd = {place for place, text in enumerate(texts) if len(text) != _LENGTH or not _CODES.fullmatch(text)}
    codes = [place for place in range(len(texts)) if place not in odd]
    wrong = _wrong("".join([texts[place] for place in codes]).encode(), len(codes))
    return sorted(odd.union(codes[place] for place in wrong))


def _wrong(codes: bytes, count: int) -> list[int]:
    found = _remainders(codes, count, _OUTER, 31) | _remainders(codes, count, _INNER, 11)
    return [place for place, rest in enumerate(found.to_bytes(count)) if rest] if found else []


def _remainders(codes: bytes, count: int, worth: Worth, modulus: int) -> int:
    """Return the remainders of the weighted sums of codes, a byte each."""
    rests = bytes(value % modulus for value in range(256))
    total = 0
    for start in range(0, len(worth), _AT_ONCE):
        for place, table in worth[start : start + _AT_ONCE]:
            total += int.from_bytes(codes[place::_LENGTH].translate(table))
        total = int.from_bytes(total.to_bytes(count).translate(rests))
    return total
