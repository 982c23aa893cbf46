"""A row of a plugin that has a key called like a reference inside of a value before it is found by the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from crmcore.api import Customer, rows_as_of
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

TABLES = """
from typing import Any
import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, JsonText, metadata

class Model(SQLModel, registry=registry(metadata=metadata)):
    pass

class Order(Model, table=True):
    __tablename__ = "box_order"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "box_0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

def upgrade():
    op.create_table(
        "box_order",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("customer_id", BIG, sa.ForeignKey("customer.id", name="fk_box_order"), nullable=False),
        sqlite_autoincrement=True,
    )

def downgrade():
    op.drop_table("box_order")
"""
PLUGIN = """
from crmcore.api import TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Order
    return [TableSpec(Order, customer_references=("customer_id",))]
"""
PAYLOADS: list[dict[str, Any]] = [
    {"customer_id": 123456},
    {"customer_id": 2},
    {"lines": [{"customer_id": 2}, {"customer_id": None}]},
    {"customer_id": "1", "note": '"customer_id":2'},
    {'x"customer_id': 2},
    {"other": 2},
]


@pytest.fixture
def orders(make_app: Callable[..., App], install_plugin: Any, database: str) -> App:
    files = {"tables.py": TABLES, "migrations/__init__.py": "", "migrations/0001_box.py": MIGRATION}
    install_plugin("box", PLUGIN, {"table_prefix": "box", "references_customers": True}, files=files)
    app = make_app(["box"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "K1", "name": "a"}, {"code": "K2", "name": "b"}])
        tx.insert(order(), [{"payload": payload, "customer_id": 1} for payload in PAYLOADS])
    return app


def order() -> Any:
    return import_module("crmcore_box.tables").Order


def known(app: App, customer: int, day: date) -> list[dict[str, Any]]:
    with app.read("box") as ctx:
        return [row["payload"] for row in rows_as_of(ctx, order(), "customer_id", [customer], day)]


@pytest.mark.parametrize("how", ["delete", "move"])
def test_rows_that_left_are_known_by_whom_they_pointed_to(
    orders: App, crm: CommandLine, clock: Any, how: str
) -> None:
    with orders.read("box") as ctx:
        day = ctx.today
    clock.move(days=3)
    ids = range(1, len(PAYLOADS) + 1)
    with orders.write(ACTOR) as tx:
        if how == "delete":
            tx.delete(order(), list(ids))
        else:
            tx.update(order(), [(number, {"payload": {}, "customer_id": 2}) for number in ids])
    assert known(orders, 1, day) == PAYLOADS
    assert known(orders, 2, day) == []
    told = [line["field"] for line in crm.lines("history", "K1") if line["entity"] == "box_order"]
    twice = 2 * len(PAYLOADS)  # came and left
    assert Counter(told) == {"payload": twice, "customer": twice}


def test_a_log_in_which_somebody_wrote_is_still_checked(orders: App, crm: CommandLine) -> None:
    with orders.write(ACTOR) as tx:
        tx.delete(order(), [1, 2, 3])
    key = '"customer_id":'
    for text in (f"{{{key}", f"{key}x{key}{key}", f"{key}" + "9" * 400):
        with orders.engine.connect() as connection, orders.unguarded(connection), connection.begin():
            mark = "?" if orders.engine.dialect.name == "sqlite" else "%s"
            statement = f"UPDATE change_log SET before = {mark} WHERE operation = 'delete'"  # noqa: S608  (a mark)
            connection.exec_driver_sql(statement, (text,))
        done = crm("audit", "verify")
        assert done.exit_code == 1
        assert "Traceback" not in done.stderr
