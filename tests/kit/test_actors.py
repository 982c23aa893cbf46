"""Who types, and at what time."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from crmcore.testing import ACTOR


def test_somebody_else_types_for_a_while_with_the_roles_named(make_app, crm):
    make_app()
    with crm.as_actor("li", roles=["reader"]):
        refused = crm("customer", "add", "--name", "A")
        assert refused.exit_code == 1
        assert "li" in refused.stderr
    with crm.as_actor("li", roles=["sales_representative"]) as typing:
        typing.ok("customer", "add", "--name", "A", "--code", "A1")
        with crm.as_actor("wang"):
            assert crm("customer", "add", "--name", "B").exit_code == 1
        crm.ok("customer", "edit", "A1", "--set", "phone=1")
    assert crm.json("actor", "show", "li")["roles"] == ["sales_representative"]
    assert crm.json("actor", "show", "wang")["roles"] == []
    with crm.as_actor("li"):
        crm.ok("customer", "edit", "A1", "--set", "phone=2")
    crm.ok("actor", "add", "zhao")


def test_an_error_in_between_gives_the_keyboard_back(make_app, crm):
    make_app()
    with pytest.raises(ZeroDivisionError), crm.as_actor("li"):
        _ = 1 / 0
    assert crm.actor == ACTOR


def test_the_clock_stands_until_it_is_moved(make_app, crm, clock):
    app = make_app()
    crm.ok("customer", "add", "--name", "A", "--code", "A1")
    clock.move(days=3)
    with app.read() as ctx:
        assert (ctx.today.isoformat(), ctx.now) == ("2026-03-05", clock())
    crm.ok("interaction", "add", "A1", "--channel", "phone", "--subject", "price")
    (call,) = crm.lines("interaction", "list")
    assert call["at"].startswith("2026-03-05"), "commands live at the same time as the app"


def test_a_clock_that_runs_is_the_computers(make_app, crm):
    app = make_app(standing_clock=False)
    before = datetime.now(UTC)
    crm.ok("customer", "add", "--name", "A", "--code", "A1")
    with app.read() as ctx:
        at = ctx.connection.scalar(sa.text("SELECT max(at) FROM change_tx"))
    assert str(at) >= before.strftime("%Y-%m-%d %H:%M")
