"""The rules of the ledger, as the accountant states them: plain Python over plain values.

Amounts are integers in minor units (分) of one currency, quantities integers in millionths, shares exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

KINDS = ("order", "delivery", "invoice", "return", "payment")
STATES = {
    "order": ("draft", "released", "delivered", "invoiced", "cancelled"),
    **dict.fromkeys(("delivery", "invoice", "return", "payment"), ("draft", "posted", "cancelled")),
}
USUAL_STATE = {"order": "released", **dict.fromkeys(("delivery", "invoice", "return", "payment"), "posted")}
"""What a document is when the file does not say."""
_PROGRESS = ("released", "delivered", "invoiced")


def N_(message: str) -> str:  # noqa: N802  (gettext's customary name; the rules import nothing of the core)
    """Mark a message for the catalogue."""
    return message


class RuleBroken(ValueError):
    """A rule that a document breaks: an English sentence with {places}, and what fills them."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values))
        self.sentence = sentence
        self.values = values


# -- what counts ---------------------------------------------------------------------------------------------


def in_force(kind: str, state: str) -> bool:
    """Tell whether a document counts at all: a draft does not yet, a cancelled one never."""
    return state in _PROGRESS if kind == "order" else state == "posted"


INVOICED, DELIVERED, ORDERED = 1, 2, 4
BASIS = {"invoiced": INVOICED, "delivered": DELIVERED, "ordered": ORDERED}
_STAGE = {
    "order": ORDERED,
    "delivery": ORDERED | DELIVERED,
    "invoice": ORDERED | DELIVERED | INVOICED,
    "return": ORDERED | DELIVERED | INVOICED,
    "payment": 0,
}


def counts_in(kind: str, state: str, sources: Iterable[str] = ()) -> int:
    """Return the bases of purchase (invoiced 1, delivered 2, ordered 4, added up) in which a line counts.

    `sources`: kinds of the documents in force that it was made from. A trade runs order → delivery → invoice and
    counts once in each basis: at the first of its documents that the basis looks at. So an invoice that nothing
    came before counts in all three, one made from an order only where orders do not. Returns always count,
    as negative amounts.
    """
    if not in_force(kind, state):
        return 0
    bases = _STAGE[kind]
    if kind != "return":
        for source in sources:
            bases &= ~_STAGE[source]
    return bases


# -- amounts -------------------------------------------------------------------------------------------------


class Amounts(NamedTuple):
    """What a line is worth without tax (未税金额), its tax (税额), and with tax (价税合计)."""

    net: int
    tax: int
    gross: int


def tax_rate(stated: Decimal) -> Decimal:
    """Read a rate of tax: 0.13 and 13 both mean 13 %; 1 means 1 %."""
    rate = stated / 100 if stated >= 1 else stated
    if not 0 <= rate < 1:
        raise RuleBroken(N_("a tax rate lies between 0 and 100 %"))
    return rate


def amounts(
    net: int | None, tax: int | None, gross: int | None, rate: Decimal | None, rounding: str = "half_up"
) -> Amounts:
    """Complete a line's amounts from those given; what is given is never changed, what is missing is rounded.

    net = gross / (1 + rate), tax = net × rate, net + tax = gross. A net amount alone bears no tax.
    Raises RuleBroken when too little is given, the three do not add up, or the tax runs against the amount.
    """
    if net is None:
        if gross is None:
            raise RuleBroken(N_("the amount is missing"))
        if tax is not None:
            net = gross - tax
        elif rate is not None:
            net = _rounded(Fraction(gross) / (1 + Fraction(rate)), rounding)
        else:
            raise RuleBroken(N_("only the amount with tax is given: tax or tax rate is missing"))
    if tax is None:
        tax = gross - net if gross is not None else _rounded(net * Fraction(rate), rounding) if rate else 0
    if gross is not None and net + tax != gross:
        raise RuleBroken(N_("net amount and tax do not add up to the amount with tax"))
    if net and (net * tax < 0 or abs(tax) > abs(net)):
        raise RuleBroken(N_("the tax does not fit the amount"))
    return Amounts(net, tax, net + tax)


def priced(quantity_micro: int, price: Decimal, digits: int, rounding: str = "half_up") -> int:
    """Return quantity × unit price in minor units of a currency with so many digits."""
    return _rounded(Fraction(quantity_micro, 10**6) * Fraction(price) * 10**digits, rounding)


def returned(value: int) -> int:
    """Return an amount or quantity as a return holds it: negative, whichever sign the file writes."""
    return -abs(value)


def _rounded(value: Fraction, rounding: str) -> int:
    """Round to a whole number; half_up goes away from zero, half_even to the even neighbour."""
    below, rest = divmod(abs(value), 1)
    half = Fraction(1, 2)
    size = below + (rest > half or (rest == half and (rounding == "half_up" or below % 2 == 1)))
    return size if value >= 0 else -size


# -- what is open --------------------------------------------------------------------------------------------


