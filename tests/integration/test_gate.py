"""The one gate for writing: what it writes, what it refuses, and that nothing gets round it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from crmcore.api import Contact, Customer, Interaction, Refusal, Refused, StaleVersion
from crmcore.app import App
from crmcore.errors import CrmError, GateError, NotFound
from crmcore.testing import ACTOR

Row = dict[str, Any]


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


def customers(app: App) -> dict[str, Row]:
    with app.read() as ctx:
        rows = ctx.connection.execute(sa.select(Customer.__table__)).mappings()  # type: ignore[attr-defined]
        return {row["code"]: dict(row) for row in rows}


def log(app: App) -> list[Row]:
    with app.read() as ctx:
        return [
            dict(row)
            for row in ctx.connection.execute(sa.text("SELECT * FROM change_log ORDER BY seq")).mappings()
        ]


def count(app: App, table: str) -> int:
    with app.read() as ctx:
        return int(ctx.connection.scalar(sa.text(f"SELECT count(*) FROM {table}")))  # noqa: S608


def add(app: App, *codes: str, **values: Any) -> list[int]:
    with app.write(ACTOR) as tx:
        return tx.insert(Customer, [{"code": code, "name": code, **values} for code in codes])


# -- what failed half-way ----------------------------------------------------------------------------------------


def _insert_twice(tx: Any) -> None:
    tx.insert(Customer, [{"code": "NEW", "name": "new"}, {"code": "A", "name": "there already"}])


def _give_two_the_same(tx: Any) -> None:
    tx.update(Customer, [(1, {"code": "Z"}), (2, {"code": "Z"})])


def _delete_what_is_pointed_to(tx: Any) -> None:
    tx.delete(Customer, [1])


@pytest.mark.parametrize("fails", [_insert_twice, _give_two_the_same, _delete_what_is_pointed_to])
@pytest.mark.parametrize("more", [True, False])
def test_a_write_that_failed_half_way_cannot_be_passed_over(
    app: App, fails: Callable[[Any], None], *, more: bool
) -> None:
    (first,) = add(app, "A")
    add(app, "B", parent_id=first)
    rows, entries = customers(app), log(app)
    with pytest.raises((GateError, sa.exc.DBAPIError)), app.write(ACTOR) as tx:
        with pytest.raises(sa.exc.IntegrityError):
            fails(tx)
        if more:
            tx.update(Customer, [(first, {"phone": "1"})])
    assert (customers(app), log(app)) == (rows, entries)


def test_a_value_that_cannot_be_logged_is_not_written_either(app: App) -> None:
    add(app, "A")
    with (
        pytest.raises((GateError, sa.exc.DBAPIError)),
        app.write(ACTOR) as tx,
        pytest.raises((TypeError, sa.exc.StatementError)),
    ):
        tx.update(Customer, [(1, {"attributes": {"x": object()}})])
    assert customers(app)["A"]["attributes"] == {}


# -- writing -----------------------------------------------------------------------------------------------------


def test_insert_fills_in_id_uid_version_and_defaults(app: App) -> None:
    ids = add(app, "A", "B")
    rows = customers(app)
    assert [rows["A"]["id"], rows["B"]["id"]] == ids
    assert rows["A"]["uid"] != rows["B"]["uid"]
    assert {
        k: rows["A"][k] for k in ("version", "kind", "lifecycle", "attributes", "archived_at", "phone")
    } == {
        "version": 1,
        "kind": "organisation",
        "lifecycle": "active",
        "attributes": {},
        "archived_at": None,
        "phone": None,
    }


def test_rows_with_the_same_keys_and_with_mixed_keys_are_stored_alike(app: App) -> None:
    full = {
        "name": "甲",
        "phone": "021",
        "since": date(2024, 2, 29),
        "attributes": {"fax": "1", "employees": 40},
    }
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", **full}, {"code": "B", **full}])
        tx.insert(
            Customer,
            [{"code": "C", **full}, {"code": "D", "name": "乙"}, {"code": "E", "name": "丙", "phone": "1"}],
        )
    rows = customers(app)
    differing = {"id", "uid", "code"}
    alike = [{k: v for k, v in rows[code].items() if k not in differing} for code in "ABC"]
    assert alike[0] == alike[1] == alike[2]
    assert (rows["D"]["phone"], rows["D"]["since"], rows["D"]["attributes"]) == (None, None, {})
    assert rows["E"]["phone"] == "1"


def test_a_given_uid_is_kept_and_an_absent_one_made_in_the_same_batch(app: App) -> None:
    uid = "01900000-0000-7000-8000-000000000001"
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a", "uid": uid}, {"code": "B", "name": "b"}])
    rows = customers(app)
    assert rows["A"]["uid"] == uid
    assert rows["B"]["uid"] not in {uid, None}


@pytest.mark.parametrize("position", [0, 1])
def test_an_unknown_column_is_refused_wherever_it_stands_in_the_batch(app: App, position: int) -> None:
    rows = [{"code": "A", "name": "a"}, {"code": "B", "name": "b"}]
    rows[position]["nmae"] = "typo"
    with pytest.raises(KeyError, match="nmae"), app.write(ACTOR) as tx:
        tx.insert(Customer, rows)
    assert customers(app) == {}


def test_update_of_an_unknown_column_is_refused(app: App) -> None:
    (number,) = add(app, "A")
    with pytest.raises(KeyError, match="nmae"), app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"nmae": "typo"})])


@pytest.mark.parametrize("column", ["id", "uid", "version"])
def test_update_refuses_the_columns_that_are_the_gates_own(app: App, column: str) -> None:
    (number,) = add(app, "A")
    with pytest.raises(KeyError, match=column), app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {column: 99, "name": "x"})])
    assert customers(app)["A"]["name"] == "A"


def test_update_counts_only_rows_that_really_change(app: App) -> None:
    one, two = add(app, "A", "B", phone="1")
    with app.write(ACTOR) as tx:
        assert tx.update(Customer, [(one, {"phone": "2"}), (two, {"phone": "1"})]) == 1
    rows = customers(app)
    assert (rows["A"]["version"], rows["B"]["version"]) == (2, 1)


def test_attributes_are_merged_key_by_key_and_none_removes_one(app: App) -> None:
    (number,) = add(app, "A", attributes={"fax": "1", "website": "w", "employees": 3})
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"attributes": {"fax": None, "employees": 4, "bank": None}})])
    assert customers(app)["A"]["attributes"] == {"website": "w", "employees": 4}


def test_two_edits_of_one_row_in_one_call_are_both_kept(app: App) -> None:
    (number,) = add(app, "A", attributes={"bank": "b"})
    with app.write(ACTOR) as tx:
        tx.update(
            Customer,
            [
                (number, {"attributes": {"fax": "1"}, "name": "first"}),
                (number, {"attributes": {"website": "w"}, "name": "second"}),
            ],
        )
    row = customers(app)["A"]
    assert row["attributes"] == {"bank": "b", "fax": "1", "website": "w"}
    assert row["name"] == "second"
    replayed = {"name": "A"}
    import json

    for entry in log(app):
        if entry["operation"] == "update":
            before, after = json.loads(entry["before"]), json.loads(entry["after"])
            assert before["name"] == replayed["name"], "the log says what stood there before each edit"
            replayed["name"] = after["name"]
    assert replayed["name"] == "second"


def test_stale_version_is_refused_with_both_values(app: App) -> None:
    (number,) = add(app, "A", phone="old", attributes={"fax": "f0"})
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"phone": "theirs", "attributes": {"fax": "f1"}})])
    with pytest.raises(StaleVersion) as refusal, app.write(ACTOR) as tx:
        edit = {"phone": "mine", "attributes": {"fax": "f2"}}
        tx.update(Customer, [(number, edit)], expect_version={number: 1})
    assert all(
        part in str(refusal.value) for part in ("theirs", "mine", "f1", "f2", "version 2", "you saw 1")
    )
    assert customers(app)["A"]["phone"] == "theirs"
    with app.write(ACTOR) as tx:
        assert tx.update(Customer, [(number, {"phone": "mine"})], expect_version={number: 2}) == 1


def test_archive_and_restore_count_and_log_each_row_once(app: App, clock: Any) -> None:
    one, two = add(app, "A", "B")
    with app.write(ACTOR) as tx:
        assert tx.archive(Customer, [one, one, two]) == 2
        assert tx.archive(Customer, [one]) == 0
    assert customers(app)["A"]["archived_at"] == clock.now
    with app.write(ACTOR) as tx:
        assert tx.restore(Customer, [one, one]) == 1
    rows = customers(app)
    assert rows["A"]["archived_at"] is None
    assert rows["B"]["archived_at"] == clock.now
    assert [e["operation"] for e in log(app)][-3:] == ["archive", "archive", "restore"]


def test_a_deleted_id_is_never_used_again(app: App) -> None:
    _one, two = add(app, "A", "B")
    with app.write(ACTOR) as tx:
        assert tx.delete(Customer, [two, two]) == 1
    assert [e["operation"] for e in log(app)][-1:] == ["delete"]
    assert [e["operation"] for e in log(app)].count("delete") == 1
    (three,) = add(app, "B")
    assert three > two
    with app.write(ACTOR) as tx:
        four = tx.insert(Customer, [{"code": "D", "name": "d"}])
        tx.delete(Customer, four)
    assert add(app, "D")[0] > four[0]


@pytest.mark.parametrize("operation", ["update", "archive", "delete"])
def test_an_unknown_id_is_refused_and_nothing_of_the_batch_is_done(app: App, operation: str) -> None:
    (number,) = add(app, "A")
    with pytest.raises(NotFound, match="customer has no row 4711"), app.write(ACTOR) as tx:
        if operation == "update":
            tx.update(Customer, [(number, {"name": "x"}), (4711, {"name": "y"})])
        else:
            getattr(tx, operation)(Customer, [number, 4711])
    assert customers(app)["A"]["version"] == 1


def test_nothing_is_written_when_anything_in_the_block_raises(app: App) -> None:
    entries, transactions = count(app, "change_log"), count(app, "change_tx")
    with pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        tx.insert(Contact, [{"code": "P1", "name": "p"}])
        _ = 1 // 0
    assert (count(app, "customer"), count(app, "contact"), count(app, "person_key")) == (0, 0, 0)
    assert (count(app, "change_log"), count(app, "change_tx")) == (entries, transactions)


def test_a_duplicate_code_rolls_the_whole_transaction_back(app: App) -> None:
    add(app, "A")
    with pytest.raises(sa.exc.IntegrityError), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "B", "name": "b"}])
        tx.insert(Customer, [{"code": "C", "name": "c"}, {"code": "A", "name": "again"}])
    assert set(customers(app)) == {"A"}


def test_a_failed_statement_does_not_print_customers_values(app: App) -> None:
    add(app, "A")
    with pytest.raises(sa.exc.IntegrityError) as error, app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "Secret Ltd", "phone": "555-0199"}])
    assert "Secret" not in str(error.value)
    assert "555-0199" not in str(error.value)


def test_an_empty_batch_does_nothing(app: App) -> None:
    before = count(app, "change_tx")
    with app.write(ACTOR) as tx:
        assert tx.insert(Customer, []) == []
        assert tx.update(Customer, []) == 0
        assert tx.archive(Customer, []) == tx.restore(Customer, []) == tx.delete(Customer, []) == 0
    assert count(app, "change_tx") == before


def test_more_rows_than_one_statement_takes_are_written_in_order(app: App) -> None:
    ids = add(app, *(f"C{i:05}" for i in range(1203)))
    assert ids == sorted(ids)
    with app.write(ACTOR) as tx:
        assert tx.update(Customer, [(i, {"phone": str(i)}) for i in ids]) == 1203
    rows = customers(app)
    assert [rows[f"C{i:05}"]["phone"] for i in (0, 600, 1202)] == [str(ids[0]), str(ids[600]), str(ids[1202])]
    with app.write(ACTOR) as tx:
        assert tx.delete(Customer, ids) == 1203
    assert customers(app) == {}


def test_the_transaction_has_one_moment_and_knows_who_acts(app: App, clock: Any) -> None:
    with app.write(ACTOR, "because", "import:7") as tx:
        assert (tx.now, tx.actor) == (clock.now, ACTOR)
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        number = tx.id
    with app.read() as ctx:
        row = (
            ctx.connection.execute(sa.text("SELECT * FROM change_tx WHERE id = :id"), {"id": number})
            .mappings()
            .one()
        )
    assert (row["actor"], row["reason"], row["source"], row["entries"]) == (ACTOR, "because", "import:7", 1)


# -- refusing ----------------------------------------------------------------------------------------------------

REFUSER = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(i, "bad name", "name") for i, c in enumerate(changes) if (c.after or {}).get("name") == "bad"]
"""


