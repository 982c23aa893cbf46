"""Values as people read them: the same number, share or day in every form of a report."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any

from crmcore.i18n import language
from crmcore.money import format_minor
from crmcore.plugins.types import Column
from crmcore.text import display_width, printable

NUMBERS = frozenset({"integer", "amount", "decimal", "share"})
"""The types of columns whose cells stand on the right."""
_NO_CHARACTERS = re.compile("[\ufffe\uffff]")
_UNITS = {"en": ((9, "bn"), (6, "M"), (3, "k")), "zh_CN": ((8, "亿"), (4, "万"))}
_COMPACT_FROM, _ROUNDED_BELOW = 10_000, 1_000
_THREE = Context(prec=3)
_MOST_DECIMALS = 6


def format_cell(value: Any, column: Column, currency: str | None) -> str:
    """Write a value as people read it: 1,234.50 for an amount, 12.34% for a share, ISO days."""
    if value is None:
        return ""
    if isinstance(value, str):
        return printable(value)
    write = _FORMATS.get(column.type)
    return write(value, currency) if write else printable(value)


def heading(column: Column, currency: str | None) -> str:
    """Return the title of a column; over amounts it names the currency."""
    title = printable(column.title)
    return f"{title} ({currency})" if column.type == "amount" and currency else title


def in_files(value: object) -> str:
    """Return text that any file may hold: printable, and without the code points that XML forbids."""
    return _NO_CHARACTERS.sub("", printable(value))


def number_texts(values: Sequence[Decimal]) -> list[str]:
    """Write finite numbers with thousands separators and as many decimals as the one that needs most, up to six."""
    exponents = (int(value.normalize().as_tuple().exponent) for value in values)
    digits = min(max((-exponent for exponent in exponents), default=0), _MOST_DECIMALS)
    return [f"{value:,.{max(digits, 0)}f}" for value in values]


def compact(value: Decimal) -> str:
    """Write a number in little room, rounded to three digits: 1.5M, 250k; 150万 in Chinese."""
    rounded = _THREE.plus(value)
    for power, unit in _UNITS[language()]:
        if abs(rounded) >= max(10**power, _COMPACT_FROM):
            return _shortest(rounded.scaleb(-power)) + unit
    return _shortest(rounded if abs(rounded) < _ROUNDED_BELOW else round(value, 0))


def _shortest(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def shorten(text: str, columns: int) -> str:
    """Cut a text that is wider than so many columns, and say so with an ellipsis; Chinese characters take two."""
    if display_width(text) <= columns:
        return text
    kept = text[:columns]
    while kept and display_width(kept) > columns - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _integer(value: Any, _currency: str | None) -> str:
    return f"{value:,}"


def _amount(value: Any, currency: str | None) -> str:
    return format_minor(value, currency) if currency else f"{value:,}"


def _decimal(value: Any, _currency: str | None) -> str:
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def _share(value: Any, _currency: str | None) -> str:
    return f"{value:.2%}"


def _day(value: Any, _currency: str | None) -> str:
    return value.date().isoformat() if isinstance(value, datetime) else value.isoformat()


def _moment(value: Any, _currency: str | None) -> str:
    if not isinstance(value, datetime):
        return str(value.isoformat() if isinstance(value, date) else value)
    return f"{value:%Y-%m-%d %H:%M}" + ("Z" if value.tzinfo is UTC else "")


_FORMATS: dict[str, Callable[[Any, str | None], str]] = {
    "integer": _integer,
    "amount": _amount,
    "decimal": _decimal,
    "share": _share,
    "date": _day,
    "datetime": _moment,
}
