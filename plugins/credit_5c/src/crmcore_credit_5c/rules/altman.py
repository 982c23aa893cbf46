"""How near a firm is to insolvency: Altman's Z in its three forms.

* Z: E. I. Altman, *Journal of Finance* 23 (1968), for listed manufacturers; coefficients for ratios, not percents.
* Z′ (1983): private manufacturers; book value of equity instead of the market's.
* Z″ (1995): firms of any industry, so without turnover; the form without the constant 3.25.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

Zone = Literal["safe", "grey", "distress"]


class Form(NamedTuple):
    """One form of the Z-score: its coefficients, and where its zones end."""

    coefficients: tuple[Decimal, ...]
    """Of X1 working capital, X2 retained earnings, X3 EBIT (all by total assets), X4 equity by total liabilities, and
    X5 sales by total assets."""
    equity: str
    """Which figure X4 takes."""
    safe_above: Decimal
    distress_below: Decimal


FORMS: Mapping[str, Form] = {
    "altman_z": Form(
        (Decimal("1.2"), Decimal("1.4"), Decimal("3.3"), Decimal("0.6"), Decimal("1.0")),
        "market_value_equity",
        Decimal("2.99"),
        Decimal("1.81"),
    ),
    "altman_z1": Form(
        (Decimal("0.717"), Decimal("0.847"), Decimal("3.107"), Decimal("0.420"), Decimal("0.998")),
        "equity",
        Decimal("2.90"),
        Decimal("1.23"),
    ),
    "altman_z2": Form(
        (Decimal("6.56"), Decimal("3.26"), Decimal("6.72"), Decimal("1.05")),
        "equity",
        Decimal("2.60"),
        Decimal("1.10"),
    ),
}


def figures_needed(form: str) -> tuple[str, ...]:
    """Return the names of the figures that a form is worked out from."""
    usual = ("current_assets", "current_liabilities", "retained_earnings", "ebit", "total_assets")
    sales = ("sales",) if len(FORMS[form].coefficients) > 4 else ()  # noqa: PLR2004  (Z″ leaves turnover out)
    return (*usual, FORMS[form].equity, "total_liabilities", *sales)


def z_score(form: str, figures: Mapping[str, Decimal]) -> Fraction | None:
    """Return a firm's Z of a form; None, not assessable, without assets or liabilities, or with negative equity.

    figures: those of `figures_needed`, all in one currency.
    """
    rule = FORMS[form]
    assets, liabilities = figures["total_assets"], figures["total_liabilities"]
    equity = figures[rule.equity]
    if assets <= 0 or liabilities <= 0 or equity < 0:
        return None
    parts = (
        (figures["current_assets"] - figures["current_liabilities"], assets),
        (figures["retained_earnings"], assets),
        (figures["ebit"], assets),
        (equity, liabilities),
        (figures.get("sales", Decimal(0)), assets),
    )
    return sum(
        (
            Fraction(c) * Fraction(x) / Fraction(y)
            for c, (x, y) in zip(rule.coefficients, parts, strict=False)
        ),
        Fraction(0),
    )


def zone(form: str, z: Fraction) -> Zone:
    """Return the zone of a Z; the bounds themselves are grey."""
    if z > Fraction(FORMS[form].safe_above):
        return "safe"
    return "distress" if z < Fraction(FORMS[form].distress_below) else "grey"