def test_refused_rows_are_skipped_and_told_when_there_is_a_callback(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    install_plugin("refuser", REFUSER)
    app = make_app(["refuser"], database)
    told: list[tuple[int, Refusal]] = []
    with app.write(ACTOR) as tx:
        ids = tx.insert(
            Customer,
            [{"code": "A", "name": "good"}, {"code": "B", "name": "bad"}, {"code": "C", "name": "good"}],
            refused=lambda i, r: told.append((i, r)),
        )
        assert (
            tx.update(
                Customer,
                [(ids[0], {"name": "bad"}), (ids[2], {"name": "fine"})],
                refused=lambda i, r: told.append((i, r)),
            )
            == 1
        )
        same_and_bad = [(ids[0], {"name": "good"}), (ids[2], {"name": "bad"})]
        assert tx.update(Customer, same_and_bad, refused=lambda i, r: told.append((i, r))) == 0
    assert [i > 0 for i in ids] == [True, False, True]
    assert [(i, r.message, r.field, r.plugin) for i, r in told] == [
        (1, "bad name", "name", "refuser"),
        (0, "bad name", "name", "refuser"),
        (1, "bad name", "name", "refuser"),
    ]
    rows = customers(app)
    assert {code: row["name"] for code, row in rows.items()} == {"A": "good", "C": "fine"}


def test_without_a_callback_one_refusal_refuses_the_transaction(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    install_plugin("refuser", REFUSER)
    app = make_app(["refuser"], database)
    with pytest.raises(Refused, match=r"bad name \[refuser\]"), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "good"}])
        tx.insert(Customer, [{"code": "B", "name": "bad"}])
    assert customers(app) == {}


