"""Permissions that plugins bring: the roles that their manifests name get them, unless the company says otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Actor, PluginError, Refused, has_permission
from crmcore.app import App
from crmcore.config import SCHEMAS
from crmcore.entities.actors import ROLES
from crmcore.entities.tables import ActorDeputy
from crmcore.testing import ACTOR

MANIFEST = {
    "table_prefix": "bank",
    "permissions": [
        {"name": "bank.lend", "title": "Lend money", "roles": ["general_manager", "credit_controller"]},
        {"name": "bank.count", "title": "Count money"},
        {"name": "privacy.manage", "title": "Take what is not its own", "roles": ["reader"]},
    ],
}
PEOPLE = {
    "boss": "general_manager",
    "purse": "credit_controller",
    "rep": "sales_representative",
    "guest": "reader",
}


@pytest.fixture
def bank(make_app: Callable[..., App], install_plugin: Any) -> Callable[..., App]:
    """Make a company with the plugin `bank`, enabled or not, and people in several roles."""

    def make(settings: str = "", *, enabled: bool = True) -> App:
        install_plugin("bank", "", MANIFEST)
        app = make_app(["bank"] if enabled else [], settings=settings)
        with app.write(ACTOR) as tx:
            tx.insert(Actor, [{"code": code, "name": code, "roles": [role]} for code, role in PEOPLE.items()])
        return app

    return make


def able(app: App, permission: str) -> set[str]:
    """Return who may, as writing says it; `has_permission` must agree."""
    found = set()
    for actor in (*PEOPLE, ACTOR):
        try:
            with app.write(actor, permission=permission):
                found.add(actor)
        except Refused:
            pass
        with app.read(actor=actor) as ctx:
            assert has_permission(ctx, permission) == (actor in found)
    return found


def test_the_roles_that_a_manifest_names_get_the_permission_and_the_administrator_has_all(bank) -> None:
    app = bank()
    assert able(app, "bank.lend") == {"boss", "purse", ACTOR}
    assert able(app, "bank.count") == {ACTOR}


def test_a_plugin_gives_nobody_what_is_not_its_own(bank) -> None:
    assert able(bank(), "privacy.manage") == {ACTOR}


def test_a_role_that_the_company_lists_has_what_stands_there_and_nothing_else(bank) -> None:
    app = bank('\n[roles]\ncredit_controller = ["records.write"]\nreader = ["bank.lend"]\n')
    assert able(app, "bank.lend") == {"boss", "guest", ACTOR}


def test_a_plugin_that_is_not_enabled_gives_nothing(bank) -> None:
    assert able(bank(enabled=False), "bank.lend") == {ACTOR}


def test_who_stands_in_for_somebody_has_their_permissions_on_those_days(bank, clock) -> None:
    app = bank()
    with app.write(ACTOR) as tx:
        ids = {row.code: row.id for row in tx.connection.execute(sa.text("SELECT code, id FROM actor"))}
        days = {"since": date(2026, 3, 2), "until": date(2026, 3, 2)}
        tx.insert(ActorDeputy, [{"deputy_id": ids["rep"], "absent_id": ids["boss"], **days}])

    def may() -> bool:
        with app.write("rep") as tx:
            return has_permission(tx, "bank.lend")

    assert may()
    clock.move(days=1)
    assert not may()


def test_a_role_that_is_not_built_in_is_refused_when_the_plugin_is_enabled(make_app, install_plugin) -> None:
    entry = {"name": "bank.lend", "title": "Lend money", "roles": ["general_manger"]}
    install_plugin("bank", "", {**MANIFEST, "permissions": [entry]})
    with pytest.raises(PluginError, match="did you mean 'general_manager'"):
        make_app(["bank"])


def test_the_manifest_knows_the_built_in_roles() -> None:
    schema = json.loads((SCHEMAS / "plugin.schema.json").read_text(encoding="utf-8"))
    entry = schema["properties"]["permissions"]["items"]["properties"]["roles"]
    assert set(entry["items"]["enum"]) == set(ROLES) - {"administrator"}
