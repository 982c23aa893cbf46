"""One transaction of an import, or a merge, taken back, whole or not at all: values put back, rows deleted, deleted ones restored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.duplicates.heirs import with_heirs
from crmcore.builtin.duplicates.letting_go import let_go
from crmcore.builtin.exchange import undo_conflicts as why
from crmcore.builtin.exchange.sql import among
from crmcore.builtin.exchange.undo_conflicts import Conflict
from crmcore.builtin.exchange.undo_history import Histories
from crmcore.builtin.exchange.undo_keys import Keys
from crmcore.builtin.exchange.undo_kin import Kin, Verdicts, by_entity
from crmcore.builtin.exchange.undo_log import OwnLog, RowKey, Written
from crmcore.builtin.exchange.undo_references import Hanging, References, natural_key, unique_keys
from crmcore.builtin.exchange.undo_values import edits_of, row_values
from crmcore.changes import as_change
from crmcore.db.system import change_log
from crmcore.db.tables import TableInfo
from crmcore.errors import CrmError
from crmcore.i18n import translator
from crmcore.keys import PersonKeys
from crmcore.plugins.types import Change, Refusal
from crmcore.tx import Tx

_ = translator("crmcore")

Values = dict[str, Any]
Left = set[tuple[str, int, str]]
Undone = Callable[[Tx, Sequence[Change], Left], Collection[tuple[str, int, str]]]
"""As `Importable.undone`."""


@dataclass(slots=True)
class Outcome:
    """What was done with one transaction of the import."""

    restored: int = 0
    removed: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    waiting: bool = False
    """Rows stay only because of other rows of the import, whose turn may come."""


class Chunk:
    """Takes back one transaction of an import or of a merge, within one of its own."""

    def __init__(
        self,
        app: App,
        tx: Tx,
        own: OwnLog,
        references: References,
        undone: Undone | None,
        told: AbstractContextManager[None],
    ) -> None:
        """`undone`: who works things out from such rows; it is called within `told`, which names it where it fails."""
        self._tx, self._own, self._references = tx, own, references
        self._connection, self._tables = tx.connection, app.tables
        self._zone, self._undone, self._told = app.config.timezone, undone, told
        self._histories = Histories(tx.connection, own)
        self._keys = Keys(tx.connection, app.tables, references)
        self._changes: list[Change] = []
        self._holders: dict[int, int] = {}
        """Customer → who holds what it had, of those that were asked for."""
        self._outcome = Outcome()

    def take_back(self, written: Written) -> Outcome:
        """Do it; what is waiting for other rows of the import is reported as a conflict, too."""
        present = {
            (entity, number)
            for entity, ids in written.created.items()
            for number in self._present(entity, ids)
        }
        late = self._put_back(written)
        self._remove(present)
        for entity, edits in late.items():
            self._update(entity, edits)
        self._bring_back(written)
        self._settle()
        self._outcome.conflicts = [
            conflict._replace(key=conflict.key or self._keys.of(conflict.entity, conflict.number))
            for conflict in self._outcome.conflicts
        ]
        return self._outcome

    # -- what was changed ------------------------------------------------------------------------------------

    def _put_back(self, written: Written) -> dict[str, list[tuple[int, Values]]]:
        """Put values back; returns the edits of what must be unique, which wait until rows are gone."""
        late: dict[str, list[tuple[int, Values]]] = {}
        for entity, ids in by_entity(written.changed).items():
            made = self._own.created(self._connection, entity, ids)
            others = self._present(entity, [number for number in ids if number not in made])
            edits = self._edits(self._info(entity), others)
            unique = _unique_columns(self._info(entity))
            late[entity] = [edit for edit in edits if not unique.isdisjoint(edit[1])]
            self._update(entity, [edit for edit in edits if unique.isdisjoint(edit[1])])
        return late

    def _edits(self, info: TableInfo, ids: Collection[int]) -> list[tuple[int, Values]]:
        edits = []
        gone: dict[tuple[str, Any], bool] = {}
        for number, past in self._histories.of(info, ids).items():
            back = self._histories.taken_back(past)
            for name, by in back.since.items():
                self._conflict((info.entity, number), name, why.changed_since(by, self._zone))
            values = self._with_heirs(info, number, edits_of(info, back.values))
            for column in self._references.of(info.entity):
                if column not in values:
                    continue
                place = (column, values[column])
                if place not in gone:
                    missing = self._references.missing(
                        self._connection, info.entity, {column: values[column]}
                    )
                    gone[place] = missing is not None
                if gone[place]:
                    del values[column]
                    self._conflict((info.entity, number), column, why.gone())
            if values:
                edits.append((number, values))
        return edits

    def _update(self, entity: str, edits: Sequence[tuple[int, Values]]) -> None:
        info = self._info(entity)
        unique = _unique_columns(info)
        free = []
        for number, values in edits:
            for name in unique.intersection(values):
                if self._is_taken(info, {name: values[name]}):
                    self._conflict((entity, number), name, why.taken(values.pop(name)))
            if values:
                free.append((number, values))
        no: set[int] = set()

        def refused(place: int, refusal: Refusal) -> None:
            no.add(place)
            number, values = free[place]
            for name in _field_names(values):
                self._conflict((entity, number), name, why.refused(refusal))

        self._outcome.restored += self._tx.update(info.spec.table, free, refused=refused)
        self._changes += [
            Change(entity, number, "update", None, values)
            for place, (number, values) in enumerate(free)
            if place not in no
        ]

    # -- what was created ------------------------------------------------------------------------------------

    def _remove(self, rows: set[RowKey]) -> None:
        let_go(self._tx, [number for entity, number in rows if entity == "customer"])
        kin = Kin(self._connection, self._tables, self._references, self._own, self._histories)
        verdicts = kin.judge(rows)
        self._tell(verdicts, rows)
        stay: set[RowKey] = set()
        for layer in verdicts.layers:
            held = {row: hanging for row in layer if (hanging := kin.held_by(row, stay))}
            for row, hanging in held.items():
                self._hangs(row, hanging)
            stay |= held.keys()
            for entity, ids in by_entity(row for row in layer if row not in held).items():
                stay |= self._delete(entity, ids)

    def _delete(self, entity: str, ids: list[int]) -> set[RowKey]:
        """Delete rows; returns those that a decision plugin wants to stay."""
        info = self._info(entity)
        no: dict[int, Refusal] = {}
        before = self._rows(info, ids) if self._undone else {}
        self._outcome.removed += self._tx.delete(info.spec.table, ids, refused=no.__setitem__)
        stay = {(entity, ids[place]) for place in no}
        for place, refusal in no.items():
            name = refusal.field or next(iter(natural_key(info, self._references.of(entity))), "")
            self._conflict((entity, ids[place]), name, why.refused(refusal))
        gone = (number for number in before if (entity, number) not in stay)
        self._changes += [Change(entity, number, "delete", before[number], None) for number in gone]
        return stay

    def _tell(self, verdicts: Verdicts, rows: set[RowKey]) -> None:
        for row in sorted(rows):
            for name, by in verdicts.since.get(row, {}).items():
                self._conflict(row, name, why.changed_since(by, self._zone))
            if row in verdicts.held:
                self._hangs(row, verdicts.held[row])
            elif row in verdicts.waiting:
                self._outcome.waiting = True
                self._hangs(row, verdicts.waiting[row])

    def _hangs(self, row: RowKey, hanging: Sequence[Hanging]) -> None:
        """Name what hangs on a row, a conflict for each table."""
        for entity in sorted({h.entity for h in hanging}):
            sentence = why.hangs([h for h in hanging if h.entity == entity], self._keys)
            self._conflict(row, entity, sentence)

    # -- what was deleted ------------------------------------------------------------------------------------

    def _bring_back(self, written: Written) -> None:
        """Insert rows again that the import has deleted, under the ids that they had."""
        for entity, ids in by_entity(written.deleted).items():
            info = self._info(entity)
            there = {*self._present(entity, ids), *self._own.created(self._connection, entity, ids)}
            rows: dict[int, Values] = {}
            for number in ids:
                if number not in there:
                    values = self._deleted_row(info, written.deleted[entity, number])
                    if self._may_come_back(info, number, values):
                        rows[number] = values
            self._insert(info, rows)

    def _deleted_row(self, info: TableInfo, seq: int) -> Values:
        entry = self._connection.execute(sa.select(change_log).where(change_log.c.seq == seq)).one()
        before = as_change(entry, PersonKeys(self._connection)).before or {}
        values = row_values(info, before)
        values.pop("id", None)
        return self._with_heirs(info, 0, values)

    def _with_heirs(self, info: TableInfo, number: int, values: Values) -> Values:
        """Let values that name a customer who was merged since name who holds its rows now; nobody is their own head."""
        points = self._references.of(info.entity)
        named = {name: values[name] for name in values if points.get(name) == "customer" and values[name]}
        if named:
            unknown = {value for value in named.values() if value not in self._holders}
            self._holders.update(with_heirs(self._connection, {value: value for value in unknown}))
            values |= {name: self._holders[value] for name, value in named.items()}
            if info.entity == "customer" and values.get("parent_id") == number:
                values["parent_id"] = None
        return values

    def _may_come_back(self, info: TableInfo, number: int, values: Values) -> bool:
        row, key = (info.entity, number), self._keys.of_values(info.entity, {**values, "id": number})
        target = self._references.missing(self._connection, info.entity, values)
        if target is not None:
            self._conflict(row, target, why.gone(), key)
            return False
        for columns in unique_keys(info):
            if self._is_taken(info, {name: values.get(name) for name in columns}):
                self._conflict(row, columns[0], why.taken(key), key)
                return False
        return True

    def _insert(self, info: TableInfo, rows: Mapping[int, Values]) -> None:
        ids, values = list(rows), list(rows.values())

        def refused(place: int, refusal: Refusal) -> None:
            name = refusal.field or next(iter(natural_key(info, self._references.of(info.entity))), "")
            key = self._keys.of_values(info.entity, values[place])
            self._conflict((info.entity, ids[place]), name, why.refused(refusal), key)

        done = self._tx.insert(info.spec.table, values, ids=ids, refused=refused)
        self._outcome.restored += sum(1 for number in done if number)
        self._changes += [
            Change(info.entity, number, "create", None, rows[number]) for number in done if number
        ]

    # -- what follows ----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Let the plugin bring up to date what it works out; what it answers for is no conflict."""
        left = {conflict[:3] for conflict in self._outcome.conflicts}
        if self._undone is None or not (self._changes or left):
            return
        with self._told:
            answered = self._undone(self._tx, self._changes, left)
        self._outcome.conflicts = [
            conflict for conflict in self._outcome.conflicts if conflict[:3] not in answered
        ]

    # -- shared ----------------------------------------------------------------------------------------------

    def _conflict(self, row: RowKey, name: str, sentence: str, key: str = "") -> None:
        self._outcome.conflicts.append(Conflict(*row, name, sentence, key))

    def _info(self, entity: str) -> TableInfo:
        if entity not in self._tables:
            raise CrmError(
                _(
                    "rows of table {table} are to be taken back, whose plugin is not enabled; enable it first"
                ).format(table=entity)
            )
        return self._tables[entity]

    def _present(self, entity: str, ids: Collection[int]) -> list[int]:
        """Return the ids of rows that are there; they are locked, so that nothing new comes to hang on them."""
        if not ids:
            return []
        c = self._info(entity).table.c
        query = sa.select(c.id).where(among(self._connection, c.id, ids)).order_by(c.id)
        return list(self._connection.scalars(query.with_for_update()))

    def _rows(self, info: TableInfo, ids: Collection[int]) -> dict[int, Values]:
        query = sa.select(info.table).where(among(self._connection, info.table.c.id, ids))
        return {row["id"]: dict(row) for row in self._connection.execute(query).mappings()}

    def _is_taken(self, info: TableInfo, values: Values) -> bool:
        query = sa.select(info.table.c.id).where(*(info.table.c[n] == value for n, value in values.items()))
        return self._connection.scalar(query.limit(1)) is not None


def _unique_columns(info: TableInfo) -> set[str]:
    return {columns[0] for columns in unique_keys(info) if len(columns) == 1}


def _field_names(values: Values) -> list[str]:
    """Return the names of the fields of an edit, as conflicts name them."""
    attributes = [f"attributes.{name}" for name in values.get("attributes", {})]
    return [name for name in values if name != "attributes"] + attributes
