"""`crm abc gaps CODE`: what comparable customers buy and this one does not."""

import random
from collections import Counter, defaultdict
from importlib import import_module

import pytest

from crmcore.api import FactProvider, UsageProblem, hookimpl
from crmcore_abc_analysis.analyses.gaps import gaps_report

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
ONE_CLASS = """[plugins.abc_analysis]
preset = "own"
own_cutoffs = [{grade = "A", within = "1"}]
[plugins.abc_analysis.gaps]
least_customers = 3
"""


@pytest.fixture
def make_shop(make_company, fake_purchases, fake_costs, monkeypatch):
    """Make companies whose products are named by the plugin that provides the purchases."""

    def make(database="sqlite", settings=ONE_CLASS):
        module, costs = import_module(f"{fake_purchases}.plugin"), import_module(f"{fake_costs}.plugin")

        @hookimpl
        def facts():
            return [
                FactProvider("purchases", module._purchases),
                FactProvider("products", costs._rows_of("products")),
            ]

        monkeypatch.setattr(module, "facts", facts)
        return make_company(database, facts=["wallet"], settings=settings)

    return make


def listed(found):
    return [(p["product"], p["customers"], p["average_minor"]) for p in found["products"]]


@pytest.fixture
def shop(make_shop, database):
    """ME buys pipes; of four others in its industry three buy valves, two glue, and one buys and returns tape."""
    shop = make_shop(database, 'USD = "7"\n' + ONE_CLASS)
    shop.add("ME", "C1", "C2", "C3", "C4", industry="F51")
    shop.add("ELSEWHERE", industry="C30")
    shop.products("PIPE", "VALVE", "GLUE", "TAPE", "OLD", line="fittings")
    shop.buy("2025-05-01", {"ME": 100, "C1": 100, "C2": 100, "C3": 100, "C4": 100}, product="PIPE")
    shop.buy("2025-05-02", {"C1": 10, "C2": 21, "C3": 30}, product="VALVE")
    shop.buy("2025-05-03", {"C1": 5}, product="GLUE")
    shop.buy("2025-05-03", {"C2": 5}, "USD", product="GLUE")
    shop.buy("2025-05-04", {"C1": 50, "C2": 9, "C3": 9}, product="TAPE")
    shop.buy("2025-06-04", {"C1": -50, "C2": -9}, product="TAPE")
    shop.buy("2025-05-05", {"ELSEWHERE": 500}, product="OLD")
    shop.buy("2024-05-05", {"C1": 50, "C2": 50, "C3": 50}, product="OLD")
    shop.buy("2023-05-05", {"ME": 50}, product="VALVE")
    shop.buy("2025-06-06", {"ME": 40}, product="GLUE")
    shop.buy("2025-07-06", {"ME": -40}, product="GLUE")
    return shop


def test_gaps_are_what_the_others_buy(shop, crm, check_schema):
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "gaps", "ME")
    check_schema(found, "gaps")
    assert found["comparable"] == {
        "customers": 4,
        "grade": "A",
        "field": "industry",
        "value": "F51",
        "least_customers": 3,
        "least_share": "0.3",
    }
    assert (found["answered"], found["count"], listed(found)) == (
        True,
        2,
        [("VALVE", 3, 20), ("GLUE", 2, 20)],
    )
    assert found["products"][0] == {
        "product": "VALVE",
        "name": "VALVE",
        "line": "fittings",
        "customers": 3,
        "share": 0.75,
        "average_minor": 20,
        "last_bought_on": "2023-05-05",
    }
    assert found["products"][1]["last_bought_on"] is None
    short = crm.json("abc", "gaps", "ME", "--limit", 1)
    assert (short["count"], len(short["products"])) == (2, 1)


def test_the_terminal_says_who_is_comparable(shop, crm):
    crm.ok("abc", "run", *YEAR)
    text = crm.ok("abc", "gaps", "ME").stdout
    assert "Comparable are 4 customers of class A with the same industry: F51." in text
    assert "75.00%" in text
    assert "2023-05-05" in text


def test_where_the_industry_is_not_known_the_next_field_decides(make_shop, crm):
    shop = make_shop()
    shop.add("ME", "C1", "C2", "C3", channel="web")
    shop.add("C4", "C5", channel="shop", industry="F51")
    shop.products("P1", "P2")
    shop.buy("2025-05-01", dict.fromkeys(["ME", "C1", "C2", "C3", "C4", "C5"], 10), product="P1")
    shop.buy("2025-05-01", {"C1": 10, "C4": 10}, product="P2")
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "gaps", "ME")
    assert (found["comparable"]["field"], found["comparable"]["customers"]) == ("channel", 3)
    assert listed(found) == [("P2", 1, 10)]
    lonely = crm.json("abc", "gaps", "C4")
    assert (lonely["answered"], lonely["needs"], lonely["count"]) == (False, [], None)
    assert lonely["note"] == "comparable customers: 1; at least 3 are needed to tell anything"


def test_where_nothing_is_known_the_class_alone_decides(make_shop, crm, check_schema):
    shop = make_shop()
    shop.sell("2025-05-01", {})
    shop.add("ME", "C1", "C2", "C3")
    shop.products("P1")
    shop.buy("2025-05-01", {"C1": 10, "C2": 10, "C3": 10}, product="P1")
    shop.buy("2025-05-01", {"ME": 10}, product="P9")
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "gaps", "ME")
    check_schema(found, "gaps")
    assert (found["comparable"]["field"], listed(found)) == (None, [("P1", 3, 10)])
    assert "Comparable are 3 customers of class A." in crm.ok("abc", "gaps", "ME").stdout
    # A product that its provider does not know is named by its number.
    assert listed(crm.json("abc", "gaps", "C1")) == [(str(shop.product_id("P9")), 1, 10)]


