"""Money in several currencies, in that of the company; what has no exchange rate is refused, or set aside and named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    CrmError,
    convert,
    customer_codes,
    format_minor,
    minor_digits,
    restricted_ids,
    translator,
)

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_NAMED = 10
"""So many customers are named in a sentence; JSON names all."""


class NoRate(CrmError):
    """No exchange rate is known for a currency on a day; the sentence says what to do."""

    def __init__(self, sentence: str, currency: str) -> None:
        """Keep the currency beside the sentence."""
        super().__init__(sentence)
        self.currency = currency


class Money:
    """Turns amounts into the company's currency at the rates of one day; NoRate where one is unknown."""

    def __init__(self, ctx: Context, day: date) -> None:
        """Look no rate up yet: those of currencies that do not occur need not be known."""
        self._ctx, self._day = ctx, day
        self._rates: dict[str, Decimal | NoRate] = {}
        self.currency = ctx.currency

    def converted(self, amount_minor: int, currency: str) -> int:
        """Return an amount in minor units of the company's currency, rounded half up; nothing needs no rate."""
        amount_minor = int(amount_minor)
        if currency == self.currency or not amount_minor:
            return amount_minor
        return convert(amount_minor, currency, self.currency, self.rate(currency))

    def unit(self, currency: str) -> Fraction | int:
        """Return what one minor unit of a currency is worth in those of the company's, exactly: for averages."""
        if currency == self.currency:
            return 1
        digits = minor_digits(self.currency) - minor_digits(currency)
        return Fraction(self.rate(currency)) * Fraction(10) ** digits

    def rate(self, currency: str) -> Decimal:
        """Return what one unit of a currency is worth in units of the company's."""
        known = self._known(currency)
        if isinstance(known, NoRate):
            raise known
        return known

    def total(self, amounts: Mapping[str, int]) -> int:
        """Return the sum of amounts in several currencies: each currency's sum is rounded once."""
        return sum(self.converted(amount, currency) for currency, amount in amounts.items())

    def lacking(self, currencies: Iterable[str]) -> dict[str, str]:
        """Return those of these currencies that have no rate, each with the sentence that says so."""
        known = {currency: self._known(currency) for currency in sorted(set(currencies) - {self.currency})}
        return {currency: str(found) for currency, found in known.items() if isinstance(found, NoRate)}

    def _known(self, currency: str) -> Decimal | NoRate:
        if currency not in self._rates:
            try:
                self._rates[currency] = self._ctx.facts.rate(currency, self.currency, self._day)
            except CrmError as error:
                if type(error) is not CrmError:  # a strategy that is broken concerns every currency
                    raise
                self._rates[currency] = NoRate(str(error), currency)
        return self._rates[currency]


class KnownMoney(Money):
    """The same for sums over many customers: what has no rate counts as nothing, and `problems` names its currency."""

    def __init__(self, ctx: Context, day: date) -> None:
        """Nothing is set aside yet."""
        super().__init__(ctx, day)
        self.problems: dict[str, str] = {}

    def rate(self, currency: str) -> Decimal:
        """Return what one unit of a currency is worth; 0 where nobody knows."""
        known = self._known(currency)
        if isinstance(known, NoRate):
            self.problems[currency] = str(known)
            return Decimal(0)
        return known


@dataclass(slots=True)
class LeftOut:
    """Who, or which money of whom, an answer about many leaves out for want of exchange rates (缺汇率未计入)."""

    problems: dict[int, dict[str, str]] = field(default_factory=dict)
    """Customer → currency without a rate → the sentence that says so."""
    amounts: dict[int, dict[str, int]] = field(default_factory=dict)
    """Customer → currency → what is left out, in its minor units; nothing where that is no sum."""

    def add(
        self, customer_id: int, problems: Mapping[str, str], amounts: Mapping[str, int] | None = None
    ) -> None:
        """Leave a customer out, or amounts of its."""
        self.problems.setdefault(customer_id, {}).update(problems)
        if amounts:
            own = self.amounts.setdefault(customer_id, {})
            own.update({name: own.get(name, 0) + amount for name, amount in amounts.items()})

    def problem(self, customer_id: int) -> str | None:
        """Return why a customer is left out; None where it is not."""
        found = self.problems.get(customer_id)
        return "; ".join(found[currency] for currency in sorted(found)) if found else None

    def as_json(self, ctx: Context) -> list[dict[str, Any]]:
        """Return an entry for each customer, by code; a person whose data may not be used is not named."""
        hidden = restricted_ids(ctx) if self.problems else frozenset()
        codes = customer_codes(ctx.connection, [one for one in self.problems if one not in hidden])
        found = [
            {
                "customer": codes.get(customer),
                "currencies": sorted(problems),
                "amounts": [
                    {"currency": currency, "amount_minor": amount}
                    for currency, amount in sorted(self.amounts.get(customer, {}).items())
                ],
                "problem": self.problem(customer),
            }
            for customer, problems in self.problems.items()
        ]
        return sorted(found, key=lambda one: (one["customer"] is None, one["customer"] or ""))

    def sentences(self, ctx: Context) -> list[str]:
        """Return what is to be told to people."""
        return list(left_out_sentences(self.as_json(ctx)))


Rows = tuple[sa.FromClause, Any]
"""Rows with a customer_id and a currency, and the column of theirs that was added up."""


def set_aside(
    ctx: Context, problems: Mapping[str, str], sums: Iterable[Rows], others: Iterable[Rows] = ()
) -> LeftOut:
    """Return whose money sums leave out, since its currency is among `problems`.

    others: rows whose money is left out too, but is no part of the amounts that are named.
    """
    left_out = LeftOut()
    if not problems:
        return left_out
    for given, is_named in ((sums, True), (others, False)):
        for rows, amount in given:
            for customer, currency, total in ctx.connection.execute(_in_currencies(rows, amount, problems)):
                named = {currency: int(total)} if is_named else None
                if int(total):
                    left_out.add(customer, {currency: problems[currency]}, named)
    return left_out


def _in_currencies(rows: sa.FromClause, amount: Any, currencies: Collection[str]) -> sa.Select[Any]:
    columns = (rows.c.customer_id, rows.c.currency)
    query = sa.select(*columns, sa.func.sum(amount)).where(rows.c.currency.in_(sorted(currencies)))
    return query.group_by(*columns)


def left_out_sentences(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each problem, from the entries of `LeftOut.as_json`."""
    by_problem: dict[str, list[str]] = {}
    for one in found:
        by_problem.setdefault(one["problem"], []).append(_named(one))
    for problem, names in by_problem.items():
        listed = _(", ").join(names[:_NAMED])
        if len(names) > _NAMED:
            listed = _("{names} and {count} more").format(names=listed, count=len(names) - _NAMED)
        yield _("Left out: {customers}; {problem}.").format(customers=listed, problem=problem)


def _named(one: Mapping[str, Any]) -> str:
    name = one["customer"] or _("a person whose data may not be used")
    amounts = amounts_text({each["currency"]: each["amount_minor"] for each in one["amounts"]})
    return _("{name} ({amounts})").format(name=name, amounts=amounts) if amounts else name


def amounts_text(amounts: Mapping[str, int]) -> str:
    """Write amounts in several currencies."""
    return _(", ").join(f"{format_minor(amount, name)} {name}" for name, amount in sorted(amounts.items()))
