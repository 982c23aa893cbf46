"""Tax ids (税号): what kind of number it is, whether its check character is right, and which organisation it names.

* 18 characters, the unified social credit code 统一社会信用代码 (GB 32100-2015): register (2), region (6), organisation
  code (9, with a check character of its own after GB 11714-1997), check character.
* 15 characters, as they were given until 2015: region (6) and organisation code (9).
* 9 characters: the organisation code alone.
* 18 digits, the last perhaps X: a natural person's identity number (GB 11643-1999), 15 digits before 1999; it is
  never shown in full.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from operator import mul
from typing import Literal, NamedTuple

Kind = Literal["credit_code", "old_number", "organisation", "person", "other"]

CREDIT_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Without I, O, S, V and Z, which look like others."""
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORGANISATION_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
PERSON_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
PERSON_CHECKS = "10X98765432"

_CREDIT = re.compile(rf"[{CREDIT_SIGNS}]{{2}}\d{{6}}[{CREDIT_SIGNS}]{{10}}", re.ASCII)
_CHECKABLE = re.compile(rf"[{CREDIT_SIGNS}]{{2}}\d{{6}}[{CREDIT_SIGNS}]{{8}}[\dX][{CREDIT_SIGNS}]", re.ASCII)
"""An organisation code ends in a digit or X, whatever other letter would be worth the same."""
_PERSON = re.compile(r"[1-8]\d{5}(\d{4})(\d{2})(\d{2})\d{3}[\dX]", re.ASCII)
_OLD = re.compile(r"\d{6}[0-9A-Z]{8}[\dX]", re.ASCII)
_ORGANISATION = re.compile(r"[0-9A-Z]{8}[\dX]", re.ASCII)
_CODE_AT = slice(8, 17)
_WEIGHTS = (*CREDIT_WEIGHTS, 1)
_CREDIT_VALUES = {sign: value for value, sign in enumerate(CREDIT_SIGNS)}
_ORGANISATION_VALUES = {sign: value for value, sign in enumerate(ORGANISATION_SIGNS)}
_FIRST_YEAR, _LAST_YEAR = 1880, 2100


class TaxId(NamedTuple):
    """A tax id as it is compared."""

    text: str
    """Capital letters and digits, nothing else."""
    kind: Kind
    organisation: str
    """The organisation code in it; empty where there is none."""
    problems: tuple[str, ...]
    """`check`: its check character is wrong; `organisation_check`: that of the organisation code in it is."""

    @property
    def key(self) -> str:
        """What two writings of one tax id have in common."""
        return self.organisation or self.text

    @property
    def shown(self) -> str:
        """How it may stand in an explanation: of an identity number the first three and the last two characters."""
        return self.text if self.kind != "person" else f"{self.text[:3]}…{self.text[-2:]}"

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it, and it is of a kind that can be checked."""
        return self.kind != "other" and not self.problems


def read_tax_id(text: str | None) -> TaxId | None:
    """Return a tax id as it is compared, in whatever way it is written; None for an empty text."""
    plain = text or ""
    if not (plain.isascii() and plain.isalnum()):
        plain = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", plain)))
    plain = plain.upper()
    return _read(plain) if plain else None


def _read(plain: str) -> TaxId:
    if is_sound_code(plain):
        return TaxId(plain, "credit_code", plain[_CODE_AT], ())
    credit = tuple(_credit_problems(plain)) if _CREDIT.fullmatch(plain) else ("form",)
    if is_person(plain):
        return TaxId(plain, "person", "", () if person_check(plain[:17]) == plain[17] else ("check",))
    if credit != ("form",):
        return TaxId(plain, "credit_code", plain[_CODE_AT], credit)
    if _OLD.fullmatch(plain):
        return _read_old(plain)
    if _ORGANISATION.fullmatch(plain):
        problems = ("check",) if organisation_check(plain[:8]) != plain[8] else ()
        return TaxId(plain, "organisation", plain, problems)
    return TaxId(plain, "other", "", ("form",))


def _read_old(plain: str) -> TaxId:
    problems = _organisation_problems(plain[6:])
    if problems and _is_day(f"19{plain[6:8]}", plain[8:10], plain[10:12]):
        return TaxId(plain, "person", "", ())  # an identity number of before 1999: it has no check
    return TaxId(plain, "old_number", plain[6:], problems)


def is_person(plain: str) -> bool:
    """Tell whether a number is built as a natural person's: region, a day of birth that there is, sequence, check."""
    found = _PERSON.fullmatch(plain)
    return found is not None and _is_day(*found.groups())


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        return _FIRST_YEAR <= date(int(year), int(month), int(day)).year <= _LAST_YEAR
    except ValueError:
        return False


def is_sound_code(text: str) -> bool:
    """Tell whether a text, as it is written, is a unified social credit code with both checks right; in one go.

    The check character counts once: the sum with it is a multiple of 31, and of 11 in the organisation code.
    """
    if _CHECKABLE.fullmatch(text) is None:
        return False
    total: int = sum(map(mul, map(_CREDIT_VALUES.__getitem__, text), _WEIGHTS))
    if total % 31:
        return False
    inner: int = sum(map(mul, map(_ORGANISATION_VALUES.__getitem__, text[8:16]), ORGANISATION_WEIGHTS))
    return (inner + (10 if text[16] == "X" else int(text[16]))) % 11 == 0


def _credit_problems(text: str) -> list[str]:
    problems = [] if credit_check(text[:17]) == text[17] else ["check"]
    return problems + list(_organisation_problems(text[_CODE_AT]))


def _organisation_problems(code: str) -> tuple[str, ...]:
    return () if organisation_check(code[:8]) == code[8] else ("organisation_check",)


def credit_check(body: str) -> str:
    """Return the check character of a unified social credit code from its first 17 (GB 32100-2015).

    Each character's place in `CREDIT_SIGNS` times the weight of its position (3 to the power of it, modulo 31); 31 less
    the sum modulo 31.
    """
    total = sum(CREDIT_SIGNS.index(c) * weight for c, weight in zip(body, CREDIT_WEIGHTS, strict=True))
    return CREDIT_SIGNS[(31 - total % 31) % 31]


def organisation_check(body: str) -> str:
    """Return the check character of an organisation code from its first 8 (GB 11714-1997): 10 is written X, 11 is 0."""
    total = sum(
        ORGANISATION_SIGNS.index(c) * weight for c, weight in zip(body, ORGANISATION_WEIGHTS, strict=True)
    )
    rest = 11 - total % 11
    return "X" if rest == 10 else "0" if rest == 11 else str(rest)  # noqa: PLR2004  (as the standard says)


def person_check(body: str) -> str:
    """Return the check character of an identity number from its first 17 digits (GB 11643-1999, ISO 7064 mod 11-2)."""
    return PERSON_CHECKS[sum(int(c) * weight for c, weight in zip(body, PERSON_WEIGHTS, strict=True)) % 11]
