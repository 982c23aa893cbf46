"""Orders held and released on credit, with the ledger: typed as users type them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from crmcore.api import customer_ids
from crmcore.testing import ACTOR

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)


class Desk:
    """Where orders are entered and released; amounts are in whole units, without tax."""

    def __init__(self, crm: Any, trade: Any, folder: Any) -> None:
        self.crm, self.trade, self.folder = crm, trade, folder
        self.count = 0

    def customer(self, code: str, limit: int | None = None, **columns: Any) -> None:
        """Add a customer, perhaps with a limit in whole units."""
        self.trade.add(code, **columns)
        if limit is not None:
            self.trade.limit(code, limit * 100)

    def order(self, code: str, amount: int, currency: str = "CNY") -> str:
        """Add a draft; returns its number."""
        self.count += 1
        number = f"O{self.count}"
        words = ("--amount", amount, "--tax-rate", "0%", "--number", number, "--currency", currency)
        self.crm.ok("order", "add", code, *words)
        return number

    def release(self, number: str, *words: str) -> Any:
        """Try to release an order."""
        return self.crm("order", "release", number, *words)

    def holds(self, number: str) -> list[str]:
        """Return the rules that hold an order."""
        return [one["rule"] for one in self.crm.json("order", "show", number)["holds"]]

    def load(self, name: str, text: str) -> None:
        """Import a file of the ledger."""
        self.count += 1
        file = self.folder / f"{name}{self.count}.csv"
        file.write_text(text, "utf-8")
        self.crm.ok("import", name, file)


@pytest.fixture
def desk(make_app: Any, crm: Any, tmp_path: Any, request: pytest.FixtureRequest) -> Any:
    from plugins.credit_5c.tests.conftest import Trade

    def make(database: str = "sqlite", settings: str = "") -> Desk:
        text = f'\nUSD = "7.10"\n[plugins.credit_5c]\n{settings}\n'
        return Desk(crm, Trade(make_app(["trade_ledger", "credit_5c"], database, settings=text)), tmp_path)

    return make


def test_the_second_order_beyond_the_limit_is_held(desk: Any, database: str) -> None:
    desk = desk(database)
    desk.customer("K1", 100)
    first, second, third = (desk.order("K1", amount) for amount in (60, 60, 40))
    assert desk.release(first).exit_code == 0
    held = desk.release(second)
    assert held.exit_code == 1
    assert "100.00" in held.stderr
    assert "20.00" in held.stderr, "by how much"
    assert desk.holds(second) == ["limit"]
    assert desk.release(third).exit_code == 0, "up to the limit itself"
    exposure = desk.crm.json("credit", "exposure", "K1")
    assert (exposure["orders_minor"], exposure["headroom_minor"]) == (10_000, 0)


def test_authority_releases_over_a_hold(desk: Any) -> None:
    desk = desk()
    desk.customer("K1", 100)
    number = desk.order("K1", 101)
    over = ("--over-hold", "--reason", "the fair")
    with desk.crm.as_actor("li", roles=["sales_representative"]):
        refused = desk.release(number, *over)
    assert (refused.exit_code, "credit.override" in refused.stderr) == (1, True)
    with desk.crm.as_actor("boss", roles=["general_manager"]):
        assert desk.release(number, *over).exit_code == 0
    assert desk.crm.json("credit", "exposure", "K1")["headroom_minor"] == -100


def test_a_group_shares_the_limit_of_its_top(desk: Any, database: str) -> None:
    desk = desk(database)
    desk.customer("TOP", 100)
    desk.customer("A", parent="TOP")
    desk.customer("B", 30, parent="TOP")
    assert desk.release(desk.order("A", 80)).exit_code == 0
    held = desk.release(desk.order("B", 25))
    assert (held.exit_code, "group" in held.stderr) == (1, True)
    assert desk.release(desk.order("B", 20)).exit_code == 0
    assert desk.crm.json("credit", "exposure", "A", "--group")["headroom_minor"] == 0


def test_a_members_own_limit_binds_too(desk: Any) -> None:
    desk = desk()
    desk.customer("TOP", 1000)
    desk.customer("B", 30, parent="TOP")
    assert desk.release(desk.order("B", 31)).exit_code == 1
    both = desk.order("B", 2000)
    assert desk.release(both).exit_code == 1
    assert desk.holds(both) == ["limit", "group_limit"], "each rule that holds it is shown"
    assert desk.release(desk.order("B", 30)).exit_code == 0


def test_without_a_limit_nothing_is_delivered_on_credit(desk: Any) -> None:
    desk = desk()
    desk.customer("K1")
    number = desk.order("K1", 10)
    assert desk.release(number).exit_code == 1
    assert desk.holds(number) == ["no_limit"]
    desk.load("payments", "customer,date,amount,document\nK1,2026-03-01,10.00,P1\n")
    assert desk.release(number).exit_code == 0, "it is paid for"


def test_without_a_limit_it_is_released_where_the_company_says_so(desk: Any) -> None:
    desk = desk(settings='without_limit = "release"')
    desk.customer("K1")
    assert desk.release(desk.order("K1", 10)).exit_code == 0


def test_payment_before_dispatch_is_released_on_payment(desk: Any, database: str) -> None:
    desk = desk(database)
    desk.customer("K1", 1000, attributes={"payment_terms": "款到发货"})
    number, other = desk.order("K1", 50), desk.order("K1", 60)
    assert desk.release(number).exit_code == 1
    assert desk.holds(number) == ["prepayment"]
    desk.load("payments", "customer,date,amount,document\nK1,2026-03-03,500.00,P0\n")
    assert desk.release(number).exit_code == 1, "a cheque of tomorrow is no money today"
    desk.load("payments", "customer,date,amount,document\nK1,2026-03-01,100.00,P1\n")
    assert desk.release(number).exit_code == 0
    held = desk.release(other)
    assert (held.exit_code, "60.00" in held.stderr, "50.00" in held.stderr) == (1, True, True)
    desk.load("payments", "customer,date,amount,document\nK1,2026-03-01,10.00,P2\n")
    assert desk.release(other).exit_code == 0


def test_what_is_overdue_holds_more(desk: Any) -> None:
    desk = desk()
    desk.customer("K1", 10_000)
    desk.trade.grade("K1", "B")
    desk.load("invoices", "document,customer,date,due,gross,tax\nF1,K1,2026-01-01,2026-02-15,10.00,0\n")
    assert desk.release(desk.order("K1", 10)).exit_code == 0, "15 days are borne with B"
    desk.load("invoices", "document,customer,date,due,gross,tax\nF2,K1,2026-01-01,2026-02-14,10.00,0\n")
    number = desk.order("K1", 10)
    held = desk.release(number)
    assert (held.exit_code, desk.holds(number)) == (1, ["overdue"])
    assert "16 days" in held.stderr
    desk.trade.grade("K1", "A")
    assert desk.release(number).exit_code == 0, "30 days are borne with A"


def test_a_deposit_is_paid_first(desk: Any) -> None:
    policy = '{payment_days = 30, deposit = "0.3", hold = "limit", overdue_days = 0, review_days = 90}'
    desk = desk(settings=f"policy = {{A = {policy}}}")
    desk.customer("K1", 1000)
    number = desk.order("K1", 100)
    assert desk.release(number).exit_code == 1
    assert desk.holds(number) == ["deposit"]
    desk.load("payments", "customer,date,amount,document\nK1,2026-03-01,30.00,P1\n")
    assert desk.release(number).exit_code == 0
    assert desk.release(desk.order("K1", 1)).exit_code == 1, "the deposit is spoken for"


def test_a_policy_may_never_hold(desk: Any) -> None:
    policy = '{payment_days = 30, deposit = "0", hold = "never", overdue_days = 0, review_days = 90}'
    desk = desk(settings=f"policy = {{A = {policy}}}")
    desk.customer("K1")
    assert desk.release(desk.order("K1", 100)).exit_code == 0


def test_other_currencies_count_at_the_rate_of_the_day(desk: Any) -> None:
    desk = desk()
    desk.customer("K1", 710)
    assert desk.release(desk.order("K1", 101, "USD")).exit_code == 1
    assert desk.release(desk.order("K1", 100, "USD")).exit_code == 0
    assert desk.crm.json("credit", "exposure", "K1")["exposure_minor"] == 71_000
    without_rate = desk.release(desk.order("K1", 1, "EUR"))
    assert (without_rate.exit_code, "credit_5c" in without_rate.stderr) == (1, True)


def test_orders_of_one_release_count_one_after_another(desk: Any) -> None:
    from crmcore.api import OrderRelease, ask_holds

    desk = desk()
    desk.customer("K1", 100)
    with desk.trade.app.write(ACTOR, plugin="trade_ledger") as tx:
        number = customer_ids(tx.connection, ["K1"])["K1"]
        day = tx.ctx.today
        asked = [
            OrderRelease(number, -place, f"X{place}", amount, "CNY", day, None)
            for place, amount in enumerate((6_000, 6_000, 4_000))
        ]
        assert [(hold.index, hold.rule) for hold in ask_holds(tx, asked)] == [(1, "limit")]


def test_while_credit_is_broken_nothing_is_released_and_it_is_named(desk: Any, monkeypatch: Any) -> None:
    desk = desk()
    desk.customer("K1", 100)
    number = desk.order("K1", 10)

    def fail(*_arguments: Any) -> Any:
        raise RuntimeError("the books are closed")

    monkeypatch.setattr("crmcore_credit_5c.limiting.holding.holds", fail)
    refused = desk.release(number)
    assert (refused.exit_code, "credit_5c" in refused.stderr) == (1, True)
    monkeypatch.undo()
    assert desk.crm.json("order", "show", number)["state"] == "draft"


def test_a_limit_that_has_ended_holds_no_more_than_the_one_below(desk: Any, clock: Any) -> None:
    desk = desk()
    desk.customer("K1", 100)
    desk.trade.limit("K1", 20_000, until="2026-03-05")
    clock.move(days=3)
    assert desk.release(desk.order("K1", 90)).exit_code == 0
    clock.move(days=1)
    assert desk.release(desk.order("K1", 20)).exit_code == 1


def test_who_is_billed_needs_the_credit(desk: Any) -> None:
    desk = desk()
    desk.customer("SHOP", 1000)
    desk.customer("PAYER", 10)
    desk.crm.ok(
        "order", "add", "SHOP", "--amount", 20, "--tax-rate", "0%", "--number", "B1", "--bill-to", "PAYER"
    )
    held = desk.release("B1")
    assert (held.exit_code, "10.00" in held.stderr) == (1, True)


def test_a_missing_rate_refuses_without_advice_to_drop_the_control(desk: Any) -> None:
    desk = desk()
    desk.customer("K1", 100)
    refused = desk.release(desk.order("K1", 1, "GBP"))
    assert (refused.exit_code, "credit_5c" in refused.stderr) == (1, True)
    assert "no exchange rate from GBP" in refused.stderr
    assert "disable" not in refused.stderr


def test_the_limit_of_a_top_parent_is_told_once(desk: Any) -> None:
    desk = desk()
    desk.customer("TOP", 100)
    desk.customer("A", parent="TOP")
    number = desk.order("TOP", 101)
    assert desk.release(number).exit_code == 1
    assert desk.holds(number) == ["group_limit"]


def test_orders_of_a_restricted_person_are_neither_entered_nor_released(desk: Any) -> None:
    desk = desk()
    desk.customer("P1", 100, kind="person")
    number = desk.order("P1", 1)
    desk.crm.ok("person", "restrict", "P1")
    for refused in (
        desk.release(number),
        desk.crm("order", "add", "P1", "--amount", "5", "--tax-rate", "0%"),
    ):
        assert (refused.exit_code, "restricted" in refused.stderr) == (1, True)
