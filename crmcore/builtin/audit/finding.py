"""Which row a code means: one that is there, one that had the code once, one that was removed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
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
            _log.entity.in_(list(entities)),
            *_was(connection, '"code":"'),
            _text_in(connection, f'"code":{dumps(code)}'),
        )
        .order_by(_log.seq.desc())
    )
    rows = [row for row in connection.execute(query) if json.loads(row.before).get("code") == code]
    found = dict.fromkeys(Found(row.entity, row.entity_id) for row in rows)
    return sorted(found, key=lambda one: list(entities).index(one.entity))


def _was(connection: sa.Connection, text: str) -> tuple[sa.ColumnElement[bool] | sa.TextClause, ...]:
    """Return the conditions by which a partial index of the log is used: its own, word by word, and its second column.

    Without the column SQLite may as well take the index of all entries.
    """
    function = "instr" if connection.dialect.name == "sqlite" else "strpos"
    own = sa.text(f"{function}(before, '{text}') > 0".replace(":", "\\:"))
    return _log.operation.in_(("update", "delete")), own


def _text_in(connection: sa.Connection, text: str) -> sa.ColumnElement[bool]:
    find = sa.func.instr if connection.dialect.name == "sqlite" else sa.func.strpos
    return find(_log.before, text) > 0


def gone(
    connection: sa.Connection,
    entities: Iterable[str],
    column: str,
    number: int,
    since: datetime | None = None,
) -> dict[str, set[int]]:
    """Return the rows that pointed to a row once and were removed or moved away: entity → ids.

    They are found by the index of such entries, which has those whose column ends in `_id`. `since`: only what
    left from that moment on.
    """
    query = sa.select(_log.entity, _log.entity_id, _log.before).where(
        _log.entity.in_(list(entities)),
        *_was(connection, '_id":'),
        sa.or_(*(_text_in(connection, f'"{column}":{number}{end}') for end in ",}")),
    )
    if since is not None:
        query = query.join(change_tx, change_tx.c.id == _log.tx_id).where(change_tx.c.at >= since)
    found: dict[str, set[int]] = {}
    for row in connection.execute(query):
        if json.loads(row.before).get(column) == number:
            found.setdefault(row.entity, set()).add(row.entity_id)
    return found


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
