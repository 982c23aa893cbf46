"""Money in a currency without an exchange rate: it stops nobody else's business, and is always named."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR

EURO = "no exchange rate from EUR to CNY"
TODO = 'add EUR = "…" to [currency.rates] in crm.toml'
LEFT_OUT = [("K2", ["EUR"], [("EUR", 900)])]
INVOICES = """document,line,date,due,customer,quantity,amount,currency
F1,1,2026-01-02,2026-01-20,K1,1,100.00,CNY
F2,1,2026-01-02,2026-01-20,K2,1,9.00,EUR
F3,1,2026-01-02,2026-01-20,K3,1,50.00,CNY
"""


def left_out(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            one["customer"],
            one["currencies"],
            [(each["currency"], each["amount_minor"]) for each in one["amounts"]],
        )
        for one in found["left_out"]
    ]


def is_one_sentence(result: Any) -> bool:
    """Tell whether one sentence was said, that names the rate and what to do."""
    return (
        result.exit_code == 1
        and len(result.stderr.strip().splitlines()) == 1
        and EURO in result.stderr
        and TODO in result.stderr
    )


# -- what is owed ------------------------------------------------------------------------------------------------


@pytest.fixture
def owing(make_receivables: Any, database: str) -> Any:
    """K1 and K3 owe yuan, K2 yuan and, past due, euros."""
    company = make_receivables(database)
    company.add("K1", "K2", "K3")
    company.invoice("K1", "2026-01-02", "2026-01-20", 10_000)
    company.invoice("K2", "2026-01-02", "2026-01-20", 900, "EUR")
    company.invoice("K2", "2026-02-20", "2026-03-20", 7_000)
    company.invoice("K3", "2026-01-02", "2026-01-20", 5_000)
    return company


def test_ageing_adds_up_the_rest_and_names_what_is_not_in_it(
    owing: Any, crm: Any, check_receivables_schema: Any
) -> None:
    found = crm.json("credit", "ageing", "--detail")
    check_receivables_schema(found, "ageing")
    assert (found["total_minor"], left_out(found)) == (22_000, LEFT_OUT)
    assert {one["customer"]: one["total_minor"] for one in found["debtors"]} == {
        "K1": 10_000,
        "K2": 7_000,
        "K3": 5_000,
    }
    said = crm.ok("credit", "ageing").stdout
    assert f"Left out: K2 (9.00 EUR); {EURO}" in said
    assert TODO in said
    assert is_one_sentence(crm("credit", "ageing", "--customer", "K2"))
    assert crm.json("credit", "ageing", "--customer", "K1")["left_out"] == []


def test_collection_and_forecast_do_the_same(owing: Any, crm: Any, check_receivables_schema: Any) -> None:
    found = crm.json("credit", "dso")
    check_receivables_schema(found, "dso")
    assert (found["ending_minor"], left_out(found)) == (22_000, LEFT_OUT)
    assert EURO in crm.ok("credit", "dso").stdout
    assert is_one_sentence(crm("credit", "dso", "--customer", "K2"))
    found = crm.json("credit", "forecast")
    check_receivables_schema(found, "forecast")
    assert (found["total_minor"], left_out(found)) == (22_000, LEFT_OUT)
    assert EURO in crm.ok("credit", "forecast").stdout


def test_money_that_was_paid_in_such_a_currency_is_named_too(owing: Any, crm: Any) -> None:
    paid = owing.invoice("K3", "2026-01-05", "2026-01-10", 400, "EUR")
    owing.settle(paid, "2026-01-30", 400)
    assert left_out(crm.json("credit", "ageing")) == LEFT_OUT, "nothing of it is open"
    for command in ("dso", "forecast"):
        assert left_out(crm.json("credit", command)) == [*LEFT_OUT, ("K3", ["EUR"], [])]


def test_who_pays_in_one_currency_has_a_habit_without_any_rate(make_receivables: Any, crm: Any) -> None:
    company = make_receivables()
    company.add("K1")
    company.settle(company.invoice("K1", "2026-01-05", "2026-01-10", 400, "EUR"), "2026-01-30", 400)
    company.invoice("K1", "2026-02-25", "2026-03-09", 700)
    periods = crm.json("credit", "forecast")["periods"]
    assert [one["from"] for one in periods if one["expected_minor"]] == ["2026-03-23"], "20 days late"


def test_others_are_dunned_and_who_cannot_be_is_told(
    owing: Any, crm: Any, check_receivables_schema: Any
) -> None:
    found = crm.ok("credit", "dunning", "list", "--json")
    assert [json.loads(line)["customer"] for line in found.stdout.splitlines()] == ["K1", "K3"]
    assert f"Left out: K2 (9.00 EUR); {EURO}" in found.stderr
    assert TODO in crm.ok("credit", "dunning", "list").stderr
    assert is_one_sentence(crm("credit", "dunning", "done", "K2", "--step", "1", "--note", "called"))
    crm.ok("credit", "dunning", "done", "K1", "--step", "1", "--note", "called")


def test_the_default_test_of_others_goes_on(owing: Any, crm: Any) -> None:
    crm.ok("credit", "default", "K1", "--mark", "--reason", "moratorium")
    found = crm.ok("credit", "default", "--all", "--json")
    assert [json.loads(line)["customer"] for line in found.stdout.splitlines()] == ["K1"]
    assert f"Left out: K2; {EURO}" in found.stderr
    assert "K2" in crm.ok("credit", "default", "--all").stderr
    assert is_one_sentence(crm("credit", "default", "K2"))


def test_alarms_need_no_rate(owing: Any, crm: Any) -> None:
    for day in (1, 8, 15):
        owing.order("K2", f"2026-02-{day:02}", 100, currency="EUR")
    owing.order("K2", "2026-03-01", 10_000, currency="EUR")
    crm.ok("jobs", "run", "credit_alarms")
    assert [one["customer"] for one in crm.lines("credit", "alarms")] == ["K2"]


def test_work_keeps_everything_else_and_has_one_notice(owing: Any, crm: Any) -> None:
    found = crm.ok("work", "--json")
    assert not found.stderr
    items = [one for one in map(json.loads, found.stdout.splitlines()) if one["plugin"] == "credit_5c"]
    dunned = [one["customer"] for one in items if one["key"].startswith("credit:dunning")]
    (notice,) = [one for one in items if one["key"].startswith("credit:no_rate")]
    assert sorted(dunned) == ["K1", "K3"]
    assert (notice["customer"], notice["severity"]) == ("K2", "warning")
    assert notice["title"].startswith(f"K2 is left out of dunning, with 9.00 EUR past due: {EURO}")


def test_the_notice_is_for_who_owns_the_customer(owing: Any, crm: Any) -> None:
    with crm.as_actor("li", roles=["sales_representative"]):
        pass
    with owing.app.write(ACTOR) as tx:
        (first,) = owing.ids("K1")
        tx.update(Customer, [(first, {"owner": "li"})])
        (second,) = owing.ids("K2")
        tx.update(Customer, [(second, {"owner": ACTOR})])
    with crm.as_actor("li"):
        assert [one["customer"] for one in crm.lines("work") if "no_rate" in one["key"]] == []


def test_a_person_whose_data_may_not_be_used_is_not_named(owing: Any, crm: Any) -> None:
    owing.add("P1", kind="person")
    owing.invoice("P1", "2026-01-02", "2026-01-20", 300, "EUR")
    crm.ok("person", "restrict", "P1")
    assert left_out(crm.json("credit", "ageing")) == [*LEFT_OUT, (None, ["EUR"], [("EUR", 300)])]
    told = crm.ok("credit", "dunning", "list").stderr
    assert ("P1" in told, "a person whose data may not be used (3.00 EUR)" in told) == (False, True)
    assert "P1" not in crm.ok("work").stdout


def test_many_customers_are_counted(make_receivables: Any, crm: Any) -> None:
    company = make_receivables()
    codes = [f"K{number:02}" for number in range(13)]
    company.add(*codes)
    company.invoices([(code, "2026-01-02", "2026-01-20", 100, "EUR") for code in codes])
    assert "K09 (1.00 EUR) and 3 more; no exchange rate" in crm.ok("credit", "ageing").stdout
    assert len(crm.json("credit", "ageing")["left_out"]) == 13


# -- with the ledger ---------------------------------------------------------------------------------------------


@pytest.fixture
def company(make_app: Any, crm: Any, database: str, tmp_path: Path) -> Any:
    """Make a company whose customers owe what INVOICES says, each with a limit of 1,000.00."""
    if find_spec("crmcore_trade_ledger") is None:
        pytest.skip("trade_ledger is not installed")
    from plugins.credit_5c.tests.conftest import Trade

    trade = Trade(make_app(["trade_ledger", "credit_5c"], database))
    for code in ("K1", "K2", "K3"):
        trade.add(code)
        trade.limit(code, 100_000)
    file = tmp_path / "invoices.csv"
    file.write_text(INVOICES, "utf-8")
    crm.ok("import", "invoices", file)
    return crm


def schema(name: str) -> Any:
    import crmcore_credit_5c

    path = Path(crmcore_credit_5c.__file__).parent / "schemas" / f"{name}.schema.json"
    return json.loads(path.read_text("utf-8"))


def test_a_batch_assesses_the_others_and_names_who_was_passed_over(company: Any) -> None:
    from jsonschema import validate

    done = company.json("credit", "batch")
    validate(done, schema("credit_batch"))
    assert (done["assessed"], left_out(done)) == (2, [("K2", ["EUR"], [])])
    assert [one["customer"] for one in company.lines("credit", "due")] == ["K2"], "it stays due"
    said = company.ok("credit", "batch", "--all").stdout
    assert f"Left out: K2; {EURO}" in said
    assert TODO in said
    assert is_one_sentence(company("credit", "assess", "K2"))
    assert company.json("credit", "assess", "K1")["grade"]
    company.ok("jobs", "run", "credit_assess_due")
    dry = company.json("credit", "batch", "--all", "--dry-run")
    validate(dry, schema("credit_batch"))
    assert (dry["assessed"], left_out(dry)) == (2, [("K2", ["EUR"], [])])


def test_with_the_rate_everybody_is_assessed(company: Any) -> None:
    company.ok("credit", "batch")
    path = company.folder / "crm.toml"
    text = path.read_text("utf-8")
    assert "[currency.rates]" in text
    path.write_text(text.replace("[currency.rates]", '[currency.rates]\nEUR = "7.80"', 1), "utf-8")
    done = company.json("credit", "batch")
    assert (done["assessed"], done["left_out"]) == (1, [])
    assert company.lines("credit", "due") == []


def test_evidence_and_checklist_of_the_customer_say_what_is_missing(company: Any) -> None:
    company.ok(
        *("credit", "evidence", "add", "K2", "--indicator", "reputation"),
        *("--value", "good", "--source", "bank"),
    )
    assert len(company.lines("credit", "evidence", "list", "K2")) == 1
    notes = [one["note"] for one in company.json("credit", "checklist", "K2")["indicators"] if one["note"]]
    assert "there is no exchange rate for EUR, in which the customer trades too" in notes


def test_limits_of_others_are_watched_and_the_notice_is_told_once(company: Any) -> None:
    found = {one["customer"]: one for one in company.lines("credit", "limit", "list")}
    assert [found[code]["exposure_minor"] for code in ("K1", "K2", "K3")] == [10_000, None, 5_000]
    assert (found["K1"]["problem"], EURO in found["K2"]["problem"]) == (None, True)
    assert f"Left out: K2; {EURO}" in company.ok("credit", "limit", "list").stdout
    assert is_one_sentence(company("credit", "exposure", "K2"))
    assert company.json("credit", "exposure", "K1")["exposure_minor"] == 10_000
    notices = [one for one in company.lines("work") if one["key"].startswith("credit:no_rate")]
    assert [(one["customer"], one["kind"]) for one in notices] == [("K2", "alert")]
    assert "9.00 EUR open" in notices[0]["title"]


def test_a_group_with_such_money_is_not_watched_and_told(company: Any) -> None:
    company.ok("customer", "edit", "K2", "--set", "parent=K1")
    notices = [one["customer"] for one in company.lines("work") if one["key"].startswith("credit:no_rate")]
    assert sorted(notices) == ["K1", "K2"], "the limit of K1 binds the group"
    assert is_one_sentence(company("credit", "exposure", "K1", "--group"))


def test_the_card_says_why_nothing_is_known(company: Any) -> None:
    cards = {code: company.json("customer", "show", code)["sections"] for code in ("K1", "K2")}
    data = {
        code: next(one["data"] for one in sections if one["name"] == "credit")
        for code, sections in cards.items()
    }
    assert data["K1"]["exposure_minor"] == 10_000
    assert "exposure_problem" not in data["K1"]
    assert EURO in data["K2"]["exposure_problem"]
    assert "exposure_minor" not in data["K2"]


def test_reports_name_what_is_in_no_sum(company: Any) -> None:
    for name in ("credit_portfolio", "credit_ageing", "credit_overdue", "credit_limit_use"):
        report = company.json("report", "run", name, "--format", "json")
        told = [note for note in report["notes"] if note.startswith("Left out: K2")]
        assert len(told) == 1, (name, report["notes"])
        assert EURO in told[0]
    assert is_one_sentence(company("report", "run", "credit_file", "--param", "customer=K2"))
    company.ok("report", "run", "credit_file", "--param", "customer=K1")


def test_others_are_released_and_the_customer_itself_is_refused_in_a_sentence(company: Any) -> None:
    for code in ("K1", "K2"):
        words = ("--amount", "10", "--tax-rate", "0%", "--number", f"O{code}")
        company.ok("order", "add", code, *words)
    refused = company("order", "release", "OK2")
    assert (refused.exit_code, EURO in refused.stderr, TODO in refused.stderr) == (1, True, True)
    held = company("order", "release", "OK1")
    assert "overdue" in held.stderr
    assert EURO not in held.stderr


def test_a_simulation_judges_the_others(company: Any, tmp_path: Path) -> None:
    from jsonschema import validate

    file = tmp_path / "orders.csv"
    file.write_text(
        "document,line,date,customer,quantity,amount,currency,state\n"
        "S1,1,2026-01-01,K1,1,100.00,CNY,released\n"
        "S2,1,2026-01-01,K2,1,8.00,EUR,released\n",
        "utf-8",
    )
    company.ok("import", "orders", file)
    found = company.json("credit", "policy", "simulate")
    validate(found, schema("simulation"))
    (in_force,) = found["policies"]
    assert in_force["held"]["orders"] + in_force["released"]["orders"] == 1
    assert left_out(found) == [("K2", ["EUR"], [("EUR", 800)])]
    assert f"Left out: K2 (8.00 EUR); {EURO}" in company.ok("credit", "policy", "simulate").stdout


def test_lists_by_credit_need_no_rate(company: Any) -> None:
    company.ok("credit", "batch")
    found = company.lines("customer", "list", "--columns", "code,credit.grade,credit.limit")
    assert {one["code"]: one["credit.limit"] is not None for one in found} == {
        "K1": True,
        "K2": True,
        "K3": True,
    }


def test_the_plugin_is_not_held_to_be_broken(company: Any) -> None:
    for _time in range(4):
        company.ok("work")
        company.ok("customer", "show", "K2")
    (state,) = [one for one in company.lines("plugins", "list") if one["name"] == "credit_5c"]
    assert (state["state"], state["error"]) == ("enabled", None)
