"""Financial statements as a credit controller reads them: ratios, Altman's Z, and what cannot be assessed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from crmcore_credit_5c.rules.altman import FORMS, figures_needed, z_score, zone
from crmcore_credit_5c.rules.ratios import FIGURES, RATIOS, Statement, assess

FIGURES_OF_A_FIRM = {
    "current_assets": 500, "current_liabilities": 250, "stock": 150, "total_assets": 1000,
    "total_liabilities": 600, "equity": 400, "retained_earnings": 100, "ebit": 90, "interest": 30, "sales": 1200,
    "cost_of_sales": 900, "receivables": 200, "market_value_equity": 1200,
}  # fmt: skip


def firm(**changed: int) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in {**FIGURES_OF_A_FIRM, **changed}.items()}


def ratio(name: str, months: int = 12, **changed: int) -> object:
    return assess(name, Statement(months, "CNY", firm(**changed)))


def test_a_statement_has_these_figures() -> None:
    assert set(FIGURES) == set(FIGURES_OF_A_FIRM)
    assert all(set(one.needs) <= set(FIGURES) for one in RATIOS.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("current_ratio", 2),  # 500 / 250
        ("quick_ratio", Fraction(7, 5)),  # (500 - 150) / 250
        ("gearing", Fraction(3, 2)),  # 600 / 400
        ("interest_cover", 3),  # 90 / 30
        ("receivables_turnover", 6),  # 1200 / 200
        ("stock_turnover", 6),  # 900 / 150
        # X1 .25, X2 .1, X3 .09, X4 1200/600 by the market or 400/600 in the books, X5 1.2
        ("altman_z", Fraction("3.137")),  # .3 + .14 + .297 + 1.2 + 1.2
        ("altman_z1", Fraction("2.02118")),  # .17925 + .0847 + .27963 + .28 + 1.1976
        ("altman_z2", Fraction("3.2708")),  # 1.64 + .326 + .6048 + .7
    ],
)
def test_each_ratio_by_hand(name: str, expected: Fraction) -> None:
    assert ratio(name) == expected


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("current_ratio", "current_liabilities"),
        ("quick_ratio", "current_liabilities"),
        ("gearing", "equity"),
        ("interest_cover", "interest"),
        ("receivables_turnover", "receivables"),
        ("stock_turnover", "stock"),
        ("altman_z", "total_assets"),
        ("altman_z", "total_liabilities"),
        ("altman_z1", "total_assets"),
        ("altman_z2", "total_liabilities"),
    ],
)
def test_nothing_is_divided_by_nothing_or_less(name: str, figure: str) -> None:
    assert ratio(name, **{figure: 1}) is not None
    assert ratio(name, **{figure: 0}) is None
    assert ratio(name, **{figure: -1}) is None


def test_negative_equity_is_not_assessable() -> None:
    for form, equity in (
        ("altman_z", "market_value_equity"), ("altman_z1", "equity"), ("altman_z2", "equity"),
    ):  # fmt: skip
        assert ratio(form, **{equity: -1}) is None
        assert ratio(form, **{equity: 0}) is not None, "nothing of its own is bad, and can be reckoned"
    assert ratio("gearing", equity=-1) is None
    assert ratio("altman_z", equity=-1) is not None, "the market values it all the same"


def test_what_a_ratio_lacks_is_named_in_the_order_that_it_is_needed() -> None:
    assert assess("quick_ratio", Statement(12, "CNY", {"stock": Decimal(1)})) == (
        "current_assets",
        "current_liabilities",
    )
    usual = ("current_assets", "current_liabilities", "retained_earnings", "ebit", "total_assets")
    assert figures_needed("altman_z") == (*usual, "market_value_equity", "total_liabilities", "sales")
    assert figures_needed("altman_z1") == (*usual, "equity", "total_liabilities", "sales")
    assert figures_needed("altman_z2") == (*usual, "equity", "total_liabilities"), "Z″ leaves turnover out"


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("current_ratio", 1),
        ("quick_ratio", 1),
        ("gearing", 1),
        ("interest_cover", 1),  # income by income
        ("receivables_turnover", 4),
        ("stock_turnover", 4),
    ],
)
def test_the_income_of_a_quarter_counts_four_times_and_the_balance_once(name: str, times: int) -> None:
    year, quarter = ratio(name), ratio(name, 3)
    assert isinstance(year, Fraction)
    assert quarter == year * times


def test_the_income_of_a_quarter_counts_four_times_in_altmans_forms() -> None:
    assert ratio("altman_z", 3) == ratio("altman_z", ebit=360, sales=4800)
    assert ratio("receivables_turnover", 24) == 3, "and that of two years half"


@pytest.mark.parametrize(
    ("form", "distress", "safe"),
    [("altman_z", "1.81", "2.99"), ("altman_z1", "1.23", "2.90"), ("altman_z2", "1.10", "2.60")],
)
def test_each_form_has_its_own_zones_and_their_edges_are_grey(form: str, distress: str, safe: str) -> None:
    little = Fraction(1, 10**6)
    assert zone(form, Fraction(distress) - little) == "distress"
    assert zone(form, Fraction(distress)) == "grey"
    assert zone(form, Fraction(safe)) == "grey"
    assert zone(form, Fraction(safe) + little) == "safe"


def test_the_published_coefficients() -> None:
    """Altman 1968 (for ratios), 1983, and 1995 without the constant."""
    assert {form: [float(x) for x in rule.coefficients] for form, rule in FORMS.items()} == {
        "altman_z": [1.2, 1.4, 3.3, 0.6, 1.0],
        "altman_z1": [0.717, 0.847, 3.107, 0.42, 0.998],
        "altman_z2": [6.56, 3.26, 6.72, 1.05],
    }


def test_more_current_liabilities_than_assets_lower_the_score() -> None:
    """Working capital of -250 by 1000: X1 falls from .25 to -.25, and Z by .6."""
    healthy, squeezed = z_score("altman_z", firm()), z_score("altman_z", firm(current_liabilities=750))
    assert healthy is not None
    assert squeezed == healthy - Fraction(3, 5)
