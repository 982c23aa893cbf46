"""Products and goods turnover, where one plugin provides purchases, products and stock, and where it does not."""

from fractions import Fraction
from importlib import import_module
from itertools import pairwise

import pytest

from crmcore.api import FactProvider, hookimpl

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
MILLION = 1_000_000


@pytest.fixture
def make_trader(make_company, monkeypatch):
    """Return a maker of companies whose purchases come from the plugin that provides these facts, too."""

    def make(database="sqlite", *, settings="", facts=("products", "stock")):
        purchases, costs = (import_module(f"{name}.plugin") for name in ("fake_purchases", "fake_costs"))

        def provided():
            own = FactProvider("purchases", purchases._purchases)
            return [own, *(FactProvider(fact, costs._rows_of(fact)) for fact in facts)]

        monkeypatch.setattr(purchases, "facts", hookimpl(provided))
        return make_company(database, settings=settings, facts=["wallet"])

    return make


@pytest.fixture
def company(make_trader, database):
    company = make_trader(database, settings='USD = "7"\n')
    company.add("C1", "C2")
    company.products("P1", "P2", line="pipes", unit="m")
    company.products("V1", line="valves", unit="pc")
    company.products("X1")
    buy = company.buy
    buy("2025-03-01", {"C1": 10_000}, product="P1", cost_minor=7_000, quantity_micro=5 * MILLION)
    buy("2025-04-01", {"C2": 1_000}, "USD", product="P1", cost_minor=500, quantity_micro=1_500_000)
    buy("2025-04-01", {"C2": -2_000}, product="P1", cost_minor=-1_400, quantity_micro=-MILLION)
    buy("2025-05-01", {"C1": 4_000}, product="P2", cost_minor=5_000, quantity_micro=2 * MILLION)
    buy("2025-05-01", {"C1": 6_000}, product="P2")
    buy("2025-05-01", {"C1": 15_000}, product="V1", quantity_micro=3 * MILLION)
    buy("2025-06-01", {"C2": -300}, product="X1", cost_minor=-200)
    buy("2025-06-01", {"C2": 900}, cost_minor=0, quantity_micro=MILLION)
    buy("2024-12-31", {"C2": 77_777}, product="P1", cost_minor=1)
    return company


def rows_of(printed, *names):
    return [tuple(row[name] for name in names) for row in printed["products"]]


# -- products ----------------------------------------------------------------------------------------------------------


def test_products_have_sales_rank_and_share(company, crm, check_schema):
    printed = crm.json("abc", "products", *YEAR)
    check_schema(printed, "products")
    whole = 15_000 + 15_000 + 10_000 + 900
    assert rows_of(printed, "rank", "code", "line", "unit", "amount_minor", "share") == [
        (1, "P1", "pipes", "m", 15_000, round(15_000 / whole, 12)),
        (1, "V1", "valves", "pc", 15_000, round(15_000 / whole, 12)),
        (3, "P2", "pipes", "m", 10_000, round(10_000 / whole, 12)),
        (4, None, None, None, 900, round(900 / whole, 12)),
        (5, "X1", None, None, -300, 0),
    ]
    assert (printed["amount_minor"], printed["rows"], printed["needs"]) == (40_600, 5, [])
    assert printed["rates"] == {"USD": "7"}


def test_a_margin_is_of_the_lines_with_a_cost(company, crm):
    printed = crm.json("abc", "products", *YEAR)
    measures = ("code", "cost_minor", "margin_minor", "margin_rate", "without_cost_minor")
    assert rows_of(printed, *measures) == [
        ("P1", 9_100, 5_900, round(5_900 / 15_000, 12), 0),
        ("V1", None, None, None, 15_000),
        ("P2", 5_000, -1_000, -0.25, 6_000),
        (None, 0, 900, 1, 0),
        ("X1", -200, -100, None, 0),
    ]
    assert printed["without_cost_minor"] == 21_000
    assert printed["cost_minor"] == 13_900
    assert printed["margin_minor"] == 15_000 + 4_000 + 900 - 300 - 13_900


