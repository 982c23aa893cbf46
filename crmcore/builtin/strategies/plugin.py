"""The strategies that the kernel itself offers: codes from a pattern, exchange rates from crm.toml."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.api import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crmcore.hookspecs import CodeGenerator, CurrencyRates
    from crmcore.plugins.types import Context


@hookimpl
def code_generator() -> Mapping[str, CodeGenerator]:
    """Offer `pattern`."""
    from crmcore.codes import codes_from_pattern

    return {"pattern": codes_from_pattern}


@hookimpl
def currency_rates() -> Mapping[str, CurrencyRates]:
    """Offer `table`: [currency.rates] of crm.toml, the same on every day."""
    return {"table": rate_from_table}


def rate_from_table(source: str, target: str, _day: date, ctx: Context) -> Decimal | None:
    """Return the rate that crm.toml gives; None where it gives none."""
    from crmcore.config import load_config

    config = load_config(ctx.workspace)
    rates = config.data["currency"]["rates"]
    if target == config.currency and source in rates:
        return Decimal(rates[source])
    if source == config.currency and target in rates and Decimal(rates[target]):
        return 1 / Decimal(rates[target])
    return None
