"""Codes, rates and service as the company chose them."""

import json
from datetime import date
from decimal import Decimal

import pytest

from crmcore.api import BadConfig, CrmError, OrderRelease, ask_holds, is_workday, next_workday
from crmcore.testing import ACTOR


def test_new_customers_get_codes_with_a_check_digit(company, crm):
    codes = [crm.json("customer", "add", "--name", name)["code"] for name in ("a", "b")]
    assert codes == ["C0000018", "C0000026"]


def test_rates_come_from_the_signed_file(company, crm):
    crm.ok("rates", "sign", company.config.folder / "rates.json")
    with company.read() as ctx:
        assert ctx.facts.rate("USD", "CNY", date(2026, 3, 9)) == Decimal("7.05")
        assert ctx.facts.rate("CNY", "EUR", date(2026, 3, 9)) == 1 / Decimal("8.1")
        with pytest.raises(CrmError, match="no exchange rate from USD to CNY on 2026-04-01"):
            ctx.facts.rate("USD", "CNY", date(2026, 4, 1))
    shown = crm.lines("rates", "show")
    assert shown[0] == {"month": "2026-03", "currency": "EUR", "rate": "8.1"}
    assert "7.05" in crm.ok("rates", "show").stdout


def test_a_file_that_was_changed_after_signing_is_refused(company, crm):
    file = company.config.folder / "rates.json"
    crm.ok("rates", "sign", file)
    file.write_text(file.read_text(encoding="utf-8").replace("7.05", "9.05"), encoding="utf-8")
    refused = crm("rates", "show", "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "rates.json is not as it was signed" in refused.stderr


@pytest.mark.parametrize(
    "rates", [[], {"2026-13": {}}, {"2026-03": {"USD": "-1"}}, {"2026-03": {"USD": 7}}, None]
)
def test_what_is_no_file_of_rates_is_refused(company, crm, rates):
    file = company.config.folder / "rates.json"
    file.write_text(json.dumps({"rates": rates}), encoding="utf-8")
    refused = crm("rates", "sign", file)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("crm: rates.json")


def test_the_key_is_a_reference_and_never_shown(company, crm, monkeypatch):
    crm.ok("rates", "sign", company.config.folder / "rates.json")
    assert "correct horse" not in crm.ok("plugins", "settings", "local_rules").stdout
    monkeypatch.delenv("TREASURY_KEY")
    with company.read() as ctx, pytest.raises(BadConfig, match="TREASURY_KEY"):
        ctx.facts.rate("USD", "CNY", date(2026, 3, 9))


def test_customers_are_served_by_their_kind(company, crm):
    crm.ok("customer", "add", "--name", "a", "--set", "customer_kind=dealer")
    crm.ok("customer", "add", "--name", "b", "--set", "customer_kind=other")
    with company.read(actor=ACTOR) as ctx:
        policies = company.host.service_policies([1, 2], ctx.connection, ACTOR)
    assert [(p.customer_id, p.grade, p.visit_interval_days, p.plugin) for p in policies] == [
        (1, "dealer", 14, "local_rules")
    ]


def test_saturdays_are_worked_and_sundays_are_not(company):
    with company.read() as ctx:
        assert is_workday(ctx, date(2026, 3, 7)).works
        assert next_workday(ctx, date(2026, 3, 8)) == date(2026, 3, 9)


def test_orders_of_customers_of_an_unknown_kind_are_held(company, crm):
    crm.ok("customer", "add", "--name", "known", "--set", "customer_kind=dealer")
    crm.ok("customer", "add", "--name", "unknown")
    day = date(2026, 3, 2)
    orders = [OrderRelease(number, number, f"SO{number}", 100, "CNY", day, None) for number in (1, 2)]
    with company.write(ACTOR) as tx:
        holds = ask_holds(tx, orders)
    assert [(h.index, h.rule, h.permission, h.plugin) for h in holds] == [
        (1, "kind", "records.merge", "local_rules")
    ]