def test_quantities_are_added_up_where_their_units_are_the_same(company, crm, check_schema):
    quantities = ("code", "quantity_micro", "without_quantity")
    assert rows_of(crm.json("abc", "products", *YEAR), *quantities) == [
        ("P1", 5_500_000, 0),
        ("V1", 3_000_000, 0),
        ("P2", 2_000_000, 1),
        (None, None, 0),
        ("X1", None, 1),
    ]
    printed = crm.json("abc", "products", "--by", "line", *YEAR)
    check_schema(printed, "products")
    assert rows_of(printed, "rank", "line", "amount_minor", "quantity_micro", "purchases") == [
        (1, "pipes", 25_000, 7_500_000, 5),
        (2, "valves", 15_000, 3_000_000, 1),
        (3, None, 600, None, 2),
    ]
    assert printed["quantity_micro"] is None


def test_products_of_another_plugin_are_shown_by_their_number(make_company, database, crm, check_schema):
    company = make_company(database, facts=["products", "stock"])
    company.products("P1", line="pipes")
    company.add("C1")
    company.buy("2025-03-01", {"C1": 100}, product="P1")
    printed = crm.json("abc", "products", *YEAR)
    check_schema(printed, "products")
    assert rows_of(printed, "product", "code", "name", "line") == [
        (company.product_id("P1"), None, None, None)
    ]
    by_line = crm.json("abc", "products", "--by", "line", *YEAR)
    check_schema(by_line, "products")
    assert (by_line["needs"], by_line["products"]) == (["products"], [])
    shown = crm.ok("abc", "products", "--by", "line", *YEAR).stdout
    assert "no data: needs fact products from fake_purchases" in shown


def test_lines_need_products(make_company, crm):
    make_company().sell("2025-03-01", {"C1": 100})
    assert "no data: needs fact products" in crm.ok("abc", "products", "--by", "line", *YEAR).stdout
    assert "(no product)" in crm.ok("abc", "products", *YEAR).stdout


def test_the_terminal_shows_products(company, crm):
    shown = crm.ok("abc", "products", *YEAR).stdout
    for part in ("Sales by product", "P1", "5.5", "39.33%", "(no product)", "█"):
        assert part in shown
    assert "Sales of 210.00 CNY have no known cost" in shown
    assert "Purchases without a quantity: 2." in shown
    assert "(no line)" in crm.ok("abc", "products", "--by", "line", *YEAR).stdout
    assert "2 of 5 rows are shown" in crm.ok("abc", "products", "--limit", "2", *YEAR).stdout
    assert len(crm.json("abc", "products", "--limit", "2", *YEAR)["products"]) == 2


def test_nothing_sold_is_no_row(make_trader, crm, check_schema):
    make_trader().add("C1")
    for by in ("product", "line"):
        printed = crm.json("abc", "products", "--by", by, *YEAR)
        check_schema(printed, "products")
        assert (printed["amount_minor"], printed["products"]) == (0, [])
        crm.ok("abc", "products", "--by", by, *YEAR)


# -- turnover ----------------------------------------------------------------------------------------------------------


def count_stock(company, product, days, currency="CNY"):
    company.fact(
        "stock",
        [
            {
                "product": product,
                "as_of": day,
                "quantity_micro": MILLION,
                "value_minor": value,
                "currency": currency,
            }
            for day, value in days.items()
        ],
    )


@pytest.fixture
def counted(company):
    count_stock(company, "P1", {"2024-12-31": 4_000, "2025-12-31": 2_000, "2020-01-01": 10**9})
    count_stock(company, "P2", {"2024-12-01": 100, "2025-07-02": 700, "2026-01-30": 100}, "USD")
    count_stock(company, "N1", {"2025-06-30": 5_000})  # not sold
    count_stock(company, "X1", {"2025-06-30": 1_000})
    return company


def stock_of(days):
    """Return the average of the ends of days, halves at the ends: what lies between two counts lies on a line."""
    return sum((one + two) / Fraction(2) for one, two in pairwise(days)) / (len(days) - 1)


