"""A company with a table that is filled past the gate, and benches on each engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Bench, Customer, open_bench
from crmcore.app import App
from crmcore.testing import ACTOR

POINTS = """
from crmcore.api import TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Detail, Point
    return [TableSpec(Point, log="range", customer_references=("customer_id",)), TableSpec(Detail)]
"""
TABLES = """
from datetime import date
from sqlalchemy.orm import registry
from sqlmodel import Field, Index, SQLModel, UniqueConstraint
import sqlalchemy as sa
from crmcore.api import BigId, metadata

class PointsModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Point(PointsModel, table=True):
    __tablename__ = "points_point"
    __table_args__ = (UniqueConstraint("round", "customer_id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    round: int
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    points: int = Field(sa_type=BigId)
    level: int = Field(default=3, sa_type=sa.SmallInteger)
    word: str | None = Field(default=None, max_length=40)
    day: date | None = None
    special: bool = False

class Detail(PointsModel, table=True):
    __tablename__ = "points_detail"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    points: int
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "points_0001"
down_revision = None

def upgrade():
    op.create_table(
        "points_point", sa.Column("id", BigId, primary_key=True), sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("points", BigId, nullable=False), sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("word", sa.String(40)), sa.Column("day", sa.Date()), sa.Column("special", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("round", "customer_id"), sqlite_autoincrement=True)
    op.create_table(
        "points_detail", sa.Column("id", BigId, primary_key=True), sa.Column("points", sa.Integer(), nullable=False),
        sqlite_autoincrement=True)

def downgrade():
    op.drop_table("points_detail")
    op.drop_table("points_point")
"""

JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="no Java: the engine spark needs it")
ENGINES = ("database", "duckdb", pytest.param("spark", marks=[pytest.mark.slow, JAVA]))

Row = dict[str, Any]
Benches = Callable[[str], AbstractContextManager[Bench]]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Name of an engine: the test runs once on each."""
    return str(request.param)


@pytest.fixture(scope="session")
def quick_java() -> Iterator[None]:
    """Let a Java of seconds neither perfect its code nor collect garbage side by side: a third less work for Spark."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield


@pytest.fixture
def company(make_app: Callable[..., App], database: str, install_plugin: Any, quick_java: None) -> App:
    """Return a workspace with the table `points_point`, on either database; Spark runs here on two cores."""
    del quick_java
    files = {"tables.py": TABLES, "migrations/0001_points.py": MIGRATION}
    install_plugin("points", POINTS, {"table_prefix": "points", "migrations": "migrations"}, files=files)
    return make_app(["points"], database, settings='\n[analytics]\nspark = "local[2]"\n')


@pytest.fixture
def point(company: App) -> Any:
    """Return the table class."""
    del company
    return import_module("crmcore_points.tables").Point


@pytest.fixture
def bench(company: App, engine: str) -> Iterator[Bench]:
    """Return an open bench."""
    with open_bench(company, engine, "points") as opened:
        yield opened


@pytest.fixture
def customers(company: App) -> list[int]:
    """Add 2,500 customers; return their ids."""
    return _add_customers(company, 2_500)


@pytest.fixture
def many_customers(company: App) -> list[int]:
    """Add 12,000 customers; return their ids."""
    return [number for _part in range(4) for number in _add_customers(company, 3_000)]


def _add_customers(app: App, count: int) -> list[int]:
    with app.write(ACTOR, bulk=True) as tx:
        codes = tx.new_codes("customer", count)
        rows = [{"code": c, "name": c, "kind": "organisation", "lifecycle": "active"} for c in codes]
        return tx.insert(Customer, rows)


@pytest.fixture
def constant_rows() -> Callable[[Sequence[Row], dict[str, str]], sa.Select[Any]]:
    """Return what selects rows that stand in the statement itself."""
    return _constant_rows


def _constant_rows(rows: Sequence[Row], kinds: dict[str, str]) -> sa.Select[Any]:
    types: dict[str, Any] = {
        "int64": sa.BigInteger(),
        "string": sa.Text(),
        "date": sa.Date(),
        "boolean": sa.Boolean(),
        "float64": sa.Float(),
    }

    def one(row: Row) -> sa.Select[Any]:
        values = [_literal(row[name], types[kind]).label(name) for name, kind in kinds.items()]
        return sa.select(*values)

    if not rows:
        return one(dict.fromkeys(kinds)).where(sa.false())
    union = sa.union_all(*map(one, rows)).subquery()
    return sa.select(*union.c)


def _literal(value: Any, kind: Any) -> sa.ColumnElement[Any]:
    if value is None:
        return sa.cast(sa.null(), sa.Text() if isinstance(kind, sa.Date) else kind)
    if isinstance(value, date):
        return sa.literal(value, sa.Date())
    return sa.cast(sa.literal(value, kind), kind)
