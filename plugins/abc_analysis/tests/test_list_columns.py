"""The class in lists of customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmcore.testing import CommandLine


def test_lists_show_filter_and_sort_by_class(
    make_company: Callable[..., Any], database: str, crm: CommandLine
) -> None:
    company = make_company(database)
    company.sell("2025-05-05", {"C1": 800_000, "C2": 150_000, "C3": 50_000})
    company.add("C4")
    assert crm.lines("customer", "list", "--where", "abc.grade!=", "--columns", "code") == []
    crm.ok("abc", "run", "--from", "2025-01-01", "--to", "2025-12-31")
    shown = crm.lines("customer", "list", "--columns", "code,abc.grade,abc.amount", "--sort", "-abc.amount")
    assert [line["code"] for line in shown] == ["C1", "C2", "C3", "C4"]
    assert [line["abc.amount"] for line in shown] == [800_000, 150_000, 50_000, None]
    best = shown[0]["abc.grade"]
    found = crm.lines("customer", "list", "--where", f"abc.grade={best}", "--where", "abc.amount>=8000")
    assert [customer["code"] for customer in found] == ["C1"]
    assert crm.lines("customer", "list", "--where", "abc.grade=", "--columns", "code") == [{"code": "C4"}]


def test_a_run_that_changes_little_changes_the_list(
    make_company: Callable[..., Any], crm: CommandLine
) -> None:
    company = make_company()
    company.sell("2025-05-05", {f"C{n:02}": 1000 * n for n in range(1, 21)})
    crm.ok("abc", "run", "--from", "2025-01-01", "--to", "2025-12-31")
    company.buy("2025-06-01", {"C01": 90_000})
    crm.ok("abc", "run", "--from", "2025-01-01", "--to", "2025-12-31")
    listed = crm.lines("customer", "list", "--columns", "code,abc.grade,abc.amount")
    assert len(listed) == 20
    assert listed[0]["abc.amount"] == 91_000
    cards = {card["code"]: card["sections"][0]["data"] for card in crm.lines("customer", "list")}
    assert {line["code"]: line["abc.grade"] for line in listed} == {
        code: data["grade"] for code, data in cards.items()
    }
