"""What one transaction writes into the change log: an entry per changed row, hashed into the one before."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.changes import (
    PERSONAL,
    Entry,
    Header,
    Written,
    chain,
    digest_of_values,
    head,
    header_hash,
    runs_of,
    seal_of,
)
from crmcore.db.base import dumps
from crmcore.db.system import change_log, change_seal, change_tx
from crmcore.errors import GateError
from crmcore.i18n import _
from crmcore.keys import PersonKeys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmcore.builtin.columns import Columns
    from crmcore.db.rows import Rows
    from crmcore.db.tables import TableInfo
    from crmcore.keys import Person

Row = dict[str, Any]
_CHUNK = 500


class Log:
    """The entries of one transaction; they become one piece of the log when it is finished."""

    def __init__(self, rows: Rows, header: Header, customers: sa.Table) -> None:
        """Begin without an entry; `customers` says which of them are natural persons."""
        self.connection = rows.connection
        self._rows = rows
        self._header = header
        self._customers = customers
        self._keys = PersonKeys(rows.connection)
        self._last_hash = header_hash(header)
        self._entries = 0
        self._places = (0, 0)

    def created(self, info: TableInfo, ids: Sequence[int], columns: Columns) -> None:
        """Append what was created."""
        if info.spec.log == "range":
            values = zip(*(ids if n == "id" else columns.column(n) for n in info.columns), strict=True)
            self.append([range_of(info, ids, digest_of_values(list(values)))])
            return
        from crmcore.builtin.images import images_of

        concerned = self._concerned(info, ids, columns, new=True)
        images: list[str | None] = [*images_of(columns, None if concerned else columns.attributes)]
        for place, number in enumerate(ids if concerned else ()):
            if number in concerned:
                images[place] = self._image(info, number, set_values(columns[place]), concerned[number])
        self.append(list(zip(repeat(info.entity), ids, repeat("create"), repeat(None), images, strict=False)))

    def changed(
        self,
        info: TableInfo,
        operation: str,
        changes: Sequence[tuple[int, Row | None, Row | None]],
        rows: Mapping[int, Row],
    ) -> None:
        """Append one entry per changed row; `rows` gives the whole row, to find the person concerned."""
        from crmcore.builtin.columns import picked

        ids = [number for number, _before, _after in changes]
        names = [name for name in ("kind", *info.persons) if name in info.columns]
        old = self._concerned(info, ids, picked([rows[number] for number in ids], names), new=False)
        new = old
        if any(after and not after.keys().isdisjoint(("kind", *info.persons)) for _n, _b, after in changes):
            # It becomes somebody's by this very change: a firm becomes a person, a note gets its contact.
            then = picked([{**rows[n], **(after or {})} for n, _b, after in changes], names)
            new = self._concerned(info, ids, then, new=False)
        entries = []
        for number, before, after in changes:
            before_image = self._image(info, number, before, old.get(number) or new.get(number))
            after_image = self._image(info, number, after, new.get(number) or old.get(number))
            entries.append(Entry(info.entity, number, operation, before_image, after_image))
        self.append(entries)

    def _concerned(
        self, info: TableInfo, ids: Sequence[int], columns: Columns, *, new: bool
    ) -> dict[int, Person]:
        """Return row id → the natural person whose values the row holds, and see to it that their keys exist."""
        persons: dict[int, Person] = {}
        if "id" in info.persons:
            kinds = zip(ids, columns.column("kind", "person"), strict=True)
            persons = {number: (info.entity, number) for number, kind in kinds if kind == "person"}
        elif info.persons:
            persons = self._persons_named(info.persons, ids, columns)
        if persons:
            with self._rows.gate():
                if new and "id" in info.persons:
                    self._keys.make(persons.values())
                else:
                    self._keys.ensure(set(persons.values()))
        return persons

    def _persons_named(self, names: Sequence[str], ids: Sequence[int], columns: Columns) -> dict[int, Person]:
        contacts, customers = (
            columns.column(name) if name in names else [None] * len(ids)
            for name in ("contact_id", "customer_id")
        )
        natural = self._natural_persons(sorted(set(filter(None, customers))))
        persons: dict[int, Person] = {}
        for number, contact, customer in zip(ids, contacts, customers, strict=True):
            if contact:
                persons[number] = ("contact", contact)
            elif customer in natural:
                persons[number] = ("customer", customer)
        return persons

    def _natural_persons(self, ids: Sequence[int]) -> set[int]:
        table = self._customers
        found: set[int] = set()
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            found.update(
                self.connection.scalars(
                    sa.select(table.c.id).where(table.c.id.in_(part), table.c.kind == "person")
                )
            )
        return found

    def _image(self, info: TableInfo, number: int, values: Row | None, person: Person | None) -> str | None:
        """Write the values of one side of a change as JSON, personal ones encrypted."""
        if values is None:
            return None
        if person is None:
            return dumps(values)
        secret = {k: v for k, v in values.items() if k in info.personal_columns}
        open_part = {k: v for k, v in values.items() if k not in secret}
        attributes = open_part.get("attributes")
        if attributes:
            open_part["attributes"] = {k: v for k, v in attributes.items() if not info.is_personal(k)}
            hidden = {k: v for k, v in attributes.items() if info.is_personal(k)}
            if hidden:
                secret["attributes"] = hidden
        if secret:
            open_part[PERSONAL] = self._keys.seal(person, secret, f"{info.entity}:{number}")
        return dumps(open_part)

    def append(self, entries: Sequence[Written]) -> None:
        """Add entries, each with its place and hash."""
        if not entries:
            return
        places = self._rows.reserve("change_log", "seq", len(entries))
        hashes = chain(entries, places, self._last_hash)
        self._last_hash = hashes[-1]
        self._entries += len(entries)
        self._places = (self._places[0] or places[0], places[-1])
        values = (places, [self._header.id] * len(entries), *zip(*entries, strict=True), hashes)
        self._rows.append(change_log.name, dict(zip(change_log.columns.keys(), values, strict=True)))

    def finish(self) -> None:
        """Write the transaction's header and, on SQLite, its seal; nothing if nothing was changed."""
        if not self._entries:
            return
        self._check_whole()
        h = self._header
        xid = None
        with self._rows.gate():
            if self.connection.dialect.name == "postgresql":
                xid = self.connection.scalar(sa.text("SELECT pg_current_xact_id()::text::bigint"))
            self.connection.execute(
                sa.insert(change_tx),
                {
                    "id": h.id,
                    "at": h.at,
                    "actor": h.actor,
                    "authenticated_as": h.authenticated_as,
                    "reason": h.reason,
                    "source": h.source,
                    "xid": xid,
                    "entries": self._entries,
                    "first_seq": self._places[0],
                    "last_seq": self._places[1],
                    "digest": self._last_hash,
                },
            )
            if self.connection.dialect.name == "sqlite":
                position, seal = head(self.connection)
                self.connection.execute(
                    sa.insert(change_seal),
                    {"position": position + 1, "tx_id": h.id, "seal": seal_of(seal, h, self._last_hash)},
                )

    def _check_whole(self) -> None:
        """Refuse to commit a log of which a savepoint took entries away: its hashes would lead nowhere."""
        if not self.connection.info.pop("crm_torn", False):
            return
        c = change_log.c
        query = sa.select(sa.func.count()).where(c.tx_id == self._header.id, c.seq.between(*self._places))
        if self.connection.scalar(query) != self._entries:
            raise GateError(
                _(
                    "a savepoint was rolled back after writes through the gate; use an app.write(...) for each part"
                )
            )


def range_of(info: TableInfo, ids: Sequence[int], digest: str) -> Entry:
    """Return the entry of appended rows."""
    after: Row = {"first": ids[0], "last": ids[-1], "rows": len(ids), "columns": info.columns}
    if ids[-1] - ids[0] + 1 != len(ids):
        after["ids"] = runs_of(ids)
    return Entry(info.entity, None, "append", None, dumps({**after, "sha256": digest}))


def set_values(row: Row | None) -> Row | None:
    """Return a row without what is not set."""
    return None if row is None else {k: v for k, v in row.items() if v is not None}
