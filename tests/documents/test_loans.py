"""Papers borrowed, approved, fetched, returned: `crm document borrow|fetch|return|loans` on both databases."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine

FIRST = date(2026, 3, 2)
"""The day on which the clock of the tests stands."""


def matches(value: Any, name: str = "document_loan") -> Any:
    """Hold a value, or each of many, against a published schema, and hand it back."""
    schema = load_schema(SCHEMAS / f"{name}.schema.json")
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for one in value if isinstance(value, list) else [value]:
        validator.validate(json.loads(json.dumps(one)))
    return value


def refused(crm: CommandLine, *words: object) -> str:
    result = crm(*words)
    assert result.exit_code == 1, result
    assert result.stderr.startswith("crm: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def work(crm: CommandLine, actor: str) -> dict[str, Any]:
    lines = crm.lines("work", "--actor", actor)
    return {one["key"]: one for one in lines if one["plugin"] == "documents"}


def test_a_paper_is_asked_for_approved_fetched_and_returned(company, crm):
    asked = matches(crm.json("document", "borrow", "D000001", "--reason", "续签谈判", "--actor", "rep"))
    assert (asked["state"], asked["borrower"], asked["purpose"]) == ("requested", "rep", "续签谈判")
    assert asked["due_on"] == str(FIRST + timedelta(days=14)), "the company's days"
    assert asked["customer"] == "C1"
    shown = crm.json("approvals", "show", asked["request"])
    assert shown["kind"] == "documents_loan"
    assert shown["permission"] == "documents.lend"
    assert shown["deciders"] == ["boss", "head", "tester"]
    assert "nobody has approved" in refused(crm, "document", "fetch", "D000001", "--actor", "rep")
    crm.ok("approvals", "approve", asked["request"], "--actor", "boss")
    assert matches(crm.lines("document", "loans"))[0]["state"] == "approved"
    fetched = matches(crm.json("document", "fetch", "D000001", "--actor", "rep"))
    assert (fetched["state"], fetched["decided_by"]) == ("lent", "boss")
    assert fetched["lent_at"] is not None
    paper = matches(crm.json("document", "show", "D000001"), "document")
    assert paper["loan"] == {
        "number": asked["number"],
        "state": "lent",
        "borrower": "rep",
        "due_on": asked["due_on"],
    }
    assert "lent: rep, until 2026-03-16" in crm.ok("document", "show", "D000001").stdout
    assert "lent: rep, until 2026-03-16" in crm.ok("document", "list").stdout
    back = matches(crm.json("document", "return", "D000001", "--actor", "rep"))
    assert (back["state"], back["returned_to"]) == ("returned", "rep")
    assert crm.lines("document", "loans") == []
    assert matches(crm.lines("document", "loans", "--all")) == [back]
    assert crm.json("document", "show", "D000001")["loan"] is None
    assert crm.json("document", "borrow", "D000001", "--actor", "clerk")["number"] == 2


def test_nobody_else_borrows_what_is_asked_for_or_out(company, crm, lent):
    crm.ok("document", "borrow", "D000002", "--actor", "clerk")
    assert "asked for by 'clerk'" in refused(crm, "document", "borrow", "D000002", "--actor", "rep")
    lent("D000001")
    assert "with 'rep', due on 2026-03-16" in refused(crm, "document", "borrow", "D000001")
    assert len(crm.lines("document", "loans", "--all")) == 2
    assert len(crm.lines("approvals", "list")) == 2


@pytest.mark.parametrize("end", ["reject", "withdraw", "expire"])
def test_a_request_that_came_to_nothing_makes_room(company, crm, clock, end):
    crm.ok("document", "borrow", "D000001", "--until", "2026-06-01", "--actor", "rep")
    if end == "expire":
        clock.move(days=15)
    else:
        who = "boss" if end == "reject" else "rep"
        crm.ok("approvals", end, 1, "--reason", "needed here", "--actor", who)
    state = {"reject": "rejected", "withdraw": "withdrawn", "expire": "expired"}[end]
    assert crm.lines("document", "loans") == []
    assert [one["number"] for one in crm.lines("document", "loans", "--state", state)] == [1]
    crm.ok("document", "borrow", "D000001", "--actor", "clerk")
    (old, new) = matches(crm.lines("document", "loans", "--all"))
    assert (old["state"], new["state"]) == (state, "requested")
    assert [one["number"] for one in crm.lines("document", "loans", "--state", state)] == [1]


def test_nobody_approves_their_own_loan_and_a_deputy_may(company, crm):
    crm.ok("document", "borrow", "D000001", "--actor", "head")
    assert "your own" in refused(crm, "approvals", "approve", 1, "--actor", "head")
    assert "may not decide" in refused(crm, "approvals", "approve", 1, "--actor", "clerk")
    crm.ok("actor", "deputy", "clerk", "--of", "boss", "--from", "2026-03-01", "--until", "2026-03-31")
    crm.ok("approvals", "approve", 1, "--actor", "clerk")
    (loan,) = matches(crm.lines("document", "loans"))
    assert (loan["decided_by"], loan["decided_for"]) == ("clerk", "boss")


def test_only_the_borrower_who_stands_in_and_who_may_lend_fetch_and_return(company, crm):
    crm.ok("document", "borrow", "D000001", "--actor", "rep")
    crm.ok("approvals", "approve", 1, "--actor", "boss")
    assert "borrowed by 'rep'" in refused(crm, "document", "fetch", "D000001", "--actor", "clerk")
    crm.ok("actor", "deputy", "clerk", "--of", "rep", "--from", "2026-03-01", "--until", "2026-03-31")
    crm.ok("document", "fetch", "D000001", "--actor", "clerk")
    assert "may not" in refused(crm, "document", "return", "D000001", "--actor", "guest")
    assert crm.json("document", "return", "D000001", "--actor", "head")["returned_to"] == "head"
    assert "is not lent" in refused(crm, "document", "return", "D000001")


def test_due_and_overdue_wait_for_borrower_and_approver(company, crm, clock, lent):
    lent("D000001", "--until", "2026-03-10")
    assert work(crm, "rep") == {}
    assert work(crm, "boss") == {}
    clock.move(days=5)
    reminder = work(crm, "rep")["loan:1"]
    assert (reminder["title"], reminder["due"], reminder["severity"]) == (
        "Bring back D000001 年度合同",
        "2026-03-10",
        "info",
    )
    assert work(crm, "boss")["loan:1"]["title"] == "Have D000001 年度合同 back from rep"
    assert work(crm, "head") == {}, "who did not approve it"
    assert crm.lines("document", "loans", "--overdue") == []
    clock.move(days=4)
    assert work(crm, "rep")["loan:1"]["severity"] == "warning"
    assert [one["state"] for one in crm.lines("document", "loans", "--overdue")] == ["overdue"]
    assert [one["number"] for one in crm.lines("document", "loans", "--by", "rep")] == [1]
    assert crm.lines("document", "loans", "--by", "clerk") == []
    crm.ok("document", "return", "D000001", "--actor", "rep")
    assert work(crm, "rep") == {} == work(crm, "boss")


def test_an_approved_paper_is_to_be_fetched_until_its_day(company, crm, clock):
    crm.ok("document", "borrow", "D000001", "--until", "2026-03-04", "--actor", "rep")
    crm.ok("approvals", "approve", 1, "--actor", "boss")
    assert work(crm, "rep")["loan:1"]["command"] == "crm document fetch D000001"
    clock.move(days=3)
    assert work(crm, "rep") == {}
    assert "is not lent" in refused(crm, "document", "fetch", "D000001", "--actor", "rep")
    assert crm.json("document", "borrow", "D000001", "--actor", "clerk")["number"] == 2


def test_too_late_is_not_approved(company, crm, clock):
    crm.ok("document", "borrow", "D000001", "--until", "2026-03-04", "--actor", "rep")
    clock.move(days=3)
    assert "which is past" in refused(crm, "approvals", "approve", 1, "--actor", "boss")
    assert "is past" in refused(crm, "document", "borrow", "D000002", "--until", "2026-03-01")


def test_a_paper_that_is_out_is_not_archived_and_an_archived_one_not_borrowed(company, crm, lent):
    lent("D000001")
    assert "with 'rep'" in refused(crm, "document", "archive", "D000001")
    crm.ok("document", "archive", "D000002")
    assert "is archived" in refused(crm, "document", "borrow", "D000002")


def test_the_companys_days_and_reminder(make_app, filled, crm, clock):
    filled(make_app(settings="[plugins.documents]\nloan_days = 5\nreminder_days = 0\n"))
    assert crm.json("document", "borrow", "D000001", "--actor", "rep")["due_on"] == "2026-03-07"
    crm.ok("approvals", "approve", 1, "--actor", "boss")
    crm.ok("document", "fetch", "D000001", "--actor", "rep")
    clock.move(days=4)
    assert work(crm, "rep") == {}
    clock.move(days=1)
    assert list(work(crm, "rep")) == ["loan:1"]


def test_an_edit_with_an_old_version_is_refused(small, crm, lent):
    lent("D000001")
    refused(crm, "document", "return", "D000001", "--expect-version", 1)
    assert crm.lines("document", "loans")[0]["state"] == "lent"
    crm.ok("document", "return", "D000001", "--expect-version", 3)


def test_unknown_codes_and_wrong_words(small, crm):
    for words in (("borrow", "D9"), ("fetch", "D9"), ("return", "D9"), ("loans", "--document", "D9")):
        assert "D9" in refused(crm, "document", *words)
    assert "nobody" in refused(crm, "document", "loans", "--by", "nobody")
    assert crm("document", "loans", "--overdue", "--state", "lent").exit_code == 2
    assert crm("document", "borrow", "D000001", "--until", "tomorrow").exit_code == 2
    refused(crm, "document", "borrow", "D000001", "--actor", "guest")


def test_lists_go_on_behind_a_number(small, crm):
    for number in (1, 2, 3):
        crm.ok("document", "borrow", f"D00000{number}", "--actor", "rep")
    assert [one["number"] for one in crm.lines("document", "loans", "--limit", 2)] == [1, 2]
    assert [one["number"] for one in crm.lines("document", "loans", "--after", 2)] == [3]
    assert [one["document"] for one in crm.lines("document", "loans", "--customer", "C2")] == ["D000003"]
    assert "--after 2" in crm.ok("document", "loans", "--limit", 2).stdout


def test_what_a_paper_is_borrowed_for_stands_in_no_header_of_the_log(small, crm):
    import sqlalchemy as sa

    crm.ok("document", "borrow", "D000003", "--reason", "住院治疗", "--actor", "rep")
    with small.read() as ctx:
        rows = ctx.connection.execute(sa.text("SELECT * FROM change_tx")).all()
        entries = ctx.connection.execute(sa.text("SELECT * FROM change_log")).all()
    assert "住院治疗" not in str(rows)
    assert "住院治疗" not in str(entries), "a person's purpose is sealed in the log"


def test_a_restricted_persons_paper_comes_back_and_is_not_lent_again(company, crm, lent):
    lent("D000003")
    crm.ok("person", "restrict", "C2", "--reason", "asks for it")
    assert crm.json("document", "return", "D000003", "--actor", "rep")["state"] == "returned"
    assert "restricted" in refused(crm, "document", "borrow", "D000003", "--actor", "rep")
    words = ("D000003", "--to", "法院", "--reason", "y")
    assert "restricted" in refused(crm, "document", "hand-out", *words)
    assert crm.lines("document", "loans", "--all") == []