def open_amount(kind: str, state: str, gross: int, settled: int, *, cash: bool = False) -> int:
    """Return what is still open of a document.

    Invoice and return: gross less what was allocated (a credit note is open with a negative amount, so it reduces
    the customer's debt). Payment: what is not yet allocated. Order: what is released and not yet delivered.
    A delivery claims nothing, nor does a cash sale (现销) or a document that is not in force.
    """
    if not in_force(kind, state) or kind == "delivery" or cash or (kind == "order" and state != "released"):
        return 0
    return gross - settled


@dataclass(frozen=True, slots=True)
class Claim:
    """A document as allocation sees it."""

    id: int
    kind: str
    currency: str
    open: int
    day: date
    """Its due date, or its own date where none is agreed."""
    number: str


def available(source: Claim) -> int:
    """Return what a payment, or a credit note in a payment's place, can still settle."""
    return source.open if source.kind == "payment" else -source.open


def check_allocation(source: Claim, target: Claim, amount: int) -> None:
    """Refuse an allocation that is against the rules: never more than is open on either side."""
    if source.kind not in ("payment", "invoice", "return"):
        raise RuleBroken(N_("only payments and credit notes are allocated"))
    if target.kind not in ("invoice", "return"):
        raise RuleBroken(N_("a payment is allocated to invoices and returns only"))
    if source.id == target.id:
        raise RuleBroken(N_("a document cannot settle itself"))
    if source.currency != target.currency:
        raise RuleBroken(
            N_("{source} is in {source_currency}, {target} in {target_currency}"),
            source=source.number,
            source_currency=source.currency,
            target=target.number,
            target_currency=target.currency,
        )
    if amount == 0:
        raise RuleBroken(N_("nothing is allocated: the amount is 0"))
    for document, left in ((source, available(source)), (target, target.open)):
        if not 0 < (amount if left > 0 else -amount) <= abs(left):
            raise RuleBroken(N_("the amount is more than is open on {number}"), number=document.number)


def open_after(source: Claim, target: Claim, amount: int) -> tuple[int, int]:
    """Return what is open on both sides after an allocation."""
    return source.open - amount if source.kind == "payment" else source.open + amount, target.open - amount


def allocate_oldest(source: Claim, targets: Sequence[Claim]) -> list[tuple[int, int]]:
    """Spread what a payment has left over open documents, the one due first first: (document id, amount)."""
    left, result = available(source), []
    for target in sorted(targets, key=lambda t: (t.day, t.number, t.id)):
        if target.currency != source.currency or target.id == source.id or target.open * left <= 0:
            continue
        amount = min(left, target.open, key=abs)
        result.append((target.id, amount))
        left -= amount
    return result


# -- orders --------------------------------------------------------------------------------------------------


def fulfilled_share(ordered: int | None, delivered: int, ordered_net: int, delivered_net: int) -> Fraction:
    """Return which share of an order line is done: by quantity, or by amount where it has none; at most 1."""
    whole, done = (ordered, delivered) if ordered else (ordered_net, delivered_net)
    if whole == 0:
        return Fraction(1)
    return min(Fraction(1), max(Fraction(0), Fraction(done, whole)))


def fulfilled_amount(whole: int, share: Fraction) -> int:
    """Return the part of a line's amount or quantity that is done."""
    return _rounded(whole * share, "half_up")


def reached(delivered: Fraction, invoiced: Fraction) -> str:
    """Return how far an order has come, from the smallest share of its lines."""
    if invoiced >= 1:
        return "invoiced"
    return "delivered" if delivered >= 1 else "released"


def later_state(one: str, other: str) -> str:
    """Return the later of two states of an order in force."""
    return max(one, other, key=_PROGRESS.index)


def restated(kind: str, present: str, stated: str) -> str:
    """Return the state after a file states one: an order that has come further is not taken back by it."""
    if kind == "order" and in_force(kind, present) and in_force(kind, stated):
        return later_state(present, stated)
    return stated


# -- ageing --------------------------------------------------------------------------------------------------


def days_late(today: date, due: date) -> int:
    """Return days past due; 0 on the day itself, negative before."""
    return (today - due).days


def ageing_bucket(late: int, bounds: Sequence[int]) -> int:
    """Return which bucket so many days past due fall in: 0 = not yet due, then (1–30), (31–60), … (> last)."""
    if late <= 0:
        return 0
    return 1 + sum(late > bound for bound in bounds)


def bucket_names(bounds: Sequence[int]) -> list[str]:
    """Name the buckets: `current`, `1-30`, `31-60`, …, `>90`."""
    starts = [1, *(bound + 1 for bound in bounds)]
    return ["current", *(f"{a}-{b}" for a, b in zip(starts, bounds, strict=False)), f">{bounds[-1]}"]


def year_before(day: date) -> date:
    """Return the first day of the twelve months that end on a day, both included."""
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 3, 1)
    return day.replace(year=day.year - 1) + timedelta(days=1)


def kept_until(day: date, years: int) -> date:
    """Return the last day on which a document of a day must be kept: the years begin with the year after it (保管期限)."""
    return date(min(day.year + years, date.max.year), 12, 31)


# -- names ---------------------------------------------------------------------------------------------------


def number_of_row(file_sha256: str, row: int) -> str:
    """Name the document of a row that has none: the same bytes give the same names, other files others."""
    return f"{file_sha256[:16]}-{row:07d}"
