"""Files of limits as they come: in any encoding, hostile ones, large ones, two at once."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

WORDS = ("credit", "limit", "import")
TABLE = "客户编码,信用额度\nK1,1000\n"


@pytest.fixture
def trade(make_trade: Any) -> Any:
    made = make_trade()
    made.add("K1", "K2")
    return made


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("gb18030"),
        TABLE.encode("utf-16"),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").replace("\n", "\r\n").encode(),
        ("客户信用额度表\n\n" + TABLE).encode(),
        "客户编码,信用额度（万元）\nK1,0.1\n".encode(),
        b'Customer No,Credit Limit\nK1,"1,000.00"\n',
        '客户代码,授信额度,备注\nK1,￥1000元,"a\nb"\n'.encode(),
    ],
)
def test_a_file_is_understood_as_other_systems_write_it(
    trade: Any, crm: Any, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "额度.csv"
    path.write_bytes(content)
    found = crm.json(*WORDS, path, "--dry-run")
    assert [(row["customer"], row["limit_minor"]) for row in found["rows"]] == [("K1", 100_000)]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        ("客户编码,信用额度\n".encode(), "no rows"),
        ("客户编码,电话\nK1,5\n".encode(), "limit"),
        ("信用额度\n5\n".encode(), "customer"),
        ("客户编码,信用额度,Credit Limit\nK1,5,6\n".encode(), "limit"),
        (b"\0" * 64, "NUL"),
        (b"%PDF-1.4 limits", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1limits", "xls"),
        (b"<html><table><tr><td>K1</td></tr></table>", "web page"),
        (b"PK\x03\x04 no workbook", ""),
        ('客户编码,信用额度\nK1,"5\n'.encode(), "quotation"),
        (b"a" * (3 << 20), "1 MB"),
    ],
)
def test_a_file_that_is_no_table_of_limits_is_refused_in_one_sentence(
    trade: Any, crm: Any, tmp_path: Path, content: bytes, word: str
) -> None:
    path = tmp_path / "limits.csv"
    path.write_bytes(content)
    refused = crm(*WORDS, path)
    assert (refused.exit_code, "Traceback" in refused.stderr) == (1, False)
    assert word in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert crm.lines("approvals", "list") == []


def test_what_is_no_file_is_refused(trade: Any, crm: Any, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.csv"):
        refused = crm(*WORDS, path)
        assert (refused.exit_code, "Traceback" in refused.stderr) == (1, False)


def test_a_bomb_of_a_workbook_is_refused(trade: Any, crm: Any, tmp_path: Path) -> None:
    path = tmp_path / "limits.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b"<x>" + b"0" * (64 << 20))
    refused = crm(*WORDS, path)
    assert (refused.exit_code, "Traceback" in refused.stderr) == (1, False)


def test_a_workbook_is_read_as_a_file(make_trade: Any, crm: Any, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    make_trade().add("1001", "K2")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("额度")
    sheet.append(["客户编码", "信用额度", "有效期至", "账期"])
    sheet.append([1001, 50000.5, date(2026, 12, 31), 30])
    sheet.append(["K2", "6,000", None, None])
    book.save(tmp_path / "limits.xlsx")
    found = crm.json(*WORDS, tmp_path / "limits.xlsx", "--sheet", "额度", "--dry-run")
    names = ("customer", "limit_minor", "until", "payment_days")
    assert [[row[name] for name in names] for row in found["rows"]] == [
        ["1001", 5_000_050, "2026-12-31", 30],
        ["K2", 600_000, None, None],
    ]


def test_a_mapping_file_names_the_columns(trade: Any, crm: Any, tmp_path: Path) -> None:
    path, mapping = tmp_path / "limits.csv", tmp_path / "map.json"
    path.write_text("wer,wieviel,bis\nK1,5,03/04/2026\n", "utf-8")
    mapping.write_text(
        '{"entity": "credit_limits", "columns": {"wer": "customer", "wieviel": "limit", "bis": "until"}}',
        "utf-8",
    )
    found = crm.json(*WORDS, path, "--map", mapping, "--date-order", "dmy", "--dry-run")
    assert (found["rows"][0]["limit_minor"], found["rows"][0]["until"]) == (500, "2026-04-03")


def test_what_would_run_in_a_terminal_or_a_spreadsheet_is_shown_as_text(
    trade: Any, crm: Any, tmp_path: Path
) -> None:
    path = tmp_path / "li\u202emits.csv"
    path.write_text("客户编码,信用额度\n=cmd|x,1\nK\x1b[31m,2\nK1,\u202e5\nK2,3\n", "utf-8")
    shown = crm(*WORDS, path, "--skip-rejected")
    assert shown.exit_code == 0
    for hostile in ("\x1b", "\u202e"):
        assert hostile not in shown.stdout + shown.stderr
        assert hostile not in crm.ok("approvals", "show", 1).stdout


def test_no_row_costs_a_statement_of_its_own(trade: Any, crm: Any, tmp_path: Path) -> None:
    many = 2_000
    trade.add(*(f"M{number}" for number in range(many)))
    path = tmp_path / "limits.csv"
    lines = [f"M{number},{number + 1},30" for number in range(many)]
    path.write_text("\n".join(["客户编码,信用额度,账期", *lines]), "utf-8")
    seen: list[str] = []

    def note(*given: Any) -> None:
        seen.append(given[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        found = crm.json(*WORDS, path)
        proposed = len(seen)
        with crm.as_actor("boss", roles=["general_manager"]):
            decided = crm.json("credit", "limit", "approve", found["request"], "--reason", "ok")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert decided["customers"] == many
    assert max(proposed, len(seen) - proposed) < many / 5, (proposed, len(seen))


@pytest.mark.slow
def test_of_two_who_ask_for_the_same_customers_at_once_one_is_told_that_they_wait(
    make_app: Any, crm: Any, run_in_process: Any, database: str, tmp_path: Path
) -> None:
    from plugins.credit_5c.tests.conftest import Trade

    app = make_app(["credit_5c"], database, standing_clock=False)
    Trade(app).add(*(f"K{number}" for number in range(200)))
    paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for place, path in enumerate(paths):
        lines = [f"K{number},{number + place + 1}" for number in range(200)]
        path.write_text("\n".join(["客户编码,信用额度", *lines[:: 1 - 2 * place]]), "utf-8")
    code = """
import sys
from crmcore.cli.main import main
main(["-C", sys.argv[1], "credit", "limit", "import", sys.argv[2]])
"""
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda path: run_in_process(code, app.config.folder, str(path)), paths))
    assert sorted(result.exit_code for result in results) == [0, 1], [result.stderr for result in results]
    assert len(crm.lines("approvals", "list")) == 1
    assert "waits for a decision already" in "".join(result.stdout for result in results)
