"""From the row of a file to an entry of the ledger: amounts in minor units, signs, currency; or why not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from crmcore.api import (
    CURRENCIES,
    LoadContext,
    Loaded,
    Rejected,
    Row,
    currency_code,
    minor_digits,
    to_minor,
    translator,
)
from crmcore_trade_ledger import rules

_ = translator("crmcore_trade_ledger")

_ISO = re.compile(r"[A-Z]{3}")
_UNTAXED = frozenset({"免税", "不征税", "零税率", "exempt"})
# Ten trillion yuan: thousands of such lines still add up within 64 bits.
LARGEST = 10**15
LARGEST_LINE = 2**31 - 1
SOURCES = {"delivery": ("order",), "invoice": ("delivery", "order"), "return": ("invoice", "delivery")}
"""Kind → the columns that may name what a line was made from, the nearest first."""


class RowRefused(Exception):
    """A row that cannot be taken: the field, and the reason in the user's language."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class Source(NamedTuple):
    """The document, and perhaps its line, that a row was made from."""

    kind: str
    number: str
    line: int | None


@dataclass(slots=True)
class Entry:
    """One row on its way to being a line of a document."""

    row: Row
    customer: str
    number: str
    line: int | None
    """None: its place among the rows of its document is still to be counted."""
    day: date
    currency: str
    net: int
    tax: int
    quantity: int | None
    cost: int | None
    says_tax: bool
    source: Source | None = None
    """What it was made from, as the row names it."""
    product_id: int | None = None
    source_line: int | None = None


@dataclass(slots=True)
class Refusals:
    """The rows of a chunk that are not taken, gathered for its report."""

    rejected: list[Rejected] = field(default_factory=list)

    def add(self, row: Row, column: str, reason: str) -> None:
        """Note one."""
        value = row.values.get(column, "")
        self.rejected.append(Rejected(row.line, column, str(value), reason))

    def report(self, loaded: Loaded) -> Loaded:
        """Put them into the report, in the order of the file."""
        loaded.rejected.extend(sorted(self.rejected, key=lambda r: r.line))
        return loaded


class EntryReader:
    """Reads the rows of one kind of document under the company's settings."""

    def __init__(self, kind: str, ctx: LoadContext) -> None:
        """Take the settings that matter."""
        self._kind = kind
        self._ctx = ctx
        self._rounding: str = ctx.settings["rounding"]
        usual = ctx.settings["default_tax_rate"]
        self._usual_rate = Decimal(usual) if usual else None
        self._currencies: dict[str, str] = {}

    def read(self, rows: Sequence[Row], refusals: Refusals) -> list[Entry]:
        """Return the entries of those rows that can be read."""
        entries = []
        for row in rows:
            try:
                entries.append(self._entry(row, row.values))
            except RowRefused as refused:
                refusals.add(row, refused.column, refused.reason)
            except rules.RuleBroken as broken:
                column = "amount" if "amount" in row.values else "gross"
                refusals.add(row, column, _(broken.sentence).format(**broken.values))
        return entries

    def _entry(self, row: Row, values: Mapping[str, Any]) -> Entry:
        currency = read_currency(values.get("currency"), self._ctx.currency, self._currencies)
        number = values.get("document")
        line = values.get("line")
        if number is None:
            number, line = rules.number_of_row(self._ctx.file_sha256, row.number), 1
        elif line is not None and not 0 < line <= LARGEST_LINE:
            raise RowRefused("line", _("a line number is 1 or more"))
        quantity = read_quantity(values.get("quantity"))
        net, tax = self._amounts(values, currency, quantity)
        cost = read_minor(values, "cost", currency)
        if self._kind == "return":
            net, tax = rules.returned(net), rules.returned(tax)
            quantity = None if quantity is None else rules.returned(quantity)
            cost = None if cost is None else rules.returned(cost)
        says_tax = "tax" in values or "gross" in values or "tax_rate" in values
        entry = Entry(
            row,
            values["customer"],
            number,
            line,
            values["date"],
            currency,
            net,
            tax,
            quantity,
            cost,
            says_tax,
        )
        for source in SOURCES.get(self._kind, ()):
            if source in values:
                entry.source = Source(source, values[source], values.get(f"{source}_line"))
                break
        return entry

    def _amounts(self, values: Mapping[str, Any], currency: str, quantity: int | None) -> tuple[int, int]:
        net = read_minor(values, "amount", currency)
        if (
            not ("tax" in values or "gross" in values or "tax_rate" in values or self._usual_rate)
            and net is not None
        ):
            return net, 0
        tax, gross = read_minor(values, "tax", currency), read_minor(values, "gross", currency)
        if net is None and gross is None and "price" in values and quantity is not None:
            net = rules.priced(quantity, values["price"], minor_digits(currency), self._rounding)
        rate = read_rate(values["tax_rate"]) if "tax_rate" in values else self._usual_rate
        result = rules.amounts(net, tax, gross, rate, self._rounding)
        if max(abs(result.gross), abs(result.net)) > LARGEST:
            raise RowRefused("amount", _("the amount is too large"))
        return result.net, result.tax


def read_currency(stated: str | None, usual: str, known: dict[str, str]) -> str:
    """Return the ISO 4217 code of a stated currency, remembering in `known`; `usual` where none is stated.

    RowRefused for what is no currency; `usual` itself may be one that only the company knows.
    """
    if stated is None:
        return usual
    if stated not in known:
        code = currency_code(stated)
        if not _ISO.fullmatch(code):
            raise RowRefused("currency", _("no currency; use its ISO 4217 code such as CNY"))
        if code not in CURRENCIES and code != usual:
            raise RowRefused("currency", _("ISO 4217 has no such currency; use a code such as CNY"))
        known[stated] = code
    return known[stated]


def read_minor(values: Mapping[str, Any], name: str, currency: str) -> int | None:
    """Return an amount of a row in minor units; RowRefused when it has more decimals than the currency."""
    amount = values.get(name)
    if amount is None:
        return None
    try:
        minor = to_minor(amount, currency)
    except ValueError as problem:
        raise RowRefused(name, str(problem)) from None
    if not -LARGEST <= minor <= LARGEST:
        raise RowRefused(name, _("the amount is too large"))
    return minor


def read_quantity(stated: Decimal | None) -> int | None:
    """Return a quantity in millionths."""
    if stated is None:
        return None
    micro = stated.scaleb(6)
    if micro != micro.to_integral_value():
        raise RowRefused("quantity", _("a quantity has at most 6 decimals"))
    if abs(micro) > LARGEST:
        raise RowRefused("quantity", _("the quantity is too large"))
    return int(micro)


def read_rate(stated: str) -> Decimal:
    """Read `13%`, `13`, `0.13` and 免税 as a share."""
    word = stated.strip().lower()
    if word in _UNTAXED:
        return Decimal(0)
    percent = word.endswith(("%", "％"))
    try:
        number = Decimal(word.rstrip("%％ "))
        return rules.tax_rate(number / 100 if percent and number < 1 else number)
    except (InvalidOperation, rules.RuleBroken):
        raise RowRefused("tax_rate", _("no tax rate; write it as 13% or 0.13")) from None
