"""Whoever reads a request is told it in their own language, whoever asked; programs read what is stored."""

from __future__ import annotations

import io
import re
from contextvars import copy_context
from typing import Any

import pytest

from crmcore.api import find_approvals
from crmcore.app import App
from crmcore.i18n import set_language

ZH = {"CRM_LANG": "zh_CN", "COLUMNS": "300"}
EN = {"CRM_LANG": "en", "COLUMNS": "300"}
TOLD = """
from crmcore.api import ApprovalKind, N_, Verdict, hookimpl, language

def describe(request):
    points = request.payload.get("points")
    if points == 13:
        raise LookupError("no word for it")
    if points == 14:
        return 14
    if points is None:
        return None
    return f"{points} 分" if language() == "zh_CN" else f"{points} points"

@hookimpl
def approval_kinds():
    return [ApprovalKind("told_points", "Points", describe=describe)]

@hookimpl
def approve_requests(requests):
    for place, one in enumerate(requests):
        if one.payload.get("points") == 1:
            yield Verdict(place, "approve", "one is nothing")
"""
PO = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "one is nothing"
msgstr "一分不算什么"
"""


def catalogue() -> bytes:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    out = io.BytesIO()
    write_mo(out, read_po(io.StringIO(PO), locale="zh_CN"))
    return out.getvalue()


@pytest.fixture
def told(make_app: Any, staffed: Any, install_plugin: Any, database: str) -> App:
    plugin = install_plugin("told", TOLD)
    folder = plugin.folder / "locale" / "zh_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / f"{plugin.folder.name}.mo").write_bytes(catalogue())
    app: App = staffed(make_app(["told"], database))
    return app


@pytest.fixture
def ask(told: App, wish: Any) -> Any:
    """Ask in a language for so many points, in words that nobody is told."""

    def request(points: int | None, language: str = "en") -> int:
        def make() -> int:
            set_language(language)
            payload = {} if points is None else {"points": points}
            return int(wish(told, kind="told_points", subject=f"as asked: {points}", payload=payload))

        return copy_context().run(make)

    return request


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_each_reader_is_told_a_request_in_their_language(ask, crm, language):
    number = ask(8, language)
    for words in (("show", number), ("list",), ("approve", number, "--actor", "boss")):
        shown = crm.ok("approvals", *words, env=ZH).stdout
        assert "8 分" in shown, words
        assert "points" not in shown.replace("told_points", ""), words
    assert "8 points" in crm.ok("approvals", "show", number, env=EN).stdout
    assert "8 points" in crm.ok("approvals", "list", env=EN).stdout


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_programs_read_what_is_stored_in_any_language(ask, crm, language):
    number = ask(8, language)
    for env in (EN, ZH):
        assert crm.json("approvals", "show", number, env=env)["subject"] == "8 points"
        assert [one["subject"] for one in crm.lines("approvals", "list", env=env)] == ["8 points"]


def test_work_is_told_in_the_language_of_who_reads_it(ask, crm):
    number = ask(8, "en")
    (item,) = [one for one in crm.lines("work", "--actor", "boss", env=ZH) if one["plugin"] == "approvals"]
    assert "8 分" in item["title"]
    crm.ok("approvals", "approve", number, "--actor", "boss")
    (item,) = [one for one in crm.lines("work", "--actor", "rep", env=ZH) if one["plugin"] == "approvals"]
    assert "8 分" in item["title"]


def test_a_request_of_an_older_version_is_shown_as_it_was_written(ask, crm):
    number = ask(None, "zh_CN")
    assert "as asked: None" in crm.ok("approvals", "show", number, env=ZH).stdout


@pytest.mark.parametrize("points", [13, 14])
def test_a_kind_that_cannot_say_it_hides_no_request_and_is_named_once(ask, crm, points):
    numbers = [ask(points), ask(points)]
    crm.ok("plugins", "release", "told")
    listed = crm.ok("approvals", "list", env=EN)
    assert listed.stdout.count(f"as asked: {points}") == len(numbers)
    assert listed.stderr.count("plugin 'told' failed in approval_kinds") == 1


def test_without_its_plugin_a_request_is_shown_as_it_is_stored(ask, crm):
    number = ask(8, "zh_CN")
    crm.ok("plugins", "disable", "told")
    assert "8 points" in crm.ok("approvals", "show", number, env=ZH).stdout


def test_the_reason_of_a_rule_is_told_in_the_readers_language_and_that_of_a_person_stays(ask, crm, told):
    number, other = ask(1, "zh_CN"), ask(9)
    crm.ok("approvals", "reject", other, "--reason", "one is nothing", "--actor", "boss")
    assert "一分不算什么" in crm.ok("approvals", "show", number, env=ZH).stdout
    assert "one is nothing" in crm.ok("approvals", "show", number, env=EN).stdout
    assert "one is nothing" in crm.ok("approvals", "show", other, env=ZH).stdout
    assert crm.json("approvals", "show", number, env=ZH)["decision_reason"] == "one is nothing"
    with told.read() as ctx:
        assert find_approvals(ctx, [number])[number].decision_reason == "one is nothing"


def test_what_the_company_lets_pass_is_told_in_the_readers_language(make_app, staffed, crm):
    limits = '\n[plugins.approvals.approve_up_to]\ngeneral = "500"\n'
    staffed(make_app(settings=limits))
    given = ("approvals", "request", "--subject", "纸", "--amount", "20", "--actor", "rep")
    crm.ok(*given, env=ZH)
    crm.ok(*given, env=EN)
    english = "up to 500.00 CNY needs no decision by the company's settings"
    for number in (1, 2):
        shown = crm.ok("approvals", "show", number, env=ZH).stdout
        assert "500.00 CNY" in shown
        assert not re.search("needs no decision", shown)
        assert english in crm.ok("approvals", "show", number, env=EN).stdout
        assert crm.json("approvals", "show", number, env=ZH)["decision_reason"] == english


def test_an_erased_person_leaves_words_that_each_reader_understands(told, crm, wish):
    wish(told, kind="told_points", payload={"points": 8}, customer_id=2)
    crm.ok("person", "erase", "C2", "--reason", "asked", "--yes")
    shown = crm.ok("approvals", "show", 1, env=ZH).stdout
    assert "分" not in shown.replace("部分", "")
    assert "(erased)" not in shown
    assert "the person was erased" not in shown


def test_what_became_of_the_requests_of_a_plugin_that_left_is_told_in_the_readers_language(ask, crm):
    number = ask(8)
    crm.ok("plugins", "uninstall", "told", "--drop", env=ZH)
    said = "plugin told was uninstalled and its data dropped"
    assert crm.json("approvals", "show", number, env=ZH)["decision_reason"] == said
    assert said in crm.ok("approvals", "show", number, env=EN).stdout
    assert said not in crm.ok("approvals", "show", number, env=ZH).stdout


def test_a_paper_to_borrow_is_told_in_the_readers_language(small, crm, tmp_path):
    paper = tmp_path / "frame.txt"
    paper.write_text("x", encoding="utf-8")
    crm.ok("document", "add", "C1", paper, "--drawer", "basic", "--title", "Frame contract")
    crm.ok("document", "borrow", "D000001", "--until", "2026-03-09", "--actor", "rep", env=ZH)
    said = "Borrow D000001 Frame contract until 2026-03-09"
    assert crm.json("approvals", "show", 1)["subject"] == said
    assert said in crm.ok("approvals", "show", 1, env=EN).stdout
    shown = crm.ok("approvals", "show", 1, env=ZH).stdout
    assert "Frame contract" in shown
    assert "Borrow" not in shown
