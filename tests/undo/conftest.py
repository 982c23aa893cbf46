"""Companies, imports of files into them, and a look at all that the tracked tables hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.services import run_import
from crmcore.builtin.exchange.understanding import Options, find_importable, understand
from crmcore.testing import ACTOR

Import = Callable[..., int]
Snapshot = Mapping[str, Sequence[Mapping[str, Any]]]
_COUNTED = ("version",)
"""How often a row was edited: an undo is an edit, too."""


@pytest.fixture
def load(tmp_path: Path) -> Import:
    """Import a text as a file; returns the number of the import."""
    made = 0

    def import_text(app: App, entity: str, text: str, *, actor: str = ACTOR, **options: bool) -> int:
        nonlocal made
        made += 1
        path = tmp_path / f"{entity}{made}.csv"
        path.write_text(text, encoding="utf-8")
        what = understand(app, find_importable(app, entity), path, ColumnMapping(), Options(**options))
        try:
            result = run_import(app, actor, what)
        finally:
            what.table.close()
        assert not result["rejected"], what.table.path
        return int(result["import"])

    return import_text


@pytest.fixture
def contents() -> Callable[[App], Snapshot]:
    """Return what tells all that the tracked tables of a company hold."""
    return contents_of


@pytest.fixture
def log_of() -> Callable[[App, str], list[Any]]:
    """Return what tells what a source wrote."""
    return written_by


def contents_of(app: App) -> Snapshot:
    """Return all rows of all tracked tables, without what only counts edits."""
    found = {}
    with app.read() as ctx:
        for entity, info in app.tables.items():
            rows = ctx.connection.execute(sa.select(info.table).order_by(info.table.c.id)).mappings()
            found[entity] = [{k: v for k, v in row.items() if k not in _COUNTED} for row in rows]
    return found


def written_by(app: App, source: str) -> list[Any]:
    """Return operation, entity, actor and reason of what a source wrote, in order."""
    query = sa.text(
        "SELECT l.operation, l.entity, t.actor, t.reason FROM change_log l JOIN change_tx t ON t.id = l.tx_id"
        " WHERE t.source = :source ORDER BY l.seq"
    )
    with app.read() as ctx:
        return [tuple(row) for row in ctx.connection.execute(query, {"source": source})]