# -- round the gate ----------------------------------------------------------------------------------------------

EVERYWHERE = [
    "INSERT INTO customer (id, uid, code, name) VALUES (9, 'u', 'X', 'x')",
    "insert into customer (id, uid, code, name) values (9, 'u', 'X', 'x')",
    "UPDATE customer SET name = 'x'",
    "UPDATE \"customer\" SET name = 'x'",
    "UPDATE customer AS c SET name = 'x'",
    "DELETE FROM customer",
    "DELETE\nFROM\tcustomer",
    "/* note */ DELETE FROM customer",
    "-- note\nDELETE FROM customer",
    "/* SELECT */ UPDATE customer SET name = 'x'",
    "WITH doomed AS (SELECT 1) DELETE FROM customer",
    "WITH doomed AS (SELECT 1) DELETE /* */ FROM customer",
    "WITH doomed AS (SELECT 1) UPDATE customer SET name = 'x'",
    "WITH doomed AS (SELECT 1) UPDATE \"customer\" SET name = 'x'",
    "WITH doomed AS (SELECT 1) UPDATE customer AS c SET name = 'x'",
    "WITH doomed AS (SELECT 1) INSERT INTO customer (id, uid, code, name) SELECT 9, 'u', 'X', 'x'",
    "WITH doomed AS (SELECT 1) INSERT/**/INTO customer (id, uid, code, name) SELECT 9, 'u', 'X', 'x'",
    "WITH doomed AS (SELECT 1) -- it's\n DELETE FROM customer -- isn't it",
    "WITH doomed AS (SELECT 1) /* ' */ DELETE FROM customer /* ' */",
    "SELECT 1; DELETE FROM customer",
    "SELECT ';'; DELETE FROM customer; SELECT ';'",
    "INSERT INTO read_log (at, actor) VALUES ('', ''); DELETE FROM customer",
    "EXPLAIN ANALYZE DELETE FROM customer",
    "DROP TABLE change_log",
    "ALTER TABLE customer ADD COLUMN spy TEXT",
    "CREATE TABLE spy (x TEXT)",
    "CREATE TEMPORARY TABLE spy AS SELECT * FROM customer",
    "COMMIT",
    "ROLLBACK",
    "END",
    "BEGIN",
    "UPDATE plugin SET enabled = false",
    "UPDATE actor SET roles = '[\"administrator\"]'",
    "UPDATE change_log SET hash = ''",
    "DELETE FROM change_seal",
    "DELETE FROM person_key",
    "UPDATE code_counter SET value = 0",
]
SQLITE_ONLY = [
    "REPLACE INTO customer (id, uid, code, name) VALUES (1, 'u', 'X', 'x')",
    "INSERT OR REPLACE INTO customer (id, uid, code, name) VALUES (1, 'u', 'X', 'x')",
    "WITH doomed AS (SELECT 1) REPLACE INTO customer (id, uid, code, name) SELECT 1, 'u', 'X', 'x'",
    "WITH doomed AS (SELECT 1) INSERT OR REPLACE INTO customer (id, uid, code, name) SELECT 1, 'u', 'X', 'x'",
    "WITH doomed AS (SELECT 1) UPDATE OR IGNORE customer SET name = 'x'",
    "WITH doomed AS (SELECT 1) UPDATE main.customer SET name = 'x'",
    "WITH doomed AS (SELECT 1) UPDATE [customer] SET name = 'x'",
    "WITH doomed AS (SELECT 1) UPDATE `customer` SET name = 'x'",
    "UPDATE OR REPLACE customer SET name = 'x'",
    "PRAGMA writable_schema = ON",
    "PRAGMA query_only = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA journal_mode = DELETE",
    "VACUUM",
    "REINDEX",
    "ATTACH DATABASE ':memory:' AS read_log",
]
POSTGRES_ONLY = [
    "WITH gone AS (DELETE FROM customer RETURNING id) SELECT * FROM gone",
    "UPDATE ONLY customer SET name = 'x'",
    "SELECT * INTO spy FROM customer",
    "TRUNCATE customer CASCADE",
    "MERGE INTO customer c USING (SELECT 1 AS x) s ON true WHEN MATCHED THEN DELETE",
    "WITH s AS (SELECT 1 AS x) MERGE INTO customer c USING s ON true WHEN MATCHED THEN DELETE",
    "COPY customer FROM STDIN",
    "COPY (DELETE FROM customer RETURNING id) TO STDOUT",
    "DO $$ BEGIN DELETE FROM customer; END $$",
    "SELECT $$'$$; DELETE FROM customer; SELECT $$'$$",
    "SELECT $x$'$x$; DELETE FROM customer; SELECT $x$'$x$",
    r"SELECT E'\''; DELETE FROM customer; SELECT '",
    "SELECT U&'\\0027'; DELETE FROM customer",
    "PREPARE spy AS DELETE FROM customer",
    "SET TRANSACTION READ WRITE",
    "SET ROLE postgres",
    "EXPLAIN (ANALYZE) UPDATE customer AS c SET name = 'x'",
    "/* /* nested */ SELECT */ DELETE FROM customer",
    "SELECT 1 /* /* ' */ */; DELETE FROM customer; SELECT '1'",
]


