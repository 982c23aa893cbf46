"""Reports as files: which form, whole or not at all, and a plugin's own command that does the same."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crmcore.testing import CommandLine

SALES = """
from datetime import date
from decimal import Decimal
from crmcore.api import Chart, Column, Parameter, Report, ReportSpec, Table, hookimpl

def rows(broken):
    yield "=1+1", 123456, date(2026, 1, 2)
    if broken == "yes":
        raise ZeroDivisionError("x")
    yield "<script>", -50, None

def run(ctx, parameters):
    columns = (Column("name", "名称"), Column("amount", "Amount", "amount"), Column("day", "Day", "date"))
    first = Table("sales", "Sales", columns, rows(parameters["broken"]), "CNY")
    second = Table("second", "Second", (Column("a", "A"),), [("x",)])
    moves = tuple(map(Decimal, range(4)))
    charts = (Chart("m", "Moves", "matrix", ("A", "B"), moves, rows=("A", "B")), Chart("c", "Curve", "curve", (), moves[:2]))
    return Report("Sales", (first, second), charts, ("a note",))

@hookimpl
def reports():
    return [ReportSpec("sales", "Sales", run, (Parameter("broken", "Broken", "choice", "no", ("yes", "no")),))]
"""

COMMAND = """
from pathlib import Path
import click
from crmcore.api import Command, Session, pass_session, run_report

@click.command("selling", cls=Command, help="Sell.")
@click.option("--format", "form", type=click.Choice(["terminal", "csv", "json", "xlsx", "html"]))
@click.option("--out", type=click.Path(path_type=Path))
@click.option("--table")
@click.option("--force", is_flag=True)
@pass_session
def selling(session: Session, form, out, table, *, force):
    run_report(session, "sales", {"broken": "no"}, form, out, table=table, force=force)
"""

MANIFEST = {
    "title": "Sales",
    "description": "Sells.",
    "api": ">=0.1",
    "commands": [{"name": "selling", "help": "Sell.", "target": "crmcore_sales.cli:selling"}],
}


@pytest.fixture
def seller(make_app, crm: CommandLine, install_plugin) -> CommandLine:
    install_plugin("sales", SALES, manifest=MANIFEST, files={"cli.py": COMMAND})
    make_app(["sales"])
    return crm


def sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    return {sheet.title: list(sheet.values) for sheet in book.worksheets}


def test_json_has_the_rows_of_a_matrix(seller: CommandLine, matches):
    moves, curve = matches("report", seller.json("report", "run", "sales"))["charts"]
    assert (moves["kind"], moves["labels"], moves["rows"]) == ("matrix", ["A", "B"], ["A", "B"])
    assert (curve["kind"], curve["values"], curve["rows"]) == ("curve", ["0", "1"], [])


def test_the_ending_of_the_file_says_the_form(seller: CommandLine, tmp_path: Path):
    begins = {
        "a.xlsx": b"PK",
        "a.html": b"<!DOCTYPE html>",
        "a.HTM": b"<!DOCTYPE",
        "a.json": b"{",
        "a.csv": b"\xef\xbb\xbf",
    }
    for name, beginning in begins.items():
        said = seller.ok("report", "run", "sales", "--out", tmp_path / name).stdout
        assert said == f"The report was written to {tmp_path / name}.\n"
        assert (tmp_path / name).read_bytes().startswith(beginning)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("a.*")) == sorted(begins)


def test_a_workbook_has_a_sheet_per_table_charts_and_what_was_asked(seller: CommandLine, tmp_path: Path):
    out = tmp_path / "sales.data"
    seller.ok("report", "run", "sales", "--format", "xlsx", "--out", out)
    made = sheets(out)
    assert list(made) == ["Sales", "Second", "Charts", "About this report"]
    assert made["Sales"][1][:2] == ("=1+1", 1234.56)
    assert ("Asked for by", "tester") in made["About this report"]
    assert ("Broken", "no") in made["About this report"]


def test_a_page_goes_to_stdout_too(seller: CommandLine):
    page = seller.ok("report", "run", "sales", "--format", "html", encoding="gbk").stdout
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("form", ["terminal", "csv", "json", "xlsx", "html"])
def test_one_table_alone_comes_without_charts(seller: CommandLine, tmp_path: Path, form: str):
    out = ["--out", str(tmp_path / "f")] if form == "xlsx" else []
    shown = seller.ok("report", "run", "sales", "--table", "second", "--format", form, *out).stdout
    if form == "xlsx":
        assert list(sheets(tmp_path / "f")) == ["Second", "About this report"]
    elif form == "json":
        made = json.loads(shown)
        assert ([table["name"] for table in made["tables"]], made["charts"]) == (["second"], [])
    else:
        assert "x" in shown
        assert "1234.56" not in shown.replace(",", "")
        assert "Moves" not in shown
        assert ("a note" in shown) == (form != "csv")


@pytest.mark.parametrize("form", ["csv", "json", "xlsx", "html"])
def test_a_report_that_fails_half_way_leaves_the_file_as_it_was(
    seller: CommandLine, tmp_path: Path, form: str
):
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / f"sales.{form}"
    out.write_text("old", encoding="utf-8")
    failed = seller("report", "run", "sales", "--out", out, "--force", "--param", "broken=yes")
    assert failed.exit_code == 1
    assert (
        failed.stderr
        == "crm: the report 'sales' of plugin 'sales' failed (ZeroDivisionError: x); tell its author\n"
    )
    assert [path.name for path in folder.iterdir()] == [out.name]
    assert out.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--format", "xlsx"], 2, "name the file with --out"),
        (["--format", "pdf"], 2, "name the file with --out"),
        (["--out", "x.odt"], 2, "csv, json, xlsx, html or pdf"),
        (["--out", "x.html", "--format", "terminal"], 2, "csv, json, xlsx, html or pdf"),
        (["--out", "no/where/x.html"], 1, "x.html cannot be written: No such file"),
        (["--out", "no/where/x.xlsx"], 1, "x.xlsx cannot be written: No such file"),
    ],
)
def test_what_cannot_be_written_is_refused_with_a_sentence(
    seller: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    said: str,
):
    monkeypatch.chdir(tmp_path)
    result = seller("report", "run", "sales", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_a_plugins_own_command_writes_and_prints_its_report(seller: CommandLine, tmp_path: Path):
    out = tmp_path / "sales.xlsx"
    assert seller.ok("selling", "--out", out).stdout == f"The report was written to {out}.\n"
    assert list(sheets(out)) == ["Sales", "Second", "Charts", "About this report"]
    assert seller("selling", "--out", out).exit_code == 3
    seller.ok("selling", "--out", out, "--force", "--table", "second")
    assert list(sheets(out)) == ["Second", "About this report"]
    assert "1,234.56" in seller.ok("selling").stdout
    assert seller.ok("selling", "--format", "json").json()["parameters"] == {"broken": "no"}


def test_writing_a_report_is_recorded_as_a_read(small: CommandLine, read_log, tmp_path: Path):
    small.ok("report", "run", "composition", "--out", tmp_path / "a.xlsx")
    small.ok("report", "run", "composition", "--out", tmp_path / "a.html", "--table", "groups")
    assert read_log() == [("report", "composition", 1, '{"by":"region"}')] * 2
