"""The credit file of a customer: everything on it, worked out from what was typed in."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from importlib.util import find_spec
from typing import Any

import pytest
import sqlalchemy as sa

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)
EVIDENCE = [
    ("reputation", "excellent", "bank reference", "2026-02-20"),
    ("reputation", "fair", "a supplier", "2026-02-19"),
    ("legal_record", "good", "court register", "2026-02-01"),
    ("days_beyond_terms", "12", "our books", "2026-03-02"),
    ("management_ability", "good", "visit", "2026-02-10"),
    ("years_of_trade", "4", "our books", "2026-03-02"),
    ("order_trend", "1.1", "our books", "2026-03-02"),
    ("collateral_cover", "fair", "visit", "2026-02-10"),
    ("guarantor", "fair", "visit", "2026-02-10"),
    ("industry_outlook", "good", "trade press", "2026-02-10"),
    ("season", "good", "trade press", "2026-02-10"),
]
FIGURES = {
    "current_assets": "1200000",
    "current_liabilities": "600000",
    "total_assets": "3000000",
    "total_liabilities": "1200000",
    "equity": "1800000",
}
INVOICES = """customer,date,amount,document,due
K1,2025-12-01,1000.00,R1,2025-12-31
K1,2026-01-10,400.00,R2,2026-02-09
K1,2026-02-20,50.00,R3,2026-03-22
"""
PAYMENTS = "customer,date,amount,document\nK1,2026-01-20,600.00,Z1\n"
ALLOCATIONS = "payment,document,amount,date\nZ1,R1,600.00,2026-01-20\n"


def entered(crm: Any, tmp_path: Any, name: str, text: str) -> None:
    (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    crm.ok("import", name, tmp_path / f"{name}.csv")


@pytest.fixture
def filled(make_app: Any, crm: Any, tmp_path: Any, database: str) -> Any:
    """Give a customer of whom much is known: graded, with a limit, an order, late invoices, dunned, marked."""
    app = make_app(["trade_ledger", "credit_5c"], database)
    with crm.as_actor("li", roles=["sales_representative"]):
        pass
    words = ("--set", "tax_id=91990000000000000X", "--set", "owner=li", "--set", "registered_capital=500")
    crm.ok("customer", "add", "--code", "K1", "--name", "示例商贸有限公司", *words)
    crm.ok("customer", "add", "--code", "EMPTY", "--name", "Nothing yet")
    crm.ok("contact", "add", "K1", "--name", "演示甲", "--role", "legal_representative")
    entries = [dict(zip(("indicator", "value", "source", "date"), one, strict=True)) for one in EVIDENCE]
    statement = {"period": "2025-12-31", "figures": FIGURES, "source": "annual report"}
    (tmp_path / "e.json").write_text(json.dumps({"evidence": entries, "statements": [statement]}), "utf-8")
    crm.ok("credit", "assess", "K1", "--evidence", tmp_path / "e.json")
    for name, text in (("invoices", INVOICES), ("payments", PAYMENTS), ("allocations", ALLOCATIONS)):
        entered(crm, tmp_path, name, text)
    with crm.as_actor("li"):
        wish = ("--requested", "3000", "--temporary", "--until", "2026-12-31", "--reason", "a big season")
        request = crm.json("credit", "limit", "propose", "K1", *wish)["request"]
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", request, "--reason", "pays in the end")
        crm.ok("order", "add", "K1", "--amount", "200", "--tax-rate", "0%", "--number", "O1")
        crm.ok("order", "release", "O1", "--over-hold", "--reason", "paid soon")
    crm.ok("credit", "dunning", "done", "K1", "--step", "1", "--note", "promised to pay")
    crm.ok("credit", "default", "K1", "--mark", "--reason", "asked for a moratorium")
    return app


def read_file(crm: Any, code: str = "K1", *words: str) -> dict[str, Any]:
    made = crm.ok("report", "run", "credit_file", "--param", f"customer={code}", "--format", "json", *words)
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def rows_of(report: dict[str, Any], name: str) -> list[list[Any]]:
    """Return the rows of a table; none where the report has no such table."""
    return next((one["rows"] for one in report["tables"] if one["name"] == name), [])


def lines_of(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    table = next(one for one in report["tables"] if one["name"] == name)
    return [dict(zip([c["name"] for c in table["columns"]], row, strict=True)) for row in table["rows"]]


def test_the_head_names_the_firm_and_who_answers_for_it(filled: Any, crm: Any) -> None:
    head = dict(rows_of(read_file(crm), "customer"))
    assert {"K1", "示例商贸有限公司", "91990000000000000X", "演示甲", "500", "li"} <= set(head.values())
    assert head["Legal representative"] == "演示甲"


def test_the_grade_stands_with_all_that_it_was_made_from(filled: Any, crm: Any) -> None:
    report, told = read_file(crm), crm.json("credit", "explain", "K1")
    grade = dict(rows_of(report, "grade"))
    assert (grade["Credit grade"], grade["Points"], grade["Until"]) == (
        told["grade"],
        told["score"],
        told["expires"],
    )
    assert [row[1] for row in rows_of(report, "factors")] == list(told["factors"].values())
    assert sum(float(row[2]) for row in rows_of(report, "factors")) == pytest.approx(1)
    reputation = next(one for one in lines_of(report, "indicators") if one["indicator"] == "Reputation")
    assert (reputation["value"], reputation["source"], reputation["points"]) == (
        "excellent",
        "bank reference",
        "100",
    )
    assert len(rows_of(report, "indicators")) == len(told["indicators"])
    wanted = [told["changes"][way]["grade"] for way in ("better", "worse") if told["changes"][way]]
    assert [row[0] for row in rows_of(report, "changes")] == wanted
    (past,) = lines_of(report, "assessments")
    assert (past["grade"], past["state"]) == (told["grade"], "counts")
    (chart,) = report["charts"]
    assert chart["values"] == [points for points in told["factors"].values() if points]


def test_money_is_what_the_books_say(filled: Any, crm: Any) -> None:
    report = read_file(crm)
    limit = dict(rows_of(report, "limit"))
    assert (limit["Credit limit"], limit["Limit until"], limit["Decided by"]) == (
        "3,000.00 CNY",
        "2026-12-31",
        "boss",
    )
    (decision,) = lines_of(report, "limit_history")
    assert (decision["proposed_by"], decision["reason"]) == ("li", "a big season")
    # 1,000 - 600 paid + 400 + 50 are owed; 200 are ordered; of what is owed 800 were due by now, since 31 December.
    (used,) = lines_of(report, "exposure")
    assert [used[name] for name in ("limit", "receivables", "orders", "exposure", "headroom")] == [
        300_000,
        85_000,
        20_000,
        105_000,
        195_000,
    ]
    (aged,) = lines_of(report, "ageing")
    # Not yet due 50; 21 days late 400; 61 days late 400.
    assert list(aged.values()) == [85_000, 5_000, 40_000, 0, 40_000, 0, 80_000, 61]


def test_what_was_done_is_on_it(filled: Any, crm: Any) -> None:
    report = read_file(crm)
    (step,) = lines_of(report, "dunning")
    assert (step["step"], step["amount"], step["note"]) == (
        "1. Remind by phone",
        "800.00 CNY",
        "promised to pay",
    )
    default = dict(rows_of(report, "default"))
    assert default["State"].startswith("K1 is in default since 2026-03-02")
    assert default["Unlikely to pay"] == "asked for a moratorium (tester, 2026-03-02)"
    (decision,) = lines_of(report, "requests")
    assert (decision["kind"], decision["state"], decision["requested_by"], decision["decided_by"]) == (
        "Credit limit",
        "approved",
        "li",
        "boss",
    )
    assert any("Nothing is recorded under" in note and "Alarms" in note for note in report["notes"])


def test_evidence_names_its_sources_and_marks_what_they_do_not_agree_on(filled: Any, crm: Any) -> None:
    report = read_file(crm)
    lines = lines_of(report, "evidence")
    assert len(lines) == len(EVIDENCE) + 1
    marked = {one["indicator"] for one in lines if one["state"].endswith("≠")}
    assert "Reputation" in marked
    assert not marked & {"Lawsuits and penalties", "Ability of the managers"}
    assert [row[1:3] for row in rows_of(report, "conflicts") if row[0] == "Reputation"] == [
        ["excellent", "bank reference"],
        ["fair", "a supplier"],
    ]
    figures = dict(rows_of(report, "statement"))
    assert figures["Equity"] == "1800000"


def test_a_customer_of_whom_nothing_is_known_has_no_empty_tables(filled: Any, crm: Any) -> None:
    report = read_file(crm, "EMPTY")
    assert all(one["rows"] for one in report["tables"])
    assert "This customer was never assessed." in report["notes"]
    assert rows_of(report, "exposure") == [["the customer", None, 0, 0, 0, 0, None]]


def test_who_is_meant_must_be_said(filled: Any, crm: Any) -> None:
    nobody = crm("report", "run", "credit_file")
    assert (nobody.exit_code, "--param customer=CODE" in nobody.stderr) == (2, True)
    unknown = crm("report", "run", "credit_file", "--param", "customer=K9")
    assert (unknown.exit_code, "K9" in unknown.stderr) == (1, True)


def test_reading_the_file_of_a_person_is_recorded_and_a_restricted_one_is_not_shown(
    make_app: Any, crm: Any, database: str
) -> None:
    app = make_app(["trade_ledger", "credit_5c"], database)
    crm.ok("customer", "add", "--code", "P1", "--name", "演示乙", "--set", "kind=person")
    crm.ok("customer", "add", "--code", "K1", "--name", "a firm")

    def reads() -> list[tuple[str, str]]:
        with app.engine.connect() as connection:
            found = connection.execute(sa.text("SELECT what, filter FROM read_log ORDER BY id"))
            return [(what, told) for what, told in found if what == "sensitive"]

    read_file(crm, "K1")
    assert reads() == []
    read_file(crm, "P1")
    assert reads() == [("sensitive", "P1: credit file")]
    crm.ok("person", "restrict", "P1")
    refused = crm("report", "run", "credit_file", "--param", "customer=P1")
    assert (refused.exit_code, "restricted" in refused.stderr) == (1, True)


def test_an_expired_grade_is_said_to_be_so(filled: Any, crm: Any, clock: Any) -> None:
    clock.move(days=800)
    report = read_file(crm)
    assert any("No grade holds today" in note for note in report["notes"])
    assert dict(rows_of(report, "grade"))["State"] == "expired"


def test_without_a_ledger_the_file_says_what_is_missing(make_app: Any, crm: Any) -> None:
    make_app(["credit_5c"])
    crm.ok("customer", "add", "--code", "K1", "--name", "a firm")
    report = read_file(crm)
    assert any("orders_open, receivables, settlements" in note for note in report["notes"])


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_it_can_be_had_in_every_form(filled: Any, crm: Any, tmp_path: Any, language: str) -> None:
    words = ("report", "run", "credit_file", "--param", "customer=K1", "--lang", language)
    shown = crm.ok(*words).stdout
    assert "示例商贸有限公司" in shown
    assert "3,000.00" in shown
    rows = list(csv.reader(io.StringIO(crm.ok(*words, "--format", "csv", "--table", "evidence").stdout)))
    assert len([row for row in rows if "bank reference" in row]) == 1
    for ending in ("xlsx", "html", "pdf"):
        crm.ok(*words, "--out", tmp_path / f"file.{ending}")
    page = (tmp_path / "file.html").read_text("utf-8")
    assert "演示甲" in page
    assert f'lang="{language.replace("_", "-")}"' in page
    with zipfile.ZipFile(tmp_path / "file.xlsx") as book:
        assert "bank reference" in "".join(book.read(name).decode() for name in book.namelist())
    pypdf = pytest.importorskip("pypdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(tmp_path / "file.pdf").pages]
    assert 1 <= len(pages) <= 6
    assert "演示甲" in "".join("".join(pages).split())
