"""Keeping the keys: made of all customers once, and then of those whose rows changed since, as the change log tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.again import until_done
from crmcore.builtin.duplicates.keys import VERSION, keys_of
from crmcore.builtin.duplicates.reading import customers, read_cards
from crmcore.builtin.duplicates.tables import KEYS, keys, state
from crmcore.builtin.search.folding import has_traditional
from crmcore.collector import collector_off
from crmcore.db.base import insert_or
from crmcore.db.rows import write_many
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import ContactFirm

if TYPE_CHECKING:
    from crmcore.app import App

CHUNK = 5_000
_ENTITIES = ("customer", "contact", "contact_firm")
_places = table_of(ContactFirm)
_link = change_log.c.entity == "contact_firm"
_COLUMNS = (
    change_log.c.seq,
    change_log.c.entity,
    change_log.c.entity_id,
    *(sa.case((_link, change_log.c[side])).label(side) for side in ("before", "after")),
)
"""Of a change which row it was; of a person's place at a firm also at which one."""
_IS_LOOKED_AT = sa.func.coalesce(change_log.c.entity, "").in_(_ENTITIES)
"""Not by the index on entities, which would be read from its beginning: only what is new is looked through."""
_XMIN = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


class Place(NamedTuple):
    """How far the change log has been read."""

    xid: int
    seq: int


def refresh(app: App, *, anew: bool = False) -> int:
    """Bring the keys up to the newest committed change; returns of how many customers they were made.

    A chunk in each transaction: who is killed goes on where it was, and others write meanwhile.
    """
    count = 0
    known = {} if anew else _known(app)
    if known.get("rules") != rules() or "after" in known:
        count += _make_all(app, known if known.get("rules") == rules() else None)
        known = _known(app)
    place = Place(known["xid"], known["seq"])
    while True:
        with app.read("duplicates") as ctx:
            head = _head(ctx.connection)
            entries = _entries_after(ctx.connection, place)
            ids = _concerned(ctx.connection, entries)
        if not entries:
            if head > place:  # what others wrote is not looked through again
                _note(app, {"xid": head.xid, "seq": head.seq, "rules": rules()})
            return count
        place = Place(entries[-1].xid, entries[-1].seq)
        for part in _cut(ids):
            _put(app, part)
        _note(app, {"xid": place.xid, "seq": place.seq, "rules": rules()})
        count += len(ids)


def is_kept(connection: sa.Connection) -> bool:
    """Tell whether there are keys by the rules of today, perhaps not of the newest changes."""
    known = connection.scalar(sa.select(state.c.value).where(state.c.name == "read")) or {}
    return known.get("rules") == rules() and "after" not in known


def rules() -> str:
    """Name what keys are made by: who has the table of traditional characters makes others."""
    return f"{VERSION}{'t' if has_traditional() else ''}"


def _known(app: App) -> dict[str, Any]:
    with app.read("duplicates") as ctx:
        return dict(ctx.connection.scalar(sa.select(state.c.value).where(state.c.name == "read")) or {})


def _note(app: App, value: dict[str, Any]) -> None:
    with app.operations() as connection, app.unguarded(connection):
        row = insert_or(connection, state).values(name="read", value=value)
        connection.execute(
            row.on_conflict_do_update(index_elements=["name"], set_={"value": row.excluded.value})
        )


# -- all customers -----------------------------------------------------------------------------------------------


def _make_all(app: App, begun: dict[str, Any] | None) -> int:
    """Make the keys of all customers, or of those that are left where that was begun."""
    if begun is None:
        with app.read("duplicates") as ctx:
            place = _head(ctx.connection)
        begun = {"xid": place.xid, "seq": place.seq, "rules": rules(), "after": 0}
        with app.operations() as connection, app.unguarded(connection):
            connection.execute(sa.delete(keys))
            connection.execute(sa.delete(state))
    count, after = 0, begun["after"]
    while True:
        with app.read("duplicates") as ctx:
            query = sa.select(customers.c.id).where(customers.c.id > after)
            ids = list(ctx.connection.scalars(query.order_by(customers.c.id).limit(CHUNK)))
        if not ids:
            break
        _put(app, ids)
        count, after = count + len(ids), ids[-1]
        _note(app, {**begun, "after": after})
    _note(app, {name: begun[name] for name in ("xid", "seq", "rules")})
    return count


