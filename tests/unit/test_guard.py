"""What the engine's guard makes of SQL, held against SQLite itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.db.guard import written

WRITES = [
    ["DELETE", "FROM", "customer"],
    ["DELETE", "FROM", "main", ".", "customer", "WHERE", "1"],
    ["UPDATE", "customer", "SET", "name", "=", "'x'"],
    ["UPDATE", "OR", "IGNORE", "customer", "AS", "c", "SET", "name", "=", "'x'"],
    ["UPDATE", '"customer"', "SET", "name", "=", "'x'"],
    ["UPDATE", "[customer]", "SET", "name", "=", "'x'"],
    ["UPDATE", "`customer`", "SET", "name", "=", "'x'"],
    ["INSERT", "INTO", "customer", "(", "name", ")", "VALUES", "(", "'x'", ")"],
    ["INSERT", "OR", "REPLACE", "INTO", "customer", "(", "name", ")", "SELECT", "1"],
    ["REPLACE", "INTO", "customer", "(", "name", ")", "SELECT", "replace('a', 'b', 'c')"],
    ["DROP", "TABLE", "customer"],
    ["ALTER", "TABLE", "customer", "ADD", "COLUMN", "more"],
    ["CREATE", "TABLE", "more", "(", "x", ")"],
    ["CREATE", "TEMP", "TABLE", "more", "AS", "SELECT", "1"],
    ["CREATE", "TRIGGER", "t", "AFTER", "UPDATE", "ON", "customer", "BEGIN", "SELECT", "1", ";", "END"],
]
DELETE = "DELETE FROM customer"
BEFORE = [
    [],
    ["WITH", "x", "AS", "(", "SELECT", "1", ")"],
    ["WITH", "x", "AS", "(", "SELECT", "'DELETE -- /*'", ")"],
    ["WITH", "RECURSIVE", "x", "(", "n", ")", "AS", "(", "VALUES", "(", "1", ")", ")"],
]
inside = st.text("ab'\"`[]$;*-/ \u3000x", max_size=8)
trivia = st.one_of(
    st.sampled_from([" ", "\n", "\t", " \r\n "]),
    inside.map(lambda text: f"--{text}\n".replace("\n\n", "\n")),
    inside.filter(lambda text: "*/" not in f"{text}*/"[:-2] + "x").map(lambda text: f"/*{text}*/"),
)


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE customer (name)")
    yield connection
    connection.close()


def writes(connection: sqlite3.Connection, statement: str) -> bool | None:
    """Ask SQLite whether a statement would write; None if it is no statement."""
    seen: list[int] = []
    reading = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

    def authorize(action: int, *_more: object) -> int:
        seen.append(action)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    try:
        connection.execute(f"EXPLAIN {statement}").close()
    except (sqlite3.Error, sqlite3.Warning):
        return None
    finally:
        connection.set_authorizer(None)
    return not reading.issuperset(seen)


def test_the_oracle_knows_a_write_when_it_sees_one(database: sqlite3.Connection) -> None:
    assert [writes(database, " ".join(write)) for write in WRITES] == [True] * len(WRITES)
    assert writes(database, "SELECT max(name) FROM customer") is False
    assert writes(database, "SELEC") is None


@given(st.sampled_from(BEFORE), st.sampled_from(WRITES), st.data())
def test_a_write_is_seen_through_any_blanks_and_comments(
    database: sqlite3.Connection, before: list[str], write: list[str], data: st.DataObject
) -> None:
    words = before + write
    gaps = data.draw(st.lists(trivia, min_size=len(words) + 1, max_size=len(words) + 1))
    statement = gaps[0] + "".join(word + gap for word, gap in zip(words, gaps[1:], strict=True))
    if writes(database, statement):
        assert written(statement, "sqlite") is not None, statement
        assert written(statement, "postgresql") is not None, statement


@given(st.text("DELTFROMcustoINS 'x\"`[]-/*;\n()1,=", max_size=60))
def test_what_sqlite_calls_a_write_never_passes(database: sqlite3.Connection, text: str) -> None:
    for statement in (
        text,
        f"SELECT 1 {text}",
        f"WITH x AS (SELECT 1) {text} {DELETE}",
    ):
        if writes(database, statement):
            assert written(statement, "sqlite") is not None, statement


names = st.text(st.characters(exclude_characters='"\x00', exclude_categories=["Cs"]), min_size=1, max_size=12)
values = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@given(
    values | st.sampled_from(["DELETE FROM customer", "; DROP TABLE customer", "it's", "$$", "/*", "--"]),
    names,
)
def test_a_text_or_a_name_may_say_anything(dialect: str, value: str, name: str) -> None:
    quoted = value.replace("'", "''")
    for statement in (
        f"SELECT '{quoted}' AS \"{name}\"",
        f'WITH "{name}" AS (SELECT \'{quoted}\') SELECT * FROM "{name}" -- {" ".join(value.splitlines())}',  # noqa: S608
        f"SELECT name FROM customer WHERE name = '{quoted}' ORDER BY \"{name}\"",  # noqa: S608
    ):
        assert written(statement, dialect) is None, statement


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM customer FOR UPDATE",
        "SELECT * FROM customer FOR NO KEY UPDATE SKIP LOCKED",
        "SELECT c.update, c.insert FROM customer c",
        "SELECT created_at, deleted, updated, inserted, merged FROM customer",
        "SELECT replace(name, 'a', 'b') FROM customer",
        "SAVEPOINT sa_savepoint_1",
        "RELEASE SAVEPOINT sa_savepoint_1",
        "ROLLBACK TO SAVEPOINT sa_savepoint_1",
        "SET LOCAL plan_cache_mode = force_custom_plan",
        "INSERT INTO read_log (actor) VALUES ('x')",
        'UPDATE "plugin_health" SET failures = 1',
        "DELETE FROM observer_parked WHERE plugin = 'x'",
        "UPDATE job_run SET state = 'done;' -- all of it",
        "SELECT $1::text, $2",
        "SELECT $$it's DELETE FROM customer$$",
        r"SELECT E'it\'s; DELETE FROM customer'",
        "SHOW server_version",
    ],
)
def test_what_the_kernel_and_plugins_need_passes(statement: str) -> None:
    assert written(statement, "postgresql") is None


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO read_log.customer (name) VALUES ('x')",
        "INSERT INTO read_log_of_others (name) VALUES ('x')",
        "UPDATE read_log SET actor = 'x'; DELETE FROM customer",
        "SET LOCAL ROLE postgres",
        "SET plan_cache_mode = auto",
        "SET LOCAL session_replication_role = replica",
        "PRAGMA table_info = 3",
        "COPY read_log FROM STDIN",
        "",
        ";",
        "it's",
    ],
)
def test_what_only_looks_harmless_does_not_pass(statement: str) -> None:
    assert written(statement, "postgresql") is not None
