"""Limits of a file as users meet them: tried, proposed by one request, decided, and what changed in between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

WORDS = ("credit", "limit", "import")


@pytest.fixture
def trade(make_trade: Any, database: str) -> Any:
    made = make_trade(database)
    made.add("K1", "K2", "K3")
    return made


def file(folder: Path, *lines: str, name: str = "limits.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join([*lines, ""]).encode(encoding))
    return path


def rows(found: Any) -> dict[str, Any]:
    return {row["customer"]: row for row in found["rows"]}


def approve(crm: Any, request: int, actor: str = "boss", role: str = "general_manager") -> Any:
    with crm.as_actor(actor, roles=[role]):
        return crm.json("credit", "limit", "approve", request, "--reason", "as the old books say")


def limit_of(crm: Any, code: str) -> Any:
    return crm.json("credit", "limit", "show", code)["limit_minor"]


def test_a_dry_run_shows_what_a_file_would_do_and_asks_for_nothing(
    trade: Any, crm: Any, tmp_path: Path, check_limit_schema: Any
) -> None:
    trade.limit("K1", 100_000)
    trade.limit("K2", 5_000_00)
    path = file(tmp_path, "客户编码,信用额度", "K1,1000", "K2,8000", "K3,12000.50", "K9,1")
    found = crm.json(*WORDS, path, "--dry-run")
    check_limit_schema(found, "limit_import")
    assert {code: row["state"] for code, row in rows(found).items()} == {
        "K1": "unchanged",
        "K2": "changed",
        "K3": "new",
        "K9": "rejected",
    }
    assert (found["read"], found["new"], found["changed"], found["unchanged"], found["rejected"]) == (
        5 - 1,
        1,
        1,
        1,
        1,
    )
    assert (found["customers"], found["sum_minor"], found["largest_minor"]) == (2, 20_000_50, 12_000_50)
    assert rows(found)["K2"]["before_minor"] == 5_000_00
    assert "K9" in rows(found)["K9"]["reason"]
    assert (found["request"], crm.lines("approvals", "list")) == (None, [])


def test_one_request_for_the_whole_file_makes_all_limits_hold_at_once(
    trade: Any, crm: Any, tmp_path: Path, check_limit_schema: Any
) -> None:
    path = file(
        tmp_path,
        "Customer Code;Credit Limit;Valid Until;Credit Days",
        "K1;60,000.00;2026-12-31;",
        "K2;7000;;45",
    )
    with crm.as_actor("zhou", roles=["credit_controller"]):
        found = crm.json(*WORDS, path, "--reason", "taken over from the old system")
    assert (found["customers"], found["state"]) == (2, "requested")
    (asked,) = crm.lines("approvals", "list")
    assert (asked["amount_minor"], asked["kind"]) == (6_000_000, "credit_5c_limit_import")
    for figure in ("by file: 2,", "67,000.00", "60,000.00", found["sha256"][:12]):
        assert figure in asked["subject"]
    assert (asked["payload"]["sha256"], asked["payload"]["sum_minor"]) == (found["sha256"], 6_700_000)
    assert (limit_of(crm, "K1"), crm.json("credit", "limit", "show", "K1")["waiting"]) == (
        None,
        found["request"],
    )
    for line in crm.lines("credit", "limit", "rows", found["request"]):
        check_limit_schema(line, "limit_import_row")
        assert line["state"] == "requested"
    decided = approve(crm, found["request"])
    check_limit_schema(decided, "limit_import_decision")
    assert (decided["state"], decided["customers"], decided["sum_minor"]) == (
        "approved",
        2,
        6_700_000,
    )
    shown = crm.json("credit", "limit", "show", "K1")
    check_limit_schema(shown, "limit")
    assert (shown["limit_minor"], shown["until"], shown["request"]) == (
        6_000_000,
        "2026-12-31",
        found["request"],
    )
    assert (shown["proposed_by"], shown["decided_by"], shown["single_person"]) == ("zhou", "boss", False)
    (line,) = crm.lines("credit", "limit", "history", "K2")
    assert (line["limit_minor"], line["payment_days"], line["request"]) == (700_000, 45, found["request"])
    assert line["reason"] == "taken over from the old system"
    assert crm.json("customer", "show", "K2")["attributes"]["payment_days"] == 45
    assert crm.json("credit", "exposure", "K1")["headroom_minor"] == 6_000_000
    assert [one["state"] for one in crm.lines("credit", "limit", "rows", found["request"])] == [
        "approved"
    ] * 2


def test_the_same_file_again_asks_for_nothing(trade: Any, crm: Any, tmp_path: Path) -> None:
    path = file(
        tmp_path, "客户编码,信用额度,账期,有效期至", "K1,1000,30,", "K2,2000,,2026-06-30", "K3,0,,9999-12-31"
    )
    approve(crm, crm.json(*WORDS, path, "--actor", "tester")["request"])
    again = crm.json(*WORDS, path)
    assert (again["unchanged"], again["customers"], again["request"]) == (3, 0, None)
    assert "hold already" in crm.ok(*WORDS, path).stdout
    assert len(crm.lines("approvals", "list")) == 1
    assert limit_of(crm, "K3") == 0


def test_a_rejected_row_stops_the_file_unless_the_others_are_wanted_alone(
    trade: Any, crm: Any, tmp_path: Path
) -> None:
    path = file(tmp_path, "客户编码,信用额度", "K1,1000", "K9,5")
    refused = crm(*WORDS, path)
    assert (refused.exit_code, "(1 of 2)" in refused.stderr, "--skip-rejected" in refused.stderr) == (
        1,
        True,
        True,
    )
    assert "K9" in refused.stdout
    assert crm.lines("approvals", "list") == []
    found = crm.json(*WORDS, path, "--skip-rejected")
    assert (found["customers"], found["rejected"]) == (1, 1)
    approve(crm, found["request"])
    assert limit_of(crm, "K1") == 100_000
    nothing = crm(*WORDS, path, "--skip-rejected")
    assert (nothing.exit_code, "ask for nothing" in nothing.stderr) == (1, True)


@pytest.mark.parametrize(
    ("row", "problem", "word"),
    [
        ("K9,100,,,", "unknown_customer", "K9"),
        ("OLD,100,,,", "archived", "restore"),
        ("P1,100,,,", "restricted", "restricted"),
        ("K1,-5,,,", "negative", "-5.00"),
        ("K1,(5),,,", "negative", "-5.00"),
        ("K1,1000000000.01,,,", "implausible", "largest_limit"),
        ("K1,99999999999999999999,,,", "unreadable", "too large"),
        ("K1,1.005,,,", "decimals", "1.005"),
        ("K1,5 EUR,,,", "unreadable", "currency"),
        ("K1,abc,,,", "unreadable", "abc"),
        ("K1,,,,", "unreadable", "empty"),
        (",100,,,", "unreadable", "empty"),
        ("K1,=1+1,,,", "unreadable", "=1+1"),
        ("K1,100,EUR,,", "currency", "EUR"),
        ("K1,100,euros,,", "unreadable", "euros"),
        ("K1,0,XXX,,", "currency", "XXX"),
        ("K1,100,,2026-03-01,", "until_past", "2026-03-01"),
        ("K1,100,,2026-02-30,", "unreadable", "2026-02-30"),
        ("K1,100,,,-1", "payment_days", "-1"),
        ("K1,100,,,4000", "payment_days", "3650"),
        ("K1,100,,,1.5", "unreadable", "1.5"),
        ("K1,100,,,30,surplus", "unreadable", "delimiter"),
        ("K2,100,,,", "twice", "line 3"),
        ("W1,100,,,", "waiting", "request 1"),
    ],
)
def test_each_row_that_cannot_be_taken_says_why(
    make_trade: Any, crm: Any, tmp_path: Path, row: str, problem: str, word: str, check_limit_schema: Any
) -> None:
    trade = make_trade()
    trade.add("K1", "K2", "OLD", "W1")
    trade.add("P1", kind="person")
    trade.grade("W1")
    crm.ok("credit", "limit", "propose", "W1", "--requested", "5")
    crm.ok("customer", "archive", "OLD", "--reason", "gone")
    crm.ok("person", "restrict", "P1")
    path = file(tmp_path, "客户编码,信用额度,币别,有效期至,账期", row, "K2,7,,,")
    found = crm.json(*WORDS, path, "--dry-run")
    check_limit_schema(found, "limit_import")
    first = found["rows"][0]
    assert (first["line"], first["state"], first["problem"]) == (2, "rejected", problem)
    assert word in first["reason"]
    assert "\n" not in first["reason"]


def test_a_limit_in_another_currency_counts_at_the_rate_of_the_day(
    make_trade: Any, crm: Any, tmp_path: Path
) -> None:
    trade = make_trade(rates='\nUSD = "7.00"\n')
    trade.add("K1", "K2")
    path = file(tmp_path, "客户编码,信用额度,币种", "K1,1000,美元", "K2,6999,")
    found = crm.json(*WORDS, path)
    assert (found["sum_minor"], found["largest_minor"], found["currency"]) == (1_399_900, 700_000, "CNY")
    approve(crm, found["request"])
    shown = crm.json("credit", "limit", "show", "K1")
    assert (shown["limit_minor"], shown["currency"]) == (100_000, "USD")
    assert crm.json(*WORDS, path)["unchanged"] == 2


def test_a_limit_that_waits_in_a_file_is_not_proposed_a_second_time(
    trade: Any, crm: Any, tmp_path: Path
) -> None:
    path = file(tmp_path, "客户编码,信用额度", "K1,1000")
    crm.ok(*WORDS, path)
    trade.grade("K1")
    refused = crm("credit", "limit", "propose", "K1", "--requested", "5")
    assert (refused.exit_code, "request 1" in refused.stderr) == (1, True)
    again = crm.json(*WORDS, path, "--dry-run")
    assert rows(again)["K1"]["problem"] == "waiting"
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "reject", 1, "--reason", "no")
    assert crm.json(*WORDS, path)["request"] == 2


def test_rejecting_a_file_stores_nothing(
    trade: Any, crm: Any, tmp_path: Path, check_limit_schema: Any
) -> None:
    request = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,1000"))["request"]
    with crm.as_actor("boss", roles=["general_manager"]):
        decided = crm.json("credit", "limit", "reject", request, "--reason", "ask them one by one")
    check_limit_schema(decided, "limit_import_decision")
    assert (decided["state"], decided["customers"]) == ("rejected", 0)
    assert (limit_of(crm, "K1"), crm.lines("credit", "limit", "history", "K1")) == (None, [])


def test_what_changed_while_the_file_waited_is_left_out_and_named(
    trade: Any, crm: Any, tmp_path: Path, check_limit_schema: Any, clock: Any
) -> None:
    trade.add("ARC", "MER", "INTO", "DEC", "END")
    trade.add("RES", "ERA", kind="person")
    trade.grade("DEC")
    lines = [f"{code},1000," for code in ("K1", "ARC", "MER", "DEC", "RES", "ERA")]
    path = file(tmp_path, "客户编码,信用额度,有效期至", *lines, "END,5,2026-03-03")
    request = crm.json(*WORDS, path)["request"]
    crm.ok("customer", "archive", "ARC", "--reason", "gone")
    crm.json("duplicates", "merge", "MER", "INTO", "--reason", "one", "--yes")
    trade.limit("DEC", 77)
    crm.ok("person", "restrict", "RES")
    crm.ok("person", "erase", "ERA", "--reason", "asked", "--yes")
    clock.move(days=2)
    decided = approve(crm, request)
    check_limit_schema(decided, "limit_import_decision")
    assert {one["customer"]: one["problem"] for one in decided["skipped"]} == {
        "ARC": "archived",
        "MER": "merged",
        "DEC": "decided",
        "RES": "restricted",
        "END": "until_past",
    }
    assert (decided["customers"], decided["erased"]) == (1, 1)
    assert (limit_of(crm, "K1"), limit_of(crm, "DEC"), limit_of(crm, "INTO")) == (100_000, 77, None)
    with trade.app.read() as ctx:
        assert ctx.connection.exec_driver_sql("SELECT count(*) FROM credit_limit").scalar() == 2
    told = {line["customer"]: line["state"] for line in crm.lines("credit", "limit", "rows", request)}
    assert told == {"K1": "approved", "ARC": "skipped", "MER": "skipped", "DEC": "skipped", "END": "skipped"}


def test_a_file_of_which_nothing_is_left_cannot_be_approved(trade: Any, crm: Any, tmp_path: Path) -> None:
    request = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,1000"))["request"]
    trade.limit("K1", 5)
    with crm.as_actor("boss", roles=["general_manager"]):
        refused = crm("credit", "limit", "approve", request, "--reason", "x")
        assert (refused.exit_code, "reject the request" in refused.stderr) == (1, True)
        crm.ok("credit", "limit", "reject", request, "--reason", "late")


def test_a_temporary_limit_that_ended_by_itself_is_no_other_decision(
    trade: Any, crm: Any, tmp_path: Path, clock: Any
) -> None:
    trade.limit("K1", 5, until="2026-03-03")
    request = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,1000"))["request"]
    clock.move(days=5)
    assert approve(crm, request)["skipped"] == []
    assert limit_of(crm, "K1") == 100_000


def test_an_erased_person_is_taken_out_of_the_file_and_of_the_log(
    trade: Any, crm: Any, tmp_path: Path
) -> None:
    trade.add("P1", kind="person")
    path = file(tmp_path, "客户编码,信用额度", "K1,1000", "P1,4321.09")
    request = crm.json(*WORDS, path)["request"]
    parts = crm.json("person", "export", "P1")["parts"]
    (kept,) = [part["rows"] for part in parts if part["table"] == "credit_limit_import_row"]
    assert kept[0]["limit_minor"] == 432_109
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    assert [line["customer"] for line in crm.lines("credit", "limit", "rows", request)] == ["K1"]
    with trade.app.read() as ctx:
        texts = ctx.connection.exec_driver_sql(
            "SELECT CAST(before AS TEXT), CAST(after AS TEXT) FROM change_log WHERE entity = 'credit_limit_import_row'"
        ).all()
    assert texts
    assert not any("432109" in str(text) for row in texts for text in row)


def test_the_band_of_the_largest_limit_decides(make_trade: Any, crm: Any, tmp_path: Path) -> None:
    bands = """[plugins.approvals.bands]