def _put(app: App, ids: Sequence[int]) -> None:
    """Write the keys of these customers in the place of what they had."""
    with collector_off(), app.read("duplicates") as ctx:
        cards = read_cards(ctx.connection, ids, ctx.today)
    rows = sorted((key, number) for number, card in cards.items() for key in keys_of(card))

    def write() -> None:
        with app.operations() as connection, app.unguarded(connection):
            drop_keys(connection, ids)
            if rows:
                write_many(connection, KEYS, ("key", "customer_id"), rows)

    until_done(write)  # somebody else may be at it


def drop_keys(connection: sa.Connection, ids: Iterable[int]) -> None:
    """Take the keys of customers away; the caller holds the gate open."""
    for part in batches(ids):
        connection.execute(sa.delete(keys).where(keys.c.customer_id.in_(part)))


# -- what changed ------------------------------------------------------------------------------------------------


def _head(connection: sa.Connection) -> Place:
    """Return a place in the change log before which all is committed."""
    if connection.dialect.name == "postgresql":
        return Place(int(connection.scalar(sa.text(f"SELECT {_XMIN}")) or 0), 0)
    return Place(0, connection.scalar(sa.select(sa.func.max(change_log.c.seq))) or 0)


def _entries_after(connection: sa.Connection, place: Place) -> Sequence[Any]:
    """Return what was changed of customers and their people after a place, in the order in which it became visible."""
    c = change_log.c
    query = sa.select(*_COLUMNS).where(_IS_LOOKED_AT)
    if connection.dialect.name == "postgresql":
        its_own = c.seq.between(change_tx.c.first_seq, change_tx.c.last_seq)
        query = (
            query.add_columns(change_tx.c.xid)
            .join(change_tx, (change_tx.c.id == c.tx_id) & its_own)
            .where(
                change_tx.c.xid >= place.xid,
                change_tx.c.xid < sa.text(_XMIN),
                sa.tuple_(change_tx.c.xid, c.seq) > sa.tuple_(sa.literal(place.xid), sa.literal(place.seq)),
            )
            .order_by(change_tx.c.xid, c.seq)
        )
    else:
        query = query.add_columns(sa.literal(0).label("xid")).where(c.seq > place.seq).order_by(c.seq)
    return connection.execute(query.limit(CHUNK)).all()


def _concerned(connection: sa.Connection, entries: Sequence[Any]) -> list[int]:
    """Return the customers that changes are about, those of contacts among them."""
    ids = {one.entity_id for one in entries if one.entity == "customer" and one.entity_id}
    contacts = {one.entity_id for one in entries if one.entity == "contact"}
    links = [one for one in entries if one.entity == "contact_firm"]
    for one in links:
        sides = (json.loads(text) for text in (one.before, one.after) if text)
        ids |= {side["customer_id"] for side in sides if "customer_id" in side}
    for column, wanted in (("contact_id", contacts), ("id", {one.entity_id for one in links})):
        for part in batches(wanted):
            query = sa.select(_places.c.customer_id).where(_places.c[column].in_(part))
            ids.update(connection.scalars(query))
    return sorted(ids)


def changed_since(connection: sa.Connection, since: Any) -> list[int]:
    """Return the customers of which something was changed from a moment on."""
    first = connection.scalar(sa.select(sa.func.min(change_tx.c.first_seq)).where(change_tx.c.at >= since))
    if first is None:
        return []
    c = change_log.c
    found: set[int] = set()
    seq = first - 1
    while entries := connection.execute(
        sa.select(*_COLUMNS).where(c.seq > seq, _IS_LOOKED_AT).order_by(c.seq).limit(CHUNK)
    ).all():
        found.update(_concerned(connection, entries))
        seq = entries[-1].seq
    return sorted(found)


def _cut(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
