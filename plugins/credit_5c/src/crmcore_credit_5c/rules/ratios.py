"""What financial statements (财务报表) say: the usual ratios, each None where it cannot be assessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .altman import FORMS, figures_needed, z_score

FIGURES = (
    *("current_assets", "current_liabilities", "stock", "total_assets", "total_liabilities", "equity"),
    *("retained_earnings", "ebit", "interest", "sales", "cost_of_sales", "receivables"),
    "market_value_equity",
)
"""The figures of a statement that ratios are worked out from; `equity` is net assets (净资产)."""

Figures = Mapping[str, Decimal]


class Statement(NamedTuple):
    """The figures of one statement: a balance sheet at the end of a period, and the income of the period."""

    months: int
    currency: str
    figures: Figures
    """Name → amount in units of the currency."""


class Ratio(NamedTuple):
    """How one ratio is worked out, and from which figures."""

    needs: tuple[str, ...]
    compute: Callable[[Figures], Fraction | None]


def _by(above: Decimal, below: Decimal) -> Fraction | None:
    return Fraction(above) / Fraction(below) if below > 0 else None


def _gearing(f: Figures) -> Fraction | None:
    """Debt by equity; with nothing or less of its own a firm has no gearing that could be compared."""
    return _by(f["total_liabilities"], f["equity"])


def _altman(form: str) -> Ratio:
    return Ratio(figures_needed(form), lambda f: z_score(form, f))


RATIOS: Mapping[str, Ratio] = {
    "current_ratio": Ratio(
        ("current_assets", "current_liabilities"),
        lambda f: _by(f["current_assets"], f["current_liabilities"]),
    ),
    "quick_ratio": Ratio(
        ("current_assets", "stock", "current_liabilities"),
        lambda f: _by(f["current_assets"] - f["stock"], f["current_liabilities"]),
    ),
    "gearing": Ratio(("total_liabilities", "equity"), _gearing),
    "interest_cover": Ratio(("ebit", "interest"), lambda f: _by(f["ebit"], f["interest"])),
    "receivables_turnover": Ratio(("sales", "receivables"), lambda f: _by(f["sales"], f["receivables"])),
    "stock_turnover": Ratio(("cost_of_sales", "stock"), lambda f: _by(f["cost_of_sales"], f["stock"])),
    **{form: _altman(form) for form in FORMS},
}
"""Current ratio 流动比率, quick ratio 速动比率, gearing 产权比率 (total liabilities by equity), interest cover 利息保障倍数,
turnover of receivables 应收账款周转率 and of stock 存货周转率, and Altman's Z, Z′ and Z″."""

_FLOWS = ("ebit", "interest", "sales", "cost_of_sales")
_YEAR = 12


def assess(name: str, statement: Statement) -> Fraction | tuple[str, ...] | None:
    """Return a ratio of a statement; None where it is not assessable, or the figures that are missing.

    Income of a shorter or longer period is reckoned as of twelve months.
    """
    ratio = RATIOS[name]
    missing = tuple(figure for figure in ratio.needs if figure not in statement.figures)
    if missing:
        return missing
    return ratio.compute(_of_a_year(statement))


def _of_a_year(statement: Statement) -> Figures:
    if statement.months == _YEAR:
        return statement.figures
    return {
        name: amount * _YEAR / statement.months if name in _FLOWS else amount
        for name, amount in statement.figures.items()
    }
