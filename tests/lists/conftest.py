"""A company whose card has fields of its own with an index, and a plugin with a column of lists."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

FIELDS: dict[str, dict[str, Any]] = {
    "size": {"title": "Size", "type": "number", "x-index": True},
    "route": {"title": "Route", "type": "string", "maxLength": 20, "x-index": True},
    "visited_on": {"title": "Visited on", "type": "string", "format": "date", "x-index": True},
    "vip": {"title": "VIP", "type": "boolean", "x-index": True},
    "plain": {"title": "Plain", "type": "integer"},
}
PLUGIN = """
import sqlalchemy as sa
from crmcore.api import Customer, ListColumn, hookimpl

c = Customer.__table__.c

def points(settings):
    return sa.select(c.id.label("customer_id"), sa.func.length(c.short_name).label("value"))

def summed(settings):
    rows = points(settings).subquery()
    return sa.select(rows.c.customer_id, sa.func.sum(rows.c.value).label("value")).group_by(rows.c.customer_id)

def number(settings):
    return sa.select(c.id.label("customer_id"), c.id.label("value")).where(c.short_name != "pp")

@hookimpl
def list_columns():
    columns = {"points": points, "summed": summed, "number": number}
    return [ListColumn(name, name, "integer", select) for name, select in columns.items()]
"""


def make_rows(count: int) -> list[dict[str, Any]]:
    """Return customers, the same in every run: many share a value, many have none."""
    chance = random.Random(4)
    rows = []
    for number in range(count):
        attributes = {
            "size": chance.choice([None, 0, 1, 2.5, 10, 1000]),
            "route": chance.choice([None, "", "a", "b", "b2", "z"]),
            "visited_on": chance.choice([None, "2025-12-31", "2026-01-01", "2026-01-02"]),
            "vip": chance.choice([None, True, False]),
            "plain": chance.choice([None, 3, 4, 20]),
        }
        rows.append(
            {
                "code": f"c{number * 7919 % 1000:03}",
                "name": chance.choice(["x", "y", "yy"]),
                "owner": chance.choice([None, "rep1", "rep2"]),
                "lifecycle": chance.choice(["prospect", "active", "active", "former"]),
                "short_name": chance.choice([None, "", "p", "pp", "ppppp"]),
                "since": chance.choice([None, "2020-02-29", "2024-01-01"]),
                "attributes": {name: value for name, value in attributes.items() if value is not None},
            }
        )
    return rows


@pytest.fixture
def own_fields() -> Callable[[App, Any], None]:
    """Write the fields of the company's own."""

    def write(app: App, fields: Any = FIELDS) -> None:
        path = app.config.folder / "customer_card.schema.json"
        path.write_text(json.dumps({"properties": fields}), encoding="utf-8")

    return write


@pytest.fixture
def listed(
    make_app: Callable[..., App], database: str, install_plugin: Any, own_fields: Any, crm: CommandLine
) -> App:
    """Return a company of 60 customers, three of them archived."""
    from datetime import date

    install_plugin("tally", PLUGIN, {"table_prefix": "tally"})
    app = make_app(["tally"], database)
    own_fields(app)
    rows = make_rows(60)
    with app.write(ACTOR) as tx:
        days = [row["since"] and date.fromisoformat(row["since"]) for row in rows]
        ids = tx.insert(Customer, [{**row, "since": day} for row, day in zip(rows, days, strict=True)])
        tx.archive(Customer, ids[:3])
    crm.ok("db", "migrate")
    return app