def attempts(database: str) -> list[str]:
    return EVERYWHERE + (SQLITE_ONLY if database == "sqlite" else POSTGRES_ONLY)


def test_no_statement_of_sql_text_gets_round_the_gate(app: App, database: str) -> None:
    add(app, "A")
    passed = []
    for statement in attempts(database):
        try:
            with app.write(ACTOR) as tx:
                tx.connection.exec_driver_sql(statement)
        except GateError:
            continue
        except sa.exc.SQLAlchemyError as error:
            passed.append(f"{statement}  →  reached the database: {error.__class__.__name__}")
        else:
            passed.append(statement)
    assert passed == []
    assert [row["name"] for row in customers(app).values()] == ["A"]


def test_no_statement_on_a_reading_connection_changes_anything(app: App, database: str) -> None:
    add(app, "A")
    passed = []
    for statement in attempts(database):
        try:
            with app.read() as ctx:
                ctx.connection.execute(sa.text(statement.replace(":", r"\:")))
        except GateError:
            continue
        except (sa.exc.SQLAlchemyError, CrmError) as error:
            passed.append(f"{statement}  →  reached the database: {error.__class__.__name__}")
        else:
            passed.append(statement)
    assert passed == []
    assert [row["name"] for row in customers(app).values()] == ["A"]


