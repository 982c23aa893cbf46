"""`crm abc questions`: six answers, or what is missing for them, and the four kinds."""

import random
from collections import Counter, defaultdict
from math import ceil

import pytest

from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.questions import questions, questions_report
from crmcore_abc_analysis.potentials import Estimate, record_potential

CODES = [f"C{i:02}" for i in range(30)]
YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
NAMES = ["gold", "costly", "wanted", "complained", "reordered", "elsewhere"]


def estimate(company, code, amount, currency=None):
    record_potential(company.app, ACTOR, Estimate(code, str(amount), currency, None, "visit"))


def answers(found):
    return {answer["question"]: answer for answer in found["questions"]}


def codes(part):
    return [customer["customer"] for customer in part["customers"]]


def kinds(found):
    return {kind["kind"]: codes(kind) for kind in found["kinds"]}


# -- a company that knows everything -------------------------------------------------------------------------


@pytest.fixture
def company(make_company, database):
    """GOLD buys most, LOSS buys much and costs more, the others each have one thing that is said of them."""
    large = '[plugins.abc_analysis.questions]\nlarge_share = "0.75"\n'
    company = make_company(database, facts="all", settings=f'USD = "7"\n{large}')
    company.add("GOLD", "LOSS", "WANTED", "ANGRY", "GONE", "ELSE", "PLAIN", *(f"S{i}" for i in range(13)))
    company.products("P1", "P2")
    company.buy("2024-02-01", {"GOLD": 90_000, "LOSS": 80_000, "ANGRY": 70_000, "GONE": 60_000}, cost_minor=1)
    company.buy("2024-03-01", {"GONE": 1000}, "USD", cost_minor=1)
    company.buy("2025-02-01", {"GOLD": 100_000, "ANGRY": 20_000}, cost_minor=10_000, product="P1")
    company.buy("2025-02-02", {"LOSS": 60_000}, cost_minor=30_000, product="P1")
    company.buy("2025-02-03", {"WANTED": 4000, "ELSE": 3000, "PLAIN": 3000}, cost_minor=10, product="P1")
    company.buy("2025-02-04", {"ELSE": 100}, "USD", cost_minor=10, product="P2")
    company.buy("2025-02-05", {f"S{i}": 100 + i for i in range(13)}, cost_minor=1, product="P1")
    company.spend("2025-03-01", {"LOSS": 25_000, "GOLD": 100})
    company.spend("2025-03-01", {"LOSS": 6000}, on="investments", kind="samples")
    angry = [{"customer": "ANGRY", "occurred_on": f"2024-0{m}-01", "severity": 1} for m in (3, 5)]
    once = [
        {"customer": "GOLD", "occurred_on": "2024-05-01"},
        {"customer": "GOLD", "occurred_on": "2025-05-01"},
    ]
    small = [{"customer": "S1", "occurred_on": "2024-05-01"}] * 3
    company.fact("complaints", [*angry, *once, *small])
    wallets = [("ELSE", "2024-01-01", 100), ("ELSE", "2025-06-01", 50_000), ("PLAIN", "2025-01-01", 3500)]
    company.fact("wallet", [{"customer": c, "as_of": day, "amount_minor": n} for c, day, n in wallets])
    estimate(company, "WANTED", "900")
    estimate(company, "PLAIN", "31")
    return company


