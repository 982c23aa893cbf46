"""Each basis, way of cutting and level, on generated companies, against an oracle over the list of all that happened."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from crmcore.testing import ACTOR
from crmcore_abc_analysis.potentials import Estimate, record_potential
from crmcore_abc_analysis.runs import list_grades, run_summary
from crmcore_abc_analysis.services import Request, make_run

START, END = date(2025, 1, 1), date(2025, 12, 31)
RATES = {"CNY": Decimal(1), "USD": Decimal("7.12"), "JPY": Decimal("0.0478")}
DIGITS = {"CNY": 2, "USD": 2, "JPY": 0}
SETTINGS = """USD = "7.12"
JPY = "0.0478"
[plugins.abc_analysis]
cost_of_credit = "0.06"
own_thresholds = [{grade = "A", from = "500.00"}, {grade = "B", from = "20"}, {grade = "C"}]
"""
PYRAMID = [("A", Fraction(1, 100)), ("B", Fraction(5, 100)), ("C", Fraction(20, 100)), ("D", Fraction(1))]
PARETO = [("A", Fraction(80, 100)), ("B", Fraction(95, 100)), ("C", Fraction(1))]


class World:
    """All that happened, as plain lists."""

    def __init__(self, seed: int, customers: int) -> None:
        self.rng = random.Random(seed)
        self.codes = [f"C{i:03}" for i in range(customers)]
        # Groups of a head and up to three below it, some of them below each other.
        self.parent: dict[str, str] = {}
        for i in range(0, customers - 4, 9):
            self.parent[self.codes[i + 1]] = self.codes[i]
            self.parent[self.codes[i + 2]] = self.codes[i + 1 if i % 2 else i]
        self.purchases = [self._purchase() for _ in range(customers * 4)] if customers else []
        self.spent = {
            fact: [self._spending() for _ in range(customers)] for fact in ("cost_to_serve", "investments")
        }
        self.owed = {
            fact: [self._document() for _ in range(customers)] for fact in ("receivables", "payments")
        }
        self.estimates = [self._estimate() for _ in range(customers // 2)]

    def _who(self) -> str:
        return self.codes[min(int(len(self.codes) * self.rng.random() ** 2), len(self.codes) - 1)]

    def _day(self) -> date:
        return START + timedelta(days=self.rng.randrange(-60, 400))

    def _currency(self) -> str:
        return self.rng.choices(["CNY", "USD", "JPY"], [80, 12, 8])[0]

    def _purchase(self) -> dict[str, Any]:
        amount = self.rng.choice([100, 250, 999, 12_345, self.rng.randrange(1, 100_000)])
        sign = -1 if self.rng.random() < 0.1 else 1
        cost = None if self.rng.random() < 0.2 else self.rng.randrange(amount + amount // 10 + 1)
        return {
            "customer": self._who(),
            "occurred_on": self._day(),
            "currency": self._currency(),
            "amount_minor": sign * amount,
            "cost_minor": None if cost is None else sign * cost,
        }

    def _spending(self) -> dict[str, Any]:
        row = {"customer": self._who(), "occurred_on": self._day(), "kind": "visit"}
        return {**row, "currency": self._currency(), "amount_minor": self.rng.randrange(5_000)}

    def _document(self) -> dict[str, Any]:
        amount = self.rng.randrange(1, 500_000)
        row = {
            "customer": self._who(),
            "occurred_on": self._day(),
            "due_on": None,
            "currency": self._currency(),
        }
        return {**row, "amount_minor": amount, "open_minor": 0, "allocated_minor": 0}

    def _estimate(self) -> tuple[str, int, str, date]:
        return self._who(), self.rng.randrange(1, 10**6), self._currency(), min(self._day(), END)

    def put_into(self, company: Any) -> None:
        company.add(*self.codes)
        for child, parent in self.parent.items():
            company.group(parent, child)
        company.fact("purchases", self.purchases)
        for fact, rows in self.spent.items():
            company.fact(fact, rows)
        for fact, rows in self.owed.items():
            names = {"receivables": {"allocated_minor"}, "payments": {"open_minor", "due_on"}}[fact]
            company.fact(fact, [{k: v for k, v in row.items() if k not in names} for row in rows])
        for code, amount, currency, day in self.estimates:
            text = str(Decimal(amount).scaleb(-DIGITS[currency]))
            record_potential(company.app, ACTOR, Estimate(code, text, currency, day, "asked"))


def amounts_of(world: World, basis: str, level: str) -> dict[str, int]:
    """Add up by customer or group and currency, then convert each sum, rounded half up; plain loops."""
    sums: dict[tuple[str, str], int] = {}
    for code, currency, amount in _parts(world, basis):
        head = code
        while level == "group" and head in world.parent:
            head = world.parent[head]
        sums[head, currency] = sums.get((head, currency), 0) + amount
    amounts: dict[str, int] = {}
    for (code, currency), amount in sums.items():
        exact = Decimal(amount).scaleb(-DIGITS[currency]) * RATES[currency] * 100
        amounts[code] = amounts.get(code, 0) + int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    return amounts


def _parts(world: World, basis: str) -> Iterator[tuple[str, str, int]]:
    if basis == "potential":
        yield from _latest(world)
        return
    for row in world.purchases:
        if START <= row["occurred_on"] <= END:
            if basis == "purchases":
                yield row["customer"], row["currency"], row["amount_minor"]
            elif row["cost_minor"] is not None:
                yield row["customer"], row["currency"], row["amount_minor"] - row["cost_minor"]
    if basis == "profit":
        for rows in world.spent.values():
            for row in rows:
                if START <= row["occurred_on"] <= END:
                    yield row["customer"], row["currency"], -row["amount_minor"]
        yield from _credit(world)


def _latest(world: World) -> Iterator[tuple[str, str, int]]:
    latest: dict[str, tuple[date, str, int]] = {}
    for code, amount, currency, day in world.estimates:
        # A second estimate of the same day replaces the first.
        if code not in latest or latest[code][0] <= day:
            latest[code] = (day, currency, amount)
    yield from ((code, currency, amount) for code, (_day, currency, amount) in latest.items())


def _credit(world: World) -> Iterator[tuple[str, str, int]]:
    """Walk through the days of the period, adding up what each customer owes at the end of each."""
    balances: dict[tuple[str, str], dict[date, int]] = {}
    for fact, sign in (("receivables", 1), ("payments", -1)):
        for row in world.owed[fact]:
            if row["occurred_on"] <= END:
                account = balances.setdefault((row["customer"], row["currency"]), {})
                account[row["occurred_on"]] = account.get(row["occurred_on"], 0) + sign * row["amount_minor"]
    for (code, currency), moves in balances.items():
        balance = sum(amount for day, amount in moves.items() if day < START)
        days = 0
        for offset in range((END - START).days + 1):
            balance += moves.get(START + timedelta(days=offset), 0)
            days += balance
        yield code, currency, -(days // 365 * 60_000 // 1_000_000) if days > 0 else 0


def graded(company: Any, number: int) -> dict[str, tuple[str, int, int]]:
    with company.app.read("abc_analysis") as ctx:
        return {
            row["customer"]: (row["grade"], row["rank"], row["amount_minor"])
            for row in list_grades(ctx, number)
        }


def by_threshold(amount: int) -> str:
    return "A" if amount >= 50_000 else "B" if amount >= 2_000 else "C"


@pytest.mark.parametrize("level", ["single", "group"])
@pytest.mark.parametrize("basis", ["purchases", "margin", "profit", "potential"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_basis_cut_and_level_is_the_oracles(make_company, oracle, database, basis, level, seed):
    company = make_company(database, settings=SETTINGS, facts="all")
    world = World(seed, 60)
    world.put_into(company)
    amounts = amounts_of(world, basis, level)
    for by, preset, ends in (("rank", "pyramid", PYRAMID), ("amount", "pareto", PARETO)):
        number = make_run(company.app, ACTOR, Request(START, END, preset, by, basis, level))  # type: ignore[arg-type]
        wanted = {c: (e.grade, e.rank, amounts[c]) for c, e in oracle(amounts, by, ends).items()}
        assert graded(company, number) == wanted
    number = make_run(company.app, ACTOR, Request(START, END, None, "threshold", basis, level))
    assert {c: (grade, amount) for c, (grade, _rank, amount) in graded(company, number).items()} == {
        code: (by_threshold(amount), amount) for code, amount in amounts.items()
    }


def test_what_is_missing_is_said_and_not_zeroed(make_company, crm):
    company = make_company(facts=["cost_to_serve"])
    company.add("C1", "C2", "C3")
    company.buy("2025-03-01", {"C1": 1000}, cost_minor=400)
    company.buy("2025-03-01", {"C1": 70, "C2": 500})  # nobody knows what these cost us
    company.spend("2025-04-01", {"C1": 100, "C3": 30})
    made = crm.json("abc", "run", "--basis", "profit")
    assert made["remarks"] == {
        "missing_facts": ["investments", "receivables", "payments"],
        "without_cost": [{"currency": "CNY", "purchases": 2, "amount_minor": 570}],
    }
    lines = crm.lines("abc", "grades")
    assert [(line["customer"], line["amount_minor"]) for line in lines] == [("C1", 500), ("C3", -30)]
    shown = crm.ok("abc", "run", "--basis", "profit").stdout
    assert "No data: needs fact investments" in shown
    assert "2 purchases of 5.70 CNY" in shown


def test_a_company_without_anything_makes_an_empty_run(make_company):
    company = make_company()
    number = make_run(company.app, ACTOR, Request(START, END))
    with company.app.read("abc_analysis") as ctx:
        summary = run_summary(ctx, number)
    assert summary["customers"] == 0
    assert [row["customers"] for row in summary["grades"]] == [0, 0, 0, 0]


@pytest.mark.parametrize("by", ["rank", "amount"])
def test_one_customer_is_the_best(make_company, by):
    company = make_company()
    company.sell("2025-05-01", {"ONLY": 1})
    number = make_run(company.app, ACTOR, Request(START, END, by=by))
    assert graded(company, number)["ONLY"][:2] == ("A", 1)


def test_who_is_95_percent_of_sales_is_alone_in_the_best_class(make_company):
    company = make_company()
    company.sell("2025-05-01", {"BIG": 9_500, **{f"C{i}": 50 for i in range(10)}})
    number = make_run(company.app, ACTOR, Request(START, END, by="amount"))
    grades = graded(company, number)
    assert [code for code, row in grades.items() if row[0] == "A"] == ["BIG"]
    assert {row[0] for code, row in grades.items() if code != "BIG"} == {"C"}


def test_a_member_has_the_class_of_its_group(make_company, crm):
    company = make_company(settings='[plugins.abc_analysis]\nlevel = "group"\n')
    company.add("HEAD", "SHOP", "LONE")
    company.group("HEAD", "SHOP")
    company.buy("2025-05-01", {"SHOP": 100, "LONE": 150})
    company.buy("2025-05-02", {"HEAD": 100})
    crm.json("abc", "run")
    why = crm.json("abc", "explain", "SHOP")
    assert (why["grade"], why["rank"], why["amount_minor"], why["group"]) == (
        "A",
        1,
        200,
        {"head": "HEAD", "members": 2},
    )
    assert [line["customer"] for line in crm.lines("abc", "grades")] == ["HEAD", "LONE"]
    assert {document["amount_minor"] for document in why["documents"]} == {100}
    assert not why["inputs_changed"]


def test_all_missing_rates_are_named_at_once(make_company, crm):
    company = make_company()
    company.add("C1")
    for currency in ("USD", "EUR", "CNY"):
        company.buy("2025-05-01", {"C1": 100}, currency)
    refused = crm("abc", "run").stderr
    assert "EUR, USD" in refused
    assert "[currency.rates]" in refused
