"""The strategies that the kernel itself offers: codes from a pattern, exchange rates from crm.toml, working days."""

from __future__ import annotations

from decimal import Context as Digits
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.api import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crmcore.hookspecs import CodeGenerator, CurrencyRates, Workdays
    from crmcore.plugins.types import Context


_DIVIDING = Digits(prec=10)
"""Digits of a rate worked out from two: more than people quote, and few enough for every engine."""


@hookimpl
def code_generator() -> Mapping[str, CodeGenerator]:
    """Offer `pattern`."""
    from crmcore.codes import codes_from_pattern

    return {"pattern": codes_from_pattern}


@hookimpl
def currency_rates() -> Mapping[str, CurrencyRates]:
    """Offer `table`: [currency.rates] of crm.toml, the same on every day."""
    return {"table": rate_from_table}


@hookimpl
def workdays() -> Mapping[str, Workdays]:
    """Offer `china`, what was published and beyond that weekends, and `weekends` for companies elsewhere."""
    from crmcore.builtin.strategies import workdays as calendars

    return {"china": calendars.china, "weekends": calendars.weekends}


def rate_from_table(source: str, target: str, _day: date, ctx: Context) -> Decimal | None:
    """Return the rate that crm.toml gives, between two foreign currencies by way of the company's; None for none."""
    from crmcore.config import load_config

    config = load_config(ctx.workspace)
    rates = config.data["currency"]["rates"]
    into, out_of = (
        Decimal(1) if name == config.currency else Decimal(rates.get(name, 0)) for name in (source, target)
    )
    if not into or not out_of:
        return None
    return into if out_of == 1 else _DIVIDING.divide(into, out_of)
