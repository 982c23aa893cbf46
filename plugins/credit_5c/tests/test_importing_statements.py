"""Financial statements of many customers from one table: a row for each period, the figures in columns."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR

ROWS = """customer,period,months,currency,current_assets,current_liabilities,equity,source,expires,by
C1,2025-12-31,12,CNY,"900,000",400000.50,1200000,audited accounts,2027-06-30,zhou
C2,2025-06-30,6,USD,500,0,-20,,,
"""
Load = Callable[..., dict[str, Any]]


@pytest.fixture
def company(make_app: Any, database: str) -> Any:
    app = make_app(["credit_5c"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"C{i}", "name": f"客户{i}"} for i in (1, 2)])
    return app


@pytest.fixture
def load(crm: Any, tmp_path: Path) -> Load:
    def load(text: str, *options: str) -> dict[str, Any]:
        file = tmp_path / "statements.csv"
        file.write_text(text, "utf-8")
        result: dict[str, Any] = crm.json("import", "credit_statements", file, *options)
        return result

    return load


def counts(done: dict[str, Any]) -> tuple[int, ...]:
    return tuple(done[key] for key in ("created", "updated", "unchanged", "rejected"))


def filed(crm: Any, code: str) -> list[tuple[Any, ...]]:
    keys = ("date", "months", "currency", "figures", "source", "expires", "added_by", "state")
    return [tuple(x[k] for k in keys) for x in crm.lines("credit", "evidence", "list", code, "--all")]


GOOD = ROWS.replace("-20,,,", "-20,own accounts,,")


def test_rows_become_statements_and_ratios_follow(company: Any, crm: Any, load: Load) -> None:
    assert counts(load(GOOD)) == (2, 0, 0, 0)
    figures = {"current_assets": "900000", "current_liabilities": "400000.5", "equity": "1200000"}
    assert filed(crm, "C1") == [
        ("2025-12-31", 12, "CNY", figures, "audited accounts", "2027-06-30", "zhou", "counts")
    ]
    figures = {"current_assets": "500", "current_liabilities": "0", "equity": "-20"}
    assert filed(crm, "C2") == [("2025-06-30", 6, "USD", figures, "own accounts", None, ACTOR, "counts")]
    checks = crm.json("credit", "checklist", "C1", "--json")["indicators"]
    assert {x["indicator"]: x["source"] for x in checks}["current_ratio"] == "audited accounts"


def test_the_same_file_again_changes_nothing_and_another_figure_is_another_statement(
    company: Any, crm: Any, load: Load
) -> None:
    load(GOOD)
    assert counts(load(GOOD)) == (0, 0, 2, 0)
    assert counts(load(GOOD.replace("400000.50", "400000.500"))) == (0, 0, 2, 0)
    assert counts(load(GOOD.replace("400000.50", "410000"))) == (1, 0, 1, 0)
    assert [x[-1] for x in filed(crm, "C1")] == ["counts", "older"]


def test_chinese_headers_units_and_currencies_are_understood(company: Any, crm: Any, load: Load) -> None:
    text = (
        "客户编码,报表日期,币种,流动资产合计（万元）,流动负债合计（万元）,所有者权益合计（万元）,来源\n"
        "C1,2025年12月31日,人民币,90,40.00005,120,审计报告\n"
    )
    assert counts(load(text)) == (1, 0, 0, 0)
    figures = {"current_assets": "900000", "current_liabilities": "400000.5", "equity": "1200000"}
    assert filed(crm, "C1") == [("2025-12-31", 12, "CNY", figures, "审计报告", None, ACTOR, "counts")]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("C9,2025-12-31,,,1,x,", "customer", "no customer has this code"),
        ("C1,2026-12-31,,,1,x,", "period", "2026-12-31 is in the future"),
        ("C1,2025-12-31,,,1,x,2026-01-31", "expires", "it expired on 2026-01-31"),
        ("C1,2025-12-31,,,,x,", "period", "no figure of the statement"),
        ("C1,2025-12-31,,,1000000000000000,x,", "equity", "is too large for equity"),
        ("C1,2025-12-31,,,1.1234567,x,", "equity", "more than 6 decimals"),
        ("C1,2025-12-31,,Taler,1,x,", "currency", "ISO 4217 has no currency TALER"),
        ("C1,2025-12-31,25,,1,x,", "months", "write 1 to 24 months"),
        ("C1,2025-12-31,,,much,x,", "equity", "is not a number"),
        ("C1,2025-12-31,,,1,,", "source", "is empty"),
    ],
)
def test_a_row_that_cannot_be_taken_is_rejected_with_the_reason(
    company: Any, crm: Any, load: Load, row: str, column: str, reason: str
) -> None:
    done = load(f"customer,period,months,currency,equity,source,expires\nC2,2025-12-31,,,7,x,\n{row}\n")
    assert counts(done) == (1, 0, 0, 1)
    (rejected,) = csv.DictReader(Path(done["rejects_file"]).read_text("utf-8-sig").splitlines())
    assert rejected["_column"] == column
    assert reason in rejected["_reason"]


def test_a_dry_run_stores_nothing_and_undo_takes_all_back(company: Any, crm: Any, load: Load) -> None:
    assert counts(load(GOOD, "--dry-run")) == (2, 0, 0, 0)
    assert filed(crm, "C1") == []
    done = load(GOOD)
    assert crm.json("imports", "undo", done["import"])["removed"] == 2
    assert filed(crm, "C1") == filed(crm, "C2") == []


def test_nothing_is_exported(company: Any, crm: Any) -> None:
    for entity in ("credit_evidence", "credit_statements"):
        refused = crm("export", entity, "-")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "can be imported but not exported" in refused.stderr
