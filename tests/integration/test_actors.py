"""Who may write: actors, their roles, the company's own roles, deputies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Actor, Customer, Refused
from crmcore.app import App
from crmcore.builtin.approvals.standing import stood_in_for
from crmcore.entities.actors import PERMISSIONS, ROLES, permissions_of
from crmcore.entities.tables import ActorDeputy
from crmcore.testing import ACTOR, CommandLine


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    app = make_app(
        database=database,
        settings='\n[roles]\ntrainee = ["records.write"]\nsales_manager = ["records.export"]\nowner = ["*"]\n',
    )
    with app.write(ACTOR, permission="actors.manage") as tx:
        roles = {
            "rep": ["sales_representative"],
            "reader": ["reader"],
            "trainee": ["trainee"],
            "manager": ["sales_manager"],
            "owner": ["owner"],
            "nobody": [],
            "stranger": ["no such role"],
            "both": ["reader", "trainee"],
        }
        tx.insert(Actor, [{"code": code, "name": code, "roles": r} for code, r in roles.items()])
    return app


def may(app: App, actor: str, permission: str) -> bool:
    try:
        with app.write(actor, permission=permission):
            return True
    except Refused as refusal:
        said = str(refusal)
    assert actor in said
    assert "\n" not in said
    return False


@pytest.mark.parametrize(
    ("actor", "allowed"),
    [
        (ACTOR, set(PERMISSIONS)),
        ("rep", {"records.write"}),
        ("reader", set()),
        ("trainee", {"records.write"}),
        ("manager", {"records.export"}),
        ("owner", set(PERMISSIONS)),
        ("nobody", set()),
        ("stranger", set()),
        ("both", {"records.write"}),
        ("missing", set()),
    ],
)
def test_each_role_gives_what_it_says_and_the_companys_word_counts(
    app: App, actor: str, allowed: set[str]
) -> None:
    assert {p for p in PERMISSIONS if may(app, actor, p)} == allowed


def test_roles_name_only_permissions_that_exist() -> None:
    for role, permissions in ROLES.items():
        assert permissions <= {*PERMISSIONS, "*"}, role


def test_permissions_of_several_roles_add_up(app: App) -> None:
    assert permissions_of(["trainee", "sales_manager"], app.config) == {"records.write", "records.export"}
    assert permissions_of([], app.config) == set()


def test_the_command_line_takes_the_actor_from_the_option_then_crm_actor_then_the_system(
    app: App, crm: CommandLine
) -> None:
    def who(*words: str, **environment: str) -> str:
        result = crm(*words, "customer", "add", "--name", "x", env=environment)
        if result.exit_code:
            return result.stderr
        with app.read() as ctx:
            return str(ctx.connection.scalar(sa.text("SELECT actor FROM change_tx ORDER BY id DESC LIMIT 1")))

    assert who("--actor", "rep") == "rep"
    assert who(CRM_ACTOR="trainee") == "trainee"
    assert who("--actor", "rep", CRM_ACTOR="trainee") == "rep"
    from crmcore.app import authenticated_as

    assert f"there is no actor '{authenticated_as()}'" in who(CRM_ACTOR="")
    behind = crm("customer", "add", "--name", "x", "--actor", "reader")
    assert "actor 'reader' may not" in behind.stderr


def test_deputies_stand_in_on_both_first_and_last_day(app: App) -> None:
    with app.read() as ctx:
        ids = {row.code: row.id for row in ctx.connection.execute(sa.text("SELECT code, id FROM actor"))}
    with app.write(ACTOR, permission="actors.manage") as tx:
        row: dict[str, Any] = {"deputy_id": ids["rep"], "absent_id": ids["manager"]}
        tx.insert(ActorDeputy, [{**row, "since": date(2026, 3, 2), "until": date(2026, 3, 4)}])
    with app.read() as ctx:
        days = [date(2026, 3, day) for day in range(1, 6)]
        found = [[one.code for one in stood_in_for(ctx.connection, app.config, "rep", day)] for day in days]
        assert stood_in_for(ctx.connection, app.config, "manager", days[2]) == []
    assert found == [[], ["manager"], ["manager"], ["manager"], []]


def test_a_deputy_does_not_inherit_permissions(app: App) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
    assert not may(app, "reader", "records.write")
