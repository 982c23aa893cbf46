"""Evidence on many customers from one table: checked as by hand, each piece once, taken back by undo."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.testing import ACTOR

HEADER = "customer,indicator,value,source,at,document,expires,by\n"
ROWS = f"""{HEADER}C1,reputation,good,bank,2026-02-01,D000017,2027-01-31,zhou
C1,share_overdue,0.45,our books,2026-02-02,,,
C2,reputation,poor,a supplier,2026-01-05,,,
"""
Load = Callable[..., dict[str, Any]]


@pytest.fixture
def company(make_app: Any, database: str) -> Any:
    app = make_app(
        ["credit_5c"], database, settings='\n[roles]\nclerk = ["records.import", "records.write"]\n'
    )
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"C{i}", "name": f"客户{i}"} for i in (1, 2, 3)])
        tx.insert(Customer, [{"code": "P1", "name": "王", "kind": "person"}])
    return app


@pytest.fixture
def load(crm: Any, tmp_path: Path) -> Load:
    def load(text: str, *options: str, entity: str = "credit_evidence") -> dict[str, Any]:
        file = tmp_path / "evidence.csv"
        file.write_text(text, "utf-8")
        result: dict[str, Any] = crm.json("import", entity, file, *options)
        return result

    return load


def counts(done: dict[str, Any]) -> tuple[int, ...]:
    return tuple(done[key] for key in ("created", "updated", "unchanged", "rejected"))


def known(crm: Any, code: str, *more: str) -> list[tuple[Any, ...]]:
    keys = ("indicator", "value", "source", "date", "document", "expires", "added_by", "state")
    return [tuple(x[k] for k in keys) for x in crm.lines("credit", "evidence", "list", code, *more)]


def rejects(done: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(done["rejects_file"]).read_text("utf-8-sig").splitlines()))


def test_rows_become_evidence(company: Any, crm: Any, load: Load) -> None:
    assert counts(load(ROWS)) == (3, 0, 0, 0)
    assert known(crm, "C1") == [
        ("share_overdue", "0.45", "our books", "2026-02-02", None, None, ACTOR, "counts"),
        ("reputation", "good", "bank", "2026-02-01", "D000017", "2027-01-31", "zhou", "counts"),
    ]
    assert crm.json("credit", "checklist", "C2", "--json")["there"] == 1


def test_the_same_file_again_changes_nothing_also_when_it_has_expired_since(
    company: Any, crm: Any, load: Load, clock: Any
) -> None:
    load(ROWS)
    before = known(crm, "C1")
    assert counts(load(ROWS)) == (0, 0, 3, 0)
    assert known(crm, "C1") == before
    clock.move(days=400)
    assert counts(load(ROWS)) == (0, 0, 3, 0)


def test_what_is_entered_by_hand_is_not_entered_again(company: Any, crm: Any, load: Load) -> None:
    entry = ("--indicator", "gearing", "--value", "0.50", "--source", "bank", "--date", "2026-02-01")
    crm.ok("credit", "evidence", "add", "C1", *entry, "--document", "D000017")
    header = "customer,indicator,value,source,at"
    assert counts(load(f"{header}\nC1,gearing,0.5,bank,2026-02-01\n")) == (0, 0, 1, 0)
    assert counts(load(f"{header},document\nC1,gearing,0.5,bank,2026-02-01,D000018\n")) == (1, 0, 0, 0)


def test_what_is_said_otherwise_is_another_piece_and_counts(company: Any, crm: Any, load: Load) -> None:
    load(ROWS)
    twice = HEADER + "C2,reputation,fair,a supplier,2026-01-05,,,\n" * 2
    assert counts(load(twice)) == (1, 0, 1, 0)
    assert [(x[1], x[-1]) for x in known(crm, "C2")] == [("fair", "counts"), ("poor", "older")]


@pytest.mark.parametrize(
    "text",
    [
        "客户编码,指标,值,来源,日期,有效期至,录入人\nC1,reputation,good,银行,2026年2月1日,2027-01-31,周\n",
        """客户代号,评价指标,评价,证据来源,证据日期,有效期,调查人
