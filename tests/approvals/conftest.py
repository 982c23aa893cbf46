"""A company with people who ask and people who decide, and a plugin of somebody else that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Actor, ApprovalRequest, Customer, request_approvals
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

PEOPLE = {
    "rep": "sales_representative",
    "clerk": "service_desk",
    "head": "sales_manager",
    "boss": "general_manager",
    "second": "general_manager",
    "guest": "reader",
}

BONUS_TABLES = """
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class BonusModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Point(BonusModel, table=True):
    __tablename__ = "bonus_point"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    points: int
"""
BONUS_MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "bonus_0001"
down_revision = None

def upgrade():
    op.create_table("bonus_point", sa.Column("id", BigId, primary_key=True),
                    sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
                    sa.Column("points", sa.Integer(), nullable=False), sqlite_autoincrement=True)

def downgrade():
    op.drop_table("bonus_point")
"""
BONUS = """
from crmcore.api import ApprovalKind, Refused, TableSpec, Verdict, hookimpl

SCHEMA = {
    "type": "object", "required": ["points"], "additionalProperties": False,
    "properties": {"points": {"type": "integer", "minimum": 1}},
}

def who(request):
    if request.subject == "broken":
        raise LookupError("no such level")
    return "approve" if request.payload["points"] > 100 else "records.export"

def give(tx, request):
    from .tables import Point
    points = request.payload["points"]
    tx.insert(Point, [{"customer_id": request.customer_id, "points": points}])
    print("given")
    if points == 77:
        tx.insert(Point, [{"customer_id": 0, "points": points}])
    if points in (666, 6):
        raise Refused("the devil gets no points")
    if points == 500:
        raise SystemExit("printer on fire")
    assert tx.ctx.plugin == "bonus" and tx.ctx.settings["bank"] == "main"
    assert request.state == "approved" and request.id and request.requested_by

@hookimpl
def models():
    from .tables import Point
    return [TableSpec(Point, customer_references=("customer_id",))]

@hookimpl
def approval_kinds():
    return [
        ApprovalKind("bonus_points", "Extra points", who, give, 7, SCHEMA, lambda r: r.payload["points"] > 1000),
        ApprovalKind("bonus_wish", "Wish", expires_days=None),
    ]

@hookimpl
def approve_requests(requests, ctx):
    if any(r.subject == "ask the oracle" for r in requests):
        raise LookupError("the oracle is silent")
    for i, r in enumerate(requests):
        assert r.id == 0 and r.state == "requested" and r.requested_by == ctx.actor
        if r.kind == "bonus_points" and r.payload["points"] <= 10:
            yield Verdict(i, "approve", f"only {r.payload['points']} points")
        if r.subject.startswith("never"):
            yield Verdict(i, "reject", "never is never")
        if r.subject == "just so":
            yield Verdict(i, "approve", "  ")
"""
BONUS_SETTINGS = """{"type": "object", "additionalProperties": false,
 "properties": {"bank": {"type": "string", "default": "main", "title": "Bank", "description": "Which bank."}}}"""


@pytest.fixture
def bonus(install_plugin: Any) -> Any:
    """Install the plugin `bonus`: a kind that gives points, a kind that does nothing, and rules of its own."""
    files = {
        "tables.py": BONUS_TABLES,
        "migrations/0001_bonus.py": BONUS_MIGRATION,
        "settings.schema.json": BONUS_SETTINGS,
    }
    manifest = {
        "table_prefix": "bonus",
        "migrations": "migrations",
        "settings": "settings.schema.json",
        "requires": [],
    }
    return install_plugin("bonus", BONUS, manifest, files=files)


@pytest.fixture
def staffed() -> Callable[[App], App]:
    """Hire people into a workspace, and give it two customers: a firm (C1) and a natural person (C2)."""

    def hire(app: App) -> App:
        with app.write(ACTOR) as tx:
            tx.insert(Actor, [{"code": c, "name": c, "roles": [role]} for c, role in PEOPLE.items()])
            firm = {"code": "C1", "name": "示例商贸", "kind": "organisation"}
            tx.insert(Customer, [firm, {"code": "C2", "name": "王小明", "kind": "person"}])
        return app

    return hire


@pytest.fixture
def company(make_app: Callable[..., App], staffed: Callable[[App], App], database: str) -> App:
    """Return a staffed company on either database, no plugin enabled."""
    return staffed(make_app(database=database))


@pytest.fixture
def small(make_app: Callable[..., App], staffed: Callable[[App], App]) -> App:
    """Return a staffed company on SQLite, where the database does not matter."""
    return staffed(make_app())


@pytest.fixture
def bonus_company(
    make_app: Callable[..., App], staffed: Callable[[App], App], database: str, bonus: Any
) -> App:
    """Return a staffed company on either database, with the plugin `bonus`."""
    return staffed(make_app(["bonus"], database))


@pytest.fixture
def wish() -> Callable[..., int]:
    """Make one request, by default of the kind `general` in the name of `rep`; returns its number."""

    def ask(app: App, actor: str = "rep", **values: Any) -> int:
        request = ApprovalRequest(
            **{"kind": "general", "subject": "8% off", "reason": "old friend", **values}
        )
        with app.write(actor, "ask", plugin="approvals") as tx:
            return request_approvals(tx, [request])[0]

    return ask


@pytest.fixture
def points(wish: Callable[..., int]) -> Callable[..., int]:
    """Ask for so many points for the customer C1, as the plugin `bonus` does."""

    def ask(app: App, number: int, actor: str = "rep", **values: Any) -> int:
        usual = {"subject": f"{number} points", "payload": {"points": number}, "customer_id": 1}
        return wish(app, actor, kind="bonus_points", **{**usual, **values})

    return ask


@pytest.fixture
def given() -> Callable[[App], list[int]]:
    """Return the points that were given."""

    def read(app: App) -> list[int]:
        with app.read() as ctx:
            return list(ctx.connection.scalars(sa.text("SELECT points FROM bonus_point ORDER BY id")))

    return read


@pytest.fixture
def deputy(crm: CommandLine) -> Callable[..., None]:
    """Let one actor stand in for another, by default in March."""

    def appoint(code: str, absent: str, since: str = "2026-03-01", until: str = "2026-03-31") -> None:
        crm.ok("actor", "deputy", code, "--of", absent, "--from", since, "--until", until)

    return appoint


@pytest.fixture
def columns() -> Callable[..., tuple[Any, ...]]:
    """Return columns of a request as they are stored; days as ISO."""

    def read(app: App, number: int, *names: str) -> tuple[Any, ...]:
        with app.read() as ctx:
            query = sa.text(f"SELECT {', '.join(names)} FROM approval_request WHERE id = {number}")  # noqa: S608
            return tuple(
                str(value) if name == "expires_on" else value
                for name, value in zip(names, ctx.connection.execute(query).one(), strict=True)
            )

    return read