READS = [
    "SELECT 'DELETE FROM customer; --'",
    "SELECT 1 /* DELETE FROM customer */",
    "SELECT 1 -- ; DELETE FROM customer",
    "SELECT replace('a', 'b', 'c')",
    'SELECT 1 AS created, 2 AS updated, 3 AS "update"',
    "WITH x AS (SELECT 1 AS n) SELECT n FROM x;",
    "VALUES (1)",
    "EXPLAIN SELECT 1",
    "SELECT name FROM customer WHERE name = 'it''s; DROP TABLE customer'",
]


@pytest.mark.parametrize("statement", READS)
def test_reading_is_never_mistaken_for_writing(app: App, statement: str) -> None:
    with app.write(ACTOR) as tx:
        tx.connection.exec_driver_sql(statement)
    with app.read() as ctx:
        ctx.connection.exec_driver_sql(statement)


def test_core_and_orm_statements_are_refused_on_every_connection(app: App) -> None:
    add(app, "A")
    table: sa.Table = Customer.__table__  # type: ignore[attr-defined]
    statements = [
        sa.insert(table).values(id=9, uid="u", code="X", name="x"),
        sa.update(table).values(name="x"),
        sa.delete(table),
        sa.delete(table).returning(table.c.id),
        sa.select(
            sa.insert(table).values(id=9, uid="u", code="X", name="x").returning(table.c.id).cte("made")
        ),
    ]
    for statement in statements[:4] if app.engine.dialect.name == "sqlite" else statements:
        with pytest.raises(GateError), app.write(ACTOR) as tx:
            tx.connection.execute(statement)
        with pytest.raises(GateError), app.write(ACTOR) as tx:
            tx.ctx.connection.execute(statement)
        with pytest.raises(GateError), app.read() as ctx:
            ctx.connection.execute(statement)
        with pytest.raises(GateError), app.engine.begin() as connection:
            connection.execute(statement)


