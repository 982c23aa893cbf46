"""Tests copy what the run has made already, and none of them sees what another one did."""

import pytest
import sqlalchemy as sa

from crmcore.api import Actor, Customer
from crmcore.testing import ACTOR

CALLS: list[tuple[str, ...]] = []


def busy_company(app):
    CALLS.append(app.config.enabled)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "BUSY", "name": "示例公司"}])


def hire_porter(app):
    assert "porter" in app.config.data["roles"]
    with app.write(ACTOR, permission="actors.manage") as tx:
        tx.insert(Actor, [{"code": "pan", "name": "示例", "roles": ["porter"]}])


def codes(app):
    with app.read() as ctx:
        return set(ctx.connection.scalars(sa.select(app.table(Customer).table.c.code)))


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_test_writes_the_next_does_not_see(make_app, database, turn):
    app = make_app(["trade_ledger"], database, fill=busy_company)
    assert codes(app) == {"BUSY"}
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"NEW{turn}", "name": "示例公司"}])
    assert codes(app) == {"BUSY", f"NEW{turn}"}


def test_what_fills_a_workspace_is_called_before_the_plugins_are_enabled(make_app):
    assert make_app(["trade_ledger"], fill=busy_company).config.enabled == ("trade_ledger",)
    assert set(CALLS) == {()}


def test_a_second_workspace_is_that_of_another_company(make_app, crm):
    anchors = set()
    for _ in range(2):
        make_app(fill=busy_company)
        anchors.add(crm.ok("audit", "anchor").stdout)
    assert len(anchors) == 2


def test_a_plugin_of_one_test_is_enabled_behind_those_of_the_run(make_app, install_plugin):
    install_plugin("guest", "")
    assert make_app(["trade_ledger", "guest"]).config.enabled == ("trade_ledger", "guest")


def test_settings_count_before_the_workspace_is_filled(make_app, crm):
    make_app(settings='\n[roles]\nporter = ["records.write"]\n', fill=hire_porter)
    assert crm.json("actor", "show", "pan")["roles"] == ["porter"]
