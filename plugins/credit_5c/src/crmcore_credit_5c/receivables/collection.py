"""How well money is collected: DSO, count-back DSO, collection effectiveness, days beyond terms (回款分析)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context, UsageProblem, translator
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.money import KnownMoney, Money, set_aside
from crmcore_credit_5c.receivables.claims import claims_on
from crmcore_credit_5c.receivables.paying import days_beyond_terms
from crmcore_credit_5c.rules import dso

_ = translator("crmcore_credit_5c")
_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)
"""Days outside are mistyped."""
_MONTHS_BACK = 60
"""Older sales than these would make the count-back meaningless."""


@dataclass(frozen=True, slots=True)
class Period:
    """What is looked at."""

    start: date
    end: date
    method: str = "simple"
    """`simple` or `countback`."""
    customer: str | None = None

    @property
    def days(self) -> int:
        """Days of the period, both ends included."""
        return (self.end - self.start).days + 1


def period_of(
    ctx: Context, start: date | None, end: date | None, method: str = "simple", customer: str | None = None
) -> Period:
    """Return the period asked for, by default the year up to today; UsageProblem where it runs backwards."""
    end = end or ctx.today
    start = start or max(end, _FIRST + timedelta(days=364)) - timedelta(days=364)
    if start > end:
        message = _("the period runs backwards: from {start} to {end}; exchange the days")
        raise UsageProblem(message.format(start=start, end=end))
    if start < _FIRST or end > _LAST:
        message = _("the period from {start} to {end} is to lie between {first} and {last}; name other days")
        raise UsageProblem(message.format(start=start, end=end, first=_FIRST, last=_LAST))
    return Period(start, end, method, customer)


def collection(ctx: Context, period: Period) -> dict[str, Any]:
    """Return the figures as `crm credit dso --json` prints them: schemas/dso.schema.json.

    Figures that cannot be reckoned are null, and `not_assessable` says why. Money without an exchange rate is in no
    figure, and `left_out` names it; of one customer it is NoRate. MissingFact where no plugin provides `receivables` or
    `settlements`, Refused for a restricted person.
    """
    reading = _Reading(ctx, period)
    begin, _current = reading.receivables(period.start - timedelta(days=1))
    end, current = reading.receivables(period.end)
    sales = reading.sales(period.start, period.end)
    simple = period.method == "simple"
    figures = {
        "dso": dso.simple_dso(end, sales, period.days)
        if simple
        else dso.countback_dso(end, reading.months()),
        "cei": dso.collection_effectiveness(begin, sales, end, current),
        "days_beyond_terms": reading.beyond_terms(),
    }
    why = _reasons(period.method)
    return {
        "from": period.start.isoformat(),
        "to": period.end.isoformat(),
        "days": period.days,
        "method": period.method,
        "currency": ctx.currency,
        "customer": period.customer,
        "beginning_minor": begin,
        "sales_minor": sales,
        "ending_minor": end,
        "ending_current_minor": current,
        "dso": decimal_text(figures["dso"], 1),
        "cei": decimal_text(figures["cei"], 4),
        "days_beyond_terms": decimal_text(figures["days_beyond_terms"], 1),
        "not_assessable": {name: why[name] for name, value in figures.items() if value is None},
        "left_out": reading.left_out(),
    }


def _reasons(method: str) -> dict[str, str]:
    """Return for each figure why it may be missing."""
    return {
        "dso": _("Not assessable: nothing was sold on credit in the period.")
        if method == "simple"
        else _("Not assessable: more is owed than all that was sold in the last {months} months.").format(
            months=_MONTHS_BACK
        ),
        "cei": _("Not assessable: there was nothing to collect in the period."),
        "days_beyond_terms": _("Not assessable: nothing was paid in the period."),
    }


def decimal_text(value: Fraction | None, digits: int) -> str | None:
    """Write a figure as decimal text, rounded half up (away from zero); None stays None."""
    if value is None:
        return None
    scaled = abs(value) * 10**digits
    size = int(scaled + Fraction(1, 2))
    whole, rest = divmod(size, 10**digits)
    sign = "-" if value < 0 and size else ""
    return f"{sign}{whole}.{rest:0{digits}}"


class _Reading:
    """The sums behind the figures, in the company's currency at the rates of the last day."""

    def __init__(self, ctx: Context, period: Period) -> None:
        self._ctx, self._period = ctx, period
        self._money = Money(ctx, period.end) if period.customer else KnownMoney(ctx, period.end)
        self._ids = [find_usable(ctx, period.customer)] if period.customer else None

    def receivables(self, day: date) -> tuple[int, int]:
        """Return what was owed at the end of a day, and what of it was not yet due."""
        claims = claims_on(self._ctx, day, self._ids)
        currency, amount = claims.rows.c.currency, claims.open_minor
        current = sa.case((claims.due_on >= day, amount), else_=0)
        query = claims.select(currency, sa.func.sum(amount), sa.func.sum(current)).group_by(currency)
        rows = self._ctx.connection.execute(query).all()
        return (
            sum(self._money.converted(row[1], row[0]) for row in rows),
            sum(self._money.converted(row[2], row[0]) for row in rows),
        )

    def sales(self, start: date, end: date) -> int:
        """Return what was sold on credit, with tax, less credit notes."""
        return sum(self._sales_by_month(start, end).values())

    def months(self) -> Iterator[dso.Month]:
        """Yield the months up to the last day, the latest first; of that one only the days up to it."""
        end = self._period.end
        first = _months_before(end.replace(day=1), _MONTHS_BACK - 1)
        sold = self._sales_by_month(first, end)
        day = end
        for _month in range(_MONTHS_BACK):
            yield dso.Month(sold.get((day.year, day.month), 0), day.day)
            if day.replace(day=1) <= first:
                return
            day = day.replace(day=1) - timedelta(days=1)

    def beyond_terms(self) -> Fraction | None:
        """Return days beyond terms of the period; None where nothing was paid."""
        return days_beyond_terms(
            self._ctx, self._period.start, self._period.end, self._ids, money=self._money
        )

    def left_out(self) -> list[dict[str, Any]]:
        """Return whose money is in no figure: what was sold in the period or was owed at its end; as `LeftOut.as_json`."""
        problems = self._money.problems if isinstance(self._money, KnownMoney) else {}
        if not problems:
            return []
        start, end = self._period.start, self._period.end
        owed, before = claims_on(self._ctx, end), claims_on(self._ctx, start - timedelta(days=1))
        sold = self._ctx.facts.select("receivables").subquery("receivable")
        paid = self._ctx.facts.select("settlements").subquery("settlement")
        others = [
            (before.rows, before.open_minor),
            *(
                (rows, rows.c.amount_minor)
                for rows in (
                    sa.select(sold).where(sold.c.occurred_on.between(start, end)).subquery("sold"),
                    sa.select(paid).where(paid.c.settled_on.between(start, end)).subquery("paid"),
                )
            ),
        ]
        return set_aside(self._ctx, problems, [(owed.rows, owed.open_minor)], others).as_json(self._ctx)

    def _sales_by_month(self, start: date, end: date) -> dict[tuple[int, int], int]:
        fact = self._ctx.facts.select("receivables").subquery("receivable")
        c = fact.c
        month = (sa.extract("year", c.occurred_on), sa.extract("month", c.occurred_on))
        query = sa.select(*month, c.currency, sa.func.sum(c.amount_minor)).where(
            c.occurred_on.between(start, end)
        )
        if self._ids is not None:
            query = query.where(c.customer_id.in_(self._ids))
        found: dict[tuple[int, int], int] = {}
        for year, number, currency, amount in self._ctx.connection.execute(
            query.group_by(*month, c.currency)
        ):
            place = (int(year), int(number))
            found[place] = found.get(place, 0) + self._money.converted(amount, currency)
        return found


def _months_before(first: date, months: int) -> date:
    number = max(first.year * 12 + first.month - 1 - months, date.min.year * 12)
    return date(number // 12, number % 12 + 1, 1)
