"""What records, reports, jobs and work print for people: any name, any console, Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmcore.testing import CommandLine

NASTY = "甲[/a] [bold]\x1b[31m红\u202e\u2066\x07😀"
SHOWN = "甲[/a] [bold][31m红"
COMMANDS = [
    ("customer", "list"),
    ("customer", "show", "N1"),
    ("contact", "list"),
    ("contact", "show", "P000001"),
    ("interaction", "list"),
    ("interaction", "show", "I0000001"),
    ("document", "list"),
    ("document", "show", "D000001"),
    ("actor", "list"),
    ("actor", "show", "rep1"),
    ("work",),
    ("report", "list"),
    ("report", "run", "composition", "--param", "by=region"),
    ("jobs", "list"),
]


@pytest.fixture
def crowded(make_app, crm: CommandLine, tmp_path: Path) -> CommandLine:
    """Return the command line in a company in which everything has a nasty name."""
    make_app()
    (tmp_path / "file.txt").write_text("x")
    crm.ok("actor", "add", "rep1", "--name", NASTY, "--role", "sales_representative")
    crm.ok("actor", "deputy", "rep1", "--of", "tester", "--from", "2020-01-01", "--until", "2199-01-01")
    crm.ok(
        "customer", "add", "--code", "N1", "--name", NASTY, "--set", f"region={NASTY}", "--set", "notes=a\nb"
    )
    crm.ok("contact", "add", "N1", "--name", NASTY, "--role", "decides", "--position", NASTY)
    crm.ok(
        "interaction",
        "add",
        "N1",
        "--channel",
        NASTY,
        "--subject",
        NASTY,
        "--notes",
        NASTY,
        "--due",
        "2020-01-01",
    )
    crm.ok("document", "add", "N1", tmp_path / "file.txt", "--drawer", "basic", "--title", NASTY)
    crm.ok("jobs", "run", "seal_log")
    return crm


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_no_name_crashes_a_console_or_reaches_it_as_control(crowded: CommandLine, encoding: str):
    for words in COMMANDS:
        result = crowded.ok(*words, encoding=encoding)
        assert result.stderr == ""
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", result.stdout), words
        if encoding == "utf-8" and words[0] != "jobs" and words != ("report", "list"):
            assert SHOWN in result.stdout, words


def test_json_is_exact_on_any_console(crowded: CommandLine):
    for encoding in ("utf-8", "gbk", "ascii"):
        for words in (("customer", "show", "N1"), ("contact", "show", "P000001"), ("actor", "show", "rep1")):
            assert crowded.json(*words, encoding=encoding)["name"] == SHOWN + "😀"


def test_chinese_output_holds_no_english_heading_or_sentence(crowded: CommandLine):
    registered = [*crowded.lines("report", "list"), *crowded.lines("jobs", "list")]
    names = {found[key] for found in registered for key in ("name", "plugin")}
    for words in COMMANDS:
        output = crowded.ok(*words, "--lang", "zh_CN").stdout
        rest = output.replace(SHOWN, "")
        for ours in ("N1", "P000001", "I0000001", "D000001", "rep1", "tester", "file.txt", "SHA-256"):
            rest = rest.replace(ours, "")
        rest = re.sub(r"\bcrm( [a-z-]+)+|[0-9a-f]{64}|\w+=…|\brecords\b", "", rest)
        rest = re.sub(rf"\b({'|'.join(names)})\b", "", rest)
        assert re.findall(r"[A-Za-z]{3,}", rest) == [], (words, output)


def test_chinese_answers_and_refusals(crowded: CommandLine):
    calls = [
        ("customer", "edit", "N1", "--set", "region=华东"),
        ("customer", "archive", "N1"),
        ("customer", "restore", "N1"),
        ("customer", "edit", "N1", "--set", "employees=-1"),
        ("customer", "edit", "N1", "--set", "parent=N1"),
        ("customer", "list", "--where", "region=none"),
        ("contact", "add", "N1", "--name", "王", "--role", "主管"),
        ("contact", "leave", "P000001"),
        ("interaction", "done", "I0000001"),
        ("interaction", "hand-over", "I0000001", "rep1"),
        ("actor", "revoke", "tester", "administrator"),
        ("jobs", "run", "seal_log"),
        ("report", "run", "missing"),
        ("work", "--actor", "nobody"),
    ]
    for words in calls:
        result = crowded(*words, "--lang", "zh_CN")
        said = (result.stdout + result.stderr).removeprefix("crm: ")
        assert re.search("[\u4e00-\u9fff]", said), words
        assert not re.search(r"\b(the|is|was|not|there|of|and|must|no)\b", said), (words, said)