credit_5c_limit = [{up_to = "10000", role = "sales_manager"}, {permission = "credit.approve"}]
"""
    trade = make_trade(more=bands)
    trade.add("K1", "K2", "K3")
    small = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,10000", "K2,9000"))["request"]
    large = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K3,10000.01", name="large.csv"))["request"]
    with crm.as_actor("wang", roles=["sales_manager"]):
        crm.ok("credit", "limit", "approve", small, "--reason", "small ones")
        refused = crm("credit", "limit", "approve", large, "--reason", "too large")
        assert (refused.exit_code, crm.lines("approvals", "list", "--inbox")) == (1, [])
    assert (limit_of(crm, "K2"), limit_of(crm, "K3")) == (900_000, None)
    approve(crm, large)


def test_bands_of_their_own_come_before_those_of_single_limits(
    make_trade: Any, crm: Any, tmp_path: Path
) -> None:
    bands = """[plugins.approvals.bands]
credit_5c_limit = [{role = "sales_manager"}]
credit_5c_limit_import = [{permission = "credit.approve"}]
"""
    trade = make_trade(more=bands)
    trade.add("K1")
    request = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,1"))["request"]
    with crm.as_actor("wang", roles=["sales_manager"]):
        assert crm("credit", "limit", "approve", request, "--reason", "x").exit_code == 1
    approve(crm, request)


def test_nobody_decides_a_file_of_their_own_but_in_a_firm_of_one_person(
    make_trade: Any, crm: Any, tmp_path: Path
) -> None:
    trade = make_trade()
    trade.add("K1")
    path = file(tmp_path, "客户编码,信用额度", "K1,1000")
    with crm.as_actor("boss", roles=["general_manager"]):
        request = crm.json(*WORDS, path)["request"]
        refused = crm("credit", "limit", "approve", request, "--reason", "mine")
    assert (refused.exit_code, "your own" in refused.stderr) == (1, True)
    alone = make_trade(more="[plugins.approvals]\nsingle_person = true\n")
    alone.add("K1")
    request = crm.json(*WORDS, path)["request"]
    assert crm.json("credit", "limit", "approve", request, "--reason", "alone")["single_person"]
    assert crm.lines("credit", "limit", "history", "K1")[0]["single_person"]


def test_who_may_not_import_asks_for_nothing(trade: Any, crm: Any, tmp_path: Path) -> None:
    path = file(tmp_path, "客户编码,信用额度", "K1,1000")
    with crm.as_actor("li", roles=["sales_representative"]):
        for words in ((), ("--dry-run",)):
            refused = crm(*WORDS, path, *words)
            assert (refused.exit_code, "import files" in refused.stderr) == (1, True)


def test_who_reads_limits_by_a_file_is_recorded(trade: Any, crm: Any, tmp_path: Path) -> None:
    path = file(tmp_path, "客户编码,信用额度", "K1,1", "K2,1")
    crm.ok(*WORDS, path, "--dry-run")
    assert crm.lines("audit", "reads") == []
    trade.limit("K1", 5)
    crm.ok(*WORDS, path, "--dry-run")
    (read,) = crm.lines("audit", "reads")
    assert (read["entity"], read["count"], "limits.csv" in str(read)) == ("credit_limit", 1, True)


def test_the_general_command_approves_a_file_too(trade: Any, crm: Any, tmp_path: Path) -> None:
    request = crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,1000"))["request"]
    with crm.as_actor("boss", roles=["general_manager"]):
        asked = crm("approvals", "approve", request)
        assert (asked.exit_code, "--reason" in asked.stderr) == (1, True)
        crm.ok("approvals", "approve", request, "--reason", "as the old books say")
    assert limit_of(crm, "K1") == 100_000


def test_a_limit_of_a_file_holds_orders(trade: Any, crm: Any, tmp_path: Path) -> None:
    trade.row("receivables", "K1", 90_000)
    approve(crm, crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,800"))["request"])
    shown = crm.json("credit", "exposure", "K1")
    assert (shown["limit_minor"], shown["headroom_minor"]) == (80_000, -10_000)


def test_people_are_shown_the_same(trade: Any, crm: Any, tmp_path: Path) -> None:
    path = file(tmp_path, "客户编码,信用额度,客户名称", "K1,1000,甲", "K9,2,乙", "K2,2500,丙")
    shown = crm(*WORDS, path, "--skip-rejected")
    for text in (
        "New: 2",
        "Rejected: 1",
        "2, together 3,500.00 CNY, the largest 2,500.00",
        "K9",
        "Request 1 waits",
    ):
        assert text in shown.stdout
    assert "客户名称" in shown.stderr
    listed = crm.ok("credit", "limit", "rows", 1).stdout
    assert "2,500.00 CNY" in listed
    assert "waits" in listed
    trade.limit("K2", 3)
    with crm.as_actor("boss", roles=["general_manager"]):
        decided = crm.ok("credit", "limit", "approve", 1, "--reason", "ok").stdout
    assert "Limits that hold now: 1." in decided
    assert "Line 4 was left out: the limit of K2 was decided otherwise" in decided
    missing = crm("credit", "limit", "rows", 7)
    assert (missing.exit_code, "request 7" in missing.stderr) == (1, True)


def test_a_request_that_expires_makes_room(trade: Any, crm: Any, tmp_path: Path, clock: Any) -> None:
    path = file(tmp_path, "客户编码,信用额度", "K1,1000")
    crm.ok(*WORDS, path)
    clock.move(seconds=timedelta(days=15).total_seconds())
    assert crm.json(*WORDS, path)["request"] == 2


def test_a_file_of_small_limits_is_approved_by_rule_where_the_company_wants_it(
    make_trade: Any, crm: Any, tmp_path: Path
) -> None:
    trade = make_trade(more='[plugins.approvals.approve_up_to]\ncredit_5c_limit_import = "1000"\n')
    trade.add("K1", "K2")
    shown = crm.ok(*WORDS, file(tmp_path, "客户编码,信用额度", "K1,1000"))
    assert "approved by rule" in shown.stdout
    (line,) = crm.lines("credit", "limit", "history", "K1")
    assert (line["limit_minor"], line["decided_by"], line["single_person"]) == (100_000, "rule", False)
    assert crm.json(*WORDS, file(tmp_path, "客户编码,信用额度", "K2,1000.01"))["state"] == "requested"
