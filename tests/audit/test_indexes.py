"""What is no more is found by the indexes that were made for it, not by reading the log."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer
from crmcore.app import App
from crmcore.builtin.audit.finding import find, gone
from crmcore.errors import NotFound
from crmcore.testing import ACTOR, CommandLine


@pytest.fixture
def statements(app: App) -> list[tuple[str, Any]]:
    """Gather the statements that are executed."""
    seen: list[tuple[str, Any]] = []

    def note(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any
    ) -> None:
        if "change_log" in statement and not statement.startswith("EXPLAIN"):
            seen.append((statement, parameters))

    sa.event.listen(app.engine, "before_cursor_execute", note)
    return seen


def plan(connection: sa.Connection, statement: str, parameters: Any) -> str:
    word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SET LOCAL enable_seqscan = off"
        )  # a log of ten entries is read as a whole
    rows = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def test_codes_and_places_of_the_past_are_found_by_their_indexes(
    app: App, worked: CommandLine, statements: list[tuple[str, Any]]
) -> None:
    with app.read() as ctx, pytest.raises(NotFound):
        find(ctx.connection, "NEVER")
    with app.read() as ctx:
        gone(ctx.connection, ["contact_firm"], "contact_id", [1])
        gone(ctx.connection, ["contact_firm"], "customer_id", [1])
        gone(ctx.connection, ["customer"], "parent_id", [1])
        used = list(statements)
    with app.engine.connect() as connection, app.unguarded(connection):
        plans = [plan(connection, *statement) for statement in used]
    names = ("code", "left_contact_id", "left_customer_id", "left")
    assert [re.findall(r"ix_change_log_(\w+)", text)[0] for text in plans] == list(names), plans
    # By the value itself, however many others were removed.
    conditions = (
        "<expr>>?" if "<expr>" in plans[0] else "~<~|substring",
        "<expr>=?|substring",
        "<expr>=?|substring",
    )
    assert all(re.search(c, text) for c, text in zip(conditions, plans, strict=False)), plans
    assert not any("SCAN" in text or "Seq Scan" in text for text in plans), plans


@pytest.mark.parametrize("code", ["C'1", 'C"1', "甲\\1", "C%_", "C1", '"' * 63, "\\" * 63])
def test_a_removed_row_is_found_by_its_code_whatever_is_in_it(
    app: App, worked: CommandLine, code: str
) -> None:
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Customer, [{"code": code, "name": "n"}])
        tx.insert(Contact, [{"code": "Q" + code, "name": "n"}])
        tx.delete(Customer, [number])
    with app.read() as ctx:
        assert find(ctx.connection, code) == [("customer", number)]
        for other in (code + "1", code[:-1] + "x", "Q" + code + "Q"):
            with pytest.raises(NotFound):
                find(ctx.connection, other)
    assert worked.lines("history", code)[-1]["after"] is None


def test_a_code_that_a_row_had_once_finds_it_by_the_index(
    app: App, worked: CommandLine, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    worked.ok("customer", "edit", "A", "--code", "NEW")
    with app.read() as ctx:
        assert find(ctx.connection, "A") == find(ctx.connection, "NEW")
    assert worked.lines("history", "A") == worked.lines("history", "NEW")
