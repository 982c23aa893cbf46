"""What a plugin's statement meets in the database is told in a sentence or in the database's words, without the statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.plugins.health import message_of
from crmcore.testing import ACTOR, CommandLine


def rename(app: App, database: str, table: str) -> None:
    statement = f"ALTER TABLE {table} RENAME TO away"
    url = app.engine.url
    app.close()
    if database == "sqlite":
        connection = sqlite3.connect(app.config.folder / "crm.db")
        connection.execute("PRAGMA legacy_alter_table=ON")
        connection.execute(statement)
        connection.close()
    else:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as other:
            other.exec_driver_sql(statement)
        engine.dispose()


def failure(app: App, statement: str) -> sa.exc.DBAPIError:
    with app.read() as ctx, pytest.raises(sa.exc.DBAPIError) as raised:
        ctx.connection.exec_driver_sql(statement)
    return raised.value


def test_a_missing_table_is_told_without_the_statement(
    make_app: Callable[..., App], database: str, crm: CommandLine, tmp_path: Path
) -> None:
    rename(make_app([], database), database, "customer")
    refused = crm("export", "customers", tmp_path / "customers.csv")
    assert refused.exit_code == 1
    assert "a table is missing (" in refused.stderr
    assert "SELECT" not in refused.stderr
    assert "sqlalche" not in refused.stderr


def test_the_doctor_tells_a_plugins_missing_table_without_the_statement(
    make_app: Callable[..., App], database: str, crm: CommandLine
) -> None:
    rename(make_app([], database), database, "approval_request")
    told = {check["name"]: check for check in crm("doctor", "--json").json()["checks"]}
    assert not told["plugins"]["ok"]
    assert "approvals: a table is missing (" in told["plugins"]["detail"]
    assert "SELECT" not in told["plugins"]["detail"]


def test_a_statement_that_is_wrong_is_told_in_the_words_of_the_database(
    make_app: Callable[..., App], database: str
) -> None:
    told = message_of(failure(make_app([], database), "SELECT not_there FROM customer"))
    words = {"sqlite": "no such column: not_there", "postgres": 'column "not_there" does not exist'}
    assert told == words[database]


def test_a_database_that_is_busy_is_told_in_a_sentence() -> None:
    error = sa.exc.OperationalError("UPDATE customer", {}, sqlite3.OperationalError("database is locked"))
    assert message_of(error) == "the database is busy with another writer; try again in a moment"


def test_other_errors_speak_for_themselves() -> None:
    assert message_of(ValueError(f"{ACTOR} is no number")) == f"{ACTOR} is no number"
    assert message_of(ValueError()) == "ValueError"
