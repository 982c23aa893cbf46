"""Moving rows from one customer to another: what plugins need to answer the hook `move_references`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from crmcore.builtin.exchange.undo_references import unique_keys
from crmcore.entities.lookup import table_of
from crmcore.errors import Refused
from crmcore.i18n import _
from crmcore.plugins.types import Move, Moved

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from crmcore.tx import Tx

_CHUNK = 1_000


def move_rows(
    tx: Tx,
    model: type[SQLModel],
    column: str,
    moves: Sequence[Move],
    *,
    twice: Literal["refuse", "remove"] = "refuse",
) -> Moved:
    """Let the rows of a table name the other customer in a column, and say how many did.

    twice: what becomes of a row whose like the other customer has, where the table holds it only once: it refuses the
    merge, or is removed, to come back when the merge is taken back. An undo asks for nothing: crmcore puts rows back.
    """
    rows = removed = 0
    for move in moves:
        if not move.undo:
            removed += _settle_twins(tx, model, column, move, twice)
            rows += _move(tx, model, column, move)
    return Moved(table_of(model).name, column, rows, removed=removed)


def keep_rows(tx: Tx, model: type[SQLModel], column: str, moves: Sequence[Move]) -> Moved:
    """Leave the rows of a table with the customer they name, since they tell what was, and say how many there are."""
    table = table_of(model)
    kept = 0
    for move in moves:
        if not move.undo:
            query = sa.select(sa.func.count()).select_from(table).where(table.c[column] == move.from_id)
            kept += tx.connection.scalar(query) or 0
    return Moved(table.name, column, 0, kept=kept)


def _move(tx: Tx, model: type[SQLModel], column: str, move: Move) -> int:
    table = table_of(model)
    query = sa.select(table.c.id).where(table.c[column] == move.from_id).order_by(table.c.id)
    numbers = tx.connection.scalars(query).all()
    for start in range(0, len(numbers), _CHUNK):
        tx.update(model, [(number, {column: move.into_id}) for number in numbers[start : start + _CHUNK]])
    return len(numbers)


def _settle_twins(tx: Tx, model: type[SQLModel], column: str, move: Move, twice: str) -> int:
    """Remove the rows whose like the other customer has, or refuse; returns how many were removed."""
    twins = sorted(_twins(tx, model, column, move))
    if twins and twice == "refuse":
        message = _("both customers have the same in {table} ({count} rows), which it holds only once")
        raise Refused(message.format(table=table_of(model).name, count=len(twins)))
    for start in range(0, len(twins), _CHUNK):
        tx.delete(model, twins[start : start + _CHUNK])
    return len(twins)


def _twins(tx: Tx, model: type[SQLModel], column: str, move: Move) -> set[int]:
    table = table_of(model)
    mine, theirs = table.alias("mine"), table.alias("theirs")
    found: set[int] = set()
    for columns in _unique_with(tx, model, column):
        same = [mine.c[name] == theirs.c[name] for name in columns if name != column]
        query = sa.select(mine.c.id).join(theirs, sa.and_(theirs.c[column] == move.into_id, *same))
        found.update(tx.connection.scalars(query.where(mine.c[column] == move.from_id)))
    return found


def _unique_with(tx: Tx, model: type[SQLModel], column: str) -> list[tuple[str, ...]]:
    """Return what the table holds only once, where the column is part of it."""
    table = table_of(model)
    keys = set(unique_keys(tx.ctx._app.table(model)))  # noqa: SLF001  (the way back to the company, which is ours)
    keys |= {
        tuple(c.name for c in index.columns)
        for index in table.indexes
        if index.unique and "where" not in index.info
    }
    return sorted(columns for columns in keys if column in columns)
