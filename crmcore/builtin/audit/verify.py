"""Verify the change log: every hash is computed anew, in passes that stream, so that memory stays flat.

The first pass goes through the entries by place and holds them against each other and the header of their
transaction; the second goes through the seals; the third, if it is asked for, through the rows of tables. What is
found lowest in the log is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.audit.anchor import Anchor
from crmcore.builtin.audit.chain import UNREADABLE, Entries
from crmcore.builtin.audit.findings import lowest
from crmcore.builtin.audit.seals import Seals
from crmcore.db.system import change_log, change_seal, change_tx

if TYPE_CHECKING:
    from crmcore.app import App

_LOG = frozenset({change_log.name, change_tx.name, change_seal.name})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the log came to; the fields are published."""

    ok: bool
    checked: int
    """Entries whose hash was computed anew."""
    unsealed: int
    """Transactions that no seal covers yet."""
    anchored_to: int | None
    """The highest position that an anchor confirms."""
    first_bad: int | None
    """Place of the first entry that is not as it was written."""
    problem: str | None


def verify(app: App, anchors: Sequence[Anchor] = (), *, rows: bool = False) -> Verdict:
    """Check the whole log as it stands at one moment; `rows`: also the rows that it speaks of."""
    with app.read() as ctx:
        _one_moment(app, ctx.connection)
        if dropped := _dropped(app, ctx.connection, rows=rows):
            return Verdict(ok=False, checked=0, unsealed=0, anchored_to=None, first_bad=None, problem=dropped)
        entries, seals = Entries(ctx.connection), Seals(ctx.connection, anchors)
        found = entries.check()
        try:
            found = lowest(found, seals.check())
        except UNREADABLE:
            if found is None:  # else what cannot be read is what was found
                raise
        if found is None and rows:
            from crmcore.builtin.audit.ranges import check_ranges
            from crmcore.builtin.audit.rows import check_rows

            found = lowest(check_rows(app, ctx.connection), check_ranges(app, ctx.connection))
    seq, problem = found or (None, None)
    return Verdict(found is None, entries.checked, seals.unsealed, seals.anchored_to, seq, problem)


def _dropped(app: App, connection: sa.Connection, *, rows: bool) -> str | None:
    """Say which tables of the log are gone, and with `rows` which others; None where all are there."""
    from crmcore.builtin.databases.missing import missing_sentence, missing_tables

    missing = [name for name in missing_tables(app, connection) if rows or name in _LOG]
    return missing_sentence(missing) if missing else None


def _one_moment(app: App, connection: sa.Connection) -> None:
    """Have PostgreSQL show one state of the database throughout, as SQLite does within a transaction."""
    if connection.dialect.name == "postgresql":
        with app.unguarded(connection):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
