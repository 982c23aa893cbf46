"""What the list of evidence says of each piece is what an assessment makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR

VISITS = """
from datetime import date
from crmcore.api import Evidence, hookimpl

@hookimpl
def evidence(customer_ids, indicator, ctx):
    if indicator == "reputation":
        for number in customer_ids:
            yield Evidence(number, indicator, "fair", "visit", date(2026, 2, 20))
"""


def enter(crm: Any, indicator: str, value: str, on: str) -> int:
    words = ("--indicator", indicator, "--value", value, "--source", "bank", "--date", on)
    number: int = crm.json("credit", "evidence", "add", "C1", *words, "--json")["evidence"][0]
    return number


def states(crm: Any) -> dict[int, str]:
    lines = crm.lines("credit", "evidence", "list", "C1", "--json")
    return {line["evidence"]: line["state"] for line in lines}


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_what_is_entered_does_not_count_where_the_books_tell(
    make_trade: Any, crm: Any, database: str
) -> None:
    company = make_trade(database)
    company.add("C1", "C2")
    company.row("purchases", "C1", 1000, on="2023-03-02")
    number = enter(crm, "years_of_trade", "6", "2026-03-02")
    other = enter(crm, "reputation", "good", "2026-03-02")
    assert states(crm) == {number: "older", other: "counts"}
    text = crm.ok("credit", "evidence", "list", "C1").stdout
    (line,) = [line for line in text.splitlines() if line.split()[:1] == [str(number)]]
    assert "there is newer" in line
    assert "the first counts: 3.0" in text, "as the line above says it"
    (known,) = [
        one
        for one in crm.json("credit", "checklist", "C1", "--json")["indicators"]
        if one["indicator"] == "years_of_trade"
    ]
    assert known["source"].startswith("fact:")


def test_what_a_plugin_told_later_counts_until_somebody_knows_more(
    make_app: Any, install_plugin: Any, crm: Any
) -> None:
    install_plugin("visiting", VISITS)
    app = make_app(["credit_5c", "visiting"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C1", "name": "One"}])
    first = enter(crm, "reputation", "good", "2026-02-01")
    assert states(crm) == {first: "older"}
    second = enter(crm, "reputation", "good", "2026-02-25")
    assert states(crm) == {first: "older", second: "counts"}
    crm.ok("credit", "evidence", "withdraw", second, "--reason", "another firm")
    assert states(crm) == {first: "older"}
