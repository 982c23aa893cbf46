"""Limits of persons who are erased or restricted, and raises that raise nothing."""

from __future__ import annotations

from typing import Any


def test_what_waits_is_withdrawn_as_its_person_is_erased(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", kind="person")
    trade.grade("P1")
    crm.ok("credit", "limit", "propose", "P1", "--requested", "500", "--reason", "his uncle vouches")
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    request = crm.json("approvals", "show", 1)
    assert (request["state"], request["payload"]) == ("withdrawn", {})
    assert "erased" in request["decision_reason"]
    with crm.as_actor("boss", roles=["general_manager"]):
        refused = crm("credit", "limit", "approve", 1, "--reason", "ok")
    assert (refused.exit_code, "Traceback" in refused.stderr) == (1, False)
    assert "withdrawn" in refused.stderr


def test_the_limit_of_a_restricted_person_is_neither_shown_nor_proposed(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", kind="person")
    trade.grade("P1")
    crm.ok("person", "restrict", "P1")
    for words in (
        ("limit", "propose", "P1", "--requested", "5"),
        ("limit", "show", "P1"),
        ("limit", "history", "P1"),
        ("exposure", "P1"),
    ):
        refused = crm("credit", *words)
        assert (refused.exit_code, "restricted" in refused.stderr) == (1, True), words


def test_a_raise_is_above_the_limit_that_holds(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("K1")
    trade.grade("K1")
    trade.limit("K1", 50_000)
    words = ("credit", "limit", "propose", "K1", "--temporary", "--until", "2026-03-31", "--requested")
    refused = crm(*words, "500")
    assert (refused.exit_code, "500.00" in refused.stderr) == (1, True)
    assert crm("credit", "limit", "propose", "K1", "--requested", "0").exit_code == 2
    crm.ok(*words, "500.01")


def test_days_out_of_reach_are_refused(make_receivables: Any, crm: Any) -> None:
    make_receivables()
    for words in (("--from", "0001-01-01"), ("--to", "9999-12-31"), ("--to", "0001-01-01")):
        refused = crm("credit", "dso", *words)
        assert (refused.exit_code, "1900-01-01" in refused.stderr) == (2, True), words
