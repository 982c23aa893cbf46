"""Rows written together are the rows written one at a time: in the table, in the change log, in the search index."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.api import Customer, Refusal
from crmcore.app import App
from crmcore.builtin.columns import Columns, complete, picked, taken_apart, write
from crmcore.changes import PERSONAL, as_change
from crmcore.db.engine import gate
from crmcore.db.system import change_log
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Contact, Interaction
from crmcore.keys import PersonKeys
from crmcore.testing import ACTOR
from crmcore.tx import Tx

Row = dict[str, Any]
PARTS = (1, 49, 50, 51, 100, 101)
"""Around the number of rows that one statement takes."""

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=6) | st.sampled_from(
    [
        "示例商贸有限公司",
        "'",
        '"',
        "\\",
        "%s",
        "NULL",
        "?",
        "),\n(",
        "a\tb",
        "021-55550101",
        "0086 21 5555 0101",
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["address", "fax", "registered_capital", "note"]), TEXTS | st.integers(0, 9), max_size=3
)
ROWS = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={
        "kind": st.sampled_from(["organisation", "person"]),
        "short_name": st.none() | TEXTS,
        "owner": st.none(),
        "phone": st.none() | TEXTS,
        "tax_id": st.none() | TEXTS,
        "lifecycle": st.sampled_from(["active", "prospect"]),
        "attributes": ATTRIBUTES,
        "uid": st.uuids().map(str),
    },
)


def uid_of(row: Row) -> object:
    """Return what no other row may have."""
    return row.get("uid", object())


class _TakenBackError(Exception):
    """Ends a transaction of which nothing is to stay."""


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


def contents(connection: sa.Connection, model: Any, ids: Sequence[int]) -> list[Any]:
    """Return what stands in table, log and index of these rows, their ids as places; of uids only those given."""
    table = table_of(model)
    keys = PersonKeys(connection)
    rows = [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]
    log = connection.execute(sa.select(change_log).order_by(change_log.c.seq)).all()
    entries: list[Any] = []
    for entry in log:
        if entry.entity == table.name and entry.entity_id in ids:
            sealed = json.loads(entry.after).get(PERSONAL)
            change = as_change(entry, keys)
            entries.append(
                (ids.index(change.id), change.operation, change.before, change.after, bool(sealed))
            )
    names = "rowid, terms" if connection.dialect.name == "sqlite" else "doc, terms::text"
    words = connection.exec_driver_sql(f"SELECT {names} FROM search_index").all()  # noqa: S608  (names of our own)
    index = sorted(words)
    first = min(ids)
    return [
        [{**row, "id": ids.index(row["id"])} for row in rows if row["id"] in ids],
        entries,
        [(number - first, sorted(text.split())) for number, text in index if number >= first],
    ]


def inserted(app: App, write_rows: Callable[[Tx], list[int]], model: Any = Customer) -> list[Any]:
    """Write rows, return what is there then, and take them back."""
    found: list[Any] = []
    with pytest.raises(_TakenBackError), app.write(ACTOR) as tx:
        found = contents(tx.connection, model, write_rows(tx))
        raise _TakenBackError
    return found


def without_made_uids(found: list[Any], rows: Sequence[Row]) -> list[Any]:
    """Leave out the uids that nobody gave."""
    table, log, index = found
    for place, row in enumerate(rows):
        if "uid" not in row:
            assert len(table[place].pop("uid")) == 36
            log[place][3].pop("uid")
        else:
            assert table[place]["uid"] == row["uid"]
    return [table, log, index]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
    deadline=None,
)
@given(given_rows=st.lists(ROWS, min_size=1, max_size=5, unique_by=uid_of))
def test_rows_written_together_are_those_written_one_at_a_time(app: App, given_rows: list[Row]) -> None:
    rows = [{"code": f"C{place}", **row} for place, row in enumerate(given_rows)]
    together = inserted(app, lambda tx: tx.insert(Customer, rows))
    alone = inserted(app, lambda tx: [tx.insert(Customer, [row])[0] for row in rows])
    assert without_made_uids(together, rows) == without_made_uids(alone, rows)


@pytest.mark.parametrize("count", PARTS)
def test_many_rows_are_all_there_however_they_fill_the_statements(app: App, count: int) -> None:
    def row(place: int) -> Row:
        return {
            "code": f"C{place}",
            "name": f"示例{place}有限公司",
            "kind": "person" if place % 7 == 3 else "organisation",
            "phone": None,
            "attributes": {"address": f"示例路{place}号"} if place % 2 else {},
            **({"short_name": f"示{place}"} if place % 3 == 1 else {}),
        }

    rows = [row(place) for place in range(count)]
    together = inserted(app, lambda tx: tx.insert(Customer, rows))
    alone = inserted(app, lambda tx: [tx.insert(Customer, [row])[0] for row in rows])
    assert [len(part) for part in together] == [count] * 3
    assert [place for place, *_more in together[1]] == list(range(count))
    assert [sealed for *_more, sealed in together[1]] == [place % 7 == 3 for place in range(count)]
    assert without_made_uids(together, rows) == without_made_uids(alone, rows)


def test_rows_given_by_columns_are_those_given_one_by_one(app: App) -> None:
    rows = [{"code": f"C{place}", "name": "甲", "attributes": {"fax": str(place)}} for place in range(60)]
    by_columns = inserted(app, lambda tx: tx.insert(Customer, taken_apart(rows)))
    by_rows = inserted(app, lambda tx: tx.insert(Customer, rows))
    assert without_made_uids(by_columns, rows) == without_made_uids(by_rows, rows)


def test_what_names_persons_in_columns_of_its_own_is_sealed_for_them(app: App, clock: Any) -> None:
    def write_rows(tx: Tx) -> list[int]:
        firm, person = tx.insert(
            Customer,
            [{"code": "F", "name": "甲公司"}, {"code": "P", "name": "王某", "kind": "person"}],
        )
        contact = tx.insert(Contact, [{"code": "K", "name": "李某"}])[0]
        about = [(firm, None), (person, None), (firm, contact)]
        talks = [
            {
                "code": f"I{i}",
                "customer_id": c,
                "contact_id": k,
                "channel": "phone",
                "subject": "价",
                "at": clock(),
            }
            for i, (c, k) in enumerate(about)
        ]
        return tx.insert(Interaction, talks)

    _table, log, _index = inserted(app, write_rows, Interaction)
    assert [(place, after["subject"], sealed) for place, _op, _before, after, sealed in log] == [
        (0, "价", False),
        (1, "价", True),
        (2, "价", True),
    ]


REFUSER = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(i, "no " + c.after["code"], "code") for i, c in enumerate(changes) if c.after["code"][-1] in "03"]
"""


