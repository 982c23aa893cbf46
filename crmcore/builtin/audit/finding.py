"""Which row a code means: one that is there, one that had the code once, one that was removed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

from crmcore.db.base import dumps
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Contact, Customer, Document, Interaction
from crmcore.errors import NotFound
from crmcore.i18n import _

MODELS: dict[str, type[SQLModel]] = {
    "customer": Customer,
    "contact": Contact,
    "interaction": Interaction,
    "document": Document,
}
"""What a code may be of; the first that has it is meant."""
_log = change_log.c
_INDEXED = frozenset({"customer_id", "contact_id"})
"""Columns of which an index of the log knows the values."""


class Found(NamedTuple):
    """A row by its code, there or not."""

    entity: str
    id: int


def find(connection: sa.Connection, code: str, entities: Collection[str] = tuple(MODELS)) -> list[Found]:
    """Return the rows that have a code, then those that had it once; NotFound where there never was one."""
    present = (Found(entity, _present(connection, entity, code)) for entity in entities)
    found = list(dict.fromkeys([*(one for one in present if one.id), *_past(connection, code, entities)]))
    if not found:
        message = _("nothing has, or ever had, the code {code!r}; look for it with: crm find")
        raise NotFound(message.format(code=code))
    return found


def _present(connection: sa.Connection, entity: str, code: str) -> int:
    c = table_of(MODELS[entity]).c
    return (code.isprintable() and connection.scalar(sa.select(c.id).where(c.code == code))) or 0


def _past(connection: sa.Connection, code: str, entities: Collection[str]) -> list[Found]:
    """Look through the entries of rows that were removed or got another code, newest first: they alone remember."""
    query = (
        sa.select(_log.entity, _log.entity_id, _log.before)
        .where(
            _log.entity.in_(list(entities)), _holds(connection, '"code":"'), _coded(connection, dumps(code))
        )
        .order_by(_log.seq.desc())
    )
    rows = [row for row in connection.execute(query) if json.loads(row.before).get("code") == code]
    found = dict.fromkeys(Found(row.entity, row.entity_id) for row in rows)
    return sorted(found, key=lambda one: list(entities).index(one.entity))


def _holds(connection: sa.Connection, text: str) -> sa.TextClause:
    """Return the condition by which a partial index of the log is used: its own, word by word."""
    function = "instr" if connection.dialect.name == "sqlite" else "strpos"
    return sa.text(f"{function}(before, '{text}') > 0".replace(":", "\\:"))


def _coded(connection: sa.Connection, code: str) -> sa.ColumnElement[bool]:
    """Return the condition that an entry holds a code, which is given as JSON; its index knows the same words."""
    if connection.dialect.name == "sqlite":  # what follows the code comes along: a comma or a brace
        begins = code[:72]
        held = sa.literal_column('substr(before, instr(before, \'"code":"\') + 7, 72)', sa.Text())
        return sa.and_(held >= begins, held < f"{begins}~")
    pattern = '"code":("(?:[^"\\\\]|\\\\.){0,70}")'
    held = sa.literal_column(f"(substring(before from '{pattern}') COLLATE \"C\")", sa.Text())
    return held == code


def gone(
    connection: sa.Connection,
    entities: Iterable[str],
    column: str,
    numbers: Iterable[int],
    since: datetime | None = None,
) -> dict[str, set[int]]:
    """Return the rows that pointed to one of some rows once and were removed or moved away: entity → ids.

    They are found by an index: where the column holds customers or contacts by one that knows whom, else by that of
    entries whose column ends in `_id`, all of which are looked through. `since`: only what left from that moment on.
    """
    found: dict[str, set[int]] = {}
    for part in batches(numbers):
        query = sa.select(_log.entity, _log.entity_id, _log.before).where(
            _log.entity.in_(list(entities)), *_pointed(connection, column, part)
        )
        if since is not None:
            query = query.join(change_tx, change_tx.c.id == _log.tx_id).where(change_tx.c.at >= since)
        for row in connection.execute(query):
            if json.loads(row.before).get(column) in part:
                found.setdefault(row.entity, set()).add(row.entity_id)
    return found


def _pointed(
    connection: sa.Connection, column: str, numbers: Sequence[int]
) -> Iterator[sa.ColumnElement[bool] | sa.TextClause]:
    """Yield the conditions that an entry held one of these numbers in a column.

    One that has the key twice, once of it inside of another value, comes along as -1: who reads it sees what it held.
    """
    key = f'"{column}":'
    numbers = [*numbers, -1]
    held: sa.ColumnElement[Any]
    if connection.dialect.name == "sqlite":
        rest = f"substr(before, instr(before, '{key}') + {len(key)})"
        number = f"CAST(substr(before, instr(before, '{key}') + {len(key)}, 20) AS INTEGER)"
        held = sa.literal_column(f"(CASE WHEN instr({rest}, '{key}') > 0 THEN -1 ELSE {number} END)")
        yield held.in_(sa.bindparam("numbers", numbers, sa.BigInteger(), expanding=True))
    else:
        rest = f"substr(before, strpos(before, '{key}') + {len(key)})"
        number = f"substring(before from '{key}([0-9]{{1,20}})')"
        held = sa.literal_column(f"(CASE WHEN strpos({rest}, '{key}') > 0 THEN '-1' ELSE {number} END)")
        yield held.in_(sa.bindparam("numbers", list(map(str, numbers)), sa.Text(), expanding=True))
    yield _holds(connection, key)
    if column in _INDEXED:
        return
    # Its second column, too: without it SQLite may as well take the index of all entries.
    yield _holds(connection, '_id":')
    yield _log.operation.in_(("update", "delete"))


def codes_ever(connection: sa.Connection, entity: str, ids: Iterable[int]) -> dict[int, str]:
    """Return id → code of rows, of removed ones the code that they had last."""
    c = table_of(MODELS[entity]).c
    codes: dict[int, str] = {}
    wanted = set(ids)
    for part in batches(wanted):
        codes.update(map(tuple, connection.execute(sa.select(c.id, c.code).where(c.id.in_(part)))))
    for part in batches(wanted - codes.keys()):
        removed = sa.select(_log.entity_id, _log.before).where(
            _log.entity == entity, _log.entity_id.in_(part), _log.operation == "delete"
        )
        for row in connection.execute(removed.order_by(_log.seq)):
            codes[row.entity_id] = str(_code_in(row.before))
    return codes


def _code_in(before: str) -> Any:
    return json.loads(before).get("code")
