"""Indicators from the books, against sums made by hand; and the database's points against those of the rules."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from crmcore_credit_5c.assessing.assessing import work_out
from crmcore_credit_5c.assessing.models import check_content, load_model, store_model
from crmcore_credit_5c.assessing.scored import score_all, scored_select
from crmcore_credit_5c.assessing.trade import trade_values

TODAY = date(2026, 3, 2)
NAMES = (
    "days_beyond_terms",
    "share_overdue",
    "oldest_overdue_days",
    "order_trend",
    "returns_share",
    "years_of_trade",
)
BOUNDS = {
    "days_beyond_terms": ("0", "7.5", "30"), "share_overdue": ("0", "0.25", "0.6"), "oldest_overdue_days": ("0", "30"),
    "order_trend": ("0.5", "1", "1.5"), "returns_share": ("0", "0.05"), "years_of_trade": ("0.5", "1", "3"),
}  # fmt: skip


def model_of_facts() -> dict[str, Any]:
    """Ask for every fact and one opinion, with weights that make totals of many places."""
    weights = ["0.137", "0.2", "0.111", "0.152", "0.1", "0.2", "0.1"]
    indicators: list[dict[str, Any]] = [
        {
            "name": name,
            "title": name,
            "weight": weight,
            "missing": "neutral" if i % 2 else "worst",
            "measure": {
                "kind": "facts",
                "of": name,
                "bands": [
                    *(
                        {"up_to" if i % 2 else "below": b, "points": str(100 - 33 * j)}
                        for j, b in enumerate(BOUNDS[name])
                    ),
                    {"points": "0.75"},
                ],
            },
        }
        for i, (name, weight) in enumerate(zip(NAMES, weights, strict=False))
    ]
    opinion = {"kind": "scale", "steps": [
        {"value": "good", "points": "100", "en": "Good", "zh": "好"}, {"value": "bad", "points": "1", "en": "Bad", "zh": "差"},
    ]}  # fmt: skip
    indicators.append({"name": "opinion", "title": "Opinion", "weight": "0.1", "measure": opinion})
    return {
        "name": "facts",
        "title": "Facts",
        "grades": [{"grade": g, "min_score": s} for g, s in (("A", "70"), ("B", "50.25"), ("C", "0"))],
        "factors": [{"name": "books", "title": "Books", "weight": "1", "indicators": indicators}],
    }


def values_of(app: Any, ids: list[int]) -> dict[int, dict[str, Fraction]]:
    with app.read("credit_5c") as ctx:
        return trade_values(ctx, NAMES, ids)[0]


def same_both_ways(app: Any, *, all_by_sql: bool = True) -> Counter[str | None]:
    """Check that the database and the rules give every customer the same; returns the grades."""
    with app.write("tester", plugin="credit_5c") as tx:
        store_model(tx, check_content(model_of_facts(), None, "facts.json"))
    with app.read("credit_5c") as ctx:
        version = load_model(ctx, "facts")
        ids = list(ctx.connection.exec_driver_sql("SELECT id FROM customer").scalars())
        one_by_one = {x.customer_id: (x.score.total, x.score.grade) for x in work_out(ctx, version, ids)}
        at_once = {x.customer_id: (x.score, x.grade) for x in score_all(ctx, version)}
        assert scored_select(ctx, version.model) is not None
    assert at_once == one_by_one
    assert len(at_once) == len(ids)
    return Counter(grade for _score, grade in at_once.values())


def test_days_beyond_terms_and_what_is_overdue(make_receivables: Any, database: str) -> None:
    """300 paid 10 days late, 100 paid early, 600 paid 20 days late: (3000 + 0 + 12000) / 1000 = 15 days."""
    company = make_receivables(database)
    company.add("C1", "C2", "C3")
    for amount, due, paid in ((300, "2026-01-10", "2026-01-20"), (100, "2026-01-10", "2026-01-02"), (600, "2026-01-10", "2026-01-30")):  # fmt: skip
        company.settle(company.invoice("C1", "2025-12-10", due, amount), paid, amount)
    company.settle(
        company.invoice("C1", "2024-01-01", "2024-01-31", 999), "2025-01-31", 999
    )  # longer ago than a year
    company.invoice("C1", "2026-01-01", "2026-01-31", 250)
    company.invoice("C1", "2026-02-20", "2026-03-22", 750)
    company.settle(company.invoice("C2", "2026-01-01", "2026-01-31", 50), "2026-01-31", 50)
    one, two, three = company.ids("C1", "C2", "C3")
    found = values_of(company.app, [one, two, three])
    assert found[one] == {
        "days_beyond_terms": 15,
        "share_overdue": Fraction(1, 4),
        "oldest_overdue_days": 30,
    }
    assert found[two] == {"days_beyond_terms": 0, "share_overdue": 0, "oldest_overdue_days": 0}
    assert three not in found


def test_amounts_of_several_currencies_are_weighed_by_the_rate(make_app: Any, make_receivables: Any) -> None:
    company = make_receivables("sqlite", 'USD = "7"\n')
    company.add("C1")
    company.invoice("C1", "2026-01-01", "2026-01-31", 100, "USD")
    company.invoice("C1", "2026-02-20", "2026-03-22", 700)
    (one,) = company.ids("C1")
    assert values_of(company.app, [one])[one]["share_overdue"] == Fraction(1, 2)


def test_trend_returns_and_years(make_trade: Any, database: str) -> None:
    company = make_trade(database)
    company.add("C1", "C2")
    for amount, on in ((600, "2026-02-01"), (-30, "2026-02-10"), (400, "2025-08-01"), (1000, "2023-03-02")):
        company.row("purchases", "C1", amount, on=on)
    company.row("purchases", "C2", 5, on="2026-02-28")
    one, two = company.id_of("C1"), company.id_of("C2")
    found = values_of(company.app, [one, two])
    assert found[one]["order_trend"] == Fraction(570, 400)
    assert found[one]["returns_share"] == Fraction(30, 1000)
    assert found[one]["years_of_trade"] == Fraction((TODAY - date(2023, 3, 2)).days * 4, 1461)
    assert "order_trend" not in found[two], "without trade half a year ago there is no trend"


@pytest.mark.parametrize("seed", range(3))
def test_the_database_gives_every_customer_the_points_of_the_rules(
    make_receivables: Any, database: str, seed: int
) -> None:
    company = make_receivables(database)
    draw = random.Random(seed)
    codes = [f"C{i}" for i in range(60)]
    company.add(*codes)
    rows = []
    for code in codes[5:]:
        for _number in range(draw.randrange(1, 8)):
            on = TODAY - timedelta(days=draw.randrange(500))
            due = on + timedelta(days=draw.choice([0, 30, 60]))
            rows.append(
                (code, on.isoformat(), draw.choice([due.isoformat(), None]), draw.randrange(-50, 400), "CNY")
            )
    numbers = company.invoices(rows)
    paid = [
        (number, (date.fromisoformat(row[1]) + timedelta(days=draw.randrange(90))).isoformat(), row[3])
        for number, row in zip(numbers, rows, strict=True)
        if draw.random() < 0.6
    ]
    company.settlements(paid)
    assert len(same_both_ways(company.app)) > 1


def test_whose_evidence_was_entered_is_scored_with_it(make_trade: Any, database: str, crm: Any) -> None:
    company = make_trade(database)
    company.add(*[f"C{i}" for i in range(40)])
    draw = random.Random(7)
    for i in range(30):
        for _number in range(draw.randrange(1, 5)):
            on = (TODAY - timedelta(days=draw.randrange(900))).isoformat()
            company.row("purchases", f"C{i}", draw.randrange(-20, 300), on=on)
    same_both_ways(company.app)
    crm.ok("credit", "evidence", "add", "C3", "--indicator", "opinion", "--value", "bad", "--source", "visit")
    crm.ok(
        "credit", "evidence", "add", "C35", "--indicator", "order_trend", "--value", "2", "--source", "visit"
    )
    same_both_ways(company.app)
    counted = crm.json("credit", "batch", "--all", "--model", "facts", "--dry-run", "--json")
    made = crm.json("credit", "batch", "--all", "--model", "facts", "--json")
    assert (counted["grades"], counted["assessed"]) == (made["grades"], 40)
