"""Names, notes, codes, phones, choices, yes and no: cleaned of what cannot be seen, or refused with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from crmcore.builtin.exchange.guard import unguard
from crmcore.builtin.exchange.problems import BadValueError
from crmcore.i18n import translator
from crmcore.text import many_lines, one_line

_ = translator("crmcore")

LONGEST_TEXT = 1_000
LONGEST_NOTE = 32_000
LONGEST_CODE = 64
LONGEST_PHONE = 100
MOST_CHOICES_NAMED = 8

_SCIENTIFIC = re.compile(r"\d+([.,]\d+)?[eE]\+\d+", re.ASCII)
_NUMBER_AS_PHONE = re.compile(r"(\d{5,})\.0", re.ASCII)
_SPREADSHEET_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
)
_YES = frozenset(["1", "y", "yes", "true", "t", "on", "x", "是", "对", "有", "真", "√", "✓", "✔", "已"])
_NO = frozenset(["0", "n", "no", "false", "f", "off", "否", "错", "无", "假", "×", "✗", "✘", "未"])


def text_parser(longest: int | None = None) -> Callable[[str], str | None]:
    """Return a parser of names: one line, trimmed, without control and bidi characters; blank gives None."""
    limit = longest or LONGEST_TEXT

    def parse(raw: str) -> str | None:
        text = raw if _is_clean(raw) else _readable(unguard(one_line(raw)))
        if len(text) > limit:
            raise BadValueError(_("is longer than {count} characters").format(count=limit))
        return text or None

    return parse


def note_parser(longest: int | None = None) -> Callable[[str], str | None]:
    """Return a parser of notes: as names, but line breaks stay."""
    limit = longest or LONGEST_NOTE

    def parse(raw: str) -> str | None:
        text = _readable(unguard(many_lines(raw)))
        if len(text) > limit:
            raise BadValueError(_("is longer than {count} characters").format(count=limit))
        return text or None

    return parse


def code_parser(longest: int | None = None) -> Callable[[str], str | None]:
    """Return a parser of codes: trimmed, otherwise as they stand."""
    limit = longest or LONGEST_CODE

    def parse(raw: str) -> str | None:
        text = raw if _is_clean(raw) else _readable(unguard(raw.strip()))
        if not text.isprintable():
            raise BadValueError(_("holds characters that cannot be seen"))
        if len(text) > limit:
            raise BadValueError(_("is longer than {count} characters").format(count=limit))
        if "+" in text:
            _refuse_scientific(text)
        return text or None

    return parse


def phone_parser(longest: int | None = None) -> Callable[[str], str | None]:
    """Return a parser of phones: text, full-width digits made plain, leading zeros and + kept."""
    limit = longest or LONGEST_PHONE

    def parse(raw: str) -> str | None:
        text = raw
        if not (raw.isascii() and _is_clean(raw)):
            text = _readable(unguard(one_line(unicodedata.normalize("NFKC", raw))))
        if "+" in text:
            _refuse_scientific(text)
        if text.endswith(".0") and (found := _NUMBER_AS_PHONE.fullmatch(text)):
            text = found[1]
        if len(text) > limit:
            raise BadValueError(_("is longer than {count} characters").format(count=limit))
        return text or None

    return parse


def choice_parser(choices: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return a parser of what a file may say → the stored value; case, width and blanks do not matter."""
    known = {_folded(value): value for value in choices.values()}
    known |= {_folded(said): value for said, value in choices.items()}

    def parse(raw: str) -> str | None:
        said = _folded(raw)
        if not said:
            return None
        if said not in known:
            allowed = list(dict.fromkeys(choices))[:MOST_CHOICES_NAMED]
            raise BadValueError(_("is none of: {choices}").format(choices=", ".join(allowed)))
        return known[said]

    return parse


def boolean_parser() -> Callable[[str], bool | None]:
    """Return a parser of yes and no (是/否, yes/no, true/false, 1/0)."""

    def parse(raw: str) -> bool | None:
        said = _folded(raw)
        if not said:
            return None
        if said in _YES:
            return True
        if said in _NO:
            return False
        raise BadValueError(_("is neither yes nor no"))

    return parse


def _is_clean(raw: str) -> bool:
    """Tell whether a cell can be taken as it stands: nearly every cell of a real file."""
    return raw.isprintable() and raw[0] not in " '#" and raw[-1] != " "


def _readable(text: str) -> str:
    if text.startswith("#") and text.upper() in _SPREADSHEET_ERRORS:
        raise BadValueError(_("is an error of the spreadsheet"))
    return text


def _refuse_scientific(text: str) -> None:
    if _SCIENTIFIC.fullmatch(text):
        raise BadValueError(
            _("has lost its digits in the spreadsheet: format the column as text and export it again")
        )


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
