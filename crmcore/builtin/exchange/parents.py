"""Groups of customers: a parent is named by its code and may come later in the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from crmcore.builtin.exchange.sql import among
from crmcore.builtin.records.services.values import alone_with_groups
from crmcore.entities.lookup import customer_ids
from crmcore.entities.tables import Customer
from crmcore.i18n import translator
from crmcore.plugins.types import LoadContext, Loaded, Row
from crmcore.tx import Tx

_ = translator("crmcore")

_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]
MOST_NAMED = 5


def circular(connection: sa.Connection, wanted: Mapping[int, int]) -> set[int]:
    """Return those of the customers who would be their own ancestors, given customer id → new parent id."""
    if wanted:
        alone_with_groups(connection)
    above: dict[int, int | None] = dict(wanted)
    unknown = set(wanted.values()) - above.keys()
    while unknown:
        query = sa.select(_table.c.id, _table.c.parent_id).where(among(connection, _table.c.id, unknown))
        above.update(dict.fromkeys(unknown))
        found: dict[int, int | None] = {row.id: row.parent_id for row in connection.execute(query)}
        above.update(found)
        unknown = {parent for parent in found.values() if parent is not None} - above.keys()
    return {child for child in wanted if _comes_back(child, above)}


def _comes_back(child: int, above: Mapping[int, int | None]) -> bool:
    seen: set[int] = set()
    place = above[child]
    while place is not None and place not in seen:
        if place == child:
            return True
        seen.add(place)
        place = above.get(place)
    return False


def link_parents(tx: Tx, rows: Sequence[Row], _ctx: LoadContext) -> Loaded:
    """Give rows the parents that came later in the file; what cannot be is a warning, the row itself is in."""
    loaded = Loaded()
    named = {row.values["code"]: row.values["parent"] for row in rows if row.values.get("parent")}
    if not named:
        return loaded
    ids = customer_ids(tx.connection, {*named, *named.values()})
    query = sa.select(_table.c.id, _table.c.parent_id).where(
        among(tx.connection, _table.c.id, [ids[code] for code in named if code in ids])
    )
    now: dict[int, int | None] = {row.id: row.parent_id for row in tx.connection.execute(query)}
    wanted: dict[int, int] = {}
    for code, parent in named.items():
        if code not in ids:
            continue
        if parent not in ids:
            _warn(loaded, _("there is no customer {parent!r} to be the parent of {code!r}"), code, parent)
        elif now[ids[code]] != ids[parent]:
            wanted[ids[code]] = ids[parent]
    wrong = circular(tx.connection, wanted)
    codes = {number: code for code, number in ids.items()}
    for child in sorted(wrong):
        message = _("{parent!r} is not made the parent of {code!r}, which would be its own ancestor")
        _warn(loaded, message, codes[child], codes[wanted[child]])
    edits = [(child, {"parent_id": parent}) for child, parent in sorted(wanted.items()) if child not in wrong]
    loaded.updated = tx.update(
        Customer,
        edits,
        refused=lambda index, refusal: loaded.warnings.append(f"{codes[edits[index][0]]}: {refusal.message}"),
    )
    return loaded


def _warn(loaded: Loaded, message: str, code: str, parent: str) -> None:
    if len(loaded.warnings) < MOST_NAMED:
        loaded.warnings.append(message.format(code=code, parent=parent))