C1,商业信誉,基本守信，偶有延误但事先告知,银行,2026/2/1,2027-1-31,周
""",
    ],
    ids=["names", "words of the model"],
)
def test_chinese_headers_and_words_are_understood(company: Any, crm: Any, load: Load, text: str) -> None:
    assert counts(load(text)) == (1, 0, 0, 0)
    assert known(crm, "C1") == [
        ("reputation", "good", "银行", "2026-02-01", None, "2027-01-31", "周", "counts")
    ]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("C9,reputation,good,bank,2026-02-01,", "customer", "no customer has this code"),
        ("C3,reputation,good,bank,2026-02-01,", "customer", "customer 'C3' is archived; take it back with: crm customer restore C3"),
        ("P1,reputation,good,bank,2026-02-01,", "customer", "the data of P1 may not be used (restricted)"),
        ("C1,reputatoin,good,bank,2026-02-01,", "indicator", "did you mean 'reputation'?"),
        ("C1,reputation,splendid,bank,2026-02-01,", "value", "answers are excellent, good, fair, poor"),
        ("C1,share_overdue,45,bank,2026-02-01,", "value", "45 is no share from 0 to 1, which share_overdue asks for; write it like 0.45"),
        ("C1,gearing,-2,bank,2026-02-01,", "value", "-2 is below 0"),
        ("C1,gearing,1e999999,bank,2026-02-01,", "value", "is no number"),
        ("C1,reputation,good,bank,2026-03-03,", "at", "2026-03-03 is in the future; evidence is of today or before"),
        ("C1,reputation,good,bank,2026-02-01,2026-03-01", "expires", "it expired on 2026-03-01; find out what holds now"),
        ("C1,reputation,,bank,2026-02-01,", "value", "is empty"),
        ("C1,reputation,good,,2026-02-01,", "source", "is empty"),
        ("C1,reputation,good,bank,soon,", "at", ""),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_is_rejected_with_the_reason(
    company: Any, crm: Any, load: Load, row: str, column: str, reason: str
) -> None:
    crm.ok("person", "restrict", "P1")
    crm.ok("customer", "archive", "C3")
    done = load(f"customer,indicator,value,source,at,expires\nC2,reputation,good,bank,2026-02-01,\n{row}\n")
    assert counts(done) == (1, 0, 0, 1)
    (rejected,) = rejects(done)
    assert rejected["_column"] == column
    assert reason in rejected["_reason"]
    names = ("customer", "indicator", "value", "source", "at", "expires")
    assert rejected["_value"] == dict(zip(names, row.split(","), strict=True))[column]


def test_a_corrected_file_of_rejected_rows_is_taken(company: Any, crm: Any, load: Load) -> None:
    done = load(ROWS.replace("0.45", "45"))
    text = Path(done["rejects_file"]).read_text("utf-8-sig")
    assert counts(load(text.replace(",45,our", ",0.45,our"))) == (1, 0, 0, 0)
    assert len(known(crm, "C1")) == 2


def test_by_hand_nothing_is_entered_of_an_archived_customer_either(company: Any, crm: Any) -> None:
    crm.ok("customer", "archive", "C3")
    entry = ("--indicator", "reputation", "--value", "good", "--source", "bank")
    refused = crm("credit", "evidence", "add", "C3", *entry)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "customer 'C3' is archived; take it back with: crm customer restore C3" in refused.stderr
    crm.ok("customer", "restore", "C3")
    crm.ok("credit", "evidence", "add", "C3", *entry)


def test_customers_are_created_where_that_is_wanted(company: Any, crm: Any, load: Load) -> None:
    rows = f"{HEADER}N1,reputation,good,bank,2026-02-01,,,\nN1,season,good,bank,2026-02-01,,,\n"
    assert counts(load(rows, "--create-customers", "--dry-run")) == (2, 0, 0, 0)
    assert counts(load(rows, "--create-customers")) == (2, 0, 0, 0)
    assert len(known(crm, "N1")) == 2


def test_a_dry_run_counts_and_stores_nothing(company: Any, crm: Any, load: Load) -> None:
    load(ROWS)
    more = ROWS + "C2,season,good,bank,2026-02-01,,,\n" * 2 + "C2,season,hot,bank,2026-02-01,,,\n"
    assert counts(load(more, "--dry-run")) == (1, 0, 4, 1)
    assert len(known(crm, "C2")) == 1
    assert counts(load(more)) == (1, 0, 4, 1)


def test_undo_takes_the_evidence_back_and_the_file_may_come_again(company: Any, crm: Any, load: Load) -> None:
    done = load(ROWS)
    crm.ok("credit", "assess", "C1")
    undone = crm.json("imports", "undo", done["import"])
    assert (undone["removed"], undone["conflicts"]) == (3, [])
    assert known(crm, "C1", "--all") == []
    assert crm.json("credit", "checklist", "C1", "--json")["there"] == 0
    kept = crm.json("credit", "explain", "C1", "--json")
    assert "bank" in str(kept), "an assessment keeps what it stood on"
    assert counts(load(ROWS)) == (3, 0, 0, 0)


def test_what_was_withdrawn_since_stays_so_with_its_reason(company: Any, crm: Any, load: Load) -> None:
    done = load(ROWS)
    number = crm.lines("credit", "evidence", "list", "C2")[0]["evidence"]
    crm.ok("credit", "evidence", "withdraw", number, "--reason", "another firm of that name")
    again = load(ROWS)
    assert counts(again) == (0, 0, 3, 0)
    assert ["what was withdrawn stays so" in warning for warning in again["warnings"]] == [True]
    undone = crm.json("imports", "undo", done["import"])
    assert undone["removed"] == 2
    assert {conflict["entity"] for conflict in undone["conflicts"]} == {"credit_evidence"}
    assert all(conflict["why"].startswith("changed since") for conflict in undone["conflicts"])
    assert [x[-1] for x in known(crm, "C2", "--all")] == ["withdrawn"]
    assert counts(load(ROWS)) == (2, 0, 1, 0)


def test_who_may_not_enter_evidence_imports_none_and_undoes_none(company: Any, crm: Any, load: Load) -> None:
    done = load(ROWS)
    crm.ok("actor", "add", "clerk1", "--name", "Clerk", "--role", "clerk")
    crm.ok("actor", "add", "cc1", "--name", "Controller", "--role", "credit_controller")
    file = Path(crm.folder).parent / "more.csv"
    file.write_text(f"{HEADER}C2,season,good,bank,2026-02-01,,,\n", "utf-8")
    with crm.as_actor("clerk1"):
        for words in (
            ("import", "credit_evidence", file),
            ("import", "credit_evidence", file, "--dry-run"),
            ("imports", "undo", done["import"]),
        ):
            refused = crm(*words)
            assert refused.exit_code == 1
            assert "actor 'clerk1' may not enter evidence" in refused.stderr
    assert (len(known(crm, "C1")), len(known(crm, "C2"))) == (2, 1)
    with crm.as_actor("cc1"):
        assert counts(crm.json("import", "credit_evidence", file)) == (1, 0, 0, 0)
        assert crm.json("imports", "undo", done["import"])["removed"] == 3


def test_of_persons_the_log_keeps_no_open_word_and_erasing_takes_all(
    company: Any, crm: Any, load: Load
) -> None:
    of_a_person = f"{HEADER}P1,reputation,poor,a neighbour,2026-02-01,,,\n"
    load(of_a_person)
    with company.read() as ctx:
        log = str(ctx.connection.exec_driver_sql("SELECT * FROM change_log").all())
    assert "neighbour" not in log
    assert "credit_evidence" in log
    crm.ok("person", "erase", "customer:P1", "--yes", "--reason", "asked for it")
    again = load(of_a_person + "C1,season,good,bank,2026-02-01,,,\n")
    assert counts(again) == (1, 0, 0, 1), "an old file brings nobody back"
    with company.read() as ctx:
        c = company.tables["credit_evidence"].table.c
        assert list(ctx.connection.scalars(sa.select(c.indicator))) == ["season"]


@pytest.mark.slow
def test_many_rows_take_few_statements(company: Any, crm: Any, load: Load) -> None:
    with company.write(ACTOR, bulk=True) as tx:
        tx.insert(Customer, [{"code": f"K{i:04}", "name": f"客户{i}"} for i in range(2_500)])
    scales = ("reputation", "legal_record", "management_ability", "collateral_cover", "guarantor", "season")
    asked = (*scales, "industry_outlook", "years_of_trade")
    rows = [
        f"K{i:04},{name},{'3' if name == 'years_of_trade' else 'good'},bank,2026-02-01,,,"
        for i in range(2_500)
        for name in asked
    ]
    text = HEADER + "\n".join(rows) + "\n"
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert counts(load(text)) == (20_000, 0, 0, 0)
        assert counts(load(text)) == (0, 0, 20_000, 0)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len(statements) < 1_000