def test_other_classes_are_not_comparable(make_shop, crm):
    classes = '[{grade = "A", within = "0.4"}, {grade = "B", within = "1"}]'
    shop = make_shop(settings=ONE_CLASS.replace('[{grade = "A", within = "1"}]', classes))
    shop.products("P1", "P2")
    shop.add(*(f"C{i}" for i in range(10)))
    shop.buy("2025-05-01", {f"C{i}": 100 - i for i in range(10)}, product="P1")
    shop.buy("2025-05-01", {"C0": 1, "C1": 1, "C9": 1}, product="P2")
    crm.ok("abc", "run", *YEAR)
    assert listed(crm.json("abc", "gaps", "C3")) == [("P2", 2, 1)]
    assert crm.json("abc", "gaps", "C5")["comparable"]["customers"] == 5
    assert listed(crm.json("abc", "gaps", "C5")) == []


def test_products_need_the_plugin_that_knows_the_purchases(make_company, crm, check_schema):
    for facts, word in (
        ((), "no data: needs fact products"),
        (["products"], "no data: needs fact products from"),
    ):
        company = make_company(facts=facts, settings=ONE_CLASS)
        company.sell("2025-05-01", {"C1": 100, "C2": 50, "C3": 7, "C4": 8})
        crm.ok("abc", "run", *YEAR)
        found = crm.json("abc", "gaps", "C1")
        check_schema(found, "gaps")
        assert (found["answered"], found["needs"], found["products"]) == (False, ["products"], [])
        assert word in found["note"]
        assert word in crm.ok("abc", "gaps", "C1").stdout


def test_purchases_that_name_no_product_are_no_answer(make_shop, crm):
    shop = make_shop()
    shop.sell("2025-05-01", {"C1": 100, "C2": 50, "C3": 7, "C4": 8})
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "gaps", "C1")
    assert (found["answered"], found["needs"]) == (False, ["purchases.product_id"])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("NOBODY", "no customer 'NOBODY'"), ("IDLE", "customer IDLE has no class in run 1")],
)
def test_who_cannot_be_compared_is_said(make_shop, crm, code, sentence):
    shop = make_shop()
    shop.sell("2025-05-01", {"C1": 100})
    shop.add("IDLE")
    crm.ok("abc", "run", *YEAR)
    result = crm("abc", "gaps", code)
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr


def test_a_member_of_a_group_is_compared_as_its_group(make_shop, database, crm):
    shop = make_shop(database)
    shop.add("HEAD", "ARM", "LEG", "C1", "C2", "C3", industry="F51")
    shop.group("HEAD", "ARM", "LEG")
    shop.products("P1", "P2", "P3")
    shop.buy("2025-05-01", {"ARM": 10, "C1": 10, "C2": 10, "C3": 10}, product="P1")
    shop.buy("2025-05-01", {"LEG": 10, "C1": 10}, product="P2")
    shop.buy("2025-05-01", {"C1": 10}, product="P3")
    crm.ok("abc", "run", *YEAR, "--level", "group")
    assert listed(crm.json("abc", "gaps", "ARM")) == [("P3", 1, 10)]
    assert listed(crm.json("abc", "gaps", "C2")) == [("P2", 2, 10), ("P3", 1, 10)]


@pytest.mark.parametrize("seed", [1, 2])
def test_any_company_equals_the_oracle(make_shop, database, crm, seed):
    source = random.Random(seed)
    shop = make_shop(database, 'USD = "7"\n' + ONE_CLASS)
    kinds = {f"C{i:02}": source.choice(["F51", "C30"]) for i in range(16)}
    for code, industry in kinds.items():
        shop.add(code, industry=industry)
    goods = [f"P{i}" for i in range(6)]
    shop.products(*goods)
    sums: Counter[tuple[str, str, str]] = Counter()
    for _ in range(120):
        code, product, currency = source.choice([*kinds]), source.choice(goods), source.choice(["CNY", "USD"])
        day, amount = source.choice(["2024-12-31", "2025-01-01", "2025-12-31"]), source.randint(-9, 20)
        shop.buy(day, {code: amount}, currency, product=product)
        sums[code, product, currency] += amount * day.startswith("2025")
    shop.buy("2025-03-03", dict.fromkeys(kinds, 1))
    crm.ok("abc", "run", *YEAR)
    has: dict[str, set[str]] = defaultdict(set)
    worth: Counter[tuple[str, str]] = Counter()
    for (code, product, currency), amount in sums.items():
        if amount > 0:
            has[product].add(code)
            worth[code, product] += amount * (7 if currency == "USD" else 1)
    for me, industry in kinds.items():
        others = [code for code in kinds if code != me and kinds[code] == industry]
        expected = {}
        for product in goods:
            buyers = [code for code in others if code in has[product]]
            if me not in has[product] and buyers and 10 * len(buyers) >= 3 * len(others):
                expected[product] = len(buyers), round(sum(worth[c, product] for c in buyers) / len(buyers))
        found = crm.json("abc", "gaps", me)
        assert found["comparable"]["customers"] == len(others)
        assert {code: (n, average) for code, n, average in listed(found)} == expected
        assert listed(found) == sorted(listed(found), key=lambda row: (-row[1], -row[2], row[0]))


def test_the_report_needs_a_customer(shop, crm):
    crm.ok("abc", "run", *YEAR)
    with shop.app.read("abc_analysis") as ctx:
        report = gaps_report(ctx, {"customer": "ME", "limit": "1"})
        assert [row[0] for row in report.tables[0].rows] == ["VALVE"]
        with pytest.raises(UsageProblem, match="needs a customer"):
            gaps_report(ctx, {})
