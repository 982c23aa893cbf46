"""`crm import`, `crm imports`, `crm export`: the contract that others script against."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crmcore.app import App

Write = Callable[..., Path]
Make = Callable[..., App]
SCHEMAS = Path(__file__).parents[2] / "crmcore" / "schemas"


def valid(name: str, value: Any) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(value)
    return value


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "rejected"))


def test_the_result_has_the_promised_keys(make_app: Make, write: Write, crm: Any):
    make_app()
    result = valid("import_result", crm.json("import", "customers", write("code,name\nC1,a\nC2,\n")))
    assert list(result) == [
        "import",
        "read",
        "created",
        "updated",
        "unchanged",
        "rejected",
        "possible_duplicates",
        "rejects_file",
        "warnings",
    ]
    assert counts(result) == (2, 1, 0, 0, 1)
    assert Path(result["rejects_file"]).exists()


@pytest.mark.parametrize(
    ("content", "code", "read"),
    [
        ("code,name\n", 0, 0),
        ("code,name\nC1,a\n", 0, 1),
        ("code,name\nC1,a\nC2,\n", 0, 2),
        ("code,name\nC1,\nC2,\n", 1, 2),
    ],
    ids=["header only", "all good", "some rejected", "all rejected"],
)
def test_the_exit_code_is_1_only_where_nothing_could_be_taken(
    make_app: Make, write: Write, crm: Any, content: str, code: int, read: int
):
    make_app()
    result = crm("import", "customers", write(content), "--json")
    assert result.exit_code == code
    assert valid("import_result", result.json())["read"] == read
    assert bool(result.stderr) == bool(code)


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"name\nx\n", b"\xff\xfe\xff"])
def test_a_file_that_cannot_be_taken_exits_1_with_one_sentence(
    make_app: Make, write: Write, crm: Any, content: bytes
):
    make_app()
    result = crm("import", "customers", write(content), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("crm: ")
    assert result.stderr.count("\n") == 1
    assert crm.lines("imports", "list") == []


def test_all_unchanged_is_success(make_app: Make, write: Write, crm: Any):
    make_app()
    path = write("code,name\nC1,a\n")
    crm.ok("import", "customers", path)
    assert counts(crm.json("import", "customers", path)) == (1, 0, 0, 1, 0)


def test_without_plugins_nothing_is_imported(make_app: Make, write: Write, crm: Any):
    from crmcore.cli.main import main

    app = make_app()
    assert (
        main(
            [
                "-C",
                str(app.config.folder),
                "--no-plugins",
                "import",
                "customers",
                str(write("code,name\nC1,a\n")),
            ],
            exit_process=False,
        )
        == 1
    )
    assert crm.lines("imports", "list") == []


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes")
def test_a_file_name_that_is_no_text_does_no_harm(make_app: Make, tmp_path: Path, crm: Any):
    make_app()
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.csv")
    Path(path).write_text("code,name\nC1,a\nC2,\n", encoding="utf-8")
    assert counts(crm.json("import", "customers", path)) == (2, 1, 0, 0, 1)
    assert crm.lines("imports", "list")[0]["file_name"] == ".csv"
    assert "\x1b" not in crm.ok("import", "customers", path).stderr


def test_wrong_words_exit_2(make_app: Make, write: Write, crm: Any):
    make_app()
    assert crm("import", "customer", write("code,name\n")).exit_code == 2
    assert crm("import", "customers").exit_code == 2
    assert crm("import", "customers", write("code,name\n"), "--date-order", "ymd").exit_code == 2


def test_a_preview_on_stderr_shows_what_was_understood(make_app: Make, write: Write, crm: Any):
    make_app()
    path = write("客户编码;客户名称;注册资本(元);助记码\nC1;甲[/a]\x1b[31m;5;x\n".encode("gb18030"))
    result = crm.ok("import", "customers", path)
    for line in (
        "file.csv: encoding GB18030, delimiter ;",
        "  客户编码 → code",
        "  注册资本(元) → registered_capital × 0.0001",
        "crm: warning: column '助记码' is left out: no field has this header",
        "  C1 | 甲[/a][31m | 5 | x",
    ):
        assert line in result.stderr.splitlines()
    assert result.stderr.count("助记码") == 1
    assert "Created: 1" in result.stdout
    assert crm("import", "customers", path, "--json").stderr == ""


def test_a_preview_shows_the_beginning_of_a_long_cell(make_app: Make, write: Write, crm: Any):
    make_app()
    result = crm.ok("import", "customers", write(f"code,name,notes\nC1,甲,{'好' * 3_000}\n"))
    assert f"  C1 | 甲 | {'好' * 59}…" in result.stderr.splitlines()


def test_a_dry_run_has_no_number_and_writes_nothing(make_app: Make, write: Write, crm: Any):
    make_app()
    result = valid("import_result", crm.json("import", "customers", write("code,name\nC1,a\n"), "--dry-run"))
    assert (result["import"], result["created"]) == (None, 1)
    assert crm.lines("imports", "list") == []
    assert crm.lines("customer", "list") == []


def test_a_mapping_is_saved_and_read(make_app: Make, write: Write, crm: Any, tmp_path: Path):
    make_app()
    path = write("Nr,Firma,Seit\nC1,a,03/04/2024\n")
    mapping = write(
        '{"columns": {"Nr": "code", "Firma": "name", "Seit": "since"}, "constants": {"region": "华东"}}',
        "m.json",
    )
    result = crm("import", "customers", path, "--map", mapping, "--save-map", tmp_path / "out.json", "--json")
    assert result.exit_code == 1, "the date can be read two ways"
    saved = valid("import_mapping", json.loads((tmp_path / "out.json").read_text(encoding="utf-8")))
    assert saved["entity"] == "customers"
    again = crm.json("import", "customers", path, "--map", tmp_path / "out.json", "--date-order", "dmy")
    assert counts(again) == (1, 1, 0, 0, 0)
    (customer,) = crm.lines("customer", "list")
    assert (customer["since"], customer["region"]) == ("2024-04-03", "华东")


def test_imports_are_listed_and_shown(make_app: Make, write: Write, crm: Any):
    make_app()
    for name in ("a", "b", "c"):
        crm.ok("import", "customers", write(f"code,name\nC1,{name}\n", f"{name}.csv"))
    listed = crm.lines("imports", "list")
    assert [valid("import_run", run)["import"] for run in listed] == [3, 2, 1]
    assert [run["import"] for run in crm.lines("imports", "list", "--limit", "1", "--after", "3")] == [2]
    shown = valid("import_run", crm.json("imports", "show", "1"))
    assert (shown["state"], shown["file_name"], shown["created"], shown["actor"]) == (
        "done",
        "a.csv",
        1,
        "tester",
    )
    assert "customers from" in crm.ok("imports", "show", "1").stdout
    assert "c.csv" in crm.ok("imports", "list").stdout
    assert crm("imports", "show", "9").exit_code == 1
    assert crm("imports", "resume", "1").exit_code == 1


def test_an_interrupted_import_is_shown_and_resumed(
    make_app: Make, write: Write, crm: Any, monkeypatch: pytest.MonkeyPatch
):
    from crmcore.builtin.exchange import engine, runs

    make_app()
    monkeypatch.setattr(engine, "CHUNK_ROWS", 2)
    with monkeypatch.context() as patched:
        original = runs.note_in

        def note_in(*args: Any, **values: Any) -> None:
            if values.get("rows_done") == 4:
                raise KeyboardInterrupt
            original(*args, **values)

        patched.setattr(engine, "note_in", note_in)
        result = crm("import", "customers", write("code,name\nC1,a\nC2,b\nC3,c\n"), "--json")
    assert result.exit_code == 0, "rows_done of the last chunk is 3"
    with monkeypatch.context() as patched:
        patched.setattr(engine, "note_in", note_in)
        result = crm(
            "import", "customers", write("code,name\nC1,a\nC2,b\nC3,c\nC4,d\n", "four.csv"), "--json"
        )
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "crm: import 2 stopped after 2 rows; go on with: crm imports resume 2\n"
    assert crm.json("imports", "show", "2")["state"] == "interrupted"
    assert "crm imports resume 2" in crm.ok("imports", "show", "2").stdout
    doctor = crm("doctor", "--json")
    assert "crm imports resume" in doctor.stdout
    resumed = valid("import_result", crm.json("imports", "resume", "2"))
    assert counts(resumed) == (4, 1, 0, 3, 0)


def test_nobody_is_asked_where_stdin_is_no_terminal(make_app: Make, write: Write, crm: Any):
    make_app()
    result = crm("import", "customers", write("编码,编号,名称\n1,2,a\n"), stdin="1\n")
    assert result.exit_code == 1
    assert "both mean code" in result.stderr


def test_a_person_at_a_terminal_is_asked(
    make_app: Make, write: Write, crm: Any, monkeypatch: pytest.MonkeyPatch
):
    make_app()
    monkeypatch.setattr("crmcore.builtin.exchange.cli._is_terminal", lambda: True)
    result = crm("import", "customers", write("编码,编号,名称\n1,2,a\n"), stdin="2\n")
    assert result.exit_code == 0, result.stderr
    assert "Which column is code?" in result.stderr
    assert [customer["code"] for customer in crm.lines("customer", "list")] == ["2"]


def test_an_export_goes_to_a_file_or_to_stdout(make_app: Make, write: Write, crm: Any, tmp_path: Path):
    make_app()
    crm.ok("import", "customers", write("code,name\nC1,甲\n"))
    result = valid("export_result", crm.json("export", "customers", tmp_path / "out.csv"))
    assert (result["entity"], result["rows"]) == ("customers", 1)
    content = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert crm.ok("export", "customers", "-").stdout.replace("\r\n", "\n") == content
    assert "1 rows of customers" in crm.ok("export", "customers", tmp_path / "out.csv").stdout
    assert crm("export", "purchases", "-").exit_code == 2


def test_a_workbook_is_imported_like_a_csv_file(make_app: Make, crm: Any, tmp_path: Path):
    import openpyxl

    make_app()
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "客户"
    for row in (
        ["客户列表"],
        [],
        ["客户编码", "客户名称", "联系电话"],
        ["C1", "甲", 13800000000],
        ["C2", None, None],
    ):
        sheet.append(row)
    workbook.save(tmp_path / "book.xlsx")
    result = valid(
        "import_result", crm.json("import", "customers", tmp_path / "book.xlsx", "--sheet", "客户")
    )
    assert counts(result) == (2, 1, 0, 0, 1)
    assert crm.json("customer", "show", "C1")["phone"] == "13800000000"


def test_hostile_names_neither_crash_nor_reach_the_terminal(make_app: Make, write: Write, crm: Any):
    make_app()
    name = "甲[/a]\x1b]0;owned\x07\u202e<script>"
    result = crm.ok("import", "customers", write(f"code,name,[/x]\u202e\nC1,{name},1\n"), encoding="gbk")
    assert "\x1b" not in result.stderr + result.stdout
    assert "\u202e" not in result.stderr + result.stdout
    assert crm.json("customer", "show", "C1")["name"] == "甲[/a]]0;owned<script>"
