"""Reports on all customers: each figure against one worked out here from what was put in."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR

GRADES = {"K1": "A", "K2": "A", "K3": "B", "K4": "C"}
LIMITS = {"K1": 100_000, "K3": 50_000, "K4": 0, "K5": 20_000}
# customer → (amount open, due); today is 2026-03-02
OWED: dict[str, list[tuple[int, str | None]]] = {
    "K1": [(30_000, "2026-03-20"), (10_000, "2026-02-20")],
    "K3": [(40_000, "2025-12-15"), (-5_000, None)],
    "K4": [(7_000, "2025-10-01")],
    "K6": [(9_000, "2026-03-05")],
}
ORDERED = {"K1": 45_000, "K3": 30_000, "K5": 4_000}
DELIVERED = {"K3": 1_000}
OWNERS = {"K1": "li", "K3": "wang", "K4": "li"}
LATE = {"K1": (10_000, 10), "K3": (40_000, 77), "K4": (7_000, 152)}
USED = {"K1": 85_000, "K3": 66_000, "K4": 7_000, "K5": 4_000, "K6": 9_000}


@pytest.fixture
def trade(make_trade: Any, database: str) -> Any:
    made = make_trade(database)
    made.add("K1", "K2", "K3", "K4", "K5", "K6", "IDLE")
    for code, grade in GRADES.items():
        made.grade(code, grade, expires="2026-12-31")
    made.grade("K6", "A", expires="2026-03-01")
    for code, amount in LIMITS.items():
        made.limit(code, amount)
    for code, rows in OWED.items():
        for amount, due in rows:
            made.row("receivables", code, amount, on="2025-09-01" if due else "2026-02-28", due=due)
    for code, amount in ORDERED.items():
        made.row("orders_open", code, amount)
    for code, amount in DELIVERED.items():
        made.row("deliveries_open", code, amount)
    with made.app.write(ACTOR) as tx:
        tx.update(Customer, [(made.id_of(code), {"owner": owner}) for code, owner in OWNERS.items()])
    return made


def run(crm: Any, name: str, *params: str) -> dict[str, Any]:
    words = [word for one in params for word in ("--param", one)]
    found: dict[str, Any] = json.loads(crm.ok("report", "run", name, *words, "--format", "json").stdout)
    return found


def lines(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    table = next(one for one in report["tables"] if one["name"] == name)
    return [dict(zip([c["name"] for c in table["columns"]], row, strict=True)) for row in table["rows"]]


def by(report: dict[str, Any], table: str, key: str, *names: str) -> dict[Any, tuple[Any, ...]]:
    return {one[key]: tuple(one[name] for name in names) for one in lines(report, table)}


# -- portfolio ---------------------------------------------------------------------------------------------------


def expected_portfolio() -> dict[str, tuple[int, int, int, int, int, int]]:
    found: dict[str, list[int]] = {grade: [0] * 6 for grade in ("A", "B", "C", "without a grade", "Total")}
    for code in ("K1", "K2", "K3", "K4", "K5", "K6"):
        for line in (found[GRADES.get(code, "without a grade")], found["Total"]):
            figures = (1, code in LIMITS, LIMITS.get(code, 0), USED.get(code, 0), code in LATE)
            for place, figure in enumerate((*figures, LATE.get(code, (0, 0))[0])):
                line[place] += figure
    return {grade: tuple(figures) for grade, figures in found.items()}  # type: ignore[misc]


def test_the_portfolio_adds_up_by_grade(trade: Any, crm: Any) -> None:
    report = run(crm, "credit_portfolio")
    names = ("customers", "limits", "limit", "exposure", "overdue_customers", "overdue")
    assert by(report, "grades", "grade", *names) == expected_portfolio()
    shares = by(report, "grades", "grade", "share", "use", "overdue_share")
    whole = sum(USED.values())
    assert Decimal(shares["A"][0]) == (Decimal(85_000) / whole).quantize(Decimal("0.0001"))
    assert (shares["A"][1], shares["C"][1]) == ("0.8500", None), "no share of a limit of nothing"
    assert Decimal(shares["B"][2]) == Decimal("0.6061")
    charts = {one["name"]: dict(zip(one["labels"], one["values"], strict=True)) for one in report["charts"]}
    assert {label: Decimal(value) for label, value in charts["exposure"].items()} == {
        "A": Decimal(850),
        "B": Decimal(660),
        "C": Decimal(70),
        "without a grade": Decimal(130),
    }


def test_currencies_are_converted_in_the_portfolio(make_trade: Any, crm: Any) -> None:
    made = make_trade(rates='USD = "7.10"')
    made.add("K1")
    made.grade("K1", "A")
    made.limit("K1", 1_000, currency="USD")
    made.row("receivables", "K1", 300, currency="USD", on="2026-01-01", due="2026-01-31")
    made.row("receivables", "K1", 200, due="2026-03-31")
    report = run(crm, "credit_portfolio")
    found = by(report, "grades", "grade", "limit", "exposure", "overdue", "overdue_customers")
    assert found["A"] == (7_100, 2_330, 2_130, 1)


def test_a_restricted_person_counts_nowhere_and_what_it_owes_stays_in_the_sums(trade: Any, crm: Any) -> None:
    trade.add("P1", kind="person")
    trade.grade("P1", "A")
    trade.row("receivables", "P1", 500, on="2026-01-01", due="2026-02-01")
    crm.ok("person", "restrict", "P1")
    before = expected_portfolio()
    found = by(run(crm, "credit_portfolio"), "grades", "grade", "customers", "exposure", "overdue_customers")
    assert found["A"] == (before["A"][0], before["A"][3], before["A"][4])
    none = before["without a grade"]
    assert found["without a grade"] == (none[0], none[3] + 500, none[4])
    assert "P1" not in by(run(crm, "credit_overdue"), "customers", "customer", "amount")


def test_without_books_the_portfolio_shows_grades_and_limits_and_says_so(make_app: Any, crm: Any) -> None:
    make_app(["credit_5c"])
    crm.ok("customer", "add", "--code", "K1", "--name", "a firm")
    report = run(crm, "credit_portfolio")
    assert [one["name"] for one in report["tables"][0]["columns"]] == [
        "grade",
        "customers",
        "limits",
        "limit",
    ]
    assert "not known" in report["notes"][1]
    assert run(crm, "credit_limit_use")["tables"][0]["rows"] == []
    refused = crm("report", "run", "credit_overdue")
    assert (refused.exit_code != 0, "receivables" in refused.stderr) == (True, True)


# -- ageing ------------------------------------------------------------------------------------------------------

AGED = {
    "not yet due": (39_000, 2),
    "1-30 days": (5_000, 2),
    "31-60 days": (0, 0),
    "61-90 days": (40_000, 1),
    ">90 days": (7_000, 1),
    "Total": (91_000, None),
}


def test_receivables_by_age_add_up_and_list_the_largest_debts_first(trade: Any, crm: Any) -> None:
    report = run(crm, "credit_ageing")
    assert by(report, "buckets", "bucket", "amount", "customers") == AGED
    found = [(one["customer"], one["total"]) for one in lines(report, "customers")]
    assert found == [("K1", 40_000), ("K3", 35_000), ("K6", 9_000), ("K4", 7_000)]
    third = lines(report, "customers")[1]
    assert [third[f"bucket_{i}"] for i in range(5)] == [0, -5_000, 0, 40_000, 0]
    assert sum(Decimal(one["share"]) for one in lines(report, "buckets")[:-1]) == pytest.approx(1, abs=1e-3)
    few = run(crm, "credit_ageing", "limit=2")
    assert [one["customer"] for one in lines(few, "customers")] == ["K1", "K3"]
    assert by(few, "buckets", "bucket", "amount", "customers") == AGED
    assert any("2 largest debts" in note for note in few["notes"])


def test_age_can_be_counted_from_the_invoice(trade: Any, crm: Any) -> None:
    found = by(run(crm, "credit_ageing", "by=invoice"), "buckets", "bucket", "amount")
    assert found[">90 days"] == (96_000,)
    assert found["1-30 days"] == (-5_000,)


def test_what_cannot_be_meant_is_refused(trade: Any, crm: Any) -> None:
    assert crm("report", "run", "credit_ageing", "--param", "by=weight").exit_code == 2
    refused = crm("report", "run", "credit_ageing", "--param", "limit=0")
    assert (refused.exit_code, "1 or more" in refused.stderr) == (2, True)
    backwards = ("--param", "from=2026-02-01", "--param", "to=2026-01-01")
    assert crm("report", "run", "credit_approvals", *backwards).exit_code == 2


# -- use of limits -----------------------------------------------------------------------------------------------


def test_limits_stand_by_how_far_they_are_used(trade: Any, crm: Any) -> None:
    report = run(crm, "credit_limit_use")
    found = [(one["customer"], one["exposure"], one["headroom"]) for one in lines(report, "limits")]
    wanted = ["K4", "K3", "K1", "K5"]
    assert found == [(code, USED[code], LIMITS[code] - USED[code]) for code in wanted]
    assert [one["use"] for one in lines(report, "limits")] == [None, "1.3200", "0.8500", "0.2000"]
    assert report["notes"][0] == "As of 2026-03-02: limits that hold: 4; exceeded: 2."
    assert len(lines(run(crm, "credit_limit_use", "limit=1"), "limits")) == 1


# -- overdue -----------------------------------------------------------------------------------------------------


def test_what_is_past_due_is_added_up_by_who_owns_the_customers(trade: Any, crm: Any) -> None:
    trade.row("receivables", "K5", 300, on="2026-02-01", due="2026-03-01")
    report = run(crm, "credit_overdue")
    found = by(report, "owners", "owner", "customers", "amount", "oldest")
    assert found == {
        "wang": (1, 40_000, 77),
        "li": (2, 17_000, 152),
        "nobody": (1, 300, 1),
        "Total": (4, 57_300, 152),
    }
    assert [one["owner"] for one in lines(report, "owners")] == ["wang", "li", "nobody", "Total"]
    assert [one["customer"] for one in lines(report, "customers")] == ["K3", "K1", "K4", "K5"]
    (chart,) = report["charts"]
    assert [Decimal(value) for value in chart["values"]] == [Decimal(400), Decimal(170), Decimal(3)]
    only = run(crm, "credit_overdue", "owner=li")
    assert [one["customer"] for one in lines(only, "customers")] == ["K1", "K4"]


# -- approvals ---------------------------------------------------------------------------------------------------


def asked(crm: Any, code: str, amount: str, actor: str = "li") -> int:
    with crm.as_actor(actor, roles=["sales_representative"]):
        return int(crm.json("credit", "limit", "propose", code, "--requested", amount)["request"])


def test_who_decided_what_and_how_long_it_took(trade: Any, crm: Any, clock: Any) -> None:
    first, second, third = (asked(crm, code, "300") for code in ("K1", "K2", "K3"))
    clock.move(days=2)
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", first, "--reason", "fine")
    clock.move(days=1)
    with crm.as_actor("boss"):
        crm.ok("credit", "limit", "reject", second, "--reason", "not now")
    clock.move(days=1)
    report = run(crm, "credit_approvals")
    found = by(report, "requests", "request", "customer", "state", "requested_by", "decided_by", "days")
    assert {number: (*one[:4], float(one[4])) for number, one in found.items()} == {
        first: ("K1", "approved", "li", "boss", 2.0),
        second: ("K2", "rejected", "li", "boss", 3.0),
        third: ("K3", "waits", "li", None, 4.0),
    }
    people = {one["who"]: one for one in lines(report, "people")}
    boss = people["boss"]
    assert (boss["requests"], boss["approved"], boss["rejected"], float(boss["days"])) == (2, 1, 1, 2.5)
    assert people["waits"]["requests"] == 1
    assert report["notes"] == ["Requests closed: 2; waiting: 1."]
    then = run(crm, "credit_approvals", "from=2026-03-05", "to=2026-03-05")
    assert set(by(then, "requests", "request")) == {second, third}
    assert set(by(run(crm, "credit_approvals", "to=2026-03-01"), "requests", "request")) == set()


def test_a_decision_of_who_asked_is_marked(make_trade: Any, crm: Any) -> None:
    made = make_trade(more="[plugins.approvals]\nsingle_person = true\n")
    made.add("K1")
    made.grade("K1", "A")
    with crm.as_actor("solo", roles=["general_manager"]):
        number = crm.json("credit", "limit", "propose", "K1", "--requested", "300")["request"]
        crm.ok("credit", "limit", "approve", number, "--reason", "my own firm")
    report = run(crm, "credit_approvals")
    assert [one["single_person"] for one in lines(report, "requests")] == ["yes"]
    assert by(report, "people", "who", "single_person") == {"solo": (1,)}
    file = run(crm, "credit_file", "customer=K1")
    assert dict(row for one in file["tables"] if one["name"] == "limit" for row in one["rows"])[
        "Decided by"
    ] == ("solo (asked too: single-person firm)")


def test_what_nobody_decided_in_time_is_expired(trade: Any, crm: Any, clock: Any) -> None:
    number = asked(crm, "K1", "300")
    clock.move(days=30)
    report = run(crm, "credit_approvals")
    assert by(report, "requests", "request", "state", "days") == {number: ("expired", None)}
    assert run(crm, "credit_approvals", "from=2026-03-25")["tables"][0]["rows"] == []


# -- forms -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_they_can_be_had_in_every_form(trade: Any, crm: Any, tmp_path: Any) -> None:
    pypdf = pytest.importorskip("pypdf")
    rows = list(
        csv.reader(
            io.StringIO(
                crm.ok("report", "run", "credit_ageing", "--format", "csv", "--table", "customers").stdout
            )
        )
    )
    assert len(rows) == 5
    for name in (
        "credit_portfolio",
        "credit_ageing",
        "credit_limit_use",
        "credit_approvals",
        "credit_overdue",
    ):
        assert crm.ok("report", "run", name).stdout
        for ending in ("html", "xlsx", "pdf"):
            crm.ok("report", "run", name, "--out", tmp_path / f"{name}.{ending}")
        assert len(pypdf.PdfReader(tmp_path / f"{name}.pdf").pages) >= 1
        with zipfile.ZipFile(tmp_path / f"{name}.xlsx") as book:
            assert book.namelist()
    assert "400.00" in (tmp_path / "credit_ageing.html").read_text("utf-8")
    assert "400.00" in pypdf.PdfReader(tmp_path / "credit_ageing.pdf").pages[0].extract_text()
