"""What each rule for limits came to, for programs and for people.

Kept is what was reckoned with; the sentence is made of it anew for each reader. The one in the JSON stays English.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from crmcore.api import N_, format_minor, translator
from crmcore_credit_5c.rules.limits import Working

_ = translator("crmcore_credit_5c")
Say = Callable[[str], str]
"""Says a message in some language."""
_BASES = {
    "net_assets": N_("net assets"),
    "requested": N_("amount asked for"),
    "policy_cap": N_("ceiling of the grade's policy"),
}
_MONTHS = N_("average monthly purchases of {months} months")
_STATUSES = {
    "base_unknown": N_("{base}: not assessable, it is not known"),
    "grade_unnamed": N_("{base}: not assessable, the rule names no factor for the grade"),
}
_CEILING = N_("{base}: {amount} {currency}")
_PRODUCT = N_("{base} {of} × {factor} = {product}, so {amount} {currency}")
_BOUNDS = (("floor_minor", N_("at least {amount}")), ("cap_minor", N_("at most {amount}")))
_STEPS = N_("in steps of {amount}, rounded down")


def working_json(one: Working, currency: str, *, chosen: bool) -> dict[str, Any]:
    """Return a working as JSON: `proposals` of schemas/limit_proposal.schema.json."""
    rule = one.rule
    found = {
        "base": rule.base,
        "months": rule.months if rule.base == "avg_monthly_purchases" else None,
        "status": one.status,
        "base_minor": _whole(one.base_minor),
        "times": None if one.factor is None else _decimal(one.factor),
        "product_minor": _whole(one.product_minor),
        "cap_minor": rule.cap_minor,
        "floor_minor": rule.floor_minor,
        "round_to_minor": rule.round_to_minor,
        "amount_minor": one.amount_minor,
        "chosen": chosen,
    }
    return {**found, "explain": _sentence(found, currency, str)}


def shown_working(working: Mapping[str, Any], currency: str) -> str:
    """Say in the reader's language how a rule came to its amount, or why it came to none.

    working: as `working_json` returns it. One that an older version kept is shown in the language of who asked.
    """
    return _sentence(working, currency, _) if "product_minor" in working else str(working["explain"])


def _sentence(working: Mapping[str, Any], currency: str, say: Say) -> str:
    base = say(_BASES.get(working["base"], _MONTHS)).format(months=working["months"])
    if working["status"] in _STATUSES:
        return say(_STATUSES[working["status"]]).format(base=base)
    amounts = {
        name: format_minor(working[key] or 0, currency)
        for name, key in (("of", "base_minor"), ("product", "product_minor"), ("amount", "amount_minor"))
    }
    message = _CEILING if working["base"] == "policy_cap" else _PRODUCT
    said = say(message).format(base=base, factor=working["times"], currency=currency, **amounts)
    return said if message is _CEILING else said + _bounds(working, currency, say)


def _bounds(working: Mapping[str, Any], currency: str, say: Say) -> str:
    """Say in brackets what the rule sets besides."""
    parts = [
        say(message).format(amount=format_minor(working[key], currency))
        for key, message in _BOUNDS
        if working[key] is not None
    ]
    if working["round_to_minor"] > 1:
        parts.append(say(_STEPS).format(amount=format_minor(working["round_to_minor"], currency)))
    return f" ({'; '.join(parts)})" if parts else ""


def _whole(amount: Fraction | None) -> int | None:
    """Return an amount that is seldom whole: what is below the smallest unit is cut off."""
    return None if amount is None else int(amount // 1)


def _decimal(factor: Fraction) -> str:
    """Write a factor that was given as decimal text as such."""
    from decimal import Decimal

    text = f"{Decimal(factor.numerator) / Decimal(factor.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
