"""The change log: played back it gives the rows that are there, so nothing was written round the gate."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.db.base import dumps
from crmcore.db.system import change_log
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.conformance.subject import Subject
    from crmcore.db.tables import TableInfo

_NOT_LOGGED = frozenset({"version", "uid"})
"""Columns that are the gate's own."""


class _Played:
    """What the log says of one table: which rows there must be, and how often each kind of change happened."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.count = 0

    def append(self, after: dict[str, Any]) -> None:
        """Take a range of appended rows: of their values only the hash is logged."""
        for first, last in after.get("ids") or [(after["first"], after["last"])]:
            self.rows.update({number: {} for number in range(first, last + 1)})

    def change(self, number: int, operation: str, after: dict[str, Any]) -> None:
        """Take the change of one row."""
        if operation == "delete":
            self.rows.pop(number, None)
        else:
            row = self.rows.setdefault(number, {})
            for name, value in after.items():
                merged = name == "attributes" and operation == "update" and isinstance(row.get(name), dict)
                row[name] = (
                    {k: v for k, v in {**row[name], **value}.items() if v is not None} if merged else value
                )


def check_log(subject: Subject) -> Finding:
    """Play the change log of the used company back and compare it with the tables."""
    from crmcore.builtin.conformance.using import used

    app = used(subject).app
    app.refresh()
    played = _play(app)
    problems = []
    rows = 0
    for entity, info in app.tables.items():
        problem, count = _compared(app, info, played.get(entity, _Played()), whole=entity in subject.tables)
        problems += problem
        rows += count if entity in subject.tables else 0
    entries = sum(played[name].count for name in subject.tables if name in played)
    return finding(problems, _("{entries} entries, {rows} rows").format(entries=entries, rows=rows))


def _play(app: App) -> dict[str, _Played]:
    from crmcore.changes import as_change
    from crmcore.keys import PersonKeys

    played: dict[str, _Played] = {}
    with app.read() as ctx:
        keys = PersonKeys(ctx.connection)
        for row in ctx.connection.execute(sa.select(change_log).order_by(change_log.c.seq)).all():
            one = played.setdefault(row.entity, _Played())
            one.count += 1
            after: dict[str, Any] = dict(as_change(row, keys).after or {})
            if row.operation == "append":
                one.append(after)
            else:
                one.change(row.entity_id, row.operation, after)
    return played


def _compared(app: App, info: TableInfo, played: _Played, *, whole: bool) -> tuple[list[str], int]:
    """Compare one table with what the log says of it; of the plugin's own tables, if logged in full, the values too."""
    with app.read() as ctx:
        there = {row["id"]: dict(row) for row in ctx.connection.execute(sa.select(info.table)).mappings()}
    problems = []
    unlogged, lost = there.keys() - played.rows.keys(), played.rows.keys() - there.keys()
    if unlogged or lost:
        problems.append(
            _(
                "table {table}: {rows} rows are there, {logged} after the change log (not logged: {unlogged}, gone: {lost})"
            ).format(
                table=info.entity,
                rows=len(there),
                logged=len(played.rows),
                unlogged=len(unlogged),
                lost=len(lost),
            )
        )
    elif whole and info.spec.log == "full":
        wrong = [number for number, row in there.items() if _differs(row, played.rows[number], info.columns)]
        if wrong:
            problems.append(
                _(
                    "table {table}: {count} rows hold other values than the change log says, such as row {id}"
                ).format(table=info.entity, count=len(wrong), id=min(wrong))
            )
    return problems, len(there)


def _differs(row: dict[str, Any], logged: dict[str, Any], columns: Iterable[str]) -> bool:
    plain: dict[str, Any] = json.loads(dumps(row))
    names = set(columns) - _NOT_LOGGED - {"id"}
    return any(plain.get(name) != logged.get(name) for name in names if plain.get(name) is not None)
