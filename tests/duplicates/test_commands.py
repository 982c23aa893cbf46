"""`crm duplicates …`, and what is said when customers are entered, as people and scripts see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.builtin.duplicates import after_import
from crmcore.builtin.duplicates.keeping import is_kept
from crmcore.builtin.duplicates.rules import POINTS
from crmcore.builtin.duplicates.words import KINDS
from crmcore.builtin.exchange import engine, runs
from crmcore.testing import CommandLine
from tests.duplicates.conftest import matches

Take = Callable[..., dict[str, Any]]


@pytest.fixture
def found(company: App, crm: CommandLine) -> App:
    crm.ok("duplicates", "find")
    return company


def test_find_lists_pairs_as_json_and_as_a_table(company: App, crm: CommandLine) -> None:
    lines = matches(crm.lines("duplicates", "find"))
    assert [(one["a"], one["b"], one["certainty"]) for one in lines] == [
        ("P1", "P2", "certain"),
        ("C1", "C2", "certain"),
    ]
    text = crm.ok("duplicates", "find").stdout
    for part in ("C1", "C2", "same phone +35", "Waiting for a decision: certain 2", "crm duplicates review"):
        assert part in text
    assert len(crm.lines("duplicates", "find", "--limit", 1)) == 1
    assert crm("duplicates", "find", "--certainty", "maybe").exit_code == 2


def test_review_shows_both_cards_and_what_to_type(found: App, crm: CommandLine) -> None:
    text = crm.ok("duplicates", "review").stdout
    for part in ("0571-01234567", "+86 571 01234567", "杭州腾达食品有限公司", "same name"):
        assert part in text
    assert "crm duplicates merge C2 C1 --reason" in text
    assert "crm duplicates never C1 C2 --reason" in text
    assert "19491231" not in text
    last = matches(crm.lines("duplicates", "review"))[-1]
    assert {"field": "phone", "a": "0571-01234567", "b": "+86 571 01234567"} in last["fields"]


def test_never_is_kept_shown_and_taken_back(found: App, crm: CommandLine) -> None:
    assert crm("duplicates", "never", "C1", "C2").exit_code == 2
    done = matches(crm.json("duplicates", "never", "C2", "C1", "--reason", "two brothers"))
    assert (done["a"], done["b"], done["state"], done["reason"]) == ("C1", "C2", "never", "two brothers")
    assert [one["a"] for one in crm.lines("duplicates", "review")] == ["P1"]
    assert [one["a"] for one in matches(crm.lines("duplicates", "review", "--never"))] == ["C1"]
    assert "two brothers" in crm.ok("duplicates", "review", "--never").stdout
    stale = crm("duplicates", "never", "C1", "C2", "--undo", "--expect-version", 1)
    assert stale.exit_code == 1
    assert crm.json("duplicates", "never", "C1", "C2", "--undo")["state"] == "open"
    gone = crm("duplicates", "never", "C1", "C99", "--reason", "x")
    assert (gone.exit_code, "C99" in gone.stderr) == (1, True)


def test_every_list_is_a_read_that_is_recorded(found: App, crm: CommandLine) -> None:
    before = len(crm.lines("audit", "reads"))
    crm.ok("duplicates", "review")
    crm.ok("duplicates", "find")
    reads = crm.lines("audit", "reads")
    assert len(reads) == before + 2
    assert all((one["what"], one["entity"], one["count"]) == ("list", "customer", 2) for one in reads[:2])


def test_many_pairs_are_only_for_who_may_list_in_bulk(
    make_app: Callable[..., App], take: Take, crm: CommandLine
) -> None:
    take(
        make_app(),
        [
            {"code": f"{side}{n}", "name": f"示例{n}号商贸有限公司", "phone": f"0571-0{n:07}"}
            for n in range(101)
            for side in "AB"
        ],
    )
    with crm.as_actor("li", roles=["sales_representative"]):
        refused = crm("duplicates", "find", "--json")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert len(crm.lines("duplicates", "review", "--limit", 100)) == 100
    assert len(crm.lines("duplicates", "find")) == 101


def test_the_companys_limits_say_what_is_certain(company: App, crm: CommandLine) -> None:
    crm.ok("plugins", "settings", "duplicates", "set", "certain", "96")
    lines = crm.lines("duplicates", "find")
    assert {one["certainty"] for one in lines if one["score"] == 95} == {"likely"}


def test_it_speaks_chinese(found: App, crm: CommandLine) -> None:
    for words in (("review",), ("find",), ("find", "--help")):
        text = crm.ok("duplicates", *words, env={"CRM_LANG": "zh_CN"}).stdout
        assert re.search("[\u4e00-\u9fff]", text)


def test_a_reader_of_chinese_sees_no_stored_word(found: App, crm: CommandLine) -> None:
    text = crm.ok("duplicates", "review", env={"CRM_LANG": "zh_CN"}).stdout
    assert "企业客户" in text
    assert "organisation" not in text


def test_every_likeness_has_words() -> None:
    assert POINTS.keys() == KINDS.keys()


# -- entering ----------------------------------------------------------------------------------------------------


def test_a_new_customer_that_looks_like_another_is_told_of(company: App, crm: CommandLine) -> None:
    added = crm.ok(
        "customer", "add", "--name", "腾达食品集团", "--set", "phone=(0571) 0123 4567", "--code", "N1"
    )
    assert (
        "crm: warning: N1 looks like C1 杭州腾达食品有限公司 (likely: same name, same phone)" in added.stderr
    )
    assert "C2" in added.stderr
    assert {("C1", "N1"), ("C2", "N1")} <= {(p["a"], p["b"]) for p in crm.lines("duplicates", "review")}
    quiet = crm.ok("customer", "add", "--name", "成都清风五金有限公司")
    assert not quiet.stderr


def test_a_customer_is_looked_at_again_when_it_is_edited(company: App, crm: CommandLine) -> None:
    assert not crm.ok("customer", "edit", "C4", "--set", "notes=nothing to compare").stderr
    edited = crm.ok("customer", "edit", "C4", "--name", "杭州腾达食品")
    assert "C4 looks like C1" in edited.stderr
    crm.ok("duplicates", "never", "C4", "C1", "--reason", "two")
    crm.ok("duplicates", "never", "C4", "C2", "--reason", "two")
    again = crm.ok("customer", "edit", "C4", "--name", "杭州腾达食品公司")
    assert "C1" not in again.stderr


def test_a_wrong_tax_id_is_taken_with_a_warning(company: App, crm: CommandLine) -> None:
    added = crm.ok(
        "customer", "add", "--name", "成都清风", "--code", "N2", "--set", "tax_id=91350100M000100Y44"
    )
    assert "the check character of the tax id '91350100M000100Y44' is wrong" in added.stderr
    assert crm.json("customer", "show", "N2")["tax_id"] == "91350100M000100Y44"
    assert "tax id" not in crm.ok("customer", "edit", "N2", "--set", "tax_id=91350100M000100Y43").stderr


def test_a_small_import_tells_who_looks_like_others(
    company: App, take: Take, crm: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"code": "I1", "name": "杭州騰達食品有限公司", "phone": "0571 01234567"},
        {"code": "I2", "name": "温州另一家有限公司", "phone": ""},
    ]
    warnings = take(company, rows)["warnings"]
    assert [w for w in warnings if "2 pairs look like one customer, such as C1 and I1 (certain)" in w]
    assert {("C1", "I1"), ("C2", "I1")} <= {(p["a"], p["b"]) for p in crm.lines("duplicates", "review")}
    monkeypatch.setattr(after_import, "MOST_NEW", 1)
    again = [{**row, "code": f"J{row['code']}"} for row in rows]
    assert not [w for w in take(company, again)["warnings"] if "look like one customer" in w]


def test_an_import_that_is_gone_on_with_tells_it_at_its_end(
    company: App, crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "two.csv"
    file.write_text(
        "code,name,phone\nI2,温州另一家有限公司,\nI1,杭州騰達食品有限公司,0571 01234567\n", "utf-8"
    )
    monkeypatch.setattr(engine, "CHUNK_ROWS", 1)
    with monkeypatch.context() as patched:
        original = runs.note_in

        def note_in(*args: Any, **values: Any) -> None:
            if values.get("rows_done") == 2:
                raise KeyboardInterrupt
            original(*args, **values)

        patched.setattr(engine, "note_in", note_in)
        assert crm("import", "customers", file).exit_code == 1
    warnings = crm.json("imports", "resume", "2")["warnings"]
    assert [w for w in warnings if "2 pairs look like one customer, such as C1 and I1 (certain)" in w], (
        warnings
    )


def test_an_import_among_many_makes_no_keys_and_asks_the_search_index(
    make_app: Callable[..., App], take: Take, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setattr(after_import, "MOST_WITHOUT_KEYS", 2)
    app = make_app(database=database)
    rows = [{"code": f"M{n}", "name": "杭州腾达食品有限公司", "phone": "0571-01234567"} for n in range(3)]
    assert [
        w for w in take(app, rows)["warnings"] if "3 pairs look like one customer, such as M0 and M1" in w
    ]
    with app.read() as ctx:
        assert not is_kept(ctx.connection)
    monkeypatch.setattr(after_import, "MOST_ASKED", 0)
    assert not [w for w in take(app, [{**rows[0], "code": "M9"}])["warnings"] if "look like" in w]


def test_an_import_warns_of_wrong_tax_ids_and_takes_them(make_app: Callable[..., App], take: Take) -> None:
    rows = [
        {"code": f"W{n}", "name": f"示例{n}", "tax_id": "91350100M000100Y4" + sign}
        for n, sign in enumerate("3456")
    ]
    result = take(make_app(), rows)
    assert (result["created"], result["rejected"]) == (4, 0)
    wrong = [warning for warning in result["warnings"] if "check character" in warning]
    assert [warning[:3] for warning in wrong] == ["W1:", "W2:", "W3:"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_import_can_refuse_rows_that_repeat_a_customer_or_a_row(
    company: App, take: Take, monkeypatch: pytest.MonkeyPatch, *, dry_run: bool
) -> None:
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 2)
    rows = [
        {"code": "I1", "name": "杭州騰達食品有限公司", "phone": ""},
        {"code": "I2", "name": "宁波清风五金有限公司", "phone": "0574-01112223"},
        {"code": "I3", "name": "清风五金（宁波）集团", "phone": "+86 574 01112223"},
        {"code": "I4", "name": "温州另一家有限公司", "phone": "0577-01112223"},
        {"code": "C4", "name": "杭州腾达食品", "phone": ""},
    ]
    result = take(company, rows, refuse=True, dry_run=dry_run)
    assert (result["created"], result["updated"], result["rejected"]) == (2, 1, 2)
    with open(result["rejects_file"], encoding="utf-8-sig") as file:  # noqa: PTH123
        text = file.read()
    assert "looks like C1 (likely: same name, same city)" in text
    assert "looks like I2 (certain: same name, same phone, same city)" in text


def test_a_row_that_only_changes_a_customer_is_never_refused(company: App, take: Take) -> None:
    result = take(company, [{"code": "C2", "name": "杭州腾达食品有限公司"}], refuse=True)
    assert (result["updated"], result["rejected"]) == (1, 0)


def test_only_customers_can_be_refused(company: App, crm: CommandLine, tmp_path: Any) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("code,name,firm\nT1,王五,C1\n", encoding="utf-8")
    refused = crm("import", "contacts", file, "--duplicates", "refuse")
    assert refused.exit_code == 2
    assert "only among customers" in refused.stderr