def test_each_question_has_its_answer(company, crm, check_schema):
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    assert (found["period"], found["period_before"]) == (
        ["2025-01-01", "2025-12-31"],
        ["2024-01-01", "2024-12-31"],
    )
    known = answers(found)
    assert list(known) == NAMES
    assert all(answer["answered"] and not answer["needs"] for answer in known.values())
    assert {name: codes(known[name]) for name in NAMES} == {
        "gold": ["GOLD"],
        "costly": ["LOSS"],
        "wanted": ["WANTED"],
        "complained": ["ANGRY"],
        "reordered": ["GOLD", "LOSS", "ANGRY", "GONE"],
        "elsewhere": ["ELSE"],
    }
    (loss,) = known["costly"]["customers"]
    assert {key: loss[f"{key}_minor"] for key in ("profit", "margin", "cost_to_serve", "investments")} == {
        "profit": -1000,
        "margin": 30_000,
        "cost_to_serve": -25_000,
        "investments": -6000,
    }
    (wanted,) = known["wanted"]["customers"]
    assert (wanted["potential_minor"], wanted["amount_minor"], wanted["unrealised_minor"]) == (
        90_000,
        4000,
        86_000,
    )
    (angry,) = known["complained"]["customers"]
    assert (angry["complaints"], angry["amount_before_minor"], angry["amount_minor"]) == (2, 70_000, 20_000)
    assert [(c["order_minor"], c["again"]) for c in known["reordered"]["customers"]] == [
        (90_000, True),
        (80_000, True),
        (70_000, True),
        (60_000, False),
    ]
    (elsewhere,) = known["elsewhere"]["customers"]
    assert (elsewhere["products"], elsewhere["amount_minor"], elsewhere["wallet_minor"]) == (2, 3700, 50_000)
    assert elsewhere["share"] == 0.074


def test_the_answers_yield_four_kinds(company, crm):
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    assert kinds(found) == {
        "most_valuable": ["GOLD"],
        "new_growth": ["WANTED", "ELSE"],
        "to_develop": ["ANGRY", "GONE"],
        "without_value": ["LOSS"],
    }
    assert {kind["kind"]: kind["provisional"] for kind in found["kinds"]} == dict.fromkeys(
        kinds(found), False
    )
    by_code = {c["customer"]: c for kind in found["kinds"] for c in kind["customers"]}
    assert by_code["GONE"]["because"] == ["reordered"]
    assert by_code["GONE"]["grade"] is None
    assert by_code["ANGRY"]["why"] == "large, and complained repeatedly"
    listed = [c for kind in found["kinds"] for c in codes(kind)]
    assert len(listed) == len(set(listed))


def test_the_run_made_last_and_its_period_are_used(company, crm):
    crm.ok("abc", "run", *YEAR)
    crm.ok("abc", "run", "--from", "2024-01-01", "--to", "2024-12-31", "--preset", "pareto")
    found = crm.json("abc", "questions")
    assert found["period"] == ["2024-01-01", "2024-12-31"]
    assert codes(answers(found)["gold"]) == ["GOLD", "LOSS", "ANGRY", "GONE"]
    assert answers(found)["reordered"]["note"] == "Nobody bought anything from 2023-01-01 to 2023-12-31."
    assert answers(found)["complained"]["count"] == 0


def test_lists_have_a_limit_and_say_how_many_there_are(company, crm):
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions", "--limit", 1)
    assert found["limit"] == 1
    reordered = answers(found)["reordered"]
    assert (reordered["count"], codes(reordered)) == (4, ["GOLD"])
    assert [(k["kind"], k["count"], len(k["customers"])) for k in found["kinds"]] == [
        ("most_valuable", 1, 1),
        ("new_growth", 2, 1),
        ("to_develop", 2, 1),
        ("without_value", 1, 1),
    ]


def test_settings_say_what_the_questions_mean(make_company, crm):
    company = make_company(
        facts=["complaints"],
        settings="[plugins.abc_analysis.questions]\ngold_classes = 2\ncomplaints = 1\nlargest_orders = 1\n"
        'large_share = "1"\nunrealised_share = "0"\n',
    )
    company.sell("2024-05-01", {"C1": 10, "C2": 9, "C3": 8})
    company.buy("2025-05-01", {"C1": 70, "C2": 20, "C3": 10})
    company.fact("complaints", [{"customer": "C3", "occurred_on": "2024-06-01"}])
    estimate(company, "C2", "0.21")
    crm.ok("abc", "run", *YEAR, "--preset", "pareto")
    known = answers(crm.json("abc", "questions"))
    assert codes(known["gold"]) == ["C1", "C2", "C3"]
    assert codes(known["complained"]) == ["C3"]
    assert codes(known["reordered"]) == ["C1"]
    assert codes(known["wanted"]) == ["C2"]


# -- what is missing is said ---------------------------------------------------------------------------------


