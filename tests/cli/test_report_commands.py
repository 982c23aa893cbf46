"""`crm report …`: the forms of a report, its parameters, who read it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from crmcore.testing import CommandLine

SALES = """
from datetime import date
from decimal import Decimal
from crmcore.api import Chart, Column, Parameter, Report, ReportSpec, Table, UsageProblem, hookimpl

def run(ctx, parameters):
    if parameters["day"] == "2000-01-01":
        raise ZeroDivisionError("x")
    if parameters["day"] == "2000-01-02":
        raise UsageProblem("no such day")
    columns = (Column("name", "名称"), Column("amount", "Amount", "amount"), Column("share", "Share", "share"),
               Column("day", "Day", "date"), Column("count", "Count", "integer"))
    rows = ((name, amount, Decimal(amount) / 100000, date(2026, 1, 2), 1234)
            for name, amount in (("甲[/a]", 123456), ("=1+1", -50), ("-5", 0)))
    chart = Chart("pareto", "Pareto", "pareto", ("甲", "乙"), (Decimal(3), Decimal(1)), (Decimal("0.75"), Decimal(1)))
    second = Table("second", "Second", (Column("a", "A"),), [("x",)])
    tables = (Table("sales", "Sales", columns, rows, "CNY"), *((second,) if parameters["two"] == "yes" else ()))
    return Report("Sales of " + parameters["day"], tables, (chart,), ("a note",))

@hookimpl
def reports():
    return [ReportSpec("sales", "Sales", run, (
        Parameter("day", "Day", "date", "2026-01-31"), Parameter("top", "Top", "integer"),
        Parameter("two", "Two tables", "choice", "no", ("yes", "no"))))]
"""


@pytest.fixture
def seller(make_app, crm: CommandLine, install_plugin) -> CommandLine:
    install_plugin("sales", SALES)
    make_app(["sales"])
    return crm


def test_list_describes_reports_with_their_parameters(seller: CommandLine, matches):
    listed = matches("report_description", seller.lines("report", "list"))
    assert [(one["name"], one["plugin"]) for one in listed] == [
        ("address_labels", "printing"),
        ("composition", "reports"),
        ("customer_card", "printing"),
        ("customer_documents", "documents"),
        ("customer_roster", "printing"),
        ("sales", "sales"),
    ]
    assert [p["name"] for p in listed[-1]["parameters"]] == ["day", "top", "two"]
    assert "sales" in seller.ok("report", "list").stdout


def test_run_prints_json_with_exact_values(seller: CommandLine, matches):
    made = matches("report", seller.json("report", "run", "sales", "--param", "day=2026-02-28"))
    assert (made["report"], made["requested_by"]) == ("sales", "tester")
    assert made["parameters"] == {"day": "2026-02-28", "two": "no"}
    assert made["tables"][0]["rows"][0] == ["甲[/a]", 123456, "1.23456", "2026-01-02", 1234]
    assert made["charts"][0]["line"] == ["0.75", "1"]
    assert seller.ok("report", "run", "sales", "--format", "json").json()["title"] == "Sales of 2026-01-31"


def test_run_prints_for_people(seller: CommandLine):
    shown = seller.ok("report", "run", "sales").stdout
    for text in (
        "甲[/a]",
        "1,234.56",
        "123.46%",
        "2026-01-02",
        "1,234",
        "█",
        "a note",
        "Asked for by tester",
    ):
        assert text in shown


def test_csv_is_for_spreadsheets_and_guarded(seller: CommandLine, tmp_path: Path):
    out = tmp_path / "sales.csv"
    seller.ok("report", "run", "sales", "--out", out)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert rows[:4] == [
        ["名称", "Amount (CNY)", "Share", "Day", "Count"],
        ["甲[/a]", "1234.56", "1.23456", "2026-01-02", "1234"],
        ["'=1+1", "-0.50", "-0.0005", "2026-01-02", "1234"],
        ["-5", "0.00", "0", "2026-01-02", "1234"],
    ]
    assert rows[4:6] == [[], ["a note"]]
    assert "tester" in rows[6][0]
    guarded = seller("report", "run", "sales", "--out", out)
    assert guarded.exit_code == 3
    seller.ok("report", "run", "sales", "--out", out, "--force", "--table", "sales")
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 4


def test_csv_on_stdout_is_utf8_whatever_the_console(seller: CommandLine):
    text = seller.ok("report", "run", "sales", "--format", "csv", "--param", "two=yes").stdout
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert ["Sales"] in rows
    assert ["Second"] in rows


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "sale"], 1, "did you mean 'sales'"),
        (["run", "sales", "--param", "day=tomorrow"], 2, "day = 'tomorrow'"),
        (["run", "sales", "--param", "top=x"], 2, "whole number"),
        (["run", "sales", "--param", "two=maybe"], 2, "yes, no"),
        (["run", "sales", "--param", "colour=red"], 2, "day=…"),
        (["run", "sales", "--format", "csv", "--table", "x"], 2, "no table 'x'"),
        (["run", "sales", "--out", "x.odt"], 2, "--format"),
        (["run", "sales", "--param", "day=2000-01-01"], 1, "plugin 'sales' failed (ZeroDivisionError"),
        (["run", "sales", "--param", "day=2000-01-02"], 2, "no such day"),
    ],
)
def test_refusals_say_what_is_allowed(seller: CommandLine, words: list[str], code: int, said: str):
    result = seller("report", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_composition_counts_customers_by_a_field(company: CommandLine, matches):
    company.ok("customer", "add", "--name", "a", "--set", "region=华东")
    company.ok("customer", "add", "--name", "b", "--set", "region=华东")
    made = matches("report", company.json("report", "run", "composition"))
    (table,) = made["tables"]
    assert [(row[0], row[1]) for row in table["rows"]] == [("华东", 2), ("(not given)", 1)]
    company.ok("report", "run", "composition", "--param", "by=lifecycle")


def test_an_empty_company_has_an_empty_composition(make_app, crm: CommandLine):
    make_app()
    assert crm.json("report", "run", "composition")["tables"][0]["rows"] == []


def test_running_a_report_is_recorded(small: CommandLine, read_log):
    small.ok("report", "run", "composition", "--param", "by=kind")
    assert read_log() == [("report", "composition", 1, '{"by":"kind"}')]
