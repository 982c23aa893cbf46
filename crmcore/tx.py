"""The one gate for writing: every change is checked by the decision plugins, written and logged in one transaction."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from crmcore.changes import Entry
from crmcore.codes import check_codes, reserve_numbers
from crmcore.db.base import dumps
from crmcore.db.rows import Rows
from crmcore.entities.lookup import NOUNS, batches
from crmcore.errors import CrmError, GateError, NotFound, Refused, StaleVersion
from crmcore.i18n import _
from crmcore.log import Log, range_of, set_values
from crmcore.plugins.isolation import frozen
from crmcore.plugins.types import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlmodel import SQLModel

    from crmcore.app import App
    from crmcore.builtin.privacy.guard import Guard
    from crmcore.builtin.search.index import Index
    from crmcore.changes import Header, LoadedRange
    from crmcore.db.tables import TableInfo
    from crmcore.plugins.types import Context, Refusal

    OnRefusal = Callable[[int, Refusal], None]

Row = dict[str, Any]
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
        self._rows = Rows(connection)
        self._half_done = False
        self._log = Log(self._rows, header, app.core_tables["customer"].table)

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
        from crmcore.builtin.columns import complete

        if not rows:
            return []
        info = self._app.table(model)
        ids = self._rows.reserve(info.entity, "id", len(rows)) if ids is None else ids
        columns = complete(info, rows, self.now)
        rejected = self._ask("create", info, zip(ids, repeat(None), columns, strict=False), refused)
        kept = ids
        if rejected:
            kept = [number for i, number in enumerate(ids) if i not in rejected]
            columns = columns.without(rejected)
        if kept:
            columns.encode()
            with self._step():
                self._rows.insert(info, kept, columns)
                self._log.created(info, kept, columns)
                self._index.written(info.entity, kept, columns)
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
        with self._step():
            self._rows.update(info, current, [(number, after) for number, _before, after in kept])
            self._log.changed(info, "update", kept, current)
            self._index.changed(info.entity, [(number, after) for number, _before, after in kept], current)
        return len(kept)

    def archive(
        self, model: type[SQLModel], ids: Iterable[int], *, expect_version: Mapping[int, int] | None = None
    ) -> int:
        """Archive rows: they stay, with their history, and leave the lists. StaleVersion as for `update`."""
        return self._set_archived(model, list(ids), self.now, "archive", expect_version or {})

    def restore(
        self, model: type[SQLModel], ids: Iterable[int], *, expect_version: Mapping[int, int] | None = None
    ) -> int:
        """Take rows back from the archive. StaleVersion as for `update`."""
        return self._set_archived(model, list(ids), None, "restore", expect_version or {})

    def delete(self, model: type[SQLModel], ids: Sequence[int], *, refused: OnRefusal | None = None) -> int:
        """Delete rows, each logged with all it held: for derived rows and for undo, never for customers in use.

        Returns how many were deleted; `refused` as for `insert`, each id given counted once.
        """
        info = self._app.table(model)
        ids = list(dict.fromkeys(ids))
        current = self._current(info, ids)
        rejected = self._ask("delete", info, [(i, current[i], None) for i in ids], refused)
        ids = [number for place, number in enumerate(ids) if place not in rejected]
        with self._step():
            self._log.changed(info, "delete", [(i, current[i], None) for i in ids], current)
            self._rows.delete(info, ids)
            self._index.deleted(info.entity, ids)
        return len(ids)

    def new_codes(self, entity: str, count: int) -> list[str]:
        """Make `count` unused codes for an entity from the company's pattern."""
        pattern = self._app.config.data["codes"][entity]
        counter = f"{entity}:{pattern}"
        generator = self._app.host.strategy("code_generator", check_codes)
        codes: list[str] = []
        wanted = count
        for _round in range(_MOST_ROUNDS if count else 0):
            with self._rows.gate():
                numbers = reserve_numbers(self.connection, counter, wanted)
            fresh = list(generator(pattern, numbers, self.ctx.today))
            taken = self._taken(entity, fresh)
            for position, code in enumerate(fresh, 1):
                codes += [] if code in taken else [code]
                if len(codes) == count:
                    if position < wanted:
                        with self._rows.gate():
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
        for part in batches(codes):
            taken.update(self.connection.scalars(sa.select(table.c.code).where(table.c.code.in_(part))))
        return taken

    def log_loaded(self, model: type[SQLModel], ranges: Iterable[LoadedRange]) -> None:
        """Log rows that a bench has written past the gate (`Bench.load`), as `insert` would have logged them."""
        info = self._app.table(model)
        if info.spec.log != "range":
            raise GateError(_("rows of {table} are logged one by one; insert them").format(table=info.entity))
        with self._step():
            self._log.append([range_of(info, range(r.first, r.last + 1), r.sha256) for r in ranges])

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Write rows and their entries together; once that failed, the transaction can only be given up."""
        if self._half_done:
            raise _half_done()
        try:
            yield
        except BaseException:
            self._half_done = True
            raise

    # -- inside ----------------------------------------------------------------------------------------------

    @cached_property
    def _index(self) -> Index:
        from crmcore.builtin.search.index import Index

        return Index(self._app, self._rows)

    @cached_property
    def _guard(self) -> Guard:
        from crmcore.builtin.privacy.guard import Guard

        return Guard(self)

    def _ask(
        self,
        operation: str,
        info: TableInfo,
        proposed: Iterable[tuple[int, Row | None, Row | None]],
        refused: OnRefusal | None,
        places: Sequence[int] | None = None,
    ) -> set[int]:
        """Ask the decision plugins; returns the positions that they refuse, `places` says which the caller knows."""
        if not (self._guard.concerns(info, operation) or self._app.host.decides("validate_changes", info)):
            return set()
        changes = [
            Change(
                info.entity,
                number,
                cast("Any", operation),
                frozen(before),
                frozen(set_values(after) if operation == "create" else after),
            )
            for number, before, after in proposed
        ]
        refusals = self._guard.refusals(info, operation, changes)
        refusals += self._app.host.decide("validate_changes", self, changes=changes) if changes else []
        if refusals and refused is None:
            raise Refused(_refusal_text(refusals))
        for refusal in refusals:
            if refused is not None:
                refused(places[refusal.index] if places else refusal.index, refusal)
        return {refusal.index for refusal in refusals}

    def _set_archived(
        self,
        model: type[SQLModel],
        ids: list[int],
        at: datetime | None,
        operation: str,
        expect_version: Mapping[int, int],
    ) -> int:
        info = self._app.table(model)
        ids = list(dict.fromkeys(ids))
        current = self._current(info, ids)
        for number, seen in expect_version.items():
            self._check_version(info, current[number], {"archived_at": at}, seen)
        wanted = [i for i in ids if (current[i]["archived_at"] is None) == (at is not None)]
        edits = [(i, {"archived_at": current[i]["archived_at"]}, {"archived_at": at}) for i in wanted]
        self._ask(operation, info, edits, None)
        with self._step():
            self._rows.update(info, current, [(number, after) for number, _before, after in edits])
            self._log.changed(info, operation, edits, current)
        return len(wanted)

    def _current(self, info: TableInfo, ids: Sequence[int]) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for part in batches(
            ids
        ):  # by id, on all of them: two who lock the same rows never wait for each other
            query = sa.select(info.table).where(info.table.c.id.in_(part))
            if self.connection.dialect.name == "postgresql":
                query = query.order_by(info.table.c.id).with_for_update(key_share=True)
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
            _("{field}: now {now!r}, yours {yours!r}").format(
                field=name, now=_as_typed(now), yours=_as_typed(yours)
            )
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

    def log_setting(self, before: Row | None, after: Row | None) -> None:
        """Log a change of crm.toml: it is no row, its entity is `plugin_setting`, its values plugin, key, value."""
        images = [None if values is None else dumps(values) for values in (before, after)]
        with self._step():
            self._log.append([Entry("plugin_setting", None, "update", *images)])

    def finish(self) -> None:
        """Write the transaction's header and, on SQLite, its seal; nothing if nothing was changed."""
        if self._half_done:
            raise _half_done()
        self._log.finish()


def _as_typed(value: Any) -> Any:
    """Return a value as people write it: days and moments as text."""
    return str(value) if hasattr(value, "isoformat") else value


def _half_done() -> GateError:
    return GateError(
        _(
            "a write of this transaction failed, and that was passed over; nothing of it is kept, use an app.write(...) for each part"
        )
    )


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


def _refusal_text(refusals: Sequence[Refusal]) -> str:
    shown = "; ".join(f"{r.message} [{r.plugin}]" for r in refusals[:3])
    more = len(refusals) - 3
    return shown + (_(" and {count} more").format(count=more) if more > 0 else "")