def test_a_company_that_knows_purchases_only_is_told_what_is_missing(
    make_company, crm, check_schema, database
):
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i:02}": 1000 - i for i in range(40)})
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    known = answers(found)
    assert {name: known[name]["answered"] for name in NAMES} == {
        "gold": True,
        "costly": False,
        "wanted": False,
        "complained": False,
        "reordered": True,
        "elsewhere": False,
    }
    for name, facts in {
        "costly": ("cost_to_serve", "investments", "receivables", "payments"),
        "wanted": ("potential",),
        "complained": ("complaints",),
        "elsewhere": ("wallet", "products"),
    }.items():
        assert set(facts) <= set(known[name]["needs"])
        assert all(f"no data: needs fact {fact}" in known[name]["note"] for fact in facts)
        assert (known[name]["count"], known[name]["customers"]) == (None, [])
    assert {k["kind"]: k["open_questions"] for k in found["kinds"]} == {
        "most_valuable": ["costly"],
        "new_growth": ["costly", "wanted", "elsewhere"],
        "to_develop": ["costly", "wanted", "complained", "elsewhere"],
        "without_value": ["costly", "wanted", "complained", "elsewhere"],
    }
    assert [len(kinds(found)[kind]) for kind in ("most_valuable", "to_develop")] == [1, 7]
    assert "no data: needs fact wallet" in crm.ok("abc", "questions").stdout


def test_profit_is_told_as_far_as_it_is_known(make_company, crm):
    company = make_company(facts=["investments"])
    company.add("BAD", "UNSURE", "FINE")
    company.buy("2025-05-01", {"BAD": 100, "FINE": 100, "UNSURE": 100}, cost_minor=90)
    company.buy("2025-05-01", {"UNSURE": 50})
    company.spend("2025-05-02", {"BAD": 60, "UNSURE": 60, "FINE": 5}, on="investments")
    crm.ok("abc", "run", *YEAR)
    costly = answers(crm.json("abc", "questions"))["costly"]
    assert (costly["answered"], codes(costly)) == (True, ["BAD"])
    assert costly["needs"] == ["cost_to_serve", "receivables", "payments"]
    assert "no data: needs fact cost_to_serve" in costly["note"]
    assert "Left out are 1 customers who may lose money" in costly["note"]


def test_facts_without_any_rows_are_no_answer(make_company, crm):
    company = make_company(facts="all")
    company.sell("2025-05-01", {"C1": 100})
    company.fact("wallet", [{"customer": "C1", "as_of": "2027-01-01", "amount_minor": 5}])
    crm.ok("abc", "run", *YEAR)
    known = answers(crm.json("abc", "questions"))
    assert known["wanted"]["needs"] == ["potential"]
    assert known["costly"]["needs"] == ["purchases.cost_minor"]
    assert (known["complained"]["answered"], known["complained"]["count"]) == (True, 0)
    company.fact("wallet", [{"customer": "C1", "as_of": "2025-01-01", "amount_minor": 500}])
    assert answers(crm.json("abc", "questions"))["elsewhere"]["needs"] == ["purchases.product_id"]


def test_purchases_that_name_no_product_may_be_of_many(make_company, crm):
    company = make_company(facts="all")
    company.add("KNOWN", "UNKNOWN")
    company.buy("2025-05-01", {"KNOWN": 100, "UNKNOWN": 100}, product="P1")
    company.buy("2025-05-01", {"UNKNOWN": 5})
    wallets = [{"customer": c, "as_of": "2025-01-01", "amount_minor": 1000} for c in ("KNOWN", "UNKNOWN")]
    company.fact("wallet", wallets)
    crm.ok("abc", "run", *YEAR)
    assert codes(answers(crm.json("abc", "questions"))["elsewhere"]) == ["KNOWN"]


def test_an_unknown_rate_leaves_one_question_open_and_no_other(make_company, crm, check_schema):
    company = make_company(facts="all", settings='KWD = "23"\n')
    company.sell("2025-05-01", {"C1": 100, "C2": 50})
    estimate(company, "C1", "50", "KWD")
    path = company.app.config.path
    path.write_text(path.read_text("utf-8").replace('KWD = "23"', ""), "utf-8")
    company.app.refresh()
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    wanted = answers(found)["wanted"]
    assert (wanted["answered"], wanted["needs"]) == (False, [])
    assert "KWD" in wanted["note"]
    assert answers(found)["gold"]["answered"]
    assert "wanted" in found["kinds"][1]["open_questions"]


