"""What customers have in a plugin's card fields goes with the plugin, and comes back with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine
from tests.lifecycle.test_restore import refused, write

CODE = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(0, "never")] if any(c.operation == "update" for c in changes) else []
"""
FIELDS = {
    "type": "object",
    "properties": {
        "loyal_level": {
            "title": "Level",
            "description": "d",
            "type": "string",
            "enum": ["gold", "silver"],
            "x-source": "attribute",
        },
        "loyal_since": {
            "title": "Since",
            "description": "d",
            "type": "string",
            "format": "date",
            "x-source": "attribute",
        },
    },
}


@pytest.fixture
def plugin(install_plugin: Any) -> Any:
    manifest = {"table_prefix": "loyal", "card_fields": "card_fields.schema.json"}
    return install_plugin("loyal", CODE, manifest, files={"card_fields.schema.json": json.dumps(FIELDS)})


@pytest.fixture
def company(plugin: Any, make_app: Callable[..., App], database: str) -> App:
    app = make_app(["loyal"], database)
    with app.write(ACTOR) as tx:
        tx.insert(
            Customer,
            [
                {"code": "A", "name": "A", "attributes": {"loyal_level": "gold", "notes": "x"}},
                {"code": "B", "name": "B", "kind": "person", "attributes": {"loyal_since": "2026-01-01"}},
                {"code": "C", "name": "C"},
            ],
        )
    return app


def attributes(app: App) -> list[dict[str, Any]]:
    table: Any = Customer.__table__  # type: ignore[attr-defined]
    with app.read() as ctx:
        return list(ctx.connection.scalars(sa.select(table.c.attributes).order_by(table.c.id)))


@pytest.mark.parametrize("state", ["there", "gone"])
def test_values_are_planned_dropped_and_restored(
    company: App, plugin: Any, crm: CommandLine, tmp_path: Path, reopen: Callable[..., App], state: str
) -> None:
    before = attributes(company)
    hidden = plugin.site.with_name("hidden")
    if state == "gone":
        plugin.forget()
        plugin.site.rename(hidden)
    assert crm.json("plugins", "plan", "uninstall", "loyal")["card_values"] == {
        "loyal_level": 1,
        "loyal_since": 1,
    }
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    assert attributes(reopen(company)) == [{"notes": "x"}, {}, {}]
    if state == "gone":
        hidden.rename(plugin.site)
        plugin.forget()
    crm.ok("plugins", "restore", "loyal", tmp_path / "out")
    assert attributes(reopen(company)) == before


@pytest.mark.parametrize(
    "line",
    [
        {"id": 1, "uid": "other", "values": {"loyal_level": "gold"}},
        {"id": 99, "uid": "x", "values": {"loyal_level": "gold"}},
        {"values": {"notes": "forged"}},
        {"values": {"loyal_level": "platinum"}},
        {"values": {"loyal_level": ["gold"]}},
        {"values": 5},
        {"id": "1"},
    ],
)
def test_values_that_are_not_allowed_are_refused(
    company: App, crm: CommandLine, tmp_path: Path, reopen: Callable[..., App], line: dict[str, Any]
) -> None:
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    first = json.loads((tmp_path / "out" / "card_values.jsonl").read_text("utf-8").splitlines()[0])
    write(tmp_path / "out", "card_values", f"{json.dumps({**first, **line})}\n".encode())
    before = attributes(reopen(company))
    refused(crm, tmp_path / "out")
    assert attributes(reopen(company)) == before


@pytest.mark.parametrize("state", ["there", "gone"])
def test_another_plugin_s_values_views_and_sequences_stay_though_its_prefix_begins_alike(
    company: App, plugin: Any, install_plugin: Any, crm: CommandLine, reopen: Callable[..., App], state: str
) -> None:
    field = {"title": "Tier", "description": "d", "type": "string", "x-source": "attribute"}
    files = {
        "migrations/0001_club.py": CLUB,
        "card_fields.schema.json": json.dumps({"type": "object", "properties": {"loyal_club_tier": field}}),
    }
    manifest = {"table_prefix": "loyal_club", "card_fields": "card_fields.schema.json"}
    install_plugin("club", "from crmcore.api import hookimpl\n", manifest, files=files)
    crm.ok("plugins", "enable", "club")
    with reopen(company).write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "D", "name": "D", "attributes": {"loyal_club_tier": "blue"}}])
    crm.ok("plugins", "disable", "club")  # its fields are not in the catalogue now
    if state == "gone":
        plugin.forget()
        plugin.site.rename(plugin.site.with_name("hidden"))
    crm.ok("plugins", "uninstall", "loyal", "--drop")
    again = reopen(company)
    assert attributes(again) == [{"notes": "x"}, {}, {}, {"loyal_club_tier": "blue"}]
    with again.engine.connect() as connection:
        assert sa.inspect(connection).get_view_names() == ["loyal_club_all"]
    crm.ok("plugins", "enable", "club")


CLUB = """
import sqlalchemy as sa
from alembic import op
revision = "club_0001"
down_revision = None

def upgrade():
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table("loyal_club_member", sa.Column("id", big, sa.Identity(), primary_key=True))
    op.execute("CREATE VIEW loyal_club_all AS SELECT * FROM loyal_club_member")

def downgrade():
    op.execute("DROP VIEW loyal_club_all")
    op.drop_table("loyal_club_member")
"""


def test_a_plan_says_what_becomes_of_the_values(company: App, crm: CommandLine) -> None:
    kept = "field loyal_level of the card has a value for 1 customers"
    cleared = "field loyal_level of the card: the values of 1 customers go, with --export into the export"
    for words, said, other in (
        (("disable", "loyal"), kept, cleared),
        (("uninstall", "loyal", "--keep"), kept, cleared),
        (("uninstall", "loyal"), cleared, kept),
    ):
        text = crm.ok("plugins", "plan", *words).stdout
        assert (said in text, other in text) == (True, False), words
