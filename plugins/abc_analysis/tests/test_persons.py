"""Natural persons in the classification: given what was decided of them, and the words gone when they are erased."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR

REASON = "ihr Bruder ist Abgeordneter"


def test_words_about_a_person_are_given_and_erased(make_app: Any, crm: Any) -> None:
    app = make_app(["abc_analysis"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "K1", "name": "钱一一", "kind": "person"}])
    crm.ok("abc", "set", "K1", "A", "--reason", REASON, "--until", "2026-12-31")
    parts = crm.json("person", "export", "K1")["parts"]
    (manual,) = [part["rows"] for part in parts if part["table"] == "abc_manual"]
    assert manual[0]["reason"] == REASON
    crm.ok("person", "erase", "K1", "--reason", "asked", "--yes")
    with app.read() as ctx:
        rows = ctx.connection.exec_driver_sql("SELECT grade, reason FROM abc_manual").all()
    assert [tuple(row) for row in rows] == [("A", "(erased)")]


@pytest.mark.parametrize("engine", ["python", "database", "duckdb"])
def test_restricted_persons_are_in_no_class_and_named_in_no_list(
    make_company: Any, database: str, crm: Any, engine: str
) -> None:
    company = make_company(database)
    run_it = ("abc", "run", "--from", "2025-01-01", "--to", "2025-12-31", "--engine", engine)
    company.add("K1", kind="person")
    company.sell("2025-05-05", {"K2": 500, "K3": 40, "K4": 3})
    company.buy("2025-05-05", {"K1": 9_999})
    crm.ok(*run_it)
    crm.ok("abc", "potential", "set", "K1", "50000", "--basis", "a guess")
    crm.ok("abc", "set", "K1", "A", "--reason", "friend", "--until", "2026-12-31")
    with_it = [row["customer"] for row in crm.lines("abc", "grades")]
    assert with_it == ["K1", "K2", "K3", "K4"]
    crm.ok("person", "restrict", "K1")
    ranks = {row["customer"]: row["rank"] for row in crm.lines("abc", "grades")}
    assert ranks == {"K2": 2, "K3": 3, "K4": 4}, "a run that is made already keeps its ranks"
    assert [row["customer"] for row in crm.lines("abc", "grades", "--limit", "2")] == ["K2", "K3"]
    run = crm.json(*run_it)
    assert (run["customers"], run["amount_minor"]) == (3, 543)
    for words in (
        ("grades",),
        ("manual",),
        ("potential", "list"),
        ("load", "--json"),
        ("transitions", "--json"),
    ):
        assert "K1" not in crm.ok("abc", *words).stdout, words
    explained = crm("abc", "explain", "K1")
    assert (explained.exit_code, "may not be used (restricted)" in explained.stderr) == (1, True)
    for report in ("abc_sales", "abc_matrix", "abc_worst", "abc_questions", "abc_transitions"):
        options = ("--param", "by=customer") if report == "abc_sales" else ()
        assert "K1" not in crm.ok("report", "run", report, *options).stdout, report
    crm.ok("person", "unrestrict", "K1")
    again = crm.json(*run_it)
    assert again["customers"] == 4
