"""Making the trade: orders become deliveries, invoices, returns and payments, customer by customer."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import exp
from typing import Any

from crmcore_trade_ledger import rules
from crmcore_trade_ledger.demo import law
from crmcore_trade_ledger.demo.goods import Good

Customer = Mapping[str, Any]
_SUNDAY = 6
_JITTER = 0.25
_ORDER_TO_INVOICE = (sum(law.DELIVERY_DAYS) + sum(law.INVOICE_DAYS)) // 2


@dataclass(slots=True)
class Line:
    """So many units of a good; amounts in hundredths."""

    good: Good
    quantity: int

    @property
    def net(self) -> int:
        """Its net amount."""
        return self.good.price * self.quantity

    @property
    def tax(self) -> int:
        """Its tax."""
        return rules.amounts(self.net, None, None, self.good.tax_rate).tax

    @property
    def cost(self) -> int:
        """What it cost us."""
        return self.good.cost * self.quantity


@dataclass(slots=True)
class Payment:
    """Money received for one trade."""

    day: date
    amount: int
    allocated: bool = True
    number: str = ""


@dataclass(slots=True)
class Trade:
    """One order and all that came of it; a day that is None has not come yet."""

    customer: str
    order_on: date
    lines: list[Line]
    cancelled: bool = False
    delivered_on: date | None = None
    invoiced_on: date | None = None
    due_on: date | None = None
    returned: Line | None = None
    returned_on: date | None = None
    payments: list[Payment] = field(default_factory=list)
    order: str = ""
    delivery: str = ""
    invoice: str = ""
    credit: str = ""

    def gross(self, lines: Sequence[Line]) -> int:
        """Return the amount of lines with tax."""
        return sum(line.net + line.tax for line in lines)


def make_trades(
    rng: random.Random, customers: Sequence[Customer], goods: Sequence[Good], today: date
) -> list[Trade]:
    """Return all trades up to today by day of order, their documents numbered in the order of their days."""
    first = date(today.year - law.YEARS, today.month, 1)
    trades = [
        trade
        for customer in customers
        if customer["weight"] > 0
        for trade in _trades_of(rng, customer, goods, (first, today))
    ]
    trades.sort(key=lambda trade: (trade.order_on, trade.customer))
    _number(trades)
    return trades


def _trades_of(
    rng: random.Random, customer: Customer, goods: Sequence[Good], period: tuple[date, date]
) -> Iterator[Trade]:
    first, today = period
    stopped = customer.get("stopped_on")
    start, end = max(first, customer["since"]), min(today, stopped - timedelta(days=1)) if stopped else today
    yearly = max(1.0, customer["orders_per_year"] * law.INVOICES_SHARE)
    wanted = _favourites(rng, goods)
    days = 365 / yearly
    place = rng.random() * days
    while (day := _working_day(start + timedelta(days=int(place)))) <= end:
        growth = customer["growth"] ** (day.year - (today.year - 1))
        jitter = exp(rng.gauss(0, _JITTER) - _JITTER**2 / 2)
        # The season is that of the invoice, which comes some days later.
        season = law.SEASON[(day + timedelta(days=_ORDER_TO_INVOICE)).month - 1]
        amount = customer["weight"] * law.MEAN_YEAR * growth / yearly * season * jitter
        trade = Trade(customer["code"], day, _lines(rng, wanted, amount * 100))
        _carry_out(rng, trade, customer, today)
        yield trade
        place += days * rng.uniform(0.85, 1.15)


def _favourites(rng: random.Random, goods: Sequence[Good]) -> list[Good]:
    lines = sorted({good.line for good in goods})
    chosen = rng.sample(lines, 2)
    return [good for good in goods if good.line in chosen]


def _lines(rng: random.Random, goods: Sequence[Good], amount: float) -> list[Line]:
    """Fill an order: one to three goods that together come near the amount."""
    count = rng.choices((1, 2, 3), (70, 25, 5))[0]
    share = amount / count
    fitting = [good for good in goods if good.price <= share] or [min(goods, key=lambda good: good.price)]
    chosen = rng.sample(fitting, min(count, len(fitting)))
    return [Line(good, max(1, round(amount / len(chosen) / good.price))) for good in chosen]


def _carry_out(rng: random.Random, trade: Trade, customer: Customer, today: date) -> None:
    if rng.random() < law.CANCELLED:
        trade.cancelled = True
        return
    delivered = _working_day(trade.order_on + timedelta(days=rng.randint(*law.DELIVERY_DAYS)))
    invoiced = _working_day(delivered + timedelta(days=rng.randint(*law.INVOICE_DAYS)))
    if delivered <= today:
        trade.delivered_on = delivered
    if invoiced <= today:
        trade.invoiced_on = invoiced
        trade.due_on = invoiced + timedelta(days=customer["terms_days"])
        _maybe_return(rng, trade, today)
    _pay(rng, trade, customer, today, invoiced)


def _maybe_return(rng: random.Random, trade: Trade, today: date) -> None:
    line = trade.lines[0]
    day = (trade.invoiced_on or today) + timedelta(days=rng.randint(3, 20))
    if rng.random() < law.RETURNED and line.quantity > 1 and day <= today:
        trade.returned_on = day
        trade.returned = Line(line.good, max(1, round(line.quantity * rng.uniform(0.05, 0.4))))


def _pay(rng: random.Random, trade: Trade, customer: Customer, today: date, invoiced: date) -> None:
    due = invoiced + timedelta(days=customer["terms_days"])
    first, last = law.LATENESS[customer["payment_behaviour"]]
    late = rng.randint(first, last)
    payable = trade.gross(trade.lines)
    if customer["terms_days"] == 0:
        # Payment before dispatch: the money is there before the goods leave.
        trade.payments.append(Payment(trade.order_on, payable))
        return
    if trade.returned:
        payable -= trade.gross([trade.returned])
    if customer["payment_behaviour"] == "very_late" and rng.random() < law.NEVER_PAID:
        return
    parts = [(late, payable)]
    if rng.random() < law.PARTLY_FIRST:
        part = payable * 6 // 10
        parts = [(late, part), (rng.randint(late, last), payable - part)]
    for days, amount in parts:
        day = due + timedelta(days=days)
        if day <= today and amount > 0:
            recent = (today - day).days < law.NOT_ALLOCATED_DAYS
            trade.payments.append(Payment(day, amount, not (recent and rng.random() < law.NOT_ALLOCATED)))


def _working_day(day: date) -> date:
    return day + timedelta(days=1) if day.weekday() == _SUNDAY else day


def _number(trades: Sequence[Trade]) -> None:
    """Give documents numbers that rise with their days: SO2024-00017."""
    kinds = (("order", "SO"), ("delivery", "DN"), ("invoice", "IV"), ("credit", "CN"))
    days = {
        "order": "order_on",
        "delivery": "delivered_on",
        "invoice": "invoiced_on",
        "credit": "returned_on",
    }
    for kind, prefix in kinds:
        dated = [(getattr(trade, days[kind]), trade) for trade in trades]
        made = sorted(
            ((day, trade) for day, trade in dated if day), key=lambda pair: (pair[0], pair[1].customer)
        )
        for place, (day, trade) in enumerate(made, 1):
            setattr(trade, kind, f"{prefix}{day.year}-{place:05d}")
    payments = sorted(
        ((p.day, t.customer, p) for t in trades for p in t.payments), key=lambda found: found[:2]
    )
    for place, (day, _customer, payment) in enumerate(payments, 1):
        payment.number = f"RC{day.year}-{place:05d}"
