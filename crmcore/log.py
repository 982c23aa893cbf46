"""What one transaction writes into the change log: an entry per changed row, hashed into the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.changes import (
    PERSONAL,
    Entry,
    Header,
    chain,
    digest_of_rows,
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

    def created(
        self, info: TableInfo, ids: Sequence[int], rows: Sequence[Row], attributes: list[str] | None
    ) -> None:
        """Append what was created; `attributes` are the rows' as JSON where they were encoded already."""
        if info.spec.log == "range":
            self.append([range_of(info, ids, digest_of_rows(info.columns, ids, rows))])
            return
        from crmcore.builtin.images import images_of

        entity = info.entity
        concerned = self._concerned(info, ids, rows, new=True)
        images = images_of(rows, None if concerned else attributes)
        self.append(
            [
                Entry(
                    entity,
                    number,
                    "create",
                    None,
                    self._image(info, number, set_values(row), concerned[number]),
                )
                if number in concerned
                else Entry(entity, number, "create", None, image)
                for number, row, image in zip(ids, rows, images, strict=True)
            ]
        )

    def changed(
        self,
        info: TableInfo,
        operation: str,
        changes: Sequence[tuple[int, Row | None, Row | None]],
        rows: Mapping[int, Row],
    ) -> None:
        """Append one entry per changed row; `rows` gives the whole row, to find the person concerned."""
        ids = [number for number, _before, _after in changes]
        old = self._concerned(info, ids, [rows[number] for number in ids], new=False)
        new = old
        if any(after and not after.keys().isdisjoint(("kind", *info.persons)) for _n, _b, after in changes):
            # It becomes somebody's by this very change: a firm becomes a person, a note gets its contact.
            new = self._concerned(
                info, ids, [{**rows[n], **(after or {})} for n, _b, after in changes], new=False
            )
        entries = []
        for number, before, after in changes:
            before_image = self._image(info, number, before, old.get(number) or new.get(number))
            after_image = self._image(info, number, after, new.get(number) or old.get(number))
            entries.append(Entry(info.entity, number, operation, before_image, after_image))
        self.append(entries)

    def _concerned(
        self, info: TableInfo, ids: Sequence[int], rows: Sequence[Row], *, new: bool
    ) -> dict[int, Person]:
        """Return row id → the natural person whose values the row holds, and see to it that their keys exist."""
        persons: dict[int, Person] = {}
        if "id" in info.persons:
            numbered = zip(ids, rows, strict=True)
            persons = {i: (info.entity, i) for i, r in numbered if r.get("kind", "person") == "person"}
        elif info.persons:
            persons = self._persons_named(info.persons, ids, rows)
        if persons:
            with self._rows.gate():
                if new and "id" in info.persons:
                    self._keys.make(persons.values())
                else:
                    self._keys.ensure(set(persons.values()))
        return persons

    def _persons_named(
        self, columns: Sequence[str], ids: Sequence[int], rows: Sequence[Row]
    ) -> dict[int, Person]:
        customers = (
            {r["customer_id"] for r in rows if r.get("customer_id")} if "customer_id" in columns else set()
        )
        natural = self._natural_persons(sorted(customers))
        persons: dict[int, Person] = {}
        for number, row in zip(ids, rows, strict=True):
            if "contact_id" in columns and row.get("contact_id"):
                persons[number] = ("contact", row["contact_id"])
            elif row.get("customer_id") in natural:
                persons[number] = ("customer", row["customer_id"])
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

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, each with its place and hash."""
        if not entries:
            return
        places = self._rows.reserve("change_log", "seq", len(entries))
        hashes = chain(entries, places, self._last_hash)
        self._last_hash = hashes[-1]
        self._entries += len(entries)
        self._places = (self._places[0] or places[0], places[-1])
        rows = [(places[i], self._header.id, *entry, hashes[i]) for i, entry in enumerate(entries)]
        self._rows.append(change_log, rows)

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
