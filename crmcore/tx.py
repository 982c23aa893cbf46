"""The one gate for writing: every change is checked by the decision plugins, written and logged in one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from crmcore.builtin.isolation import frozen
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
from crmcore.codes import check_codes, reserve_numbers
from crmcore.db.base import dumps
from crmcore.db.engine import gate
from crmcore.db.system import change_log, change_seal, change_tx
from crmcore.entities.lookup import NOUNS
from crmcore.errors import CrmError, GateError, NotFound, Refused, StaleVersion
from crmcore.i18n import _
from crmcore.ids import new_uids
from crmcore.keys import PersonKeys
from crmcore.plugins.types import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlmodel import SQLModel

    from crmcore.app import App
    from crmcore.changes import LoadedRange
    from crmcore.db.tables import TableInfo
    from crmcore.keys import Person
    from crmcore.plugins.types import Context, Refusal

    OnRefusal = Callable[[int, Refusal], None]

Row = dict[str, Any]
_CHUNK = 500
_MOST_CODES = 5_000
_MOST_ROUNDS = 2_000


class Tx:
    """A writing transaction; made by `App.write`, committed by it."""

    def __init__(self, app: App, connection: sa.Connection, header: Header, plugin: str) -> None:
        """Take the open transaction; `header` says who, when, why and from where."""
        self._app = app
        self.connection = connection
        self._header = header
        self.ctx: Context = app.context(plugin, connection, header.actor)
        self._keys = PersonKeys(connection)
        self._last_hash = header_hash(header)
        self._entries = 0
        self._places = (0, 0)
        self._next: dict[str, int] = {}

    @property
    def id(self) -> int:
        """Number of this transaction in the change log."""
        return self._header.id

    @property
    def now(self) -> datetime:
        """The one moment of this transaction, aware, UTC."""
        return self._header.at

    @property
    def actor(self) -> str:
        """Code of who acts."""
        return self._header.actor

    # -- writing ---------------------------------------------------------------------------------------------

    def insert(
        self,
        model: type[SQLModel],
        rows: Sequence[Row],
        *,
        refused: OnRefusal | None = None,
        ids: Sequence[int] | None = None,
    ) -> list[int]:
        """Insert rows (column → value) and log them; returns their ids in order.

        id, uid, version and column defaults are filled in. `refused(index, Refusal)` is told of rows that a
        decision plugin refuses, their id is 0 in the result; without it any refusal raises Refused.
        `ids`: those that the rows had before, where they are restored.
        """
        if not rows:
            return []
        info = self._app.table(model)
        ids = self._reserve(info.entity, "id", len(rows)) if ids is None else ids
        complete = self._complete(info, rows)
        changes = [(number, None, row) for number, row in zip(ids, complete, strict=True)]
        rejected = self._ask("create", info, changes, refused)
        kept = ids
        if rejected:
            kept = [number for i, number in enumerate(ids) if i not in rejected]
            complete = [row for i, row in enumerate(complete) if i not in rejected]
        if complete:
            attributes = (
                [dumps(row["attributes"]) for row in complete] if "attributes" in complete[0] else None
            )
            self._write_rows(info, kept, complete, attributes)
            self._log_created(info, kept, complete, attributes)
        return [0 if i in rejected else number for i, number in enumerate(ids)]

    def update(
        self,
        model: type[SQLModel],
        edits: Sequence[tuple[int, Row]],
        *,
        expect_version: Mapping[int, int] | None = None,
        refused: OnRefusal | None = None,
    ) -> int:
        """Change columns of rows by id and log before and after; returns how many rows really changed.

        A dict given for an attributes column is merged key by key; None removes a key. Raises NotFound for an
        unknown id, StaleVersion when `expect_version` (id → version seen) does not hold, Refused as `insert`.
        """
        info = self._app.table(model)
        done = 0
        for places in _rounds([number for number, _values in edits]):
            done += self._update(info, [(i, *edits[i]) for i in places], expect_version or {}, refused)
            expect_version = None  # the first round has changed the version
        return done

    def _update(
        self,
        info: TableInfo,
        edits: Sequence[tuple[int, int, Row]],
        expect_version: Mapping[int, int],
        refused: OnRefusal | None,
    ) -> int:
        """Change each row once; an edit is (its place among those asked for, id, values)."""
        current = self._current(info, [number for _place, number, _values in edits])
        places, changes = [], []
        for place, number, values in edits:
            row = current[number]
            _check_columns(values, info.editable, info.entity)
            if number in expect_version:
                self._check_version(info, row, values, expect_version[number])
            before, after = _difference(row, values)
            if after:
                places.append(place)
                changes.append((number, before, after))
        rejected = self._ask("update", info, changes, refused, places)
        kept = [change for i, change in enumerate(changes) if i not in rejected]
        self._write_updates(info, current, [(number, after) for number, _before, after in kept])
        self._log(info, "update", kept, current)
        return len(kept)

    def archive(self, model: type[SQLModel], ids: Iterable[int]) -> int:
        """Archive rows: they stay, with their history, and leave the lists."""
        return self._set_archived(model, list(ids), self.now, "archive")

    def restore(self, model: type[SQLModel], ids: Iterable[int]) -> int:
        """Take rows back from the archive."""
        return self._set_archived(model, list(ids), None, "restore")

    def delete(self, model: type[SQLModel], ids: Sequence[int]) -> int:
        """Delete rows, each logged with all it held: for derived rows and for undo, never for customers in use."""
        info = self._app.table(model)
        ids = list(dict.fromkeys(ids))
        current = self._current(info, ids)
        self._ask("delete", info, [(i, current[i], None) for i in ids], None)
        self._log(info, "delete", [(i, current[i], None) for i in ids], current)
        with self._gate():
            for start in range(0, len(ids), _CHUNK):
                part = ids[start : start + _CHUNK]
                self.connection.execute(sa.delete(info.table).where(info.table.c.id.in_(part)))
        return len(ids)

    def new_codes(self, entity: str, count: int) -> list[str]:
        """Make `count` unused codes for an entity from the company's pattern."""
        pattern = self._app.config.data["codes"][entity]
        counter = f"{entity}:{pattern}"
        generator = self._app.host.strategy("code_generator", check_codes)
        codes: list[str] = []
        wanted = count
        for _round in range(_MOST_ROUNDS if count else 0):
            with self._gate():
                numbers = reserve_numbers(self.connection, counter, wanted)
            fresh = list(generator(pattern, numbers, self.ctx.today))
            taken = self._taken(entity, fresh)
            for position, code in enumerate(fresh, 1):
                codes += [] if code in taken else [code]
                if len(codes) == count:
                    if position < wanted:
                        with self._gate():
                            reserve_numbers(
                                self.connection, counter, position - wanted
                            )  # the rest is given back
                    return codes
            # Codes from elsewhere may have taken the pattern's far ahead: look further each time.
            wanted = min(2 * wanted, _MOST_CODES)
        if count:
            raise CrmError(
                _("no code is free for {entity}; choose another codes.{entity} in crm.toml").format(
                    entity=entity
                )
            )
        return []

    def _taken(self, entity: str, codes: Sequence[str]) -> set[str]:
        table = self._app.core_tables[entity].table
        taken: set[str] = set()
        for start in range(0, len(codes), _CHUNK):
            part = codes[start : start + _CHUNK]
            taken.update(self.connection.scalars(sa.select(table.c.code).where(table.c.code.in_(part))))
        return taken

    def log_loaded(self, model: type[SQLModel], ranges: Iterable[LoadedRange]) -> None:
        """Log rows that a bench has written past the gate (`Bench.load`), as `insert` would have logged them."""
        info = self._app.table(model)
        if info.spec.log != "range":
            raise GateError(_("rows of {table} are logged one by one; insert them").format(table=info.entity))
        self._append([_range(info, range(r.first, r.last + 1), r.sha256) for r in ranges])

    # -- inside ----------------------------------------------------------------------------------------------

    def _gate(self) -> AbstractContextManager[None]:
        """Open the gate; refused once the transaction has ended, as SQLite ends it when the disk is full."""
        driver: Any = self.connection.connection.driver_connection
        if self.connection.dialect.name == "sqlite" and not driver.in_transaction:
            raise GateError(_("the transaction has ended; nothing more can be written in it"))
        return gate(self.connection)

    def _complete(self, info: TableInfo, rows: Sequence[Row]) -> list[Row]:
        """Return the rows with uid and defaults, all with the same keys."""
        defaults = info.defaults
        keys = rows[0].keys()
        if any(row.keys() != keys for row in rows):
            every = dict.fromkeys(k for row in rows for k in row if k != "uid")
            rows = [{**every, **{k: d() for k, d in defaults.items() if k not in row}, **row} for row in rows]
            if any("uid" in row for row in rows):
                rows = [
                    {"uid": uid, **row} for uid, row in zip(new_uids(len(rows), self.now), rows, strict=True)
                ]
        _check_columns(rows[0], info.columns, info.entity)
        missing = {name: default() for name, default in defaults.items() if name not in rows[0]}
        if "uid" not in info.columns or "uid" in rows[0]:
            return [{**missing, **row} for row in rows] if missing else list(rows)
        uids = new_uids(len(rows), self.now)
        return [{"uid": uid, **missing, **row} for uid, row in zip(uids, rows, strict=True)]

    def _ask(
        self,
        operation: str,
        info: TableInfo,
        proposed: Sequence[tuple[int, Row | None, Row | None]],
        refused: OnRefusal | None,
        places: Sequence[int] | None = None,
    ) -> set[int]:
        """Ask the decision plugins; returns the positions that they refuse, `places` says which the caller knows."""
        if not proposed or not self._app.host.decides("validate_changes", info):
            return set()
        changes = [
            Change(
                info.entity,
                number,
                cast("Any", operation),
                frozen(before),
                frozen(_set_values(after) if operation == "create" else after),
            )
            for number, before, after in proposed
        ]
        refusals = self._app.host.decide("validate_changes", self, changes=changes)
        if refusals and refused is None:
            raise Refused(_refusal_text(refusals))
        for refusal in refusals:
            if refused is not None:
                refused(places[refusal.index] if places else refusal.index, refusal)
        return {refusal.index for refusal in refusals}

    def _write_rows(
        self, info: TableInfo, ids: Sequence[int], rows: Sequence[Row], attributes: list[str] | None
    ) -> None:
        """Insert complete rows; `attributes` are theirs as JSON, encoded once for table and log."""
        with self._gate():
            if self.connection.dialect.name == "sqlite":
                values = info.tuples(ids, rows, self.connection.dialect, attributes)
                _executemany(self.connection, info.insert_sql, values)
            else:
                complete = [{"id": number, **row} for number, row in zip(ids, rows, strict=True)]
                self.connection.execute(sa.insert(info.table), complete)

    def _write_updates(
        self, info: TableInfo, current: Mapping[int, Row], edits: Sequence[tuple[int, Row]]
    ) -> None:
        by_columns: dict[tuple[str, ...], list[Row]] = {}
        for number, after in edits:
            values = dict(after)
            if "attributes" in after:
                values["attributes"] = _merged(current[number]["attributes"], after["attributes"])
            if info.versioned:
                values["version"] = current[number]["version"] + 1
            by_columns.setdefault(tuple(sorted(values)), []).append(
                {"row_id": number, **{f"new_{k}": v for k, v in values.items()}}
            )
        with self._gate():
            for columns, rows in by_columns.items():
                statement = (
                    sa.update(info.table)
                    .where(info.table.c.id == sa.bindparam("row_id"))
                    .values({name: sa.bindparam(f"new_{name}") for name in columns})
                )
                self.connection.execute(statement, rows)

    def _set_archived(
        self, model: type[SQLModel], ids: list[int], at: datetime | None, operation: str
    ) -> int:
        info = self._app.table(model)
        ids = list(dict.fromkeys(ids))
        current = self._current(info, ids)
        wanted = [i for i in ids if (current[i]["archived_at"] is None) == (at is not None)]
        edits = [(i, {"archived_at": current[i]["archived_at"]}, {"archived_at": at}) for i in wanted]
        self._ask(operation, info, edits, None)
        self._write_updates(info, current, [(number, after) for number, _before, after in edits])
        self._log(info, operation, edits, current)
        return len(wanted)

    def _current(self, info: TableInfo, ids: Sequence[int]) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for start in range(0, len(ids), _CHUNK):
            query = sa.select(info.table).where(info.table.c.id.in_(ids[start : start + _CHUNK]))
            if self.connection.dialect.name == "postgresql":
                query = query.order_by(info.table.c.id).with_for_update()
            rows.update({row["id"]: dict(row) for row in self.connection.execute(query).mappings()})
        if missing := set(ids).difference(rows):
            raise NotFound(
                _("{entity} has no row {id}").format(
                    entity=_(NOUNS.get(info.entity, info.entity)), id=min(missing)
                )
            )
        return rows

    def _check_version(self, info: TableInfo, row: Row, values: Row, expected: int) -> None:
        if row["version"] == expected:
            return
        sides = {name: (row.get(name), yours) for name, yours in values.items() if name != "attributes"}
        sides |= {name: (row["attributes"].get(name), v) for name, v in values.get("attributes", {}).items()}
        shown = "; ".join(
            _("{field}: now {now!r}, yours {yours!r}").format(field=name, now=now, yours=yours)
            for name, (now, yours) in sides.items()
        )
        raise StaleVersion(
            _(
                "{entity} {code} was changed since you read it (version {now}, you saw {seen}): {shown}; read it again"
            ).format(
                entity=_(NOUNS.get(info.entity, info.entity)),
                code=row.get("code", row["id"]),
                now=row["version"],
                seen=expected,
                shown=shown,
            )
        )

    # -- logging ---------------------------------------------------------------------------------------------

    def _log_created(
        self, info: TableInfo, ids: Sequence[int], rows: Sequence[Row], attributes: list[str] | None
    ) -> None:
        if info.spec.log == "range":
            self._append([_range(info, ids, digest_of_rows(info.columns, ids, rows))])
            return
        entity = info.entity
        concerned = self._concerned(info, ids, rows, new=True)
        images = _plain_images(rows, None if concerned else attributes)
        self._append(
            [
                Entry(
                    entity,
                    number,
                    "create",
                    None,
                    self._image(info, number, _set_values(row), concerned[number]),
                )
                if number in concerned
                else Entry(entity, number, "create", None, image)
                for number, row, image in zip(ids, rows, images, strict=True)
            ]
        )

    def _log(
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
        self._append(entries)

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
            with self._gate():
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
        table = self._app.core_tables["customer"].table
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

    def _append(self, entries: list[Entry]) -> None:
        if not entries:
            return
        places = self._reserve("change_log", "seq", len(entries))
        hashes = chain(entries, places, self._last_hash)
        self._last_hash = hashes[-1]
        self._entries += len(entries)
        self._places = (self._places[0] or places[0], places[-1])
        rows = [(places[i], self.id, *entry, hashes[i]) for i, entry in enumerate(entries)]
        with self._gate():
            if self.connection.dialect.name == "sqlite":
                _executemany(self.connection, _LOG_SQL, rows)
            else:
                names = change_log.columns.keys()
                self.connection.execute(
                    sa.insert(change_log), [dict(zip(names, row, strict=True)) for row in rows]
                )

    def log_setting(self, before: Row | None, after: Row | None) -> None:
        """Log a change of crm.toml: it is no row, its entity is `plugin_setting`, its values plugin, key, value."""
        images = [None if values is None else dumps(values) for values in (before, after)]
        self._append([Entry("plugin_setting", None, "update", *images)])

    def finish(self) -> None:
        """Write the transaction's header and, on SQLite, its seal; nothing if nothing was changed."""
        if not self._entries:
            return
        self._check_whole()
        h = self._header
        xid = None
        with self._gate():
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
        query = sa.select(sa.func.count()).where(c.tx_id == self.id, c.seq.between(*self._places))
        if self.connection.scalar(query) != self._entries:
            raise GateError(
                _(
                    "a savepoint was rolled back after writes through the gate; use an app.write(...) for each part"
                )
            )

    def _reserve(self, table: str, column: str, count: int) -> list[int]:
        """Take the next `count` numbers of a table's key, ascending."""
        if self.connection.dialect.name == "postgresql":
            query = f"SELECT nextval(pg_get_serial_sequence('{table}', '{column}')) FROM generate_series(1, :count)"  # noqa: S608
            return sorted(self.connection.scalars(sa.text(query), {"count": count}))
        if table not in self._next:
            self._next[table] = last_rowid(self.connection, table, column)
        first = self._next[table] + 1
        self._next[table] += count
        return list(range(first, first + count))


def _range(info: TableInfo, ids: Sequence[int], digest: str) -> Entry:
    """Return the entry of appended rows."""
    after: Row = {"first": ids[0], "last": ids[-1], "rows": len(ids), "columns": info.columns}
    if ids[-1] - ids[0] + 1 != len(ids):
        after["ids"] = runs_of(ids)
    return Entry(info.entity, None, "append", None, dumps({**after, "sha256": digest}))


def _rounds(ids: Sequence[int]) -> list[Sequence[int]]:
    """Split positions into rounds in which no id comes twice, each in order."""
    if len(set(ids)) == len(ids):
        return [range(len(ids))]
    turns: dict[int, int] = {}
    rounds: dict[int, list[int]] = {}
    for place, number in enumerate(ids):
        turns[number] = turns.get(number, 0) + 1
        rounds.setdefault(turns[number], []).append(place)
    return list(rounds.values())


def _check_columns(values: Row, allowed: Collection[str], entity: str) -> None:
    for name in values:
        if name not in allowed:
            raise KeyError(f"{entity} has no column {name} that may be set")


def _executemany(connection: sa.Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Hand rows straight to SQLite's driver: SQLAlchemy's care for each row costs a bulk import a tenth."""
    driver: Any = connection.connection.driver_connection
    try:
        driver.executemany(statement, rows).close()
    except sqlite3.Error as error:
        wrapped = (
            sa.exc.IntegrityError if isinstance(error, sqlite3.IntegrityError) else sa.exc.OperationalError
        )
        raise wrapped(statement, None, error) from error


def last_rowid(connection: sa.Connection, table: str, column: str) -> int:
    """Return the highest key that a SQLite table ever had; the caller holds the write lock."""
    found = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table})
    if found is None:
        found = connection.scalar(sa.text(f'SELECT max("{column}") FROM "{table}"'))  # noqa: S608
    return int(found or 0)


def _plain_images(rows: Sequence[Row], attributes: list[str] | None) -> list[str]:
    """Write rows as JSON without what is not set; their attributes, JSON already, are taken out of them."""
    if attributes is not None:
        for row in rows:
            del row["attributes"]
    images = [dumps(_set_values(row) if None in row.values() else row) for row in rows]
    if attributes is None:
        return images
    return [f'{image[:-1]},"attributes":{text}}}' for image, text in zip(images, attributes, strict=True)]


def _set_values(row: Row | None) -> Row | None:
    return None if row is None else {k: v for k, v in row.items() if v is not None}


def _difference(row: Row, values: Row) -> tuple[Row, Row]:
    """Return what an edit changes, before and after; of attributes only the keys that change."""
    before: Row = {}
    after: Row = {}
    for name, value in values.items():
        if name == "attributes":
            old = row["attributes"]
            changed = {k: v for k, v in value.items() if old.get(k) != v}
            if changed:
                before[name] = {k: old.get(k) for k in changed}
                after[name] = changed
        elif row[name] != value:
            before[name], after[name] = row[name], value
    return before, after


def _merged(old: Row, changed: Row) -> Row:
    return {k: v for k, v in {**old, **changed}.items() if v is not None}


def _refusal_text(refusals: Sequence[Refusal]) -> str:
    shown = "; ".join(f"{r.message} [{r.plugin}]" for r in refusals[:3])
    more = len(refusals) - 3
    return shown + (_(" and {count} more").format(count=more) if more > 0 else "")


_LOG_SQL = (
    'INSERT INTO change_log (seq, tx_id, entity, entity_id, operation, "before", "after", hash)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