def test_before_the_first_run_there_is_nothing_to_ask(make_company, crm):
    make_company().add("C1")
    result = crm("abc", "questions")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no run yet" in result.stderr


# -- small companies and large ones --------------------------------------------------------------------------


def test_one_customer_is_enough(make_company, crm, check_schema):
    company = make_company(facts="all")
    company.add("ONLY")
    company.buy("2024-05-01", {"ONLY": 10}, cost_minor=2)
    company.buy("2025-05-01", {"ONLY": 100}, cost_minor=20, product="P1")
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    assert kinds(found)["most_valuable"] == ["ONLY"]


def test_returns_without_purchases_are_without_value(make_company, crm):
    company = make_company(facts="all")
    company.add("BUYS", "RETURNS")
    company.buy("2025-05-01", {"BUYS": 100}, cost_minor=10)
    company.buy("2025-05-01", {"RETURNS": -40}, cost_minor=-50)
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    assert kinds(found)["without_value"] == ["RETURNS"]
    assert found["kinds"][3]["customers"][0]["because"] == ["nothing"]


def test_equal_amounts_are_listed_by_code(make_company, database, crm):
    company = make_company(database)
    company.sell("2024-05-01", dict.fromkeys(["b", "B", "a", "_", "9"], 100))
    company.buy("2025-05-01", dict.fromkeys(["b", "B", "a", "_", "9"], 100))
    crm.ok("abc", "run", *YEAR)
    known = answers(crm.json("abc", "questions", "--limit", 3))
    assert codes(known["gold"]) == codes(known["reordered"]) == ["9", "B", "_"]
    assert known["gold"]["count"] == 5


def test_an_archived_customer_is_not_wanted(make_company, crm, clock):
    from crmcore.api import Customer

    company = make_company()
    company.sell("2025-05-01", {"OPEN": 100, "CLOSED": 100})
    for code in ("OPEN", "CLOSED"):
        estimate(company, code, "500")
    with company.app.write(ACTOR) as tx:
        tx.update(Customer, [(company.id_of("CLOSED"), {"archived_at": clock.now})])
    crm.ok("abc", "run", *YEAR)
    assert codes(answers(crm.json("abc", "questions"))["wanted"]) == ["OPEN"]


def test_a_group_counts_as_one_customer(make_company, database, crm, check_schema):
    company = make_company(database, facts="all")
    company.add("HEAD", "ARM", "LEG", "SOLO")
    company.group("HEAD", "ARM", "LEG")
    company.buy("2024-05-01", {"ARM": 60, "SOLO": 50}, cost_minor=1, product="P1")
    company.buy("2025-05-01", {"LEG": 60, "SOLO": 90}, cost_minor=50, product="P1")
    company.buy("2025-05-01", {"ARM": 60}, cost_minor=50, product="P2")
    company.spend("2025-05-02", {"HEAD": 15, "ARM": 6})
    complaint = {"occurred_on": "2024-06-01"}
    company.fact("complaints", [{"customer": "HEAD", **complaint}, {"customer": "LEG", **complaint}])
    company.fact("wallet", [{"customer": "LEG", "as_of": "2025-01-01", "amount_minor": 500}])
    estimate(company, "ARM", "9")
    crm.ok("abc", "run", *YEAR, "--level", "group")
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    assert found["level"] == "group"
    known = answers(found)
    assert {name: codes(known[name]) for name in NAMES} == {
        "gold": ["HEAD"],
        "costly": ["HEAD"],
        "wanted": ["HEAD"],
        "complained": ["HEAD"],
        "reordered": ["HEAD", "SOLO"],
        "elsewhere": ["HEAD"],
    }
    assert known["reordered"]["customers"][0]["again"] is True
    assert known["elsewhere"]["customers"][0]["products"] == 2
    assert known["wanted"]["customers"][0]["unrealised_minor"] == 900 - 120


