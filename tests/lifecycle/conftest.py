"""A plugin with everything that uninstalling must find: tables that point to each other and to customers, JSON, settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

TABLES = """
from datetime import date, datetime
from decimal import Decimal
from typing import Any
import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, JsonText, metadata

class LoyalModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Account(LoyalModel, table=True):
    __tablename__ = "loyal_account"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
    invited_by: int | None = Field(default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("loyal_account.id")])
    nickname: str | None = None
    opened_on: date | None = None
    seen_at: datetime | None = None
    happy: bool = True
    version: int = 1
    extras: dict[str, Any] | None = Field(default=None, sa_type=JsonText)

class Entry(LoyalModel, table=True):
    __tablename__ = "loyal_entry"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    account_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("loyal_account.id")])
    customer_id: int = Field(sa_type=BigId)
    points: int = Field(sa_type=BigId)
"""
PLUGIN = """
from crmcore.api import FactProvider, JobSpec, ReportSpec, TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Account, Entry
    return [TableSpec(Account, customer_references=("customer_id",), personal=("nickname",), person="customer_id"),
            TableSpec(Entry, log="range", customer_references=("customer_id",))]

@hookimpl
def facts():
    return [FactProvider("touches", lambda settings: None)] if FACTS else []

@hookimpl
def reports():
    return [ReportSpec("loyal_points", "Points", lambda ctx, parameters: None)]

@hookimpl
def jobs():
    return [JobSpec("loyal_expire", "Expire", lambda app, actor: {})]

FACTS = False
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = "loyal_0001"
down_revision = None
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

def upgrade():
    op.create_table("loyal_account", sa.Column("id", BIG, primary_key=True),
        sa.Column("customer_id", BIG, sa.ForeignKey("customer.id", name="fk_a"), nullable=False),
        sa.Column("invited_by", BIG, sa.ForeignKey("loyal_account.id", name="fk_b")),
        sa.Column("nickname", sa.String(50)), sa.Column("opened_on", sa.Date()),
        sa.Column("seen_at", sa.DateTime(timezone=True)), sa.Column("happy", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False), sa.Column("extras", JSON), sqlite_autoincrement=True)
    op.create_table("loyal_entry", sa.Column("id", BIG, primary_key=True),
        sa.Column("account_id", BIG, sa.ForeignKey("loyal_account.id", name="fk_c"), nullable=False),
        sa.Column("customer_id", BIG, nullable=False), sa.Column("points", BIG, nullable=False), sqlite_autoincrement=True)
    op.create_table("loyal_level", sa.Column("code", sa.String(8), primary_key=True), sa.Column("rate", sa.Numeric(9, 4)),
        sa.Column("picture", sa.LargeBinary()))
    op.execute("INSERT INTO loyal_level (code, rate) VALUES ('gold', 1.5), ('silver', 1.25)")

def downgrade():
    op.drop_table("loyal_level")
    op.drop_table("loyal_entry")
    op.drop_table("loyal_account")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision = "loyal_0002"
down_revision = "loyal_0001"

def upgrade():
    with op.batch_alter_table("loyal_entry") as batch:
        batch.add_column(sa.Column("why", sa.String(50), nullable=True))

def downgrade():
    with op.batch_alter_table("loyal_entry") as batch:
        batch.drop_column("why")
"""
MANIFEST: dict[str, Any] = {
    "title": "Loyalty",
    "table_prefix": "loyal",
    "commands": [{"name": "loyal", "help": "h", "target": "crmcore.builtin.administration.doctor:doctor"}],
    "permissions": [{"name": "loyal.give", "title": "Give points"}],
    "references_customers": True,
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"days": {"type": "integer", "default": 3}, "greeting": {"type": "string", "default": ""}},
}
SETTINGS = """
# roles of ours
[roles]
clerk = ["records.write", "loyal.give"]  # may give

# before
[plugins.loyal]
days = 9
greeting = "你好"

# after
"""


@pytest.fixture
def loyal(install_plugin: Any) -> Any:
    """Install the plugin."""
    files = {
        "tables.py": TABLES,
        "migrations/0001_loyal.py": MIGRATION,
        "settings.schema.json": json.dumps(SCHEMA),
    }
    return install_plugin("loyal", PLUGIN, MANIFEST, files=files)


@pytest.fixture
def company(loyal: Any, make_app: Callable[..., App], database: str, crm: CommandLine) -> App:
    """Return a company that uses the plugin: four accounts, of them one deleted, and ten entries."""
    app = make_app(["loyal"], database, settings=SETTINGS)
    fill(app)
    return app


def fill(app: App) -> None:
    """Make customers with accounts and entries."""
    import importlib

    from crmcore.api import Customer

    tables = importlib.import_module("crmcore_loyal.tables")
    with app.write(ACTOR) as tx:
        rows = [
            {"code": c, "name": f"客户 {c}", "kind": "person" if c == "B" else "organisation"} for c in "ABC"
        ]
        customers = tx.insert(Customer, rows)
    with app.write(ACTOR, plugin="loyal") as tx:
        accounts = tx.insert(
            tables.Account,
            [
                {"customer_id": customers[0], "opened_on": tx.ctx.today, "extras": {"b": [1, 2.5], "a": "ü"}},
                {"customer_id": customers[1], "nickname": "小王", "seen_at": tx.now, "happy": False},
                {"customer_id": customers[2]},
                {"customer_id": customers[2]},
            ],
        )
        tx.update(tables.Account, [(accounts[0], {"invited_by": accounts[1]})])
        tx.delete(tables.Account, [accounts[3]])
        entries = [
            {"account_id": accounts[n % 3], "customer_id": customers[n % 3], "points": n} for n in range(10)
        ]
        tx.insert(tables.Entry, entries)