def test_turnover_is_cost_by_average_stock(counted, crm, check_schema):
    printed = crm.json("abc", "turnover", *YEAR)
    check_schema(printed, "turnover")
    # P2: 213 days from the first count to the second, 212 to the third, of which 2024-12-31 … 2025-12-31 counts.
    levels = [
        *(700 + Fraction(4200 * day, 213) for day in range(30, 213)),
        *(4900 - Fraction(4200 * day, 212) for day in range(183)),
    ]
    average = stock_of(levels)
    times = 5_000 / average
    found = {row["code"] or row["product"]: row for row in printed["products"]}
    assert list(found) == [counted.product_id("N1"), "P2", "P1", "X1", "V1"]
    assert found["P2"]["average_stock_minor"] == round(average)
    assert found["P2"]["times"] == float(round(times, 12))
    assert found["P2"]["days_of_stock"] == float(round(365 / times, 12))
    assert (found["P2"]["counts"], found["P2"]["counted"]) == (3, ["2024-12-01", "2026-01-30"])
    assert found["P2"]["without_cost_minor"] == 6_000
    assert found["P1"]["average_stock_minor"] == 3_000
    assert found["P1"]["times_a_year"] == round(9_100 / 3_000, 12)
    assert found["P1"]["counts"] == 2
    unsold = found[counted.product_id("N1")]
    assert (unsold["cost_minor"], unsold["times"], unsold["days_of_stock"]) == (0, 0, None)
    assert {code: found[code]["why"] for code in ("V1", "X1")} == {"V1": "not_counted", "X1": "returned"}
    assert found["V1"]["times"] is None
    total = printed["total"]
    assert (total["products"], total["cost_minor"]) == (3, 14_100)
    assert total["average_stock_minor"] == round(average + 8_000)
    assert total["times"] == float(round(14_100 / (average + 8_000), 12))


def test_turnover_of_a_part_of_a_year_is_told_for_a_year_too(counted, crm):
    printed = crm.json("abc", "turnover", "--from", "2025-03-01", "--to", "2025-03-31")
    found = {row["code"]: row for row in printed["products"]}
    level = [4_000 - Fraction(2_000 * day, 365) for day in (59, 90)]
    times = 7_000 / (sum(level) / 2)
    assert found["P1"]["times"] == float(round(times, 12))
    assert found["P1"]["times_a_year"] == float(round(times * 365 / 31, 12))
    assert found["P1"]["days_of_stock"] == float(round(31 / times, 12))


def test_stock_of_zero_is_never_infinity(make_trader, database, crm, check_schema):
    company = make_trader(database)
    company.add("C1")
    company.buy("2025-03-01", {"C1": 100}, product="P1", cost_minor=50)
    count_stock(company, "P1", {"2024-12-31": 0, "2025-12-31": 0})
    printed = crm.json("abc", "turnover", *YEAR)
    check_schema(printed, "turnover")
    assert rows_of(printed, "times", "times_a_year", "days_of_stock", "why") == [
        (None, None, None, "no_stock")
    ]
    assert printed["total"] is None
    shown = crm.ok("abc", "turnover", *YEAR).stdout
    assert "had no stock on average" in shown
    assert "Products that cannot be assessed: 1;" in shown


def test_without_stock_the_answer_is_what_it_needs(make_trader, crm, check_schema):
    make_trader(facts=["products"]).sell("2025-03-01", {"C1": 100})
    printed = crm.json("abc", "turnover", *YEAR)
    check_schema(printed, "turnover")
    assert (printed["needs"], printed["total"], printed["products"]) == (["stock"], None, [])
    assert "no data: needs fact stock" in crm.ok("abc", "turnover", *YEAR).stdout


def test_stock_of_another_plugin_is_no_data(make_company, crm):
    company = make_company(facts=["stock"])
    company.add("C1")
    company.buy("2025-03-01", {"C1": 100}, product="P1", cost_minor=50)
    count_stock(company, "P1", {"2025-03-01": 40})
    assert crm.json("abc", "turnover", *YEAR)["needs"] == ["stock"]
    shown = crm.ok("abc", "turnover", *YEAR).stdout
    assert "no data: needs fact stock from fake_purchases, which provides the purchases; fake_costs" in shown


def test_the_terminal_shows_turnover(counted, crm):
    shown = crm.ok("abc", "turnover", *YEAR).stdout
    for part in (
        "Goods turnover, 2025-01-01 to 2025-12-31",
        "3.03",
        "sold, but its stock was not counted",
        "█",
    ):
        assert part in shown
    assert "Products that cannot be assessed: 2;" in shown
    limited = crm.json("abc", "turnover", "--limit", "1", *YEAR)
    assert (len(limited["products"]), limited["rows"]) == (1, 5)


def test_neither_sold_nor_counted_is_no_row(make_trader, crm, check_schema):
    make_trader().add("C1")
    printed = crm.json("abc", "turnover", *YEAR)
    check_schema(printed, "turnover")
    assert (printed["needs"], printed["total"], printed["products"]) == ([], None, [])
    crm.ok("abc", "turnover", *YEAR)
    crm.ok("abc", "turnover", "--from", "0001-01-01", "--to", "9999-12-31")