def test_yearly_estimates_are_compared_with_a_quarter_in_proportion(make_company, crm):
    company = make_company(facts="all")
    company.add("C1", "C2")
    company.buy("2025-02-01", {"C1": 100, "C2": 126}, product="P1", cost_minor=1)
    for code in ("C1", "C2"):
        estimate(company, code, "10.01")
        company.fact("wallet", [{"customer": code, "as_of": "2025-01-01", "amount_minor": 1001}])
    crm.ok("abc", "run", "--from", "2025-01-01", "--to", "2025-03-31")
    found = answers(crm.json("abc", "questions"))
    assert [(c["customer"], c["potential_minor"]) for c in found["wanted"]["customers"]] == [("C1", 250)]
    assert [(c["customer"], c["wallet_minor"]) for c in found["elsewhere"]["customers"]] == [("C1", 250)]


def test_a_period_in_which_nobody_bought_has_answers_without_customers(
    make_company, database, crm, check_schema
):
    company = make_company(database, facts="all")
    company.sell("2023-05-01", {"C1": 100})
    estimate(company, "C1", 5)
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    assert [answers(found)[name]["count"] for name in NAMES] == [0, None, 1, 0, 0, None]
    assert kinds(found) == {"most_valuable": [], "new_growth": ["C1"], "to_develop": [], "without_value": []}
    worst, stars = crm.json("abc", "worst"), crm.json("abc", "stars")
    check_schema(worst, "worst")
    check_schema(stars, "stars")
    assert (worst["customers"], stars["customers"]) == ([], [])
    for command in ("questions", "worst", "stars"):
        crm.ok("abc", command)


@pytest.mark.parametrize("basis", ["margin", "profit", "potential"])
def test_the_classes_may_be_of_another_basis(company, crm, check_schema, basis):
    crm.ok("abc", "run", *YEAR, "--basis", basis)
    found = crm.json("abc", "questions")
    check_schema(found, "questions")
    gold = {"margin": "GOLD", "profit": "GOLD", "potential": "WANTED"}[basis]
    assert codes(answers(found)["gold"]) == [gold]
    assert codes(answers(found)["costly"]) == ["LOSS"]
    assert codes(answers(found)["wanted"]) == ["WANTED"]


# -- an oracle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_any_company_equals_the_oracle(make_company, database, crm, check_schema, seed):
    company = make_company(database, facts="all", settings='USD = "7"\n')
    company.add(*CODES)
    trade = Trade(random.Random(seed))
    trade.tell(company)
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "questions", "--limit", 100)
    check_schema(found, "questions")
    known = answers(found)
    profit = trade.profit()
    for customer in known["costly"]["customers"]:
        assert customer["profit_minor"] == profit[customer["customer"]]
    assert set(codes(known["costly"])) == {c for c, amount in profit.items() if amount < 0}
    assert codes(known["wanted"]) == trade.wanted()
    assert set(codes(known["complained"])) == trade.complained()
    assert [(c["customer"], c["order_minor"], c["again"]) for c in known["reordered"]["customers"]] == (
        trade.reordered()
    )
    assert {(c["customer"], c["products"]) for c in known["elsewhere"]["customers"]} == trade.elsewhere()
    assert sum(kind["count"] for kind in found["kinds"]) == len(
        {c for kind in found["kinds"] for c in codes(kind)}
    )


