"""What the plugin gives to the kernel: ways of doing what a company may do in several ways, one of which it chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from crmcore.api import Context, Hold, OrderRelease, ServicePolicy, hookimpl


@hookimpl
def code_generator() -> Mapping[str, Callable[..., Any]]:
    """Offer codes with a check digit: `[strategies] code_generator = "check_digit"`."""
    from .codes import codes_with_check_digit

    return {"check_digit": codes_with_check_digit}


@hookimpl
def currency_rates() -> Mapping[str, Callable[..., Any]]:
    """Offer the treasury's rates: `[strategies] currency_rates = "treasury"`."""
    from .rates import rate_from_file

    return {"treasury": rate_from_file}


@hookimpl
def workdays() -> Mapping[str, Callable[..., Any]]:
    """Offer the working days of the plant, where Saturdays are worked: `[strategies] workdays = "six_days"`."""
    from .week import six_days

    return {"six_days": six_days}


@hookimpl
def service_policies(customer_ids: Sequence[int], ctx: Context) -> Iterable[ServicePolicy]:
    """Serve customers by their kind: `[strategies] service_policies = "local_rules"` where others offer it, too."""
    from .policies import by_kind

    return list(by_kind(customer_ids, ctx))


@hookimpl
def release_orders(orders: Sequence[OrderRelease], ctx: Context) -> Iterable[Hold]:
    """Hold orders of customers of whom nobody has said what kind they are."""
    from .policies import without_kind

    return list(without_kind(orders, ctx))
