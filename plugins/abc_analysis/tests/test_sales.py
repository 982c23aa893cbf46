"""Sales by month, year and customer, against a reckoning over the list of purchases."""

from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.sales import company_sales, sales_document
from crmcore_abc_analysis.analyses.scope import scope_of
from crmcore_abc_analysis.services import Request, make_run

SETTINGS = 'USD = "7.12"\nJPY = "0.0487"\n'
YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
RATES = {"CNY": Decimal(1), "USD": Decimal("7.12"), "JPY": Decimal("4.87")}
"""Units of 0.01 CNY for the smallest unit of each: 1 JPY has no smaller one."""
BOUGHT = [
    ("2023-12-31", "C1", 99_999, "CNY"),
    ("2024-01-15", "C1", 50_000, "CNY"),
    ("2024-06-01", "C2", 12_345, "USD"),
    ("2024-12-31", "C3", 70_000, "CNY"),
    ("2025-01-01", "C1", 30_000, "CNY"),
    ("2025-01-31", "C2", 3_333, "USD"),
    ("2025-02-28", "C2", 10_001, "JPY"),
    ("2025-02-28", "C1", -40_000, "CNY"),
    ("2025-06-01", "C3", 20_000, "CNY"),
    ("2025-06-02", "C4", 20_000, "CNY"),
    ("2025-06-03", "C5", 7, "USD"),
    ("2025-06-03", "C5", -7, "USD"),
    ("2025-12-31", "C2", 999, "USD"),
    ("2026-01-01", "C4", 88_888, "CNY"),
    ("2026-03-02", "C4", 11_111, "CNY"),
]


@pytest.fixture
def company(make_company, database):
    company = make_company(database, settings=SETTINGS)
    company.add("C1", "C2", "C3", "C4", "C5", "C6")
    for day, code, amount, currency in BOUGHT:
        company.buy(day, {code: amount}, currency)
    return company


def converted(rows):
    """Add up by currency, convert each sum, round half up."""
    sums: dict[str, int] = defaultdict(int)
    for _day, _code, amount, currency in rows:
        sums[currency] += amount
    return sum(
        int((amount * RATES[currency]).quantize(Decimal(1), ROUND_HALF_UP))
        for currency, amount in sums.items()
    )


def bought(begins, start="0001-01-01", end="9999-12-31", code=None):
    return converted(
        row
        for row in BOUGHT
        if row[0].startswith(begins) and start <= row[0] <= end and code in {None, row[1]}
    )


def change(before, now):
    share = float(round(Decimal(now - before) / before, 12)) if before > 0 else None
    return {"amount_minor": before, "change_minor": now - before, "change": share}


def test_sales_by_month_equal_the_sums_of_the_purchases(company, crm, check_schema):
    printed = crm.json("abc", "sales", "--from", "2024-01-01", "--to", "2025-12-31")
    check_schema(printed, "sales")
    months = [f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13)]
    assert [sale["name"] for sale in printed["sales"]] == months
    everything = ["2022-12", *(f"2023-{m:02}" for m in range(1, 13)), *months]
    for name, sale in zip(months, printed["sales"], strict=True):
        before = everything[everything.index(name) - 1]
        last_year = f"{int(name[:4]) - 1}{name[4:]}"
        now = bought(name)
        assert sale == {
            "name": name,
            "whole": True,
            "amount_minor": now,
            "before": change(bought(before), now),
            "year_ago": change(bought(last_year), now),
        }
    assert printed["amount_minor"] == bought("", "2024-01-01", "2025-12-31")
    assert printed["rates"] == {"JPY": "0.0487", "USD": "7.12"}


def test_sales_by_year_are_compared_with_the_year_before(company, crm, check_schema):
    printed = crm.json("abc", "sales", "--by", "year", "--from", "2024-01-01", "--to", "2025-12-31")
    check_schema(printed, "sales")
    first, second = printed["sales"]
    assert first["before"] == change(bought("2023"), bought("2024"))
    assert second["before"] == change(bought("2024"), bought("2025"))
    assert (first["year_ago"], second["year_ago"]) == (None, None)


def document_of(company, start=None, end=None):
    """Return sales by month as of the standing clock's day, 2026-03-02."""
    with company.app.read("abc_analysis") as ctx:
        days = (date.fromisoformat(day) if day else None for day in (start, end))
        return sales_document(company_sales(ctx, scope_of(ctx, *days), "month"))


def test_what_the_period_cuts_or_is_not_over_is_compared_with_nothing(company):
    printed = document_of(company, "2025-12-31", "2026-04-30")
    found = {sale["name"]: sale for sale in printed["sales"]}
    assert [name for name, sale in found.items() if sale["whole"]] == ["2026-01", "2026-02"]
    assert found["2025-12"]["amount_minor"] == bought("2025-12")
    assert found["2025-12"]["before"] is None
    assert found["2026-01"]["before"]["amount_minor"] == bought("2025-12")  # the whole month
    assert found["2026-03"]["amount_minor"] == 11_111
    assert found["2026-03"]["year_ago"] is None
    assert found["2026-04"]["amount_minor"] == 0


def test_the_period_is_that_of_the_run_made_last_or_the_last_full_year(company):
    assert document_of(company)["period"] == ["2025-01-01", "2025-12-31"]
    make_run(company.app, ACTOR, Request(date(2024, 2, 1), date(2024, 4, 30)))
    assert document_of(company)["period"] == ["2024-02-01", "2024-04-30"]


