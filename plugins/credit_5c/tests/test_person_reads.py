"""Who reads what is known of a natural person's credit is recorded, by whichever command; who is restricted is not shown."""

from __future__ import annotations

from typing import Any

import pytest

ASKED = ("credit", "limit", "propose", "P1", "--requested", "500")


def read_by(crm: Any, *words: Any) -> list[str]:
    """Return what was recorded as read, the newest last, while a command ran."""
    before = crm.lines("audit", "reads", "--what", "sensitive")
    crm.ok(*words)
    after = crm.lines("audit", "reads", "--what", "sensitive")
    return [one["filter"] for one in reversed(after[: len(after) - len(before)])]


@pytest.fixture
def trade(make_trade: Any) -> Any:
    """Return books with a person, P1, and a firm, K1, both graded."""
    made = make_trade()
    made.add("P1", kind="person")
    made.add("K1")
    for code in ("P1", "K1"):
        made.grade(code)
    return made


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "json"])
def test_who_assesses_a_person_or_works_out_its_limit_has_read_it(trade: Any, crm: Any, more: Any) -> None:
    assert read_by(crm, *ASKED, *more) == ["P1: credit limit"]
    assert read_by(crm, "credit", "assess", "P1", *more) == ["P1: credit.assessment"]
    assert read_by(crm, "credit", "limit", "propose", "K1", "--requested", "500", *more) == []
    assert read_by(crm, "credit", "assess", "K1", *more) == [], "a firm is no person"


def test_who_is_told_that_sources_differ_has_read_them(trade: Any, crm: Any) -> None:
    words = ("credit", "evidence", "add", "P1", "--indicator", "reputation")
    assert read_by(crm, *words, "--value", "good", "--source", "bank") == []
    assert read_by(crm, *words, "--value", "poor", "--source", "rival") == ["P1: credit.evidence"]


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "json"])
def test_who_reads_a_request_about_a_person_has_read_it(trade: Any, crm: Any, more: Any) -> None:
    crm.ok(*ASKED)
    crm.ok("credit", "limit", "propose", "K1", "--requested", "500")
    assert read_by(crm, "approvals", "show", 1, *more) == ["P1: credit_5c/credit_5c_limit"]
    assert read_by(crm, "approvals", "show", 2, *more) == []
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 2, "--reason", "fine", *more)
        crm.ok("credit", "limit", "approve", 1, "--reason", "fine", *more)
    read = crm.lines("audit", "reads", "--what", "sensitive")
    assert [(one["actor"], one["filter"]) for one in read][:2] == [
        ("boss", "P1: credit limit"),
        ("tester", "P1: credit_5c/credit_5c_limit"),
    ]


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "json"])
def test_who_reads_what_one_person_owes_has_read_it(make_receivables: Any, crm: Any, more: Any) -> None:
    books = make_receivables()
    books.add("P1", kind="person")
    books.add("K1")
    for code in ("P1", "K1"):
        books.invoice(code, "2025-09-01", "2025-09-30", 100_000)
    for name in ("ageing", "dso"):
        assert read_by(crm, "credit", name, "--customer", "P1", *more) == [f"P1: credit {name}"]
        assert read_by(crm, "credit", name, "--customer", "K1", *more) == []
        assert read_by(crm, "credit", name, *more) == [], "sums of all are nobody's"
    mark = ("credit", "default", "P1", "--mark", "--reason", "no answer")
    assert read_by(crm, *mark, *more) == ["P1: credit default"]


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "json"])
def test_who_reads_the_history_of_a_persons_credit_has_read_it(trade: Any, crm: Any, more: Any) -> None:
    words = ("--indicator", "reputation", "--value", "good", "--source", "bank")
    for code in ("P1", "K1"):
        crm.ok("credit", "evidence", "add", code, *words)
    assert read_by(crm, "history", "P1", *more) == ["P1: credit_assessment,credit_evidence"]
    assert read_by(crm, "history", "K1", *more) == [], "a firm is no person"
    assert read_by(crm, "history", "P1", "--field", "name", *more) == []
    assert read_by(crm, "history", "P1", "--field", "customer", *more) == [], "whose it is says nothing"
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    left = read_by(crm, "history", "P1", *more)
    assert left == [], "what is erased nobody can read"


def test_what_one_restricted_person_owes_is_not_shown(make_receivables: Any, crm: Any) -> None:
    books = make_receivables()
    books.add("P1", "P2", kind="person")
    books.group("P1", "P2")
    books.invoice("P1", "2025-09-01", "2025-09-30", 100_000)
    crm.ok("person", "restrict", "P1")
    sentence = "the data of P1 may not be used (restricted); see: crm person restrict"
    for words in (("ageing",), ("ageing", "--group"), ("ageing", "--detail"), ("dso",)):
        for more in ((), ("--json",)):
            refused = crm("credit", *words, "--customer", "P1", *more)
            assert (refused.exit_code, refused.stdout) == (1, ""), words
            assert sentence in refused.stderr
    assert crm.json("credit", "ageing")["total_minor"] == 100_000, "the books go on"


def test_nothing_is_approved_of_a_restricted_person(make_trade: Any, crm: Any) -> None:
    trade = make_trade(settings='second_pair_of_eyes = "always"')
    trade.add("P1", kind="person")
    trade.grade("P1")
    crm.ok(*ASKED)
    for name in ("reputation", "legal_record"):
        crm.ok("credit", "evidence", "add", "P1", "--indicator", name, "--value", "good", "--source", "bank")
    request = crm.json("credit", "assess", "P1")["approval"]
    crm.ok("person", "restrict", "P1")
    with crm.as_actor("boss", roles=["general_manager", "credit_controller"]):
        for words in (("credit", "limit", "approve", 1), ("approvals", "approve", request or 0)):
            refused = crm(*words, "--reason", "fine")
            assert (refused.exit_code, "restricted" in refused.stderr) == (1, True), words
    crm.ok("person", "unrestrict", "P1")
    with crm.as_actor("boss", roles=["general_manager", "credit_controller"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "fine")
        crm.ok("approvals", "approve", request, "--reason", "fine")


def test_no_alarm_about_a_restricted_person_is_closed(make_receivables: Any, crm: Any) -> None:
    from crmcore_credit_5c.rules.alarms import REPRESENTATIVE
    from crmcore_credit_5c.tables.receivables import CreditAlarm

    books = make_receivables()
    books.add("P1", kind="person")
    with books.app.write("tester", plugin="credit_5c") as tx:
        row = {"customer_id": books.ids("P1")[0], "kind": REPRESENTATIVE, "matter": "1", "details": {}}
        tx.insert(CreditAlarm, [{**row, "raised_on": tx.ctx.today, "raised_at": tx.now}])
    crm.ok("person", "restrict", "P1")
    refused = crm("credit", "alarm", "close", 1, "--note", "seen")
    assert (refused.exit_code, "restricted" in refused.stderr) == (1, True)
    crm.ok("person", "unrestrict", "P1")
    assert read_by(crm, "credit", "alarm", "close", 1, "--note", "seen") == ["P1: credit alarm"]


def test_a_request_about_a_restricted_person_is_shown_to_who_may_look(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", kind="person")
    trade.grade("P1")
    crm.ok("credit", "limit", "propose", "P1", "--requested", "500")
    crm.ok("person", "restrict", "P1")
    crm.ok("approvals", "show", 1)
    with crm.as_actor("clerk", roles=["sales_representative"]):
        refused = crm("approvals", "show", 1)
    assert (refused.exit_code, "may not export, restrict and erase persons" in refused.stderr) == (1, True)
