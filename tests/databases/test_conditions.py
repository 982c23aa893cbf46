"""Which conditions and defaults of the tables of plugins that are not enabled go along, and what they keep out there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.builtin.databases.conditions import condition, default
from crmcore.builtin.databases.drawing import draw

KINDS = {"n": "integer", "kind": "text", "day": "date", "yes": "boolean", "extra": "json", "a b": "text"}
TABLE = (
    "CREATE TABLE club_rule (id {number} PRIMARY KEY, n INTEGER DEFAULT -5, kind VARCHAR(9) DEFAULT 'it''s' NOT NULL,"
    " day DATE DEFAULT '2026-01-05', yes BOOLEAN DEFAULT {true} NOT NULL, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP,"
    " CONSTRAINT ck_club_rule_n CHECK (n BETWEEN -9 AND 9 AND n <> 3),"
    " CONSTRAINT ck_club_rule_kind CHECK (kind IN ('it''s', 'b') AND NOT kind = 'c'),"
    " CONSTRAINT ck_club_rule_day CHECK (day IS NULL OR day > '2020-01-01'),"
    " CONSTRAINT ck_club_rule_odd CHECK (length(kind) < 100))"
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("n > 0", '"n" > 0'),
        ("(n >= -1) AND kind IN ('a', 'b''c')", "( \"n\" >= - 1 ) AND \"kind\" IN ( 'a' , 'b''c' )"),
        (
            "((kind)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            "( ( \"kind\" ) IN ( 'a' , 'b' ) )",
        ),
        ("(n <> ALL (ARRAY[1, 2]))", '( "n" NOT IN ( 1 , 2 ) )'),
        ("(day > '2020-01-01'::date)", "( \"day\" > '2020-01-01' )"),
        ("kind = 'n); DROP TABLE x; --'", "\"kind\" = 'n); DROP TABLE x; --'"),
        ("length(kind) < 5", None),
        ("n(1)", None),
        ("(SELECT count(*) FROM x) > 0", None),
        ("n > 0; DROP TABLE x", None),
        ("n > 0 -- more", None),
        ("n > 0 -- n", None),
        ("n == 1", '"n" = 1'),
        ("n << 1 > 0", None),
        ("kind = 'a::text'", None),
        ("n > 0 /* more */", None),
        ("other > 0", None),
        ("yes IN (0, 1)", None),
        ("extra = '{}'", None),
        ("kind LIKE 'a%'", None),
        ("kind = 'a\\'", None),
        ("kind = 'a", None),
        ("kind = $$a$$", None),
        ("n = 1 COLLATE NOCASE", None),
        ("n > 0 " * 500, None),
        ("", None),
    ],
)
def test_a_condition_is_taken_only_where_each_word_is_understood(text: str, read: str | None) -> None:
    assert condition(text, KINDS) == read


@pytest.mark.parametrize(
    ("text", "kind", "sqlite", "postgresql"),
    [
        ("0", "integer", "0", "0"),
        ("'-5'::integer", "integer", "'-5'", "'-5'"),
        ("(-5)", "integer", "-5", "-5"),
        ("'x'::character varying", "text", "'x'", "'x'"),
        ("'{}'::jsonb", "json", "'{}'", "'{}'"),
        ("true", "boolean", "1", "true"),
        ("0", "boolean", "0", "false"),
        ("maybe", "boolean", None, None),
        ("CURRENT_TIMESTAMP", "datetime", None, None),
        ("nextval('x_seq'::regclass)", "integer", None, None),
        ("abs(-1)", "integer", None, None),
        ("'a' || 'b'", "text", None, None),
        ("", "integer", None, None),
    ],
)
def test_a_default_is_taken_where_it_is_a_plain_value(
    text: str, kind: str, sqlite: str | None, postgresql: str | None
) -> None:
    assert (default(text, kind, "sqlite"), default(text, kind, "postgresql")) == (sqlite, postgresql)


def test_drawn_tables_refuse_and_fill_in_what_the_others_did(
    make_app: Any, database: str, tmp_path: Path
) -> None:
    app = make_app(database=database)
    words = (
        {"number": "BIGINT", "true": "true"} if database == "postgres" else {"number": "INTEGER", "true": "1"}
    )
    engine = sa.create_engine(f"sqlite:///{tmp_path}/other.db")
    with app.engine.connect() as here, app.unguarded(here), engine.connect() as there:
        here.exec_driver_sql(TABLE.format(**words))
        draw(here, there, ["club_rule"], [])
        drawn_in_file(there)
        here.exec_driver_sql("DROP TABLE club_rule")
        draw(there, here, ["club_rule"], [])
        check(here)
        here.rollback()
    engine.dispose()


def drawn_in_file(connection: sa.Connection) -> None:
    check(connection)
    text = str(connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'club_rule'").scalar())
    assert "length" not in text
    assert "CURRENT_TIMESTAMP" not in text


def check(connection: sa.Connection) -> None:
    """Try what the table takes and what not."""
    connection.exec_driver_sql("INSERT INTO club_rule (id) VALUES (1)")
    row = connection.execute(sa.text("SELECT n, kind, day, yes, made FROM club_rule")).one()
    assert (row.n, row.kind, str(row.day), bool(row.yes), row.made) == (-5, "it's", "2026-01-05", True, None)
    for wrong in (
        "n) VALUES (2, 3",
        "kind) VALUES (2, 'c'",
        "day) VALUES (2, '2019-01-01'",
        "n) VALUES (2, 10",
    ):
        with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
            connection.exec_driver_sql(f"INSERT INTO club_rule (id, {wrong})")
    connection.exec_driver_sql("DELETE FROM club_rule")


@pytest.mark.postgres
def test_a_condition_that_a_server_or_a_row_refuses_is_left_out_and_named(
    rich: Any, crm: Any, new_place: Any, tmp_path: Path
) -> None:
    app = rich("sqlite", club_enabled=False)
    with app.operations() as connection, app.unguarded(connection):
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        connection.exec_driver_sql(
            "CREATE TABLE club_rule (id INTEGER PRIMARY KEY AUTOINCREMENT, n BIGINT, kind VARCHAR(9),"
            " CONSTRAINT ck_large CHECK (n * n >= 0), CONSTRAINT ck_odd CHECK (n <> 'never'), CONSTRAINT ck_broken CHECK (n > 0),"
            " CONSTRAINT ck_kept CHECK (kind IN ('a', 'b')))"
        )
        connection.exec_driver_sql("INSERT INTO club_rule (n, kind) VALUES (-1, 'a'), (5000000000, 'b')")
    crm.ok("jobs", "run", "seal_log")
    crm.ok("db", "backup", tmp_path / "x")
    for words in (
        ("restore", tmp_path / "x", "--to", tmp_path / "new", "--database"),
        ("copy", "--to"),
    ):
        url = new_place("postgres")
        said = crm.ok("db", *words, url).stderr
        for name, lost in (("ck_odd", True), ("ck_broken", True), ("ck_large", True), ("ck_kept", False)):
            assert (f"condition {name} of table club_rule was left out" in said) is lost, said
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as there:
            rows = there.exec_driver_sql("SELECT n, kind FROM club_rule ORDER BY id").all()
            assert rows == [(-1, "a"), (5_000_000_000, "b")]
            query = (
                "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'club_rule'::regclass"
            )
            assert there.exec_driver_sql(query).scalars().all() == ["ck_kept"]
        engine.dispose()
