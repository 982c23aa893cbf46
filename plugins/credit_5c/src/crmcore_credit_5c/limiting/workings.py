"""What each rule for limits came to, for programs and for people."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from crmcore.api import format_minor, translator
from crmcore_credit_5c.rules.limits import Working

_ = translator("crmcore_credit_5c")


def working_json(one: Working, currency: str, *, chosen: bool) -> dict[str, Any]:
    """Return a working as JSON: `proposals` of schemas/limit_proposal.schema.json."""
    rule = one.rule
    return {
        "base": rule.base,
        "months": rule.months if rule.base == "avg_monthly_purchases" else None,
        "status": one.status,
        "base_minor": None if one.base_minor is None else int(one.base_minor // 1),
        "times": None if one.factor is None else _decimal(one.factor),
        "cap_minor": rule.cap_minor,
        "floor_minor": rule.floor_minor,
        "round_to_minor": rule.round_to_minor,
        "amount_minor": one.amount_minor,
        "chosen": chosen,
        "explain": working_sentence(one, currency),
    }


def working_sentence(one: Working, currency: str) -> str:
    """Say how a rule came to its amount, or why it came to none."""
    base = _base_words(one)
    if one.status == "base_unknown":
        return _("{base}: not assessable, it is not known").format(base=base)
    if one.status == "grade_unnamed":
        return _("{base}: not assessable, the rule names no factor for the grade").format(base=base)
    if one.rule.base == "policy_cap":
        return _("{base}: {amount} {currency}").format(base=base, **_amounts(one, currency))
    message = _("{base} {of} × {factor} = {product}, so {amount} {currency}")
    return message.format(base=base, **_amounts(one, currency)) + _bounds(one, currency)


def _base_words(one: Working) -> str:
    if one.rule.base == "avg_monthly_purchases":
        return _("average monthly purchases of {months} months").format(months=one.rule.months)
    words = {
        "net_assets": _("net assets"),
        "requested": _("amount asked for"),
        "policy_cap": _("ceiling of the grade's policy"),
    }
    return words[one.rule.base]


def _amounts(one: Working, currency: str) -> dict[str, str]:
    return {
        "of": _shown(one.base_minor or Fraction(0), currency),
        "factor": _decimal(one.factor or Fraction(0)),
        "product": _shown(one.product_minor or Fraction(0), currency),
        "amount": format_minor(one.amount_minor or 0, currency),
        "currency": currency,
    }


def _bounds(one: Working, currency: str) -> str:
    """Say in brackets what the rule sets besides."""
    rule = one.rule
    parts = []
    if rule.floor_minor is not None:
        parts.append(_("at least {amount}").format(amount=format_minor(rule.floor_minor, currency)))
    if rule.cap_minor is not None:
        parts.append(_("at most {amount}").format(amount=format_minor(rule.cap_minor, currency)))
    if rule.round_to_minor > 1:
        shown = format_minor(rule.round_to_minor, currency)
        parts.append(_("in steps of {amount}, rounded down").format(amount=shown))
    return f" ({'; '.join(parts)})" if parts else ""


def _shown(amount: Fraction, currency: str) -> str:
    """Write an amount that is seldom whole: what is below the smallest unit is cut off."""
    return format_minor(int(amount // 1), currency)


def _decimal(factor: Fraction) -> str:
    """Write a factor that was given as decimal text as such."""
    from decimal import Decimal

    text = f"{Decimal(factor.numerator) / Decimal(factor.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
