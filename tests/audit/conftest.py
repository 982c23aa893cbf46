"""What the tests of history and audit share: a company with changes in its log, and hands that reach past the gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer
from crmcore.app import App
from crmcore.changes import seal_pending
from crmcore.testing import ACTOR, CommandLine
from crmcore.tx import Tx

Changed = dict[str, Any]


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


@pytest.fixture
def rows(app: App) -> Callable[..., list[dict[str, Any]]]:
    """Read with SQL alone."""

    def read(query: str) -> list[dict[str, Any]]:
        with app.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(query.replace(":", "\\:"))).mappings()]

    return read


@pytest.fixture
def tamper(app: App) -> Callable[..., int]:
    """Write past the gate, as somebody with a database tool would; returns how many rows were met."""

    def write(*statements: str) -> int:
        count = 0
        with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
            for statement in statements:
                count += connection.execute(sa.text(statement.replace(":", "\\:"))).rowcount
        return count

    return write


@pytest.fixture
def seal(app: App) -> Callable[[], int]:
    """Seal what waits (on SQLite nothing does)."""

    def run() -> int:
        with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
            return seal_pending(connection)

    return run


@pytest.fixture
def worked(app: App, seal: Callable[[], int], crm: CommandLine) -> CommandLine:
    """Return the command line in a company where work was done: six transactions, each of several entries but one."""
    with app.write(ACTOR, "第一批") as tx:
        tx.insert(Customer, [{"code": c, "name": f"{c} 公司", "phone": "1"} for c in ("A", "B", "C", "D")])
    with app.write(ACTOR, "why: “because”\nsecond line") as tx:
        tx.insert(Contact, [{"code": "P1", "name": "李四", "phone": "139"}])
        tx.update(Customer, [(_id(tx, "A"), {"phone": "2"}), (_id(tx, "B"), {"attributes": {"fax": "3"}})])
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(_id(tx, "A"), {"phone": "3"})])
    with app.write(ACTOR) as tx:
        tx.archive(Customer, [_id(tx, "B"), _id(tx, "C"), _id(tx, "D")])
    with app.write(ACTOR) as tx:
        tx.restore(Customer, [_id(tx, "B"), _id(tx, "C")])
    seal()
    return crm


def _id(tx: Tx, code: str) -> int:
    return int(
        tx.connection.scalar(sa.text("SELECT id FROM customer WHERE code = :code"), {"code": code}) or 0
    )
