"""What one import wrote, read from the change log: its transactions, the rows that it made, changed and deleted."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.exchange.sql import among
from crmcore.db.system import change_log, change_tx

_PAGE = 1_000
_log, _tx = change_log.c, change_tx.c
RowKey = tuple[str, int]
"""Entity and id."""


def import_source(number: int) -> str:
    """Return the source under which an import writes."""
    return f"import:{number}"


def undo_source(source: str) -> str:
    """Return the source under which what a source wrote is taken back: `undo:7` of `import:7`, `undo:merge:…`."""
    return f"undo:{source.removeprefix('import:')}"


def undone_source(undo: str) -> str:
    """Return the source of what is taken back under a source."""
    undone = undo.removeprefix("undo:")
    return undone if ":" in undone else f"import:{undone}"


class Transaction(NamedTuple):
    """A transaction of the import, and between which places its entries lie."""

    id: int
    first: int
    last: int


@dataclass(slots=True)
class Written:
    """What one transaction of an import did."""

    created: dict[str, list[int]] = field(default_factory=dict)
    changed: list[RowKey] = field(default_factory=list)
    deleted: dict[RowKey, int] = field(default_factory=dict)
    """Row → place of the entry that holds it."""


class OwnLog:
    """The part of the change log that an import, or a merge, wrote; ranges are kept in memory, single rows are not."""

    def __init__(self, connection: sa.Connection, source: str) -> None:
        self.source, self.undo = source, undo_source(source)
        query = sa.select(_tx.id, _tx.first_seq, _tx.last_seq).where(_tx.source == self.source)
        found = connection.execute(query.order_by(_tx.id.desc()))
        self.transactions = [Transaction(*row) for row in found]
        self.first = min((t.first for t in self.transactions), default=0)
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        for transaction in self.transactions:
            for entity, after in connection.execute(_ranges_of(transaction)):
                self._ranges.setdefault(entity, []).extend(_runs(after))
        for runs in self._ranges.values():
            runs.sort()

    def written(self, connection: sa.Connection, transaction: Transaction) -> Written:
        """Read what a transaction did."""
        done = Written()
        changed: dict[RowKey, None] = {}
        after = sa.case((_log.operation == "append", _log.after), else_=None).label("after")
        query = (
            sa.select(_log.seq, _log.entity, _log.entity_id, _log.operation, after)
            .where(*_within(transaction))
            .order_by(_log.seq)
        )
        for seq, entity, number, operation, text in connection.execute(
            query.execution_options(yield_per=_PAGE)
        ):
            if operation == "create":
                done.created.setdefault(entity, []).append(number)
            elif operation == "append":
                ids = [i for first, last in _runs(text) for i in range(first, last + 1)]
                done.created.setdefault(entity, []).extend(ids)
            elif operation == "delete":
                done.deleted[entity, number] = seq
            elif number is not None:
                changed[entity, number] = None
        done.changed = list(changed)
        return done

    def created(self, connection: sa.Connection, entity: str, ids: Collection[int]) -> set[int]:
        """Return those of the rows that this import made."""
        if not ids:
            return set()
        if entity in self._ranges:
            return {number for number in ids if self._in_ranges(entity, number)}
        query = (
            sa.select(_log.entity_id)
            .join(change_tx, _tx.id == _log.tx_id)
            .where(
                _log.entity == entity,
                among(connection, _log.entity_id, ids),
                _log.operation == "create",
                _tx.source == self.source,
            )
        )
        return set(connection.scalars(query))

    def _in_ranges(self, entity: str, number: int) -> bool:
        runs = self._ranges[entity]
        place = bisect_right(runs, (number, float("inf"))) - 1
        return place >= 0 and number <= runs[place][1]


def _within(transaction: Transaction) -> Sequence[sa.ColumnElement[bool]]:
    return (_log.seq.between(transaction.first, transaction.last), _log.tx_id == transaction.id)


def _ranges_of(transaction: Transaction) -> sa.Select[Any]:
    return sa.select(_log.entity, _log.after).where(*_within(transaction), _log.operation == "append")


def _runs(text: str) -> list[tuple[int, int]]:
    told = json.loads(text)
    return [(first, last) for first, last in told.get("ids") or [(told["first"], told["last"])]]
