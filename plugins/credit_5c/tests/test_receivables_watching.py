"""Dunning, the default test and alarms, as the command line shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR
from crmcore_credit_5c.receivables.open_alarms import alarmed
from crmcore_credit_5c.tables.assessments import CreditAssessment


@pytest.fixture
def company(make_receivables, database):
    company = make_receivables(database)
    company.add("K1", "K2", "K3")
    return company


def grade(company, code, grade, on):
    (number,) = company.ids(code)
    day = date.fromisoformat(on)
    row = {"customer_id": number, "model": "5c", "model_version": 1, "model_digest": "0" * 64, "score_centi": 5_000,
           "grade": grade, "factors": {}, "inputs": {}, "missing": [], "state": "released", "assessor": ACTOR,
           "assessed_on": day, "assessed_at": datetime(2026, 3, 1, tzinfo=UTC), "released_on": day}  # fmt: skip
    with company.app.write(ACTOR, plugin="credit_5c") as tx:
        tx.insert(CreditAssessment, [row])


# -- dunning -----------------------------------------------------------------------------------------------------


def test_the_steps_come_one_after_the_other(company, crm, clock, check_receivables_schema):
    company.invoice("K1", "2026-01-01", "2026-02-10", 900)
    company.invoice("K2", "2026-01-01", "2026-03-02", 900)
    (line,) = crm.lines("credit", "dunning", "list")
    check_receivables_schema(line, "dunning")
    assert (line["customer"], line["days"], line["last_step"], line["next_step"]) == ("K1", 20, None, 1)
    assert (line["next_on"], line["is_due"]) == ("2026-02-11", True)
    refused = crm("credit", "dunning", "done", "K1", "--step", "2", "--note", "letter")
    assert refused.exit_code == 1
    assert "step 2 is not the next one for K1; that is step 1" in refused.stderr
    done = crm.json("credit", "dunning", "done", "K1", "--step", "1", "--note", "promised to pay")
    check_receivables_schema(done, "dunning")
    assert (done["last_step"], done["last_on"], done["next_step"], done["next_on"], done["is_due"]) == (
        1, "2026-03-02", 2, "2026-03-16", False,
    )  # fmt: skip
    assert crm.lines("credit", "dunning", "list", "--due") == []
    clock.move(days=14)
    due = crm.lines("credit", "dunning", "list", "--due")
    assert [(one["customer"], one["next_step"]) for one in due] == [("K1", 2), ("K2", 1)]


def test_who_has_paid_is_not_dunned_and_begins_anew(company, crm, clock):
    first = company.invoice("K1", "2026-01-01", "2026-02-10", 900)
    crm.ok("credit", "dunning", "done", "K1", "--step", "1", "--note", "called")
    company.settle(first, "2026-03-02", 900)
    refused = crm("credit", "dunning", "done", "K1", "--step", "2", "--note", "letter")
    assert (refused.exit_code, "owes nothing past due" in refused.stderr) == (1, True)
    company.invoice("K1", "2026-03-01", "2026-03-05", 900)
    clock.move(days=10)
    (line,) = crm.lines("credit", "dunning", "list")
    assert (line["last_step"], line["next_step"]) == (None, 1)


def test_after_the_last_step_there_is_none(make_receivables, crm):
    company = make_receivables(settings='[plugins.credit_5c]\ndunning = [{days = 1, title = "Call"}]\n')
    company.add("K1")
    company.invoice("K1", "2026-01-01", "2026-02-10", 900)
    crm.ok("credit", "dunning", "done", "K1", "--step", "1", "--note", "called")
    refused = crm("credit", "dunning", "done", "K1", "--step", "2", "--note", "called")
    assert (refused.exit_code, "all steps of dunning were taken" in refused.stderr) == (1, True)
    assert crm.lines("credit", "dunning", "list")[0]["next_step"] is None


def test_steps_that_do_not_increase_are_refused(make_receivables, crm):
    steps = '[{days = 9, title = "Call"}, {days = 9, title = "Write"}]'
    company = make_receivables(settings=f"[plugins.credit_5c]\ndunning = {steps}\n")
    company.add("K1")
    refused = crm("credit", "dunning", "list")
    assert refused.exit_code != 0
    assert "the days must increase" in refused.stderr


def test_a_step_that_is_due_is_work_for_who_owns_the_customer(company, crm):
    with (
        crm.as_actor("li", roles=["sales_representative"]),
        crm.as_actor("wang", roles=["sales_representative"]),
    ):
        pass
    with company.app.write(ACTOR) as tx:
        first, second = company.ids("K1", "K2")
        tx.update(Customer, [(first, {"owner": "li"}), (second, {"owner": "wang"})])
    company.invoice("K1", "2026-01-01", "2026-02-10", 900)
    company.invoice("K2", "2026-01-01", "2026-02-10", 800)

    def waiting():
        return [
            (w["customer"], w["title"])
            for w in crm.lines("work")
            if w["plugin"] == "credit_5c" and "past due" in w["title"]
        ]

    assert waiting() == [
        ("K1", "Remind by phone: K1 owes 9.00 CNY past due for 20 days"),
        ("K2", "Remind by phone: K2 owes 8.00 CNY past due for 20 days"),
    ]
    with crm.as_actor("li"):
        assert [customer for customer, _title in waiting()] == ["K1"]
    crm.ok("credit", "dunning", "done", "K1", "--step", "1", "--note", "called")
    assert [customer for customer, _title in waiting()] == ["K2"]


def test_people_read_the_list_in_chinese_too(company, crm):
    company.invoice("K1", "2026-01-01", "2026-02-10", 900)
    assert "1. Remind by phone" in crm.ok("credit", "dunning", "list").stdout
    assert "电话提醒" in crm.ok("credit", "dunning", "list", "--lang", "zh_CN").stdout


# -- default -----------------------------------------------------------------------------------------------------


def test_more_than_ninety_days_above_both_thresholds_are_a_default(
    company, crm, clock, check_receivables_schema
):
    company.invoice("K1", "2025-10-01", "2025-12-01", 60_000)
    found = crm.json("credit", "default", "K1")
    check_receivables_schema(found, "default")
    # Past due since 2 December: 2 March is the 91st day.
    assert (found["past_due"]["days"], found["state"], found["since"]) == (91, "default", "2026-03-02")
    assert (found["causes"], found["rule"]) == (["past_due"], "after the banks' rule, CRR art. 178")
    clock.move(days=-1)
    assert crm.json("credit", "default", "K1")["state"] == "performing"


def test_small_amounts_and_small_shares_are_no_default(company, crm):
    company.invoice("K1", "2025-10-01", "2025-11-01", 50_000)
    company.invoice("K2", "2025-10-01", "2025-11-01", 60_000)
    company.invoice("K2", "2025-10-01", "2026-11-01", 6_000_000)
    assert crm.json("credit", "default", "K1")["past_due"]["days"] == 0
    assert crm.json("credit", "default", "K2")["past_due"]["days"] == 0
    assert crm.lines("credit", "default", "--all") == []


def test_a_payment_interrupts_the_days(company, crm):
    first = company.invoice("K1", "2025-10-01", "2025-11-01", 60_000)
    company.settle(first, "2026-01-01", 20_000)
    company.invoice("K1", "2025-12-01", "2026-01-10", 60_000)
    found = crm.json("credit", "default", "K1")
    assert (found["past_due"]["days"], found["past_due"]["amount_minor"]) == (51, 100_000)


def test_a_default_ends_after_probation(company, crm, clock):
    first = company.invoice("K1", "2025-10-01", "2025-11-01", 60_000)
    assert crm.json("credit", "default", "K1")["state"] == "default"
    company.settle(first, "2026-03-02", 60_000)
    found = crm.json("credit", "default", "K1")
    assert (found["state"], found["in_default"], found["probation_until"]) == (
        "probation",
        True,
        "2026-06-02",
    )
    assert [one["customer"] for one in crm.lines("credit", "default", "--all")] == ["K1"]
    clock.move(days=92)
    assert crm.lines("credit", "default", "--all") == []


def test_who_is_unlikely_to_pay_is_marked_by_hand(company, crm, clock, check_receivables_schema):
    refused = crm("credit", "default", "K1", "--mark")
    assert (refused.exit_code, "say why" in refused.stderr) == (2, True)
    found = crm.json("credit", "default", "K1", "--mark", "--reason", "asked for a moratorium")
    check_receivables_schema(found, "default")
    assert (found["state"], found["causes"]) == ("default", ["unlikely_to_pay"])
    assert found["unlikely_to_pay"]["reason"] == "asked for a moratorium"
    again = crm("credit", "default", "K1", "--mark", "--reason", "again")
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    clock.move(days=10)
    ended = crm.json("credit", "default", "K1", "--unmark", "--reason", "paid in full")
    assert (ended["state"], ended["probation_until"]) == ("probation", "2026-06-12")
    nothing = crm("credit", "default", "K1", "--unmark", "--reason", "again")
    assert nothing.exit_code == 1


def test_people_read_how_the_test_came_out(company, crm):
    company.invoice("K1", "2025-10-01", "2025-11-01", 60_000)
    text = crm.ok("credit", "default", "K1").stdout
    assert "K1 is in default since 2026-01-31 (past due; after the banks' rule, CRR art. 178)" in text
    assert "600.00 CNY" in text
    assert "K1 is in default" in crm.ok("credit", "default", "--all").stdout
    assert "K2 is not in default" in crm.ok("credit", "default", "K2").stdout
    assert crm("credit", "default").exit_code == 2


# -- alarms ------------------------------------------------------------------------------------------------------


def look(crm):
    return crm.json("jobs", "run", "credit_alarms")


def alarms(crm, *words):
    return [(one["customer"], one["kind"]) for one in crm.lines("credit", "alarms", *words)]


def test_a_worse_grade_gives_alarm_once(company, crm, check_receivables_schema):
    grade(company, "K1", "A", "2025-06-01")
    grade(company, "K1", "C", "2026-03-01")
    grade(company, "K2", "C", "2025-06-01")
    grade(company, "K2", "A", "2026-03-01")
    look(crm)
    look(crm)
    (line,) = crm.lines("credit", "alarms", "--open")
    check_receivables_schema(line, "alarm")
    assert (line["customer"], line["kind"], line["what"]) == (
        "K1",
        "grade_drop",
        "the credit grade fell from A to C",
    )
    titles = [w["title"] for w in crm.lines("work") if w["plugin"] == "credit_5c"]
    assert "K1: the credit grade fell from A to C" in titles


def test_an_alarm_is_closed_by_people_and_does_not_come_back(company, crm, check_receivables_schema):
    grade(company, "K1", "A", "2025-06-01")
    grade(company, "K1", "B", "2026-03-01")
    look(crm)
    (number,) = company.ids("K1")
    with company.app.read("credit_5c") as ctx:
        assert alarmed(ctx, company.ids("K1", "K2")) == {number}
    closed = crm.json("credit", "alarm", "close", "1", "--note", "new model, same firm")
    check_receivables_schema(closed, "alarm")
    assert (closed["state"], closed["note"]) == ("closed", "new model, same firm")
    again = crm("credit", "alarm", "close", "1", "--note", "again")
    assert (again.exit_code, "was closed by tester" in again.stderr) == (1, True)
    assert crm("credit", "alarm", "close", "9", "--note", "x").exit_code == 1
    look(crm)
    assert alarms(crm, "--open") == []
    assert alarms(crm) == [("K1", "grade_drop")]
    with company.app.read("credit_5c") as ctx:
        assert alarmed(ctx, company.ids("K1", "K2")) == set()
    assert "closed" in crm.ok("credit", "alarms").stdout


def test_who_pays_slower_gives_alarm(make_receivables, crm, clock, database):
    settings = "[plugins.credit_5c]\nalarm_slower_days = 10\nalarm_slower_invoices = 2\n"
    company = make_receivables(database, settings=settings)
    company.add("K1", "K2")
    for code, delays in (("K1", (1, 3, 12, 14)), ("K2", (1, 3, 11, 10))):
        for month, delay in enumerate(delays, 10):
            year, number = divmod(month - 1, 12)
            number = company.invoice(
                code, f"{2025 + year}-{number + 1:02}-01", f"{2025 + year}-{number + 1:02}-10", 100
            )
            company.settle(number, f"{2025 + year}-{(month - 1) % 12 + 1:02}-{10 + delay}", 100)
    look(crm)
    (line,) = crm.lines("credit", "alarms")
    assert (line["customer"], line["details"]) == ("K1", {"invoices": 2, "days": "13.0", "before": "2.0"})
    crm.ok("credit", "alarm", "close", "1", "--note", "talked")
    latest = company.invoice("K1", "2026-02-15", "2026-02-20", 100)
    company.settle(latest, "2026-03-02", 100)
    clock.move(days=1)
    look(crm)
    assert len(alarms(crm)) == 1, "invoices of before do not give alarm twice"


def test_an_order_far_above_the_usual_gives_alarm(company, crm):
    for day in ("2025-06-01", "2025-07-01", "2025-12-01"):
        company.order("K1", day, 1_000)
        company.order("K2", day, 1_000)
    company.order("K1", "2026-02-20", 3_001)
    company.order("K1", "2026-02-21", 9_000, state="cancelled")
    company.order("K2", "2026-02-20", 3_000)
    company.order("K3", "2026-02-20", 9_000_000)
    look(crm)
    (line,) = crm.lines("credit", "alarms")
    assert (line["customer"], line["kind"]) == ("K1", "large_order")
    assert line["what"].endswith("of 30.01 CNY is far above the usual 10.00")


def test_another_legal_representative_gives_alarm(company, crm, clock):
    company.invoice("K1", "2026-02-01", "2026-05-01", 100)
    crm.ok("contact", "add", "K1", "--name", "Wang", "--code", "W", "--role", "legal_representative")
    look(crm)
    assert alarms(crm) == [], "who is recorded for the first time is no change"
    clock.move(days=31)
    crm.ok("contact", "leave", "W", "K1")
    crm.ok("contact", "add", "K1", "--name", "Li", "--code", "L", "--role", "legal_representative")
    clock.move(days=1)
    look(crm)
    look(crm)
    assert alarms(crm) == [("K1", "legal_representative")]


def test_an_alarm_makes_the_customer_due_for_assessment(company, crm):
    grade(company, "K1", "A", "2025-06-01")
    grade(company, "K1", "B", "2026-03-01")
    look(crm)
    assert "K1" in crm.ok("credit", "due", "--json").stdout


# -- merging and persons -----------------------------------------------------------------------------------------


def test_all_goes_along_as_customers_are_merged(company, crm):
    company.invoice("K1", "2025-10-01", "2025-11-01", 60_000)
    crm.ok("credit", "dunning", "done", "K1", "--step", "1", "--note", "called")
    crm.ok("credit", "default", "K1", "--mark", "--reason", "moratorium")
    grade(company, "K1", "A", "2025-06-01")
    grade(company, "K1", "B", "2026-03-01")
    look(crm)
    crm.ok("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")
    assert crm.json("credit", "default", "K2")["unlikely_to_pay"]["reason"] == "moratorium"
    assert crm.lines("credit", "dunning", "list")[0]["last_step"] == 1
    assert alarms(crm) == [("K2", "grade_drop")]
    crm.ok("duplicates", "unmerge", "K1", "--reason", "two")
    assert alarms(crm) == [("K1", "grade_drop")]


def test_a_persons_data_are_given_and_erased(company, crm):
    company.add("P1", kind="person")
    company.invoice("P1", "2025-10-01", "2025-11-01", 60_000)
    crm.ok("credit", "dunning", "done", "P1", "--step", "1", "--note", "her sister answered")
    crm.ok("credit", "default", "P1", "--mark", "--reason", "lost her job")
    grade(company, "P1", "A", "2025-06-01")
    grade(company, "P1", "B", "2026-03-01")
    look(crm)
    given = crm.ok("person", "export", "P1").stdout
    assert all(words in given for words in ("her sister answered", "lost her job"))
    crm.ok("person", "restrict", "P1")
    assert crm.lines("credit", "alarms") == []
    assert crm.lines("credit", "dunning", "list") == []
    assert crm.lines("credit", "default", "--all") == []
    crm.ok("person", "unrestrict", "P1")
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    shown = (
        crm.ok("credit", "alarms", "--json").stdout + crm.ok("credit", "default", "--all", "--json").stdout
    )
    assert "lost her job" not in shown
    assert "the credit grade fell" in shown