def test_of_many_rows_only_those_refused_are_left_out(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    install_plugin("refuser", REFUSER)
    app = make_app(["refuser"], database)
    told: list[tuple[int, Refusal]] = []
    rows = [
        {"code": f"C{place:03}", "name": f"示例{place}", "attributes": {"fax": "1"}} for place in range(120)
    ]
    with app.write(ACTOR) as tx:
        ids = tx.insert(Customer, rows, refused=lambda place, refusal: told.append((place, refusal)))
    out = [place for place in range(120) if place % 10 in {0, 3}]
    assert [place for place, number in enumerate(ids) if not number] == out
    assert [(place, refusal.message) for place, refusal in told] == [(i, f"no C{i:03}") for i in out]
    with app.read() as ctx:
        found = contents(ctx.connection, Customer, [number for number in ids if number])
    names = [rows[place]["name"] for place in range(120) if place not in out]
    assert [row["name"] for row in found[0]] == names
    assert [entry[3]["name"] for entry in found[1]] == names
    assert len(found[2]) == len(names)


def test_a_column_that_no_table_has_is_named(app: App) -> None:
    rows = [{"code": "A", "name": "甲"}, {"code": "B", "name": "乙", "colour": "red"}]
    with pytest.raises(KeyError, match="customer has no column colour"), app.write(ACTOR) as tx:
        tx.insert(Customer, rows)


def test_a_code_given_twice_is_told_without_the_statement_of_all_rows(app: App) -> None:
    rows = [{"code": "A", "name": f"SECRET{place}"} for place in range(50)]
    with pytest.raises(sa.exc.IntegrityError) as caught, app.write(ACTOR) as tx:
        tx.insert(Customer, rows)
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.fixture
def numbers(app: App) -> Iterator[tuple[sa.Connection, sa.Table]]:
    table = sa.Table(
        "some_numbers", sa.MetaData(), *(sa.Column(name, sa.Integer, nullable=True) for name in "abc")
    )
    with app.engine.connect() as connection, gate(connection):
        table.create(connection)
        yield connection, table
        connection.rollback()


@pytest.mark.parametrize("count", PARTS)
def test_a_column_of_nulls_is_null_in_every_row(numbers: tuple[sa.Connection, sa.Table], count: int) -> None:
    connection, table = numbers
    write(connection, "some_numbers", {"a": range(count), "b": None, "c": [None] * count})
    write(
        connection, "some_numbers", {"a": range(count), "b": (None,) * (count - 1) + (1,), "c": range(count)}
    )
    found = connection.execute(sa.select(table)).all()
    expected = [(i, None, None) for i in range(count)]
    expected += [(i, 1 if i == count - 1 else None, i) for i in range(count)]  # type: ignore[misc]
    assert list(map(tuple, found)) == expected


def test_columns_are_a_sequence_of_rows() -> None:
    rows: list[Row] = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": None}]
    columns = taken_apart(rows)
    assert list(columns) == rows
    assert (columns[0], columns[-1], len(columns)) == (rows[0], rows[-1], 3)
    assert list(columns[1:]) == rows[1:]
    assert list(columns.without({1})) == [rows[0], rows[2]]
    assert (columns.column("a"), columns.column("z", 0)) == ([1, 2, 3], [0, 0, 0])
    assert taken_apart(columns) is columns
    with pytest.raises(IndexError):
        columns[3]


def test_absent_values_are_filled_where_another_row_has_them() -> None:
    rows: list[Row] = [{"a": 1}, {"b": 2}]
    columns = taken_apart(rows, {"b": lambda: 7})
    assert list(columns) == [{"a": 1, "b": 7}, {"a": None, "b": 2}]
    assert list(picked([{"a": 1, "b": 2}, {}], ["a"])) == [{"a": 1}, {"a": None}]


def test_what_is_given_stands_before_a_default(app: App, clock: Any) -> None:
    info = app.core_tables["customer"]
    rows: list[Row] = [{"code": "A", "name": "甲", "version": 3}, {"code": "B", "name": "乙", "uid": None}]
    first, second = (
        complete(info, Columns({"code": ["A"], "name": ["甲"]}, 1), clock())[0],
        complete(info, rows, clock()),
    )
    assert (first["kind"], first["version"], first["attributes"]) == ("organisation", 1, {})
    assert [row["version"] for row in second] == [3, 1]
    assert [row["uid"] is None for row in second] == [False, True]