def test_an_orm_session_cannot_flush(app: App) -> None:
    with pytest.raises(GateError), app.write(ACTOR) as tx, Session(tx.connection) as session:
        session.add(Customer(code="X", name="x", uid="u"))
        session.flush()
    add(app, "A")
    with pytest.raises(GateError), Session(app.engine) as session:
        found = session.get(Customer, 1)
        assert found is not None
        found.name = "changed"
        session.commit()
    assert [row["name"] for row in customers(app).values()] == ["A"]


def test_the_transaction_cannot_be_committed_from_inside(app: App) -> None:
    with pytest.raises(GateError, match="commit"), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        tx.connection.commit()
    with pytest.raises(GateError, match="commit"), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "B", "name": "b"}])
        transaction = tx.connection.get_transaction()
        assert transaction is not None
        transaction.commit()
    assert customers(app) == {}
    add(app, "C")
    assert set(customers(app)) == {"C"}, "the connection is whole again"


def test_a_rollback_from_inside_leaves_nothing_behind(app: App) -> None:
    entries = count(app, "change_log")
    with pytest.raises(Exception, match=r".+"), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        tx.connection.rollback()
        tx.insert(Customer, [{"code": "B", "name": "b"}])
    assert customers(app) == {}
    assert count(app, "change_log") == entries
    add(app, "C")
    assert set(customers(app)) == {"C"}


