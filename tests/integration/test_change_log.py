"""The change log: what is in it, and that its hashes can be recomputed by somebody who never saw our code.

The oracle is tests/oracles/change_log.py.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer
from crmcore.app import App
from crmcore.changes import read_after, seal_pending, unsealed
from crmcore.testing import ACTOR
from tests.oracles.change_log import Row, header_text, moment, problems, rows_of, sha


def seal(app: App) -> int:
    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        return seal_pending(connection)


# -- what is logged ----------------------------------------------------------------------------------------------


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


def entries(app: App, entity: str = "customer") -> list[Row]:
    with app.read() as ctx:
        query = sa.text("SELECT * FROM change_log WHERE entity = :entity ORDER BY seq")
        return [dict(row) for row in ctx.connection.execute(query, {"entity": entity}).mappings()]


def add(app: App, *codes: str, **values: Any) -> list[int]:
    with app.write(ACTOR) as tx:
        return tx.insert(Customer, [{"code": code, "name": code, **values} for code in codes])


def test_a_create_is_logged_with_what_was_set_in_characters_as_they_are(app: App) -> None:
    (number,) = add(
        app, "甲-1", phone="电话 021", since=date(2024, 2, 29), attributes={"address": "示例路1号 “甲” 😀"}
    )
    (entry,) = entries(app)
    assert (entry["entity_id"], entry["operation"], entry["before"]) == (number, "create", None)
    assert "\\u" not in entry["after"]
    assert all(text in entry["after"] for text in ("甲-1", "电话 021", "示例路1号", "😀", "2024-02-29"))
    after = json.loads(entry["after"])
    assert after["attributes"] == {"address": "示例路1号 “甲” 😀"}
    assert "short_name" not in after, "what was not set is not there"
    assert {"uid", "version", "kind", "lifecycle"} <= after.keys()


def test_an_update_logs_before_and_after_of_what_changed_and_nothing_else(app: App) -> None:
    (number,) = add(app, "A", phone="1", region="N", attributes={"fax": "1", "employees": 3})
    with app.write(ACTOR) as tx:
        edit = {
            "phone": "2",
            "region": "N",
            "short_name": "a",
            "attributes": {"fax": None, "employees": 3, "bank": "b"},
        }
        tx.update(Customer, [(number, edit)])
    update = entries(app)[-1]
    assert json.loads(update["before"]) == {
        "phone": "1",
        "short_name": None,
        "attributes": {"fax": "1", "bank": None},
    }
    assert json.loads(update["after"]) == {
        "phone": "2",
        "short_name": "a",
        "attributes": {"fax": None, "bank": "b"},
    }


def test_archive_restore_and_delete_are_logged_under_their_names(app: App, clock: Any) -> None:
    (number,) = add(app, "A", phone="1")
    with app.write(ACTOR) as tx:
        tx.archive(Customer, [number])
    with app.write(ACTOR) as tx:
        tx.restore(Customer, [number])
    with app.write(ACTOR) as tx:
        tx.delete(Customer, [number])
    archived, restored, deleted = entries(app)[-3:]
    assert json.loads(archived["before"]) == {"archived_at": None}
    assert json.loads(archived["after"]) == {"archived_at": moment(clock.now)}
    assert (restored["operation"], json.loads(restored["after"])) == ("restore", {"archived_at": None})
    assert (deleted["operation"], deleted["after"]) == ("delete", None)
    before = json.loads(deleted["before"])
    assert (before["code"], before["phone"]) == ("A", "1"), "a delete keeps all that the row held"


def test_a_transaction_that_changes_nothing_leaves_no_trace(app: App) -> None:
    (number,) = add(app, "A", phone="1", attributes={"fax": "1"})
    before = rows_of(app, "SELECT * FROM change_tx")
    with app.write(ACTOR) as tx:
        assert tx.update(Customer, [(number, {"phone": "1", "attributes": {"fax": "1", "bank": None}})]) == 0
        assert tx.restore(Customer, [number]) == 0
    with app.write(ACTOR):
        pass
    assert rows_of(app, "SELECT * FROM change_tx") == before
    assert len(entries(app)) == 1


def test_the_header_says_who_when_why_and_from_where(app: App, clock: Any) -> None:
    with app.write(ACTOR, "开业 first day", "import:7") as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
    newest = rows_of(app, "SELECT * FROM change_tx ORDER BY id DESC")[0]
    assert (newest["actor"], newest["reason"], newest["source"]) == (ACTOR, "开业 first day", "import:7")
    assert moment(newest["at"]) == moment(clock.now)


def test_who_is_authenticated_is_the_systems_user_whatever_the_environment_claims(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwd = pytest.importorskip("pwd")
    import os

    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    add(app, "A")
    newest = rows_of(app, "SELECT * FROM change_tx ORDER BY id DESC")[0]
    assert newest["authenticated_as"] == pwd.getpwuid(os.getuid()).pw_name


def test_text_may_hold_anything_that_text_can_hold(app: App) -> None:
    nasty = "a\nb\r\tc \x01 \u2028 \\u0041 \" ' \x7f"
    add(app, "A", short_name=nasty, attributes={"notes": nasty})
    after = json.loads(entries(app)[-1]["after"])
    assert (after["short_name"], after["attributes"]["notes"]) == (nasty, nasty)
    assert "\n" not in entries(app)[-1]["after"]
    seal(app)
    assert problems(app) == []


# -- the chain ---------------------------------------------------------------------------------------------------


def history(app: App) -> None:
    numbers = add(app, "A", "乙", "C", phone="1")
    with app.write(ACTOR, "why: “because”\nsecond line") as tx:
        tx.insert(Contact, [{"code": "P1", "name": "李四", "phone": "139"}])
        tx.update(Customer, [(numbers[0], {"phone": "2"}), (numbers[1], {"attributes": {"fax": "3"}})])
    with app.write(ACTOR) as tx:
        tx.archive(Customer, numbers)
    with app.write(ACTOR) as tx:
        tx.delete(Customer, numbers[:1])


def test_hashes_and_seals_are_what_the_documented_format_gives(app: App) -> None:
    history(app)
    seal(app)
    assert len(rows_of(app, "SELECT * FROM change_seal")) == len(rows_of(app, "SELECT * FROM change_tx")) == 5
    assert problems(app) == []


TAMPERING = {
    "an image": "UPDATE change_log SET after = replace(after, '\"2\"', '\"9\"') WHERE operation = 'update'",
    "who it was": "UPDATE change_tx SET actor = 'somebody' WHERE id = 3",
    "when it was": "UPDATE change_tx SET at = '2020-01-01 00:00:00.000000' WHERE id = 3",
    "why it was": "UPDATE change_tx SET reason = '' WHERE id = 3",
    "an entry taken out": "DELETE FROM change_log WHERE operation = 'archive' AND entity_id = 2",
    "the last entry of a transaction": "DELETE FROM change_log WHERE seq = (SELECT last_seq FROM change_tx WHERE id = 3)",
    "the order of two": "UPDATE change_log SET entity_id = 5 - entity_id WHERE operation = 'archive' AND entity_id > 1",
    "a transaction taken out": "DELETE FROM change_tx WHERE id = 3",
    "a seal": "UPDATE change_seal SET seal = hex(randomblob(32)) WHERE position = 2",
    "a seal taken out": "DELETE FROM change_seal WHERE position = 2",
    "a forged entry": (
        "INSERT INTO change_log SELECT 999, 3, entity, entity_id, operation, before, after, hash FROM change_log"
        " WHERE operation = 'update' LIMIT 1"
    ),
    "another row's change": "UPDATE change_log SET entity_id = 77 WHERE operation = 'update'",
    "another operation": "UPDATE change_log SET operation = 'create' WHERE operation = 'archive'",
}


def rewrite(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_shows_when_the_log_is_recomputed(make_app: Callable[..., App], what: str) -> None:
    app = make_app()
    history(app)
    assert problems(app) == []
    app.close()
    rewrite(app.config.folder / "crm.db", TAMPERING[what])
    assert problems(app) != []


def test_rewriting_a_transaction_with_its_hashes_still_breaks_its_seal(make_app: Callable[..., App]) -> None:
    app = make_app()
    history(app)
    tx = rows_of(app, "SELECT * FROM change_tx WHERE id = 2")[0]
    previous, statements = sha(header_text(tx)), []
    for e in rows_of(app, "SELECT * FROM change_log WHERE tx_id = 2 ORDER BY seq"):
        after = e["after"].replace('"1"', '"9"')
        previous = sha(previous, e["seq"], e["entity"], e["entity_id"], e["operation"], e["before"], after)
        statements.append((after, previous, e["seq"]))
    app.close()
    with sqlite3.connect(app.config.folder / "crm.db") as connection:
        connection.executemany("UPDATE change_log SET after = ?, hash = ? WHERE seq = ?", statements)
        connection.execute("UPDATE change_tx SET digest = ? WHERE id = 2", (previous,))
    connection.close()
    assert problems(app) == ["seal 2"]


def test_the_next_seal_follows_the_seal_before_it(
    make_app: Callable[..., App], reopen: Callable[..., App]
) -> None:
    app = make_app()
    add(app, "A")
    again = reopen(app)
    add(again, "B")
    add(app, "C")
    assert problems(app) == []
    assert [s["position"] for s in rows_of(app, "SELECT * FROM change_seal ORDER BY position")] == [
        1,
        2,
        3,
        4,
    ]


def test_sqlite_seals_with_the_transaction_and_postgresql_afterwards(app: App, database: str) -> None:
    add(app, "A")
    with app.read() as ctx:
        waiting = unsealed(ctx.connection)
    assert waiting == (0 if database == "sqlite" else 2)
    assert seal(app) == waiting
    assert seal(app) == 0
    with app.read() as ctx:
        assert unsealed(ctx.connection) == 0
    assert problems(app) == []


# -- PostgreSQL: ids commit out of order -------------------------------------------------------------------------


@pytest.mark.postgres
def test_readers_and_sealer_go_by_transactions_when_two_are_interleaved(
    make_app: Callable[..., App], reopen: Callable[..., App]
) -> None:
    app = make_app(database="postgres")
    seal(app)
    other = reopen(app)
    with app.read() as ctx:
        xid, change = read_after(ctx.connection, 0, 0, 10)[-1]
        place = (xid, change.seq)

    def visible() -> list[tuple[int, str]]:
        with app.read() as ctx:
            return [(c.seq, (c.after or {})["code"]) for _xid, c in read_after(ctx.connection, *place, 100)]

    with app.write(ACTOR) as slow:
        slow.insert(Customer, [{"code": "slow-1", "name": "s"}])
        with other.write(ACTOR) as fast:
            fast.insert(Customer, [{"code": "fast-1", "name": "f"}])
            slow.insert(Customer, [{"code": "slow-2", "name": "s"}])
            fast.insert(Customer, [{"code": "fast-2", "name": "f"}])
        assert visible() == [], "an older transaction is still open: who read past it would miss its entries"
        assert seal(other) == 0
    seen = visible()
    assert [code for _seq, code in seen] == ["slow-1", "slow-2", "fast-1", "fast-2"]
    assert [seq for seq, _code in seen] != sorted(seq for seq, _code in seen), "by transaction, not by number"
    assert seal(app) == 2
    assert problems(app) == []
    with app.read() as ctx:
        first = read_after(ctx.connection, *place, 3)
        xid, change = first[-1]
        rest = read_after(ctx.connection, xid, change.seq, 3)
    assert [(c.after or {})["code"] for _xid, c in [*first, *rest]] == [
        "slow-1",
        "slow-2",
        "fast-1",
        "fast-2",
    ]


@pytest.mark.postgres
def test_what_is_rolled_back_leaves_a_gap_and_no_entry(
    make_app: Callable[..., App], reopen: Callable[..., App]
) -> None:
    app = make_app(database="postgres")
    with pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        _ = 1 // 0
    add(app, "B")
    seal(app)
    assert problems(app) == []
    seqs = [e["seq"] for e in rows_of(app, "SELECT seq FROM change_log ORDER BY seq")]
    assert seqs == [1, 3]


# -- ranges ------------------------------------------------------------------------------------------------------

POINTS = """
from crmcore.api import TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Point
    return [TableSpec(Point, log="range", customer_references=("customer_id",))]