def test_the_rates_are_those_of_the_run_made_last(company, crm):
    crm.ok("abc", "run", "--from", "2024-01-01", "--to", "2025-12-31")
    before = crm.json("abc", "sales")
    path = company.app.config.path
    path.write_text(path.read_text("utf-8").replace('"7.12"', '"9"'), "utf-8")
    assert crm.json("abc", "sales") == before
    other = crm.json("abc", "sales", "--from", "2024-01-01", "--to", "2025-11-30")
    assert other["rates"]["USD"] == "9"


def test_customers_are_ranked_with_their_months_and_years(company, crm, check_schema):
    lines = crm.lines("abc", "sales", "--by", "customer", "--from", "2024-06-01", "--to", "2025-06-30")
    amounts = {code: bought("", "2024-06-01", "2025-06-30", code) for code in ("C1", "C2", "C3", "C4", "C5")}
    whole = sum(amount for amount in amounts.values() if amount > 0)
    assert [line["customer"] for line in lines] == sorted(amounts, key=lambda c: (-amounts[c], c))
    for line in lines:
        check_schema(line, "sales_customer")
        code = line["customer"]
        assert line["amount_minor"] == amounts[code]
        assert line["rank"] == 1 + sum(other > amounts[code] for other in amounts.values())
        assert line["share"] == float(round(Decimal(max(amounts[code], 0)) / whole, 12))
        assert line["years"] == {
            year: bought(year, "2024-06-01", "2025-06-30", code) for year in ("2024", "2025")
        }
        assert len(line["months"]) == 13
        for month, amount in line["months"].items():
            assert amount == bought(month, "2024-06-01", "2025-06-30", code)
    assert sum(line["share"] for line in lines) == pytest.approx(1)


def test_customers_equal_the_run_of_the_same_period(company, crm):
    crm.ok("abc", "run", *YEAR)
    grades = {line["customer"]: (line["rank"], line["amount_minor"]) for line in crm.lines("abc", "grades")}
    lines = crm.lines("abc", "sales", "--by", "customer")
    assert {line["customer"]: (line["rank"], line["amount_minor"]) for line in lines} == grades


def test_equal_customers_share_the_rank_and_a_limit_cuts_by_code(make_company, database, crm):
    company = make_company(database)
    company.sell("2025-05-01", {"C3": 100, "C1": 100, "C4": 500, "C2": 100, "C5": 7})
    lines = crm.lines("abc", "sales", "--by", "customer", "--limit", "3", *YEAR)
    assert [(line["rank"], line["customer"]) for line in lines] == [(1, "C4"), (2, "C1"), (2, "C2")]
    ranks = [line["rank"] for line in crm.lines("abc", "sales", "--by", "customer", *YEAR)]
    assert ranks == [1, 2, 2, 2, 5]


def test_an_empty_period_has_months_with_nothing(make_company, database, crm, check_schema):
    make_company(database).add("C1")
    printed = crm.json("abc", "sales")
    check_schema(printed, "sales")
    assert [sale["amount_minor"] for sale in printed["sales"]] == [0] * 12
    assert all(sale["before"] == change(0, 0) for sale in printed["sales"])
    assert crm.lines("abc", "sales", "--by", "customer") == []
    for by in ("month", "year", "customer"):
        crm.ok("abc", "sales", "--by", by)


def test_a_period_may_begin_on_the_first_day_there_is(make_company, database, crm):
    make_company(database).sell("2025-05-01", {"C1": 100})
    for by in ("month", "year"):
        printed = crm.json("abc", "sales", "--by", by, "--from", "0001-01-01", "--to", "0002-12-31")
        assert printed["sales"][0]["before"] is None
        assert printed["sales"][0]["whole"] is True


def test_a_limit_shows_the_last_months(company, crm):
    printed = crm.json("abc", "sales", "--limit", "2", *YEAR)
    assert [sale["name"] for sale in printed["sales"]] == ["2025-11", "2025-12"]
    assert printed["rows"] == 12
    assert "2 of 12 rows are shown" in crm.ok("abc", "sales", "--limit", "2", *YEAR).stdout


def test_the_terminal_shows_months_and_customers(company, crm):
    shown = crm.ok("abc", "sales", *YEAR).stdout
    for part in ("Sales, 2025-01-01 to 2025-12-31", "2025-02", "Same month last year (CNY)", "█"):
        assert part in shown
    assert "Converted at 1 USD = 7.12 CNY." in shown
    by_customer = crm.ok(
        "abc", "sales", "--by", "customer", "--from", "2024-01-01", "--to", "2025-12-31"
    ).stdout
    for part in ("2024 (CNY)", "2025-12 (CNY)", "Share of amount", "C4"):
        assert part in by_customer


def test_a_cut_month_is_named(company, crm):
    shown = crm.ok("abc", "sales", "--from", "2025-01-02", "--to", "2025-03-31").stdout
    assert "compared with nothing: 2025-01." in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--from", "2025-01-01"), "a period needs both its days"),
        (("--from", "2025-02-01", "--to", "2025-01-01"), "ends before it begins"),
        (("--by", "week"), "week"),
        (("--limit", "0"), "0"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(make_company, crm, words, sentence):
    make_company().add("C1")
    result = crm("abc", "sales", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_all_currencies_without_a_rate_are_named(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {"C1": 100}, "EUR")
    company.buy("2025-05-01", {"C1": 100}, "GBP")
    result = crm("abc", "sales", *YEAR)
    assert result.exit_code == 1
    assert "EUR, GBP" in result.stderr


def test_the_leap_day_counts_in_the_same_month_last_year(make_company, crm):
    make_company().sell("2024-02-29", {"C1": 100})
    printed = crm.json("abc", "sales", "--from", "2025-02-01", "--to", "2025-02-28")
    assert printed["sales"][0]["year_ago"]["amount_minor"] == 100