def test_closing_the_connection_inside_writes_nothing(app: App) -> None:
    with pytest.raises(Exception, match=r".+"), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        tx.connection.close()
    assert customers(app) == {}
    add(app, "C")
    assert set(customers(app)) == {"C"}


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_a_connection_that_is_lent_cannot_be_ended(app: App, end: str) -> None:
    with app.read() as ctx:
        with pytest.raises(GateError, match="lent"):
            getattr(ctx.connection, end)()
        assert ctx.connection.scalar(sa.text("SELECT 1")) == 1
        with pytest.raises(GateError, match="lent"), ctx.connection:
            pass
        assert ctx.connection.scalar(sa.text("SELECT 1")) == 1
    add(app, "A")
    assert set(customers(app)) == {"A"}


def test_a_reading_connection_only_reads_even_below_the_guard(app: App) -> None:
    add(app, "A")
    with app.read() as ctx:
        driver = ctx.connection.connection.driver_connection
        assert driver is not None
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            driver.execute("UPDATE customer SET name = 'x'")
        driver.rollback()
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            driver.execute("UPDATE customer SET name = 'x'")
        driver.rollback()
    assert [row["name"] for row in customers(app).values()] == ["A"]
    add(app, "B")


def test_nothing_is_written_once_the_database_has_ended_the_transaction(make_app: Callable[..., App]) -> None:
    app = make_app()
    (number,) = add(app, "A")
    entries = count(app, "change_log")
    with pytest.raises(GateError, match="ended"), app.write(ACTOR) as tx:
        tx.connection.connection.driver_connection.execute("ROLLBACK")  # type: ignore[union-attr]  # as a full disk does
        tx.update(Customer, [(number, {"name": "x"})])
    assert customers(app)["A"]["name"] == "A"
    assert count(app, "change_log") == entries


def test_a_savepoint_of_sqlalchemy_that_takes_log_entries_away_refuses_the_commit(app: App) -> None:
    with pytest.raises(GateError, match="savepoint"), app.write(ACTOR) as tx:
        nested = tx.connection.begin_nested()
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        nested.rollback()
        tx.insert(Customer, [{"code": "B", "name": "b"}])
    assert customers(app) == {}


def test_operational_tables_may_be_written_and_are_not_logged(app: App) -> None:
    entries = count(app, "change_log")
    app.log_read(ACTOR, "export", "customer", 12, "owner=rep01")
    with app.operations() as connection:
        connection.execute(sa.text("UPDATE read_log SET filter = 'x'"))
    with app.read() as ctx:
        row = ctx.connection.execute(sa.text("SELECT * FROM read_log")).mappings().one()
    assert (row["actor"], row["what"], row["entity"], row["count"], row["filter"]) == (
        ACTOR,
        "export",
        "customer",
        12,
        "x",
    )
    assert count(app, "change_log") == entries
    with pytest.raises(GateError), app.operations() as connection:
        connection.execute(sa.text("UPDATE customer SET name = 'x'"))