"""
TABLES = """
import datetime
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, JsonText, UtcDateTime, metadata

class PointsModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Point(PointsModel, table=True):
    __tablename__ = "points_point"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int | None = Field(default=None, sa_type=BigId, foreign_key="customer.id")
    earned_on: datetime.date
    at: datetime.datetime = Field(sa_type=UtcDateTime)
    points: int = Field(default=0, sa_type=BigId)
    spent: bool = False
    why: str | None = Field(default=None, max_length=100)
    details: dict = Field(default_factory=dict, sa_type=JsonText)
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId, JsonText

revision = "points_0001"
down_revision = None
branch_labels = None
depends_on = None

def upgrade():
    op.create_table(
        "points_point",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=True),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("points", BigId, nullable=False),
        sa.Column("spent", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(100), nullable=True),
        sa.Column("details", JsonText, nullable=False),
        sqlite_autoincrement=True,
    )

def downgrade():
    op.drop_table("points_point")
"""


@pytest.fixture
def points(make_app: Callable[..., App], database: str, install_plugin: Any) -> tuple[App, Any]:
    plugin = install_plugin(
        "points",
        POINTS,
        {"table_prefix": "points", "migrations": "migrations"},
        files={"tables.py": TABLES, "migrations/0001_points.py": MIGRATION},
    )
    app = make_app(["points"], database)
    return app, importlib.import_module(f"{plugin.package}.tables").Point


def range_digest(app: App, after: Row) -> str:
    """Recompute the digest of a range from the rows as they stand in the table."""
    names = after["columns"]
    with app.read() as ctx:
        table = app.tables["points_point"].table
        rows: list[Any] = []
        for first, last in after.get("ids", [(after["first"], after["last"])]):
            query = sa.select(*(table.c[n] for n in names)).where(table.c.id.between(first, last))
            rows += ctx.connection.execute(query.order_by(table.c.id)).all()
    assert len(rows) == after["rows"]

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return moment(value)
        return value.isoformat() if isinstance(value, date) else value

    values = [[plain(v) for v in row] for row in rows]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def point_rows(number: int | None) -> Iterable[Row]:
    at = datetime(2026, 3, 1, 12, 30, 1, 5, tzinfo=UTC)
    yield {"customer_id": number, "points": 10, "why": "甲 “first”", "earned_on": date(2026, 3, 1), "at": at}
    yield {"at": at, "earned_on": date(2026, 2, 28), "details": {"z": 1, "a": {"y": [1.5, None], "b": "乙"}}}
    yield {"earned_on": date(2026, 2, 27), "spent": True, "at": at, "points": -3}


def test_a_range_is_one_entry_whose_digest_the_rows_give_again(points: tuple[App, Any]) -> None:
    app, point = points
    (number,) = add(app, "A")
    with app.write(ACTOR) as tx:
        ids = tx.insert(point, list(point_rows(number)))
        tx.insert(point, [next(iter(point_rows(number)))])
    first, second = entries(app, "points_point")
    after = json.loads(first["after"])
    assert (first["entity_id"], first["operation"], first["before"]) == (None, "append", None)
    assert (after["first"], after["last"], after["rows"]) == (ids[0], ids[-1], 3)
    assert after["sha256"] == range_digest(app, after)
    assert json.loads(second["after"])["sha256"] == range_digest(app, json.loads(second["after"]))
    seal(app)
    assert problems(app) == []


@pytest.mark.postgres
def test_ranges_that_two_transactions_write_at_once_are_told_apart(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    files = {"tables.py": TABLES, "migrations/0001_points.py": MIGRATION}
    install_plugin("points", POINTS, {"table_prefix": "points", "migrations": "migrations"}, files=files)
    one = make_app(["points"], "postgres")
    two = reopen(one)
    point = importlib.import_module("crmcore_points.tables").Point
    with one.write(ACTOR) as tx, two.write(ACTOR) as other:
        reserve = tx._rows.reserve

        def interleaved(table: str, column: str, count: int) -> list[int]:
            first = reserve(table, column, 1)
            if table == "points_point":
                other.insert(point, list(point_rows(None)))
            return [*first, *reserve(table, column, count - 1)] if count > 1 else first

        tx._rows.reserve = interleaved  # type: ignore[method-assign]
        tx.insert(point, list(point_rows(None)))
    by_transaction = sorted(entries(one, "points_point"), key=lambda e: e["tx_id"])
    first, second = (json.loads(e["after"]) for e in by_transaction)
    assert (first["rows"], first["ids"]) == (3, [[1, 1], [5, 6]])
    assert (second["rows"], second["first"], second["last"]) == (3, 2, 4)
    assert "ids" not in second
    for after in (first, second):
        assert after["sha256"] == range_digest(one, after)


def test_a_changed_row_no_longer_gives_the_digest_of_its_range(points: tuple[App, Any]) -> None:
    app, point = points
    with app.write(ACTOR) as tx:
        ids = tx.insert(point, list(point_rows(None)))
    after = json.loads(entries(app, "points_point")[0]["after"])
    assert after["sha256"] == range_digest(app, after)
    with app.write(ACTOR) as tx:
        tx.update(point, [(ids[1], {"why": "later"})])
    assert after["sha256"] != range_digest(app, after)
    update = entries(app, "points_point")[-1]
    assert (update["operation"], json.loads(update["before"]), json.loads(update["after"])) == (
        "update",
        {"why": None},
        {"why": "later"},
    ), "but the change itself stands in the log"


def test_reading_the_log_gives_changes_after_a_place_in_order(app: App) -> None:
    history(app)
    seal(app)
    with app.read() as ctx:
        every = read_after(ctx.connection, 0, 0, 100)
        xid, change = every[3]
        rest = read_after(ctx.connection, xid, change.seq, 2)
    assert [c.seq for _x, c in rest] == [c.seq for _x, c in every[4:6]]
    contact = next(c for _x, c in every if c.entity == "contact")
    assert contact.after is not None
    assert (contact.operation, contact.after["name"], contact.after["phone"]) == ("create", "李四", "139")
