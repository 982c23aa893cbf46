"""Credit of natural persons: what is written of them goes with them, what is restricted stays as it is, reads are recorded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

SAID = "gambling debts"


@pytest.fixture
def late_person(make_receivables: Any, crm: Any) -> Any:
    """Return the books of a person, P1, who has owed 1,000 for long, whom somebody marked, dunned, and said why."""
    books = make_receivables()
    books.add("P1", kind="person")
    books.invoice("P1", "2025-09-01", "2025-09-30", 100_000)
    crm.ok("credit", "default", "P1", "--mark", "--reason", SAID)
    crm.ok("credit", "dunning", "done", "P1", "--step", 1, "--note", SAID)
    return books


def _reads(crm: Any) -> int:
    with closing(sqlite3.connect(crm.folder / "crm.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM read_log WHERE what = 'sensitive'").fetchone()
    return int(count)


def test_what_was_said_of_a_person_is_nowhere_once_it_is_erased(late_person: Any, crm: Any) -> None:
    crm.ok("credit", "default", "P1", "--unmark", "--reason", SAID + " paid")
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    with closing(sqlite3.connect(crm.folder / "crm.db")) as connection:
        dumped = "\n".join(connection.iterdump())
    assert "record a step of dunning" in dumped, "that it was done is history"
    assert SAID not in dumped


@pytest.mark.parametrize(
    "words",
    [
        ("default", "P1"),
        ("default", "P1", "--unmark", "--reason", "no"),
        ("dunning", "done", "P1", "--step", 2, "--note", "no"),
    ],
)
def test_a_restricted_person_stays_as_it_is(late_person: Any, crm: Any, words: Any) -> None:
    crm.ok("person", "restrict", "P1")
    refused = crm("credit", *words)
    assert (refused.exit_code, "restricted" in refused.stderr) == (1, True)


def test_who_reads_the_default_of_a_person_is_recorded(late_person: Any, crm: Any) -> None:
    before = _reads(crm)
    crm.ok("credit", "default", "P1")
    assert _reads(crm) == before + 1


def test_who_reads_the_credit_on_the_card_of_a_person_is_recorded(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", "P2", kind="person")
    trade.add("K1")
    for code in ("P1", "K1"):
        trade.grade(code)
    before = _reads(crm)
    crm.ok("customer", "show", "P1")
    crm.lines("customer", "list")
    assert _reads(crm) == before + 2
    crm.ok("customer", "show", "K1")
    crm.ok("customer", "show", "P2")
    assert _reads(crm) == before + 2, "a firm is no person, and of P2 nothing is known"
