"""`crm order …` as users type it: drafts, releases, holds, cancellations, in English and Chinese."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import crmcore_trade_ledger
from crmcore.api import App, Customer
from crmcore.testing import ACTOR, CommandLine, PluginInstaller, Result
from plugins.trade_ledger.tests.ordering import WARDEN, rule

SCHEMAS = Path(crmcore_trade_ledger.__file__).parent / "schemas"
Import = Callable[[str, str], None]


def check(name: str, value: Any) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


@pytest.fixture
def load(crm: CommandLine, tmp_path: Path) -> Import:
    """Return what imports a text as a file."""

    def run(entity: str, text: str) -> None:
        (tmp_path / f"{entity}.csv").write_text(text, encoding="utf-8")
        crm.ok("import", entity, tmp_path / f"{entity}.csv")

    return run


@pytest.fixture
def company(
    make_app: Callable[..., App], install_plugin: PluginInstaller, load: Import, database: str
) -> App:
    """Return a company with two customers, two products and a warden who lets 1,000.00 go out."""
    install_plugin("warden", WARDEN)
    app = make_app(["trade_ledger", "warden"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": f"Firm {code}"} for code in ("C1", "C2")])
    load("products", "code,name,unit,list_price\nP1,Water,box,28.50\nP2,Tea,bag,\n")
    rule(app.config.folder, 100_000)
    return app


def add(crm: CommandLine, *options: object) -> Any:
    added = crm.json("order", "add", "C1", *options)
    check("order", added)
    return added


def refused(crm: CommandLine, *words: object, code: int = 1) -> str:
    result = crm("order", *words)
    assert result.exit_code == code, result
    assert result.stderr.count("\n") == 1, "one sentence"
    assert result.stderr.startswith("crm: ")
    return result.stderr


# -- entering ------------------------------------------------------------------------------------------------


def test_an_order_is_a_draft_with_the_next_number_and_its_lines_worked_out(company: App, crm: CommandLine):
    year = company.clock().year
    order = add(crm, "--line", "P1,2.5", "--line", "P2,3,10.10", "--tax-rate", "13%", "--due", "2099-01-31")
    assert (order["number"], order["state"], order["held"]) == (f"O{year}-00001", "draft", False)
    lines = [(one["product"], one["quantity_micro"], one["unit"]) for one in order["lines"]]
    assert lines == [("P1", 2_500_000, "box"), ("P2", 3_000_000, "bag")]
    # 2.5 × 28.50 = 71.25, its tax 9.2625; 3 × 10.10 = 30.30, its tax 3.939: rounded line by line.
    assert [(one["net_minor"], one["tax_minor"]) for one in order["lines"]] == [(7125, 926), (3030, 394)]
    assert (order["gross_minor"], order["open_minor"], order["due"]) == (11_475, 0, "2099-01-31")
    assert [(one["step"], one["actor"]) for one in order["steps"]] == [("add", ACTOR)]
    assert add(crm, "--amount", "5")["number"] == f"O{year}-00002"


def test_an_order_needs_no_products(company: App, crm: CommandLine):
    order = add(crm, "--amount", "99.99", "--currency", "USD", "--bill-to", "C2", "--number", "X-1")
    assert (order["number"], order["customer"], order["bill_to"]) == ("X-1", "C1", "C2")
    assert (order["currency"], order["net_minor"], order["tax_minor"]) == ("USD", 9999, 0)
    (line,) = order["lines"]
    assert (line["product"], line["quantity_micro"]) == (None, None)


def test_numbers_that_imported_orders_bear_are_passed_over(company: App, crm: CommandLine, load: Import):
    year = company.clock().year
    load(
        "orders",
        f"document,date,customer,amount\nO{year}-00001,2026-01-05,C1,5\nO{year}-00002,2026-01-05,C1,5\n",
    )
    assert add(crm, "--amount", "5")["number"] == f"O{year}-00003"


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ((), 2, "an order has either lines (--line PRODUCT,QUANTITY) or an --amount"),
        (("--line", "P1,1", "--amount", "5"), 2, "either lines"),
        (("--line", "P1"), 2, "--line P1: write PRODUCT,QUANTITY"),
        (("--line", "P1,a"), 2, "'a' is no number"),
        (("--line", "P1,0"), 2, "the quantity must be above 0"),
        (("--line", "P1,1,-2"), 2, "the quantity must be above 0, the price not below"),
        (("--line", "P1,0.0000001"), 2, "a quantity has at most 6 decimals"),
        (("--line", "P1,999999999,999999999"), 2, "the amount is too large"),
        (("--line", "P9,1"), 1, "there is no product 'P9'"),
        (("--line", "P2,1"), 1, "product 'P2' has no list price; name one: --line P2,1,PRICE"),
        (("--line", "P1,1", "--currency", "USD"), 1, "is in CNY, the order in USD"),
        (("--amount", "abc"), 2, "'abc' is no amount"),
        (("--amount", "0"), 2, "it must be above 0"),
        (("--amount", "-5"), 2, "it must be above 0"),
        (("--amount", "1.005"), 2, "1.005"),
        (("--amount", "5", "--currency", "??"), 2, "--currency ??: no currency"),
        (
            ("--amount", "5", "--currency", "XXQ"),
            2,
            "--currency XXQ: ISO 4217 has no such currency; use a code",
        ),
        (("--amount", "5", "--tax-rate", "113"), 2, "--tax-rate 113: no tax rate"),
        (("--amount", "5", "--number", " "), 2, "is no number of an order"),
        (("--amount", "5", "--date", "2026-02-01", "--due", "2026-01-31"), 2, "--due 2026-01-31 lies before"),
        (("--amount", "5", "--bill-to", "C9"), 1, "there is no customer 'C9'"),
    ],
)
def test_what_is_wrong_with_an_order_is_told_and_nothing_is_stored(
    company: App, crm: CommandLine, options, code, told
):
    assert told in refused(crm, "add", "C1", *options, code=code)
    assert crm.lines("order", "list") == []


def test_neither_a_taken_number_nor_an_archived_customer_gets_an_order(company: App, crm: CommandLine):
    add(crm, "--amount", "5", "--number", "X-1")
    assert "there is an order 'X-1' already" in refused(crm, "add", "C1", "--amount", "5", "--number", "X-1")
    crm.ok("customer", "archive", "C2")
    assert "crm customer restore C2" in refused(crm, "add", "C2", "--amount", "5")
    assert "crm customer restore C2" in refused(crm, "add", "C1", "--amount", "5", "--bill-to", "C2")


# -- releasing -----------------------------------------------------------------------------------------------


def test_an_order_that_nobody_holds_is_released_and_open(company: App, crm: CommandLine):
    number = add(crm, "--amount", "1000")["number"]
    order = crm.json("order", "release", number)
    check("order", order)
    assert (order["state"], order["open_minor"], order["holds"]) == ("released", 100_000, [])
    assert [one["step"] for one in order["steps"]] == ["add", "release"]
    assert "is released already" in refused(crm, "release", number)


def test_add_and_release_in_one_go(company: App, crm: CommandLine):
    assert add(crm, "--amount", "10", "--release")["state"] == "released"
    assert (
        "Order X-2 is released."
        in crm.ok("order", "add", "C1", "--amount", "10", "--number", "X-2", "--release").stdout
    )


def test_an_order_that_is_held_stays_a_draft_says_why_and_is_kept_so(company: App, crm: CommandLine):
    held = crm("order", "add", "C1", "--amount", "1000.01", "--number", "X-1", "--release", "--json")
    assert held.exit_code == 1
    assert (
        held.stderr
        == "crm: order X-1 is held: 100001 is above the limit [warden]; release it again once that has changed,"
        " or, who may, with: crm order release X-1 --over-hold --reason WHY\n"
    )
    order = held.json()
    check("order", order)
    assert (order["state"], order["held"], order["open_minor"]) == ("draft", True, 0)
    (hold,) = order["holds"]
    assert (hold["plugin"], hold["rule"], hold["permission"], hold["ended_at"]) == (
        *("warden", "limit", "approve", None),
    )
    add(crm, "--amount", "1", "--number", "X-2")
    rows = crm.lines("order", "list", "--held")
    for row in rows:
        check("listed_order", row)
    assert [row["number"] for row in rows] == ["X-1"]
    assert "held" in crm.ok("order", "list").stdout
    shown = crm.ok("order", "show", "X-1").stdout
    assert "100001 is above the limit" in shown
    assert [item["command"] for item in crm.lines("work") if item["key"].startswith("ledger:held")] == [
        "crm order show X-1"
    ]


def test_a_held_order_is_released_by_hand_once_nothing_holds_it(company: App, crm: CommandLine):
    add(crm, "--amount", "600", "--number", "X-1", "--release")
    assert crm("order", "add", "C1", "--amount", "500", "--number", "X-2", "--release").exit_code == 1
    assert "110000 is above" in refused(crm, "release", "X-2")
    crm.ok("order", "cancel", "X-1", "--reason", "no need")
    order = crm.json("order", "release", "X-2")
    assert (order["state"], [one["how"] for one in order["holds"]]) == ("released", ["gone"])


def test_holds_that_go_on_are_kept_those_that_changed_say_so(company: App, crm: CommandLine):
    folder = company.config.folder
    rule(folder, 0, more=[["prepayment", None]])
    add(crm, "--amount", "5", "--number", "X-1")
    assert "nobody may go over it" in refused(crm, "release", "X-1")
    first = crm.json("order", "show", "X-1")["holds"]
    rule(folder, 0, "records.merge")
    refused(crm, "release", "X-1")
    now = crm.json("order", "show", "X-1")["holds"]
    assert [(one["rule"], one["permission"], one["how"]) for one in now] == [
        ("limit", "records.merge", None),
        ("prepayment", None, "gone"),
    ]
    assert [one["since"] for one in now] == [one["since"] for one in first]


def test_over_a_hold_only_who_may_and_with_a_reason(company: App, crm: CommandLine):
    rule(company.config.folder, 0)
    add(crm, "--amount", "5", "--number", "X-1")
    assert "go together" in refused(crm, "release", "X-1", "--over-hold", code=2)
    assert "go together" in refused(crm, "release", "X-1", "--reason", "no", code=2)
    assert "say why" in refused(crm, "release", "X-1", "--over-hold", "--reason", " ", code=2)
    with crm.as_actor("rep", roles=["sales_representative"]):
        told = refused(crm, "release", "X-1", "--over-hold", "--reason", "please")
    assert "actor 'rep' lacks the permission 'approve'" in told
    assert crm.json("order", "show", "X-1")["held"] is True
    with crm.as_actor("boss", roles=["general_manager"]):
        order = crm.json("order", "release", "X-1", "--over-hold", "--reason", "an old friend")
    assert (order["state"], order["open_minor"], order["held"]) == ("released", 500, False)
    assert [one["how"] for one in order["holds"]] == ["overridden"]
    last = order["steps"][-1]
    assert (last["step"], last["actor"], last["reason"]) == ("release_over_hold", "boss", "an old friend")


def test_all_permissions_are_needed_and_nobody_goes_over_what_is_nobodys(company: App, crm: CommandLine):
    folder = company.config.folder
    rule(folder, 0, "approve", more=[["overdue", "privacy.manage"]])
    add(crm, "--amount", "5", "--number", "X-1")
    with crm.as_actor("boss", roles=["general_manager"]):
        assert "'privacy.manage'" in refused(crm, "release", "X-1", "--over-hold", "--reason", "r")
    rule(folder, 0, "approve", more=[["overdue", None]])
    assert "nobody may release over that" in refused(crm, "release", "X-1", "--over-hold", "--reason", "r")
    rule(folder, 0, "approve", more=[["overdue", "privacy.manage"]])
    assert crm.json("order", "release", "X-1", "--over-hold", "--reason", "r")["state"] == "released"


def test_a_deputy_goes_over_a_hold_in_the_name_of_who_is_away(company: App, crm: CommandLine):
    rule(company.config.folder, 0)
    add(crm, "--amount", "5", "--number", "X-1")
    with crm.as_actor("boss", roles=["general_manager"]), crm.as_actor("rep", roles=["sales_representative"]):
        refused(crm, "release", "X-1", "--over-hold", "--reason", "r")
    today = company.clock().date().isoformat()
    crm.ok("actor", "deputy", "rep", "--of", "boss", "--from", today, "--until", today)
    with crm.as_actor("rep"):
        assert crm.json("order", "release", "X-1", "--over-hold", "--reason", "r")["state"] == "released"


def test_a_plugin_that_decides_and_is_broken_stops_the_release_by_name(company: App, crm: CommandLine):
    add(crm, "--amount", "5", "--number", "X-1")
    rule(company.config.folder, 100_000, broken=True)
    assert "plugin 'warden' failed in release_orders" in refused(crm, "release", "X-1")
    assert "plugin 'warden'" in refused(crm, "release", "X-1", "--over-hold", "--reason", "r")
    assert crm.json("order", "show", "X-1")["state"] == "draft"
    rule(company.config.folder, 100_000)
    assert crm.json("order", "release", "X-1")["state"] == "released"


def test_the_job_releases_what_is_held_no_longer_the_oldest_first(company: App, crm: CommandLine):
    rule(company.config.folder, 0)
    for number, amount, day in (
        ("X-1", 700, "2026-01-02"),
        ("X-2", 600, "2026-01-01"),
        ("X-3", 300, "2026-01-03"),
    ):
        crm("order", "add", "C1", "--amount", amount, "--number", number, "--date", day, "--release")
    add(crm, "--amount", "1", "--number", "X-4")
    rule(company.config.folder, 100_000)
    assert crm.json("jobs", "run", "ledger_release_held")["summary"] == {"asked": 3, "released": 2}
    states = {row["number"]: (row["state"], row["held"]) for row in crm.lines("order", "list")}
    assert states == {
        "X-1": ("draft", True),
        "X-2": ("released", False),
        "X-3": ("released", False),
        "X-4": ("draft", False),
    }
    rule(company.config.folder, 100_000, broken=True)
    failed = crm("jobs", "run", "ledger_release_held")
    assert (failed.exit_code, "warden" in failed.stderr) == (1, True)


# -- cancelling ----------------------------------------------------------------------------------------------


def test_a_cancelled_order_is_open_no_more_and_stays_so(company: App, crm: CommandLine):
    add(crm, "--amount", "5", "--number", "X-1", "--release")
    order = crm.json("order", "cancel", "X-1", "--reason", "the customer gave up")
    check("order", order)
    assert (order["state"], order["open_minor"]) == ("cancelled", 0)
    assert (order["steps"][-1]["step"], order["steps"][-1]["reason"]) == ("cancel", "the customer gave up")
    assert "is cancelled already" in refused(crm, "cancel", "X-1", "--reason", "again")
    assert "is cancelled; add a new one" in refused(crm, "release", "X-1")


def test_what_is_partly_delivered_cannot_be_cancelled_until_its_delivery_is(
    company: App, crm: CommandLine, load: Import
):
    add(crm, "--line", "P1,4", "--number", "X-1", "--release")
    delivery = (
        "document,date,customer,product,quantity,amount,order,state\nD1,2026-01-06,C1,P1,{},28.50,X-1,{}\n"
    )
    load("deliveries", delivery.format(1, "posted"))
    assert "is partly delivered and cannot be cancelled" in refused(crm, "cancel", "X-1", "--reason", "r")
    load("deliveries", delivery.format(4, "posted"))
    assert crm.json("order", "show", "X-1")["state"] == "delivered"
    assert "take the goods back with a return" in refused(crm, "cancel", "X-1", "--reason", "r")
    assert "is delivered already" in refused(crm, "release", "X-1")
    load("deliveries", delivery.format(4, "cancelled"))
    assert crm.json("order", "cancel", "X-1", "--reason", "r")["state"] == "cancelled"


def test_what_is_left_of_an_order_can_be_cancelled(company: App, crm: CommandLine, load: Import):
    add(crm, "--line", "P1,4", "--line", "P2,3,10", "--tax-rate", "13%", "--number", "X-1", "--release")
    assert "without --rest" in refused(crm, "cancel", "X-1", "--rest", "--reason", "r")
    head = "document,date,customer,product,quantity,amount,order,state\n"
    load("deliveries", head + "D1,2026-01-06,C1,P1,1,28.50,X-1,posted\n")
    assert "with --rest" in refused(crm, "cancel", "X-1", "--reason", "r")
    order = crm.json("order", "cancel", "X-1", "--rest", "--reason", "the customer gave up")
    check("order", order)
    assert (order["state"], order["open_minor"]) == ("delivered", 0)
    assert (order["net_minor"], order["tax_minor"], order["gross_minor"]) == (2850, 371, 3221)
    assert [(line["quantity_micro"], line["net_minor"]) for line in order["lines"]] == [
        (1_000_000, 2850),
        (0, 0),
    ]
    assert (order["steps"][-1]["step"], order["steps"][-1]["reason"]) == (
        "cancel_rest",
        "the customer gave up",
    )
    with company.read("trade_ledger") as ctx:
        assert ctx.connection.execute(ctx.facts.select("orders_open")).all() == []
    assert "is delivered and cannot" in refused(crm, "cancel", "X-1", "--rest", "--reason", "r")
    # A delivery that is taken back opens what it had delivered, and no more.
    load("deliveries", head + "D1,2026-01-06,C1,P1,1,28.50,X-1,cancelled\n")
    order = crm.json("order", "show", "X-1")
    assert (order["state"], order["open_minor"]) == ("released", 3221)


def test_the_rest_of_an_order_without_quantities_goes_by_amounts(
    company: App, crm: CommandLine, load: Import
):
    add(crm, "--amount", "100", "--tax-rate", "13%", "--number", "X-1", "--release")
    load("deliveries", "document,date,customer,amount,order\nD1,2026-01-06,C1,40,X-1\n")
    done = crm.ok("order", "cancel", "X-1", "--rest", "--reason", "r").stdout
    assert done == "The rest of order X-1 is cancelled: 67.80 CNY.\n"
    order = crm.json("order", "show", "X-1")
    assert (order["state"], order["open_minor"], order["gross_minor"]) == ("delivered", 0, 4520)
    assert "rest cancelled" in crm.ok("order", "show", "X-1").stdout


def test_a_held_order_that_is_cancelled_is_held_no_more(company: App, crm: CommandLine):
    rule(company.config.folder, 0)
    crm("order", "add", "C1", "--amount", "5", "--number", "X-1", "--release")
    order = crm.json("order", "cancel", "X-1", "--reason", "r")
    assert (order["held"], [one["how"] for one in order["holds"]]) == (False, ["cancelled"])
    assert crm.lines("order", "list", "--held") == []
    assert crm.json("jobs", "run", "ledger_release_held")["summary"] == {"asked": 0, "released": 0}


@pytest.mark.parametrize(("state", "how"), [("released", "gone"), ("cancelled", "cancelled")])
def test_what_held_a_draft_ends_where_a_file_releases_or_cancels_it(
    company: App, crm: CommandLine, load: Import, state: str, how: str
):
    rule(company.config.folder, 0)
    orders = "document,date,customer,amount,state\nX-1,2026-01-05,C1,5,{}\nX-2,2026-01-05,C1,5,draft\n"
    load("orders", orders.format("draft"))
    for number in ("X-1", "X-2"):
        refused(crm, "release", number)
    load("orders", orders.format(state))
    order = crm.json("order", "show", "X-1")
    assert (order["state"], [one["how"] for one in order["holds"]]) == (state, [how])
    assert [one["how"] for one in crm.json("order", "show", "X-2")["holds"]] == [None]


def test_an_unknown_order_is_told(company: App, crm: CommandLine):
    for words in (("release", "X-9"), ("cancel", "X-9", "--reason", "r"), ("show", "X-9")):
        assert "there is no order 'X-9'" in refused(crm, *words)


# -- in Chinese, and in the history --------------------------------------------------------------------------


def test_in_chinese(company: App, crm: CommandLine):
    def typed(*words: object) -> Result:
        return crm("order", *words, env={"CRM_LANG": "zh_CN"})

    rule(company.config.folder, 0)
    assert typed("add", "C1", "--amount", "5", "--number", "X-1").stdout == "订单 X-1 已录入为草稿。\n"
    assert typed("release", "X-1").stderr.startswith("crm: 订单 X-1 被冻结：500 is above the limit")
    assert "冻结" in typed("list").stdout
    assert "录入" in typed("show", "X-1").stdout
    assert typed("cancel", "X-1", "--reason", "客户放弃").stdout == "订单 X-1 已取消。\n"
    assert "已经取消" in typed("cancel", "X-1", "--reason", "再来").stderr


def test_the_customers_history_tells_of_holds_and_steps(company: App, crm: CommandLine):
    rule(company.config.folder, 0)
    crm("order", "add", "C1", "--amount", "5", "--number", "X-1", "--release")
    crm.ok("order", "cancel", "X-1", "--reason", "the customer gave up")
    lines = [(one["entity"], one["field"], one["after"]) for one in crm.lines("history", "C1")]
    assert ("ledger_hold", "rule", "limit") in lines
    assert ("ledger_step", "step", "cancel") in lines
    assert ("ledger_step", "reason", "the customer gave up") in lines


# -- entered here, and in a file -----------------------------------------------------------------------------


def rejected(crm: CommandLine, folder: Path, row: str) -> str:
    """Import one order that is rejected; returns why."""
    path = folder / "orders.csv"
    path.write_text(f"document,date,customer,amount,state\n{row}\n", encoding="utf-8")
    result = crm("import", "orders", path)
    assert result.exit_code == 1, result
    newest = max(folder.rglob("*.rejects.csv"), key=lambda one: int(one.name.split(".")[0]))
    return newest.read_text("utf-8-sig")


def test_a_file_does_not_release_an_order_that_was_entered_here(
    company: App, crm: CommandLine, load: Import, tmp_path: Path
):
    day = company.clock().date()
    add(crm, "--amount", "2000", "--number", "A2")
    refused(crm, "release", "A2")
    said = rejected(crm, tmp_path, f"A2,{day},C1,2000,released")
    assert "order A2 was entered here, so a file cannot release it" in said
    order = crm.json("order", "show", "A2")
    assert (order["state"], order["held"], order["open_minor"]) == ("draft", True, 0)
    rejected(crm, tmp_path, f"A2,{day},C1,2000,delivered")
    load("orders", f"document,date,customer,amount,state\nA2,{day},C1,500,draft\n")
    assert crm.json("order", "show", "A2")["gross_minor"] == 50_000, "a draft is the file's to correct"
    crm.ok("order", "release", "A2")
    assert crm.json("order", "show", "A2")["state"] == "released"


def test_a_file_does_not_raise_what_was_released_here(
    company: App, crm: CommandLine, load: Import, tmp_path: Path
):
    day = company.clock().date()
    add(crm, "--amount", "500", "--number", "A3")
    crm.ok("order", "release", "A3")
    for row in (f"A3,{day},C1,900,released", f"A3,{day},C2,500,released"):
        assert "order A3 was entered and released here" in rejected(crm, tmp_path, row)
    load("orders", f"document,date,customer,amount,state\nA3,{day},C1,400,delivered\n")
    order = crm.json("order", "show", "A3")
    assert (order["gross_minor"], order["state"], order["bill_to"]) == (40_000, "delivered", "C1")


def test_orders_that_came_by_file_are_released_by_file(company: App, crm: CommandLine, load: Import):
    for state, amount in (("draft", 2000), ("released", 2000), ("released", 3000)):
        load("orders", f"document,date,customer,amount,state\nB1,2026-01-05,C1,{amount},{state}\n")
    order = crm.json("order", "show", "B1")
    assert (order["state"], order["gross_minor"]) == ("released", 300_000)
