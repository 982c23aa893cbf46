"""Amounts and numbers as people write them, read exactly (no floats), or refused with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Context, Decimal

from crmcore.builtin.exchange.problems import BadValueError
from crmcore.i18n import translator

_ = translator("crmcore")

DECIMAL_STYLES = {"1,234.56": (",", "."), "1.234,56": (".", ","), "1 234,56": (" ", ",")}
UNITS = {
    "元": 1,
    "圆": 1,
    "块": 1,
    "千": 1_000,
    "千元": 1_000,
    "万": 10_000,
    "万元": 10_000,
    "十万元": 100_000,
    "百万": 1_000_000,
    "百万元": 1_000_000,
    "千万元": 10_000_000,
    "亿": 100_000_000,
    "亿元": 100_000_000,
}
MOST_DECIMALS = 12
MOST_DIGITS = 16
LONGEST = 100
LARGEST_INTEGER = 2**63 - 1

_EXACT = Context(prec=60)
_MONEY = re.compile(r"人民币|CNY|RMB|¥", re.IGNORECASE)
_FOREIGN = re.compile(r"[$€£₩₽₹฿₫]|\b[A-Z]{3}\b")
_UNIT = re.compile(r"(?P<number>.*?\d\.?)\s*(?P<unit>[十百千]?[万亿]?[元圆块]?)整?", re.DOTALL)


def number_parser(
    style: str = "1,234.56", factor: Decimal = Decimal(1), unit: Decimal = Decimal(1)
) -> Callable[[str], Decimal]:
    """Return a parser of amounts.

    style: one of DECIMAL_STYLES. factor: what a number without a unit word is multiplied by (the header said 万元).
    unit: how many of the currency one stored unit is; a unit word in the cell counts in the currency.
    The parser raises BadValueError.
    """
    group, point = DECIMAL_STYLES[style]
    plain = _pattern(group, point)

    def parse(raw: str) -> Decimal:
        text, negative, word = _take_apart(raw)
        if not plain.fullmatch(text):
            raise BadValueError(_why_not(text, style))
        digits = text.replace(group, "").replace(point, ".")
        whole, _point, decimals = digits.partition(".")
        if len(decimals) > MOST_DECIMALS:
            raise BadValueError(_("has more than {count} decimals").format(count=MOST_DECIMALS))
        if len(whole.lstrip("0")) > MOST_DIGITS:
            raise BadValueError(_("is too large"))
        value = Decimal(digits)
        scale = Decimal(UNITS[word]) / unit if word else factor
        if scale != 1:
            value = _EXACT.multiply(value, scale)
        return -value if negative else value

    return parse


def integer_parser(style: str = "1,234.56") -> Callable[[str], int]:
    """Return a parser of whole numbers; the parser raises BadValueError."""
    number = number_parser(style)

    def parse(raw: str) -> int:
        value = number(raw)
        if value != value.to_integral_value():
            raise BadValueError(_("is not a whole number"))
        if abs(value) > LARGEST_INTEGER:
            raise BadValueError(_("is too large"))
        return int(value)

    return parse


def _pattern(group: str, point: str) -> re.Pattern[str]:
    g, p = re.escape(group), re.escape(point)
    return re.compile(rf"(\d+|\d{{1,3}}({g}\d{{3}})+)({p}\d*)?|{p}\d+", re.ASCII)


def _take_apart(raw: str) -> tuple[str, bool, str]:
    """Return the bare number, whether it is negative, and the unit word."""
    if len(raw) > LONGEST:
        raise BadValueError(_("is not a number"))
    text = unicodedata.normalize("NFKC", raw).replace("\u2212", "-").strip()
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1].strip(), True
    text, sign = _sign(_MONEY.sub("", text).strip())
    if negative and sign:
        raise BadValueError(_("is not a number"))
    negative |= sign
    found = _UNIT.fullmatch(text)
    word = ""
    if found and (found["unit"] in UNITS or not found["unit"]):
        text, word = found["number"].strip(), found["unit"]
    return text, negative, word


def _sign(text: str) -> tuple[str, bool]:
    if text.startswith(("-", "+")):
        return text[1:].strip(), text.startswith("-")
    if text.endswith("-"):
        return text[:-1].strip(), True
    return text, False


def _why_not(text: str, style: str) -> str:
    if "%" in text:
        return _("is a percentage, not an amount")
    if _FOREIGN.search(text) and re.search(r"[0-9]", text):
        return _("names a currency: put it into a column of its own")
    if re.fullmatch(r"[\d.,]+[eE][+-]?\d+", text):
        return _("is in scientific notation: format the column as number and export it again")
    if re.search(r"[0-9]", text) and not re.search(r"[^\d.,' ]", text):
        return _("its separators do not fit the style {style}; a mapping file may name another").format(
            style=style
        )
    return _("is not a number")
