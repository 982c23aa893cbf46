"""`crm audit reads`, and rows logged by range under `crm audit verify --rows`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

KEYS = ["at", "actor", "authenticated_as", "what", "entity", "count", "filter"]


@pytest.fixture
def company(app: App, crm: CommandLine, tmp_path: Path) -> CommandLine:
    """Return the command line in a company of 120 customers."""
    rows = "".join(f"C{number:03},甲{number}\n" for number in range(120))
    (tmp_path / "customers.csv").write_text("code,name\n" + rows, encoding="utf-8")
    crm.ok("import", "customers", tmp_path / "customers.csv")
    return crm


def test_exports_bulk_lists_and_sensitive_fields_are_listed_newest_first(
    company: CommandLine, clock: Any, tmp_path: Path
) -> None:
    assert company.lines("audit", "reads") == []
    company.ok("export", "customers", tmp_path / "out.csv")
    clock.move(hours=1)
    company.ok("customer", "list", "--where", "kind=organisation", "--json")
    clock.move(hours=1)
    company.ok("customer", "edit", "C001", "--set", "bank_account=1")
    company.ok("customer", "show", "C001")
    found = company.lines("audit", "reads")
    assert all(list(read) == KEYS for read in found)
    assert [(r["what"], r["entity"], r["count"]) for r in found] == [
        ("sensitive", "customer", 1),
        ("list", "customer", 120),
        ("export", "customers", 120),
    ]
    assert found[0]["filter"] == "C001: bank_account"
    assert "kind=organisation" in found[1]["filter"]
    assert found[0]["at"] > found[1]["at"] > found[2]["at"]
    assert {read["actor"] for read in found} == {ACTOR}


def test_reads_can_be_chosen_by_actor_kind_and_day(company: CommandLine, clock: Any, tmp_path: Path) -> None:
    days = []
    for name in ("a", "b", "c"):
        company.ok("export", "customers", tmp_path / name)
        days.append(clock.now.date().isoformat())
        clock.move(days=1)
    with company.as_actor("boss", ["general_manager"]):
        company.ok("customer", "list", "--json")
    assert len(company.lines("audit", "reads", "--what", "export")) == 3
    assert [r["what"] for r in company.lines("audit", "reads", "--by", "boss")] == ["list"]
    assert len(company.lines("audit", "reads", "--since", days[1])) == 3
    assert len(company.lines("audit", "reads", "--until", days[1])) == 2
    assert len(company.lines("audit", "reads", "--since", days[1], "--until", days[1])) == 1
    assert len(company.lines("audit", "reads", "--limit", 2)) == 2
    assert company("audit", "reads", "--what", "nothing").exit_code == 2


def test_a_report_to_a_file_is_a_read(company: CommandLine, tmp_path: Path) -> None:
    reports = company.lines("report", "list")
    if not reports:
        pytest.skip("the core has no report of its own")
    company.ok("report", "run", reports[0]["name"], "--out", tmp_path / "report.csv")
    assert company.lines("audit", "reads")[0]["what"] == "report"


def test_people_read_a_table_without_control_characters(company: CommandLine) -> None:
    company.ok("customer", "list", "--where", "name!=[/a]\x1b[31m", "--json")
    for words in ((), ("--lang", "zh_CN")):
        shown = company.ok("audit", "reads", *words).stdout
        assert "[/a]" in shown
        assert "\x1b" not in shown


# -- ranges ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(
    make_app: Callable[..., App], database: str, crm: CommandLine, tmp_path: Path
) -> tuple[CommandLine, Callable[[str], int]]:
    """Return the command line in a company with purchases, and a hand that writes past its gate."""
    pytest.importorskip("crmcore_trade_ledger")
    app = make_app(["trade_ledger"], database=database)
    rows = "".join(f"C1,2025-01-{day:02},D{day},100.00\n" for day in range(1, 29))
    path = tmp_path / "purchases.csv"
    path.write_text("customer,date,document,amount\n" + rows, encoding="utf-8")
    crm.ok("import", "purchases", path, "--create-customers")

    def write(statement: str) -> int:
        with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
            return connection.exec_driver_sql(statement).rowcount

    return crm, write


def test_rows_of_ranges_hold(ledger: tuple[CommandLine, Callable[[str], int]]) -> None:
    crm, _write = ledger
    assert crm.json("audit", "verify", "--rows")["ok"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_line SET net_minor = net_minor + 1 WHERE id = 3",
        "DELETE FROM ledger_line WHERE id = 3",
    ],
)
def test_a_row_changed_past_the_log_is_seen_with_rows_alone(
    ledger: tuple[CommandLine, Callable[[str], int]], statement: str
) -> None:
    crm, write = ledger
    assert write(statement) == 1
    assert crm.json("audit", "verify")["ok"], "the log itself was not touched"
    done = crm("audit", "verify", "--rows", "--json")
    found = done.json()
    assert (done.exit_code, found["ok"]) == (1, False)
    assert "ledger_line" in found["problem"]
    assert found["first_bad"]


def test_a_row_that_arrived_in_no_range_is_seen(
    ledger: tuple[CommandLine, Callable[[str], int]],
) -> None:
    crm, write = ledger
    columns = "document_id, kind, customer_id, occurred_on, currency, net_minor, tax_minor, counts"
    for number in (29, 900):
        copied = f"INSERT INTO ledger_line (id, line, {columns}) SELECT {number}, 9, {columns} FROM ledger_line WHERE id = 3"  # noqa: S608
        assert write(copied) == 1
        done = crm("audit", "verify", "--rows", "--json")
        assert (done.exit_code, f"ledger_line {number} is there" in done.json()["problem"]) == (1, True)
        assert write(f"DELETE FROM ledger_line WHERE id = {number}") == 1  # noqa: S608
    assert crm.json("audit", "verify", "--rows")["ok"]


def test_rows_that_were_deleted_and_put_back_hold(
    ledger: tuple[CommandLine, Callable[[str], int]], reopen: Any
) -> None:
    crm, write = ledger
    from crmcore_trade_ledger.tables import LedgerLine

    app = reopen(crm.folder)
    with app.write(ACTOR) as tx:
        tx.update(LedgerLine, [(4, {"net_minor": 1})])
        held = tx.connection.execute(sa.select(app.tables["ledger_line"].table).where(sa.column("id") == 4))
        row = dict(held.mappings().one())
        tx.delete(LedgerLine, [4])
        del row["id"]
        tx.insert(LedgerLine, [row], ids=[4])
        tx.update(LedgerLine, [(4, {"net_minor": 2})])
    assert crm.json("audit", "verify", "--rows")["ok"]
    write("UPDATE ledger_line SET net_minor = 1 WHERE id = 4")
    assert not crm("audit", "verify", "--rows", "--json").json()["ok"]


def test_rows_edited_and_deleted_through_the_gate_hold(
    ledger: tuple[CommandLine, Callable[[str], int]], reopen: Any
) -> None:
    crm, _write = ledger
    from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine

    app = reopen(crm.folder)
    with app.write(ACTOR) as tx:
        tx.update(LedgerDocument, [(2, {"open_minor": 5})])
        tx.update(LedgerDocument, [(2, {"open_minor": 7, "state": "posted"})])
        tx.delete(LedgerLine, [4, 5])
    assert crm.json("audit", "verify", "--rows")["ok"]
