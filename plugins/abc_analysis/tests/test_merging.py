"""Classes of customers that are merged: runs stay as they were, what people decided goes along, and comes back."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import create_app
from crmcore.testing import ACTOR, CommandLine
from crmcore_abc_analysis.services import Request, make_run


@pytest.fixture
def company(make_company: Any, database: str, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Twenty customers, C01 the largest, classed by their purchases of 2025."""
    monkeypatch.setattr("crmcore.app.create_app", partial(create_app, clock=clock))
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    return company


def merge(crm: CommandLine, gone: str, remaining: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    done = crm.json("duplicates", "merge", gone, remaining, "--reason", "one", "--yes")
    return {(m["table"], m["column"]): (m["rows"], m["kept"], m["removed"]) for m in done["moved"]}


def unmerge(crm: CommandLine, gone: str) -> list[Any]:
    conflicts: list[Any] = crm.json("duplicates", "unmerge", gone, "--reason", "two")["conflicts"]
    return conflicts


def rows(company: Any, table: str) -> list[dict[str, Any]]:
    found = company.app.tables[table].table
    with company.app.read() as ctx:
        result = ctx.connection.execute(sa.select(found).order_by(found.c.id)).mappings()
        return [{k: v for k, v in row.items() if k != "version"} for row in result]


def held(company: Any) -> list[dict[str, Any]]:
    return rows(company, "abc_manual")


def test_runs_stay_and_the_next_one_classes_by_all_purchases(company: Any, crm: CommandLine):
    before = rows(company, "abc_grade")
    assert merge(crm, "C01", "C20")[("abc_grade", "customer_id")] == (0, 1, 0)
    assert rows(company, "abc_grade") == before
    assert crm.json("abc", "grade", "C20")["grade"] != "A"
    make_run(company.app, ACTOR, Request())
    assert crm.json("abc", "grade", "C20")["grade"] == "A"


def test_a_class_set_by_hand_is_set_anew_for_who_remains_and_past_days_are_as_they_were(
    company: Any, crm: CommandLine, clock: Any
):
    crm.ok("abc", "set", "C05", "A", "--reason", "promised", "--until", "2026-12-31")
    day = clock().date().isoformat()
    clock.move(days=2)
    before = held(company)
    merge(crm, "C05", "C06")
    assert crm.json("abc", "grade", "C06")["grade"] == "A"
    assert crm.json("abc", "grade", "C06", "--on", day)["grade"] != "A"
    old = crm.json("customer", "show", "C05", "--as-of", day)["sections"]
    assert next(s for s in old if s["plugin"] == "abc_analysis")["data"]["grade"] == "A"
    assert unmerge(crm, "C05") == []
    assert held(company) == before
    assert crm.json("abc", "grade", "C05")["grade"] == "A"
    assert crm.json("abc", "grade", "C06")["grade"] != "A"


def test_the_class_that_the_remaining_customer_was_given_by_hand_counts(company: Any, crm: CommandLine):
    crm.ok("abc", "set", "C05", "A", "--reason", "promised", "--until", "2026-12-31")
    crm.ok("abc", "set", "C06", "C", "--reason", "pays late", "--until", "2026-12-31")
    assert merge(crm, "C05", "C06")[("abc_manual", "customer_id")] == (0, 1, 0)
    assert crm.json("abc", "grade", "C06")["grade"] == "C"


def test_an_end_by_hand_since_the_merge_stays(company: Any, crm: CommandLine):
    crm.ok("abc", "set", "C05", "A", "--reason", "promised", "--until", "2026-12-31")
    merge(crm, "C05", "C06")
    crm.ok("abc", "unset", "C06", "--reason", "not any more")
    conflicts = unmerge(crm, "C05")
    assert {c["entity"] for c in conflicts} == {"abc_manual"}
    assert crm.json("abc", "grade", "C05")["grade"] == "A"


def test_estimates_go_along_and_of_two_of_one_day_the_own_one_counts(company: Any, crm: CommandLine):
    for code, amount, on in (
        ("C05", "100", "2026-01-01"),
        ("C05", "300", "2026-02-01"),
        ("C06", "200", "2026-01-01"),
    ):
        crm.ok("abc", "potential", "set", code, amount, "--on", on, "--basis", "a guess")
    before = rows(company, "abc_potential")
    assert merge(crm, "C05", "C06")[("abc_potential", "customer_id")] == (1, 0, 1)
    assert [row["amount_minor"] for row in rows(company, "abc_potential")] == [30_000, 20_000]
    assert unmerge(crm, "C05") == []
    assert rows(company, "abc_potential") == before
