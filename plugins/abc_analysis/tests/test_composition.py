"""Composition of customers and purchases by a field of the card, against a reckoning over lists."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from crmcore.api import Customer, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.composition import FIELDS, composition_report

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
REGIONS = {"C1": "华东", "C2": "华东", "C3": "North", "C4": "North", "C5": None, "C6": None, "C7": "South"}
BOUGHT = [
    ("2025-03-01", "C1", 60_000, "CNY"),
    ("2025-03-01", "C2", 1_000, "USD"),
    ("2025-04-01", "C2", -3_000, "CNY"),
    ("2025-04-01", "C3", 20_000, "CNY"),
    ("2025-04-01", "C5", -500, "CNY"),
    ("2025-04-01", "C7", 64_000, "CNY"),
    ("2024-12-31", "C4", 99_000, "CNY"),
]


@pytest.fixture
def company(make_company, database):
    company = make_company(database, settings='USD = "7"\n')
    for code, region in REGIONS.items():
        company.add(code, region=region, kind="person" if code == "C6" else "organisation")
    for day, code, amount, currency in BOUGHT:
        company.buy(day, {code: amount}, currency)
    return company


def archive(company, *codes):
    with company.app.write(ACTOR) as tx:
        tx.archive(Customer, [company.id_of(code) for code in codes])


def test_customers_and_purchases_by_region(company, crm, check_schema):
    crm.ok("abc", "run", "--preset", "pareto", *YEAR)
    grades = {line["customer"]: line["grade"] for line in crm.lines("abc", "grades")}
    printed = crm.json("abc", "composition", "--by", "region")
    check_schema(printed, "composition")
    bought: Counter[str | None] = Counter()
    for day, code, amount, currency in BOUGHT:
        if day.startswith("2025"):
            bought[REGIONS[code]] += amount * (7 if currency == "USD" else 1)
    order = ["华东", "South", "North", None]
    assert [group["value"] for group in printed["groups"]] == order
    whole = sum(amount for amount in bought.values() if amount > 0)
    for group in printed["groups"]:
        codes = [code for code, region in REGIONS.items() if region == group["value"]]
        classes = Counter(grades[code] for code in codes if code in grades)
        assert group == {
            "value": group["value"],
            "customers": len(codes),
            "customers_share": round(len(codes) / 7, 12),
            "buyers": sum(code in grades for code in codes),
            "amount_minor": bought[group["value"]],
            "share": round(max(bought[group["value"]], 0) / whole, 12),
            "grades": {grade: classes[grade] for grade in "ABC"},
            "without_grade": sum(code not in grades for code in codes),
        }
    assert (printed["customers"], printed["buyers"], printed["run"]) == (7, 5, 1)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_divides_all_customers(company, crm, check_schema, field):
    printed = crm.json("abc", "composition", "--by", field, *YEAR)
    check_schema(printed, "composition")
    assert sum(group["customers"] for group in printed["groups"]) == 7
    assert sum(group["amount_minor"] for group in printed["groups"]) == 147_500 == printed["amount_minor"]
    assert sum(group["share"] for group in printed["groups"]) == pytest.approx(1)
    assert (printed["run"], printed["groups"][0]["grades"]) == (None, {})


def test_archived_customers_count_where_they_bought(company, crm):
    archive(company, "C4", "C7")
    found = {g["value"]: g for g in crm.json("abc", "composition", "--by", "region", *YEAR)["groups"]}
    assert (found["North"]["customers"], found["South"]["customers"]) == (1, 1)
    assert found["South"]["amount_minor"] == 64_000


def test_members_have_the_class_of_their_group(company, crm, check_schema):
    company.group("C1", "C6", "C3")
    crm.ok("abc", "run", "--level", "group", "--preset", "pareto", *YEAR)
    grades = {line["customer"]: line["grade"] for line in crm.lines("abc", "grades")}
    printed = crm.json("abc", "composition", "--by", "region")
    check_schema(printed, "composition")
    found = {g["value"]: g for g in printed["groups"]}
    assert found["North"]["grades"][grades["C1"]] == 1
    assert found["North"]["without_grade"] == 1
    assert found[None]["grades"][grades["C1"]] == 1


def test_nobody_bought_anything(make_company, database, crm, check_schema):
    make_company(database).add("C1", "C2", region="North")
    printed = crm.json("abc", "composition", "--by", "region", *YEAR)
    check_schema(printed, "composition")
    (group,) = printed["groups"]
    assert (group["customers"], group["buyers"], group["amount_minor"], group["share"]) == (2, 0, 0, 0)
    assert group["customers_share"] == 1


def test_no_customer_is_no_group(make_company, crm, check_schema):
    make_company()
    printed = crm.json("abc", "composition", "--by", "kind", *YEAR)
    check_schema(printed, "composition")
    assert printed["groups"] == []
    crm.ok("abc", "composition", "--by", "kind", *YEAR)


def test_the_terminal_shows_words_classes_and_what_is_not_given(company, crm):
    shown = crm.ok("abc", "composition", "--by", "region", *YEAR).stdout
    assert "There is no run yet, so no classes" in shown
    crm.ok("abc", "run", *YEAR)
    shown = crm.ok("abc", "composition", "--by", "region").stdout
    for part in ("华东", "(not given)", "No class", "Classes of run 1, 2025-01-01 to 2025-12-31.", "█"):
        assert part in shown
    chinese = crm.ok("abc", "composition", "--by", "kind", "--lang", "zh_CN").stdout
    assert "企业" in chinese
    assert "organisation" not in chinese
    assert "2 of 4 rows" in crm.ok("abc", "composition", "--by", "region", "--limit", "2").stdout
    assert len(crm.json("abc", "composition", "--by", "region", "--limit", "2")["groups"]) == 2


def test_a_field_is_needed_and_must_be_known(company, crm):
    assert crm("abc", "composition").exit_code == 2
    assert crm("abc", "composition", "--by", "name").exit_code == 2
    with company.app.read("abc_analysis") as ctx, pytest.raises(UsageProblem, match="legal_form"):
        composition_report(ctx, {"by": "name"})


def test_the_report_takes_its_period_and_limit_as_texts(company):
    with company.app.read("abc_analysis") as ctx:
        asked = {"by": "region", "from": "2024-01-01", "to": "2024-12-31", "limit": "1"}
        report = composition_report(ctx, asked)
        with pytest.raises(UsageProblem, match="limit = 'all'"):
            composition_report(ctx, {"limit": "all"})
    (table,) = report.tables
    assert [tuple(row)[:5] for row in table.rows] == [("North", 2, Decimal("0.285714285714"), 1, 99_000)]
    assert date(2024, 1, 1).isoformat() in report.title
