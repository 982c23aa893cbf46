"""Rows go into PostgreSQL by COPY: as an INSERT would have written them, and only through the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.columns import taken_apart
from crmcore.db.base import BigId, JsonText, UtcDateTime
from crmcore.db.engine import gate
from crmcore.db.rows import Rows, write_many
from crmcore.db.tables import TableInfo
from crmcore.errors import GateError
from crmcore.plugins.types import TableSpec
from crmcore.testing import ACTOR, CommandLine

pytestmark = pytest.mark.parametrize("database", ["postgres"], indirect=True)


class Model(SQLModel, registry=registry(metadata=sa.MetaData())):
    """Base of a table that is no part of the core's."""


class Thing(Model, table=True):
    """A table with a column of each kind."""

    __tablename__ = "copied_thing"
    id: int = Field(sa_column=sa.Column(BigId, primary_key=True))
    note: str | None = Field(sa_column=sa.Column(sa.Text))
    price: Decimal | None = Field(sa_column=sa.Column(sa.Numeric(20, 4)))
    amount: int | None = Field(sa_column=sa.Column(sa.BigInteger))
    ratio: float | None = Field(sa_column=sa.Column(sa.Float))
    day: date | None = Field(sa_column=sa.Column(sa.Date))
    at: datetime | None = Field(sa_column=sa.Column(UtcDateTime))
    yes: bool | None = Field(sa_column=sa.Column(sa.Boolean))
    parts: Any = Field(sa_column=sa.Column(JsonText))
    attributes: dict[str, Any] = Field(sa_column=sa.Column(JsonText, nullable=False))


INFO = TableInfo(TableSpec(Thing))
TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8")) | st.sampled_from(
    ["\\N", "\\.", "\\", "a\\tb", "\t", "\n", "\r\n", "", " ", '"', "'", "\\x41", "\x7f", "𠮷", "{}"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
ROWS = st.fixed_dictionaries(
    {
        "note": st.none() | TEXTS,
        "price": st.none() | st.decimals(-(10**15), 10**15, places=4),
        "amount": st.none() | st.integers(-(2**63), 2**63 - 1),
        "ratio": st.none() | st.floats(allow_nan=False),
        "day": st.none() | st.dates(),
        "at": st.none() | st.datetimes(min_value=datetime(1000, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001
        "yes": st.none() | st.booleans(),
        "parts": JSON,
        "attributes": st.dictionaries(TEXTS, JSON, max_size=3),
    }
)


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


@pytest.fixture
def connection(app: App) -> Iterator[sa.Connection]:
    with app.engine.connect() as connection, gate(connection):
        INFO.table.create(connection)
        yield connection
        connection.rollback()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
    deadline=None,
)
@given(rows=st.lists(ROWS, min_size=1, max_size=4))
def test_a_row_that_is_copied_is_the_row_that_is_inserted(
    connection: sa.Connection, rows: list[dict[str, Any]]
) -> None:
    count = len(rows)
    connection.execute(sa.delete(INFO.table))
    connection.execute(sa.insert(INFO.table), [{"id": i, **row} for i, row in enumerate(rows)])
    Rows(connection).insert(INFO, range(count, 2 * count), taken_apart(rows))
    names = [name for name in INFO.columns if name != "id"]
    exactly = ", ".join(f"{name}::text" for name in names)
    query = f"SELECT {exactly} FROM copied_thing ORDER BY id"  # noqa: S608  (columns of the class above)
    found = connection.exec_driver_sql(query).all()
    assert found[:count] == found[count:]
    assert len(found) == 2 * count


def test_a_character_that_postgresql_cannot_hold_is_refused_as_ever(connection: sa.Connection) -> None:
    row = {name: None for name in INFO.columns if name != "id"} | {"note": "a\0b", "attributes": {}}
    for write in (
        lambda: connection.execute(sa.insert(INFO.table), [{"id": 1, **row}]),
        lambda: Rows(connection).insert(INFO, [2], taken_apart([row])),
    ):
        with pytest.raises(sa.exc.DataError), connection.begin_nested():
            write()
    assert connection.scalar(sa.select(sa.func.count()).select_from(INFO.table)) == 0


def test_an_error_tells_no_values(app: App) -> None:
    with pytest.raises(sa.exc.DataError) as caught, app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "甲", "tax_id": "SECRET" * 9}])
    assert "value too long" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_nothing_is_copied_past_the_gate(app: App) -> None:
    values = [(1, "X")]
    with app.engine.connect() as connection:
        with pytest.raises(GateError, match="went round the gate"):
            write_many(connection, "customer", ["id", "code"], values)
        with pytest.raises(GateError, match="went round the gate"):
            connection.exec_driver_sql("COPY customer (id, code) FROM STDIN")
        with pytest.raises(GateError, match="went round the gate"):
            connection.exec_driver_sql("/* SELECT */ copy search_index FROM STDIN")
    with app.write(ACTOR) as tx, pytest.raises(GateError, match="went round the gate"):
        tx.connection.exec_driver_sql("COPY customer (id, code) FROM '/dev/null'")
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.select(sa.func.count()).select_from(sa.table("customer"))) == 0


def test_a_code_that_is_there_is_told_as_by_an_insert(app: App, crm: CommandLine) -> None:
    def told(write: Callable[[App], object]) -> tuple[str, str, str]:
        with pytest.raises(sa.exc.IntegrityError) as caught:
            write(app)
        error: Any = caught.value.orig
        return error.sqlstate, error.diag.constraint_name, str(error).split("\n")[0]

    def insert(app: App) -> None:
        with app.engine.begin() as connection, gate(connection):
            again = sa.text("INSERT INTO customer SELECT (c).* FROM (SELECT c FROM customer AS c) AS s")
            connection.execute(again)

    def copy(app: App) -> None:
        with app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": "B", "name": "乙"}, {"code": "A", "name": "甲"}])

    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "甲"}])
    kind, name, sentence = told(copy)
    other_kind, _other_name, other_sentence = told(insert)
    assert (kind, name) == (other_kind, "uq_customer_code")
    assert sentence.split('"')[0] == other_sentence.split('"')[0]
    assert [row["code"] for row in crm.lines("customer", "list")] == ["A"]
