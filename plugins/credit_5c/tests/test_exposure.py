"""Exposure against an oracle that shares nothing with the plugin: it loops over rows."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RATES = {"CNY": Decimal(1), "USD": Decimal("7.13"), "JPY": Decimal("0.047")}
DIGITS = {"CNY": 2, "USD": 2, "JPY": 0}
TOML = '\nUSD = "7.13"\nJPY = "0.047"\n'
KINDS = ("receivables", "orders_open", "deliveries_open")
PARENTS: dict[str, str | None] = {"K1": None, "K2": "K1", "K3": "K2", "K4": None, "K5": "K4", "K6": None}


def in_cny(minor: int, currency: str) -> int:
    yuan = Decimal(minor) / 10 ** DIGITS[currency] * RATES[currency]
    return int((yuan * 100).quantize(Decimal(1), ROUND_HALF_UP))


def oracle(rows: list[tuple[str, str, int, str]], code: str, *, group: bool) -> dict[str, int]:
    members = [one for one in PARENTS if top(one) == top(code)] if group else [code]
    found = dict.fromkeys(KINDS, 0)
    for member in members:
        for kind in KINDS:
            for currency in RATES:
                total = 0
                for whose, what, amount, money in rows:
                    if (whose, what, money) == (member, kind, currency):
                        total += amount
                found[kind] += in_cny(total, currency)
    return found


def top(code: str) -> str:
    above = PARENTS[code]
    return code if above is None else top(above)


ROW = st.tuples(
    st.sampled_from(sorted(PARENTS)),
    st.sampled_from(KINDS),
    st.integers(-(10**6), 10**9),
    st.sampled_from(sorted(RATES)),
)


@pytest.fixture
def company(make_trade: Any, database: str) -> Any:
    trade = make_trade(database, rates=TOML)
    for code, parent in PARENTS.items():
        trade.add(code, parent=parent)
    return trade


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(ROW, max_size=30),
    limits=st.dictionaries(st.sampled_from(sorted(PARENTS)), st.integers(0, 10**9)),
)
def test_exposure_is_that_of_the_oracle(company: Any, rows: Any, limits: Any) -> None:
    from crmcore_credit_5c.limiting.exposure import exposures
    from crmcore_credit_5c.tables.limits import CreditLimit

    fake = import_module("fake_trade.tables").FakeTrade
    fill(company, rows, limits)
    ids = {code: company.id_of(code) for code in PARENTS}
    with company.app.read("credit_5c") as ctx:
        for group in (False, True):
            found = exposures(ctx, ids.values(), group=group)
            for code, number in ids.items():
                one = found[number]
                want = oracle(rows, code, group=group)
                assert one.receivables_minor == want["receivables"]
                assert one.deliveries_minor == want["deliveries_open"]
                assert one.orders_minor == want["orders_open"] + want["deliveries_open"]
                assert one.exposure_minor == sum(want.values())
                limit = limits.get(top(code) if group else code)
                assert one.limit_minor == limit
                assert one.headroom_minor == (None if limit is None else limit - sum(want.values()))
    with company.app.write("tester") as tx:
        for model in (fake, CreditLimit):
            found_ids = tx.connection.exec_driver_sql(f"SELECT id FROM {model.__tablename__}").scalars().all()  # noqa: S608
            tx.delete(model, found_ids)


def fill(company: Any, rows: Any, limits: Any) -> None:
    company.rows(rows)
    for code, amount in limits.items():
        company.limit(code, amount)


def test_the_command_tells_customer_and_group(company: Any, crm: Any, check_limit_schema: Any) -> None:
    company.row("receivables", "K2", 10_000)
    company.row("receivables", "K2", -1_000)
    company.row("orders_open", "K2", 5_000)
    company.row("deliveries_open", "K3", 700)
    company.row("payments", "K2", 3_000)
    company.limit("K1", 20_000)
    company.limit("K2", 12_000)
    own = crm.json("credit", "exposure", "K2")
    check_limit_schema(own, "exposure")
    names = (
        "limit_minor",
        "exposure_minor",
        "receivables_minor",
        "orders_minor",
        "headroom_minor",
        "currency",
    )
    assert [own[name] for name in names] == [12_000, 14_000, 9_000, 5_000, -2_000, "CNY"]
    group = crm.json("credit", "exposure", "K2", "--group")
    check_limit_schema(group, "exposure")
    assert [group[name] for name in names] == [20_000, 14_700, 9_000, 5_700, 5_300, "CNY"]
    assert group["limit_of"] == "K1"
    assert "147.00" in crm.ok("credit", "exposure", "K3", "--group").stdout
    assert crm("credit", "exposure", "K9").exit_code == 1


def test_a_member_without_a_limit_is_pointed_to_that_of_its_group(company: Any, crm: Any) -> None:
    pointer = "crm credit exposure K3 --group"
    assert pointer not in crm.ok("credit", "exposure", "K3").stdout, "nobody has a limit"
    company.limit("K1", 20_000)
    said = crm.ok("credit", "exposure", "K3").stdout
    assert f"K3 has no limit of its own; that of its group, K1, binds it: {pointer}" in said
    assert pointer not in crm.ok("credit", "exposure", "K3", "--group").stdout
    assert "--group" not in crm.ok("credit", "exposure", "K1").stdout
    company.limit("K3", 500)
    assert pointer not in crm.ok("credit", "exposure", "K3").stdout


def alerts(crm: Any, code: str) -> list[str]:
    return [
        line["title"]
        for line in crm.lines("work")
        if line["customer"] == code and line["key"].startswith("credit:limit_use")
    ]


def test_use_of_limits_is_told(company: Any, crm: Any) -> None:
    company.limit("K6", 1_000)
    company.row("receivables", "K6", 900)
    assert not alerts(crm, "K6"), "90 % is not more than 90 %"
    company.row("orders_open", "K6", 1)
    (near,) = alerts(crm, "K6")
    assert "9.01 of 10.00" in near
    company.row("orders_open", "K6", 100)
    (beyond,) = alerts(crm, "K6")
    assert "beyond" in beyond
    (card,) = [one for one in crm.json("customer", "show", "K6")["sections"] if one["name"] == "credit"]
    assert (card["data"]["limit_minor"], card["data"]["headroom_minor"]) == (1_000, -1)


def test_a_group_uses_the_limit_of_its_top(company: Any, crm: Any) -> None:
    company.limit("K4", 1_000)
    company.row("receivables", "K5", 950)
    (near,) = alerts(crm, "K4")
    assert "9.50 of 10.00" in near


def test_the_card_shows_of_a_top_parent_what_its_group_uses(company: Any, crm: Any) -> None:
    for code in ("K4", "K5"):
        company.limit(code, 1_000)
    company.row("receivables", "K5", 950)
    for code, of_group in (("K4", True), ("K5", False)):
        (card,) = [one for one in crm.json("customer", "show", code)["sections"] if one["name"] == "credit"]
        assert (card["data"]["exposure_minor"], card["data"]["headroom_minor"]) == (950, 50)
        assert ("Used by the whole group" in crm.ok("customer", "show", code).stdout) == of_group


def test_the_list_shows_of_a_top_parent_what_its_group_uses(
    company: Any, crm: Any, check_limit_schema: Any
) -> None:
    for code, limit in (("K4", 1_000), ("K5", 600), ("K6", 500)):
        company.limit(code, limit)
    company.row("receivables", "K5", 950)
    lines = crm.lines("credit", "limit", "list")
    for line in lines:
        check_limit_schema(line, "limit_use")
    shown = {one["customer"]: (one["group"], one["exposure_minor"], one["headroom_minor"]) for one in lines}
    assert shown == {"K4": (True, 950, 50), "K5": (False, 950, -350), "K6": (False, 0, 500)}
    group = crm.json("credit", "exposure", "K5", "--group")
    assert (group["exposure_minor"], group["headroom_minor"]) == shown["K4"][1:]
    said = "Used by the whole group, whose limit it is: K4"
    assert said in crm.ok("credit", "limit", "list").stdout
    assert said in crm.ok("report", "run", "credit_limit_use", "--format", "json").stdout


def test_without_a_rate_it_is_said_which(company: Any, crm: Any) -> None:
    company.row("receivables", "K6", 900, currency="EUR")
    refused = crm("credit", "exposure", "K6")
    assert (refused.exit_code, "EUR" in refused.stderr) == (1, True)


def test_without_a_ledger_it_is_said_what_is_missing(make_app: Any, crm: Any) -> None:
    make_app(["credit_5c"])
    crm.ok("customer", "add", "--name", "Firma", "--code", "K1")
    refused = crm("credit", "exposure", "K1")
    assert (refused.exit_code, "receivables" in refused.stderr) == (1, True)
