"""The period, the currency and the rates of an analysis: those of the run made last, unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import Chart, Context, NotFound, UsageProblem, from_minor, translator
from crmcore_abc_analysis.inputs import Money, money_of, money_of_run
from crmcore_abc_analysis.runs import find_run
from crmcore_abc_analysis.services import Request, period_of

_ = translator("crmcore_abc_analysis")
SHOWN = 50
"""Rows of a table that says nothing else."""
BARS = 20
"""Bars of a chart."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an analysis is of."""

    start: date
    end: date
    """The last day, included."""
    currency: str
    run: sa.Row[Any] | None
    """The run made last; None before the first."""

    def of_run(self) -> bool:
        """Tell whether it is the very period of the run made last."""
        run = self.run
        return run is not None and (self.start, self.end) == (run.period_start, run.period_end)

    def money(self, ctx: Context, currencies: Iterable[str]) -> Money:
        """Return the rates: of the run where the period is its own, else of the last day; CrmError names the unknown."""
        if self.run is not None and self.of_run():
            return money_of_run(ctx, self.run, currencies)
        return money_of(ctx, currencies, self.currency, self.end, ctx.settings["rounding"])

    def heading(self, money: Money) -> dict[str, Any]:
        """Return what stands first in the JSON of each analysis."""
        return {
            "period": [self.start.isoformat(), self.end.isoformat()],
            "currency": self.currency,
            "rates": {name: str(rate) for name, rate in sorted(money.rates.items())},
        }


def scope_of(ctx: Context, start: date | None = None, end: date | None = None) -> Scope:
    """Return the scope of a period: of both its days, or of the run made last, else of the last full calendar year.

    UsageProblem for half a period or one that ends before it begins.
    """
    run = last_run(ctx)
    currency = run.currency if run is not None else ctx.settings["currency"] or ctx.currency
    if start is None and end is None and run is not None:
        return Scope(run.period_start, run.period_end, currency, run)
    return Scope(*period_of(Request(start, end), ctx.today), currency, run)


def last_run(ctx: Context) -> sa.Row[Any] | None:
    """Return the run made last, None before the first."""
    try:
        return find_run(ctx)
    except NotFound:
        return None


def scope_of_parameters(ctx: Context, parameters: Mapping[str, str]) -> Scope:
    """Return the scope that a report is asked for: parameters `from` and `to`, empty = as above."""
    days = (parameters.get(name) or None for name in ("from", "to"))
    return scope_of(ctx, *(date.fromisoformat(day) if day else None for day in days))


def limit_of(parameters: Mapping[str, str]) -> int | None:
    """Return the parameter `limit` of a report; None = all. UsageProblem for what is no number of rows."""
    text = parameters.get("limit") or ""
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageProblem(_("limit = {text!r} is no number of rows; give 1 or more").format(text=text))
    return int(text)


def amounts_by_name(rows: Iterable[Sequence[Any]], money: Money) -> dict[Any, int]:
    """Add up rows of name, currency and amount; the sums of each name by currency are converted once."""
    sums: dict[Any, dict[str, int]] = {}
    for name, currency, amount in rows:
        own = sums.setdefault(name, {})
        own[currency] = own.get(currency, 0) + amount
    return {
        name: sum(money.convert(amount, currency) for currency, amount in own.items())
        for name, own in sums.items()
    }


def bar_chart(name: str, title: str, bars: Iterable[tuple[str, int]], currency: str) -> tuple[Chart, ...]:
    """Return a chart with a bar for each label and amount; none without any."""
    shown = list(bars)
    titled = _("{title} ({currency})").format(title=title, currency=currency)
    values = tuple(from_minor(amount, currency) for _label, amount in shown)
    return (Chart(name, titled, "bar", tuple(label for label, _amount in shown), values),) if shown else ()


def rate_notes(money: Money) -> Iterator[str]:
    """Yield the rates that amounts were converted at."""
    for foreign, rate in sorted(money.rates.items()):
        yield _("Converted at 1 {foreign} = {rate} {currency}.").format(
            foreign=foreign, rate=rate, currency=money.currency
        )


def shown_note(shown: int, count: int) -> Iterator[str]:
    """Say so where a list was cut."""
    if shown < count:
        yield _("{shown} of {count} rows are shown; a larger limit shows more.").format(
            shown=shown, count=count
        )


def rounded(value: float | Decimal, digits: int = 2) -> Decimal:
    """Return a number with so many decimals, half to even, as a table shows it."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits))
