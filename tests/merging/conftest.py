"""Companies to merge customers in, and a look at all that the tracked tables hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App
from crmcore.builtin.duplicates.merging import Merged, Wish, merge
from crmcore.builtin.duplicates.unmerging import unmerge
from crmcore.testing import ACTOR, CommandLine, CompanyMaker, SmallCompany

Snapshot = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture
def company(small_company: CompanyMaker, database: str) -> SmallCompany:
    """Return the small company on either database, without a plugin."""
    return small_company((), database)


@pytest.fixture
def do_merge(crm: CommandLine) -> Callable[..., Any]:
    """Merge by the command line; returns what it prints as JSON."""

    def run(gone: str, remaining: str, *options: str) -> Any:
        return crm.json(
            "duplicates", "merge", gone, remaining, "--reason", "the same firm", "--yes", *options
        )

    return run


@pytest.fixture
def do_unmerge(crm: CommandLine) -> Callable[..., Any]:
    """Take a merge back by the command line; returns what it prints as JSON."""

    def run(gone: str) -> Any:
        return crm.json("duplicates", "unmerge", gone, "--reason", "two firms after all")

    return run


@pytest.fixture
def contents() -> Callable[[App], Snapshot]:
    """Return what tells all that the tracked tables of a company hold."""
    return contents_of


def contents_of(app: App) -> Snapshot:
    """Return all rows of all tracked tables, without what only counts edits and without the record of merges."""
    found = {}
    with app.read() as ctx:
        for entity, info in app.tables.items():
            if entity != "customer_merge":
                rows = ctx.connection.execute(sa.select(info.table).order_by(info.table.c.id)).mappings()
                found[entity] = [{k: v for k, v in row.items() if k != "version"} for row in rows]
    return found


def merged(app: App, gone: str, remaining: str, **wish: Any) -> Merged:
    """Merge by the service."""
    return merge(app, ACTOR, Wish(gone, remaining, "the same firm", **wish))


def unmerged(app: App, gone: str) -> dict[str, Any]:
    """Take a merge back by the service."""
    return unmerge(app, ACTOR, gone, "two firms after all")