class Trade:
    """What happened, as lists, and what follows from it, looked up without any of our rules."""

    def __init__(self, source):
        pick = source.choice
        self.lines = [
            (
                pick(CODES),
                pick(["2024", "2025"]) + pick(["-01-01", "-06-30", "-12-31"]),
                pick(["CNY", "CNY", "USD"]),
                source.randint(-40, 200),
                source.randint(0, 60),
                pick(["P1", "P2", "P3"]),
                document,
            )
            for document in source.choices(range(1, 70), k=150)
        ]
        self.costs = [
            (pick(CODES), pick(["2024-05-05", "2025-05-05"]), source.randint(1, 900)) for _ in range(30)
        ]
        self.complaints = [(pick(CODES), pick(["2024-05-05", "2025-05-05"])) for _ in range(60)]
        self.wallets = {pick(CODES): source.randint(1, 3000) for _ in range(20)}
        self.potentials = {pick(CODES): source.randint(1, 3000) for _ in range(20)}

    def tell(self, company):
        for code, day, currency, amount, cost, product, document in self.lines:
            company.buy(day, {code: amount}, currency, cost_minor=cost, product=product, document_id=document)
        for code, day, amount in self.costs:
            company.spend(day, {code: amount})
        company.fact("complaints", [{"customer": c, "occurred_on": day} for c, day in self.complaints])
        for code, amount in self.wallets.items():
            company.fact("wallet", [{"customer": code, "as_of": "2025-01-01", "amount_minor": amount}])
        for code, amount in self.potentials.items():
            estimate(company, code, f"{amount // 100}.{amount % 100:02}")

    def bought(self, year):
        amounts: Counter[str] = Counter()
        for code, day, currency, amount, *_ in self.lines:
            if day.startswith(year):
                amounts[code] += amount * (7 if currency == "USD" else 1)
        return dict(amounts)

    def profit(self):
        amounts: Counter[str] = Counter()
        for code, day, currency, amount, cost, *_ in self.lines:
            if day.startswith("2025"):
                amounts[code] += (amount - cost) * (7 if currency == "USD" else 1)
        for code, day, amount in self.costs:
            if day.startswith("2025"):
                amounts[code] -= amount
        return amounts

    def wanted(self):
        bought = self.bought("2025")
        left = {c: amount - max(bought.get(c, 0), 0) for c, amount in self.potentials.items()}
        chosen = [c for c, n in left.items() if n > 0 and 2 * n >= self.potentials[c]]
        return sorted(chosen, key=lambda c: (-left[c], c))

    def complained(self):
        before = self.bought("2024")
        ranked = sorted(before.values(), reverse=True)
        floor = max(ranked[ceil(len(ranked) / 5) - 1], 1)
        counts = Counter(code for code, day in self.complaints if day.startswith("2024"))
        return {c for c, n in counts.items() if n >= 2 and before.get(c, 0) >= floor}

    def reordered(self):
        documents: Counter[tuple[str, str, int]] = Counter()
        for code, day, currency, amount, _cost, _product, document in self.lines:
            if day.startswith("2024"):
                documents[code, currency, document] += amount
        best: dict[str, int] = defaultdict(int)
        for (code, currency, _document), amount in documents.items():
            best[code] = max(best[code], amount * (7 if currency == "USD" else 1))
        first = sorted((c for c in best if best[c] > 0), key=lambda c: (-best[c], c))[:10]
        now = self.bought("2025")
        return [(c, best[c], now.get(c, 0) > 0) for c in first]

    def elsewhere(self):
        now = self.bought("2025")
        products: dict[str, set[str]] = defaultdict(set)
        sums: Counter[tuple[str, str, str]] = Counter()
        for code, day, currency, amount, _cost, product, _document in self.lines:
            if day.startswith("2025"):
                sums[code, product, currency] += amount
        for (code, product, _currency), amount in sums.items():
            if amount > 0:
                products[code].add(product)
        return {
            (c, len(products[c]))
            for c, wallet in self.wallets.items()
            if len(products[c]) in {1, 2} and 2 * max(now.get(c, 0), 0) < wallet
        }


# -- the report ----------------------------------------------------------------------------------------------


def test_the_terminal_shows_answers_and_kinds(company, crm):
    crm.ok("abc", "run", *YEAR)
    text = crm.ok("abc", "questions").stdout
    for part in (
        "Value of customers, 2025-01-01 to 2025-12-31",
        "Who costs us money?",
        "customer profit -10.00 CNY: margin 300.00, cost to serve -250.00, investments -60.00",
        "could buy 900.00 CNY, bought 40.00 CNY: 860.00 CNY to win",
        "nothing since",
        "Able to bring new growth",
        "settled",
    ):
        assert part in text


def test_the_report_has_a_table_for_each_answer_and_kind(company, crm):
    crm.ok("abc", "run", *YEAR)
    with company.app.read("abc_analysis") as ctx:
        report = questions_report(ctx, {"limit": "2"})
        assert questions(ctx)["limit"] == 10
    assert [table.name for table in report.tables] == [
        "questions",
        *NAMES,
        "kinds",
        "most_valuable",
        "new_growth",
        "to_develop",
        "without_value",
    ]
    assert all(len(list(table.rows)) <= 2 for table in report.tables if table.name in NAMES)