def test_a_second_transaction_inside_the_first_is_refused_at_once(make_app: Callable[..., App]) -> None:
    app = make_app()
    with pytest.raises(CrmError, match="already open"), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        with app.write(ACTOR) as inner:
            inner.insert(Customer, [{"code": "B", "name": "b"}])
    assert customers(app) == {}
    add(app, "C")


def test_a_full_disk_is_told_and_nothing_of_the_step_is_written(make_app: Callable[..., App]) -> None:
    app = make_app()
    add(app, "A")
    entries = count(app, "change_log")
    with (
        pytest.raises(CrmError, match="the disk is full; nothing of this step was written"),
        app.write(ACTOR) as tx,
    ):
        driver: Any = tx.connection.connection.driver_connection
        pages = driver.execute("PRAGMA page_count").fetchone()[0]
        driver.execute(f"PRAGMA max_page_count = {pages + 4}")
        tx.insert(Customer, [{"code": f"C{i}", "name": "x" * 200} for i in range(2_000)])
    app.close()
    assert set(customers(app)) == {"A"}
    assert count(app, "change_log") == entries
    add(app, "B")


def test_a_writer_that_waits_too_long_is_told(
    make_app: Callable[..., App], reopen: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmcore.db import engine

    app = make_app()
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    other = reopen(app)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        with pytest.raises(CrmError, match="the database is busy with another writer; try again in a moment"):
            add(other, "B")
        assert customers(other) == {}, "readers do not wait"
    add(other, "B")
    assert set(customers(app)) == {"A", "B"}


def test_a_table_that_no_plugin_registered_cannot_be_written(app: App) -> None:
    from crmcore.builtin.jobs.tables import JobRun

    with (
        pytest.raises(CrmError, match=r"job_run is not registered; name it in the hook models\(\)"),
        app.write(ACTOR) as tx,
    ):
        tx.insert(JobRun, [{"actor": "x"}])


def test_interactions_keep_their_moment_in_utc(app: App) -> None:
    (customer,) = add(app, "A")
    moment = datetime(2026, 3, 1, 23, 30, 0, 123456, tzinfo=UTC)
    with app.write(ACTOR) as tx:
        tx.insert(
            Interaction,
            [{"code": "I1", "customer_id": customer, "channel": "phone", "subject": "s", "at": moment}],
        )
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.select(Interaction.__table__.c.at)) == moment  # type: ignore[attr-defined]


def test_a_missing_customer_is_refused_by_the_foreign_key(app: App) -> None:
    with pytest.raises(sa.exc.IntegrityError), app.write(ACTOR) as tx:
        tx.insert(
            Interaction,
            [{"code": "I1", "customer_id": 99, "channel": "phone", "subject": "s", "at": datetime.now(UTC)}],
        )
    assert count(app, "interaction") == 0


# -- who may write -----------------------------------------------------------------------------------------------


def test_who_is_no_actor_is_archived_or_lacks_the_permission_cannot_write(app: App) -> None:
    from crmcore.api import Actor

    with app.write(ACTOR, permission="actors.manage") as tx:
        ids = tx.insert(
            Actor,
            [
                {"code": "reader", "name": "r", "roles": ["reader"]},
                {"code": "gone", "name": "g", "roles": ["administrator"]},
            ],
        )
        tx.archive(Actor, [ids[1]])
    for actor, why in (
        ("nobody", "there is no actor 'nobody'"),
        ("reader", "may not"),
        ("gone", "is archived"),
    ):
        with pytest.raises(Refused, match=why), app.write(actor) as tx:
            tx.insert(Customer, [{"code": "A", "name": "a"}])
    assert customers(app) == {}
