"""A company on PostgreSQL that is restored into a server whose transaction numbers are lower than those in its log."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.changes import unsealed
from crmcore.db.engine import gate
from crmcore.testing import ACTOR, CommandLine

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "back-up.md"
OBSERVER = """
from crmcore.api import hookimpl

@hookimpl
def observe_changes(changes, ctx):
    with (ctx.workspace / "seen.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"{change.after['name']}\\n" for change in changes if change.entity == "customer")
"""
BEFORE = "UPDATE observer_cursor SET seq = seq - 1"
"""The newest change was committed and not yet delivered when the backup was made."""
LOWER = (
    "UPDATE observer_cursor SET xid = xid + 1000000000",
    "UPDATE change_tx SET xid = xid + 1000000000",
)


def run(app: App, *statements: str) -> None:
    with app.operations() as connection, gate(connection):
        for statement in statements:
            connection.execute(sa.text(statement))


def add(app: App, code: str) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": code, "kind": "organisation"}])


def seen(app: App) -> str:
    return (app.config.folder / "seen.txt").read_text(encoding="utf-8").replace("\n", "")


@pytest.fixture
def moved(make_app: Callable[..., App], install_plugin: Any) -> App:
    """Return a company whose observer was told of A, not of B, and whose log is of a server far ahead of this one."""
    install_plugin("mirror", OBSERVER)
    app = make_app(["mirror"], "postgres")
    add(app, "A")
    add(app, "B")
    (app.config.folder / "seen.txt").write_text("A\n", encoding="utf-8")
    run(app, BEFORE, *LOWER)
    return app


@pytest.mark.postgres
def test_the_page_s_statements_let_observers_go_on_in_a_new_server(moved: App, crm: CommandLine) -> None:
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    statements = [one.strip() for one in block.split(";")]
    assert (statements[0], statements[-2:]) == ("BEGIN", ["COMMIT", ""])
    run(moved, *statements[1:-2])
    add(moved, "C")
    add(moved, "D")
    assert seen(moved) == "ABCD"
    crm.ok("jobs", "run", "seal_log")
    with moved.read() as ctx:
        assert unsealed(ctx.connection) == 0
    crm.ok("doctor")


@pytest.mark.postgres
def test_without_them_observers_are_not_told(moved: App) -> None:
    add(moved, "C")
    assert seen(moved) == "A", "if they are: the page asks for what is not needed any more"
