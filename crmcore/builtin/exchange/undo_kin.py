"""Which of the rows that an import made can go: what hangs on them, of what they are part, who changed them since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from crmcore.builtin.exchange.sql import among
from crmcore.builtin.exchange.undo_history import Histories, Writer
from crmcore.builtin.exchange.undo_log import OwnLog, RowKey
from crmcore.builtin.exchange.undo_references import Hanging, References
from crmcore.db.tables import TableInfo
from crmcore.errors import CrmError
from crmcore.i18n import translator

_ = translator("crmcore")


@dataclass(slots=True)
class Verdicts:
    """What is to become of rows."""

    since: dict[RowKey, dict[str, Writer]] = field(default_factory=dict)
    """Rows that somebody has changed: they stay."""
    held: dict[RowKey, list[Hanging]] = field(default_factory=dict)
    """Rows that stay because of others that hang on them and stay."""
    waiting: dict[RowKey, list[Hanging]] = field(default_factory=dict)
    """Rows on which others of the import hang whose turn comes later."""
    kept: set[RowKey] = field(default_factory=set)
    layers: list[list[RowKey]] = field(default_factory=list)
    """Rows that can go, in an order in which nothing hangs on what goes."""


class Kin:
    """The rows that one transaction made, and those that they are parts of."""

    def __init__(
        self,
        connection: sa.Connection,
        tables: Mapping[str, TableInfo],
        references: References,
        own: OwnLog,
        histories: Histories,
    ) -> None:
        self._connection, self._tables = connection, tables
        self._references, self._own, self._histories = references, own, histories
        self._wholes: dict[RowKey, list[RowKey]] = {}
        self._hanging: dict[RowKey, list[Hanging]] = {}

    def judge(self, rows: set[RowKey]) -> Verdicts:
        """Say of rows, all made by the import, which can go now."""
        family = self._with_wholes(rows)
        verdicts = Verdicts()
        for entity, ids in by_entity(family).items():
            for number, past in self._histories.of(self._tables[entity], ids).items():
                if since := self._histories.changed_since(past):
                    verdicts.since[entity, number] = since
            for number, hanging in self._references.hanging(self._connection, entity, ids).items():
                self._hanging[entity, number] = list(dict.fromkeys(hanging))
        ours = self._of_the_import(family)
        self._keep(verdicts, family, ours)
        self._wait(verdicts, rows, ours)
        verdicts.layers = self._layers(rows - verdicts.kept - verdicts.waiting.keys())
        return verdicts

    def _with_wholes(self, rows: set[RowKey]) -> set[RowKey]:
        """Add the rows of the import that these are parts of, and those that they again are parts of."""
        family, fresh = set(rows), set(rows)
        while fresh:
            above: set[RowKey] = set()
            for entity, ids in by_entity(fresh).items():
                above |= self._wholes_of(entity, ids)
            fresh = set()
            for entity, ids in by_entity(above - family).items():
                fresh |= {(entity, number) for number in self._own.created(self._connection, entity, ids)}
            family |= fresh
        return family

    def _wholes_of(self, entity: str, ids: list[int]) -> set[RowKey]:
        info = self._tables[entity]
        parts = self._references.parts(info)
        if not parts:
            return set()
        c = info.table.c
        query = sa.select(c.id, *(c[name] for name in parts)).where(among(self._connection, c.id, ids))
        found: set[RowKey] = set()
        for number, *values in self._connection.execute(query):
            wholes = [
                (target, value)
                for target, value in zip(parts.values(), values, strict=True)
                if value is not None and target in self._tables
            ]
            self._wholes[entity, number] = wholes
            found.update(wholes)
        return found

    def _of_the_import(self, family: set[RowKey]) -> set[RowKey]:
        """Return the rows that the import made, of those that hang on the family and of itself."""
        others = {(h.entity, h.number) for rows in self._hanging.values() for h in rows} - family
        ours = set(family)
        for entity, ids in by_entity(others).items():
            if entity in self._tables:
                ours |= {(entity, number) for number in self._own.created(self._connection, entity, ids)}
        return ours

    def _keep(self, verdicts: Verdicts, family: set[RowKey], ours: set[RowKey]) -> None:
        """Find what stays: what others changed or hang on, what holds these, and the parts of what stays."""
        for row, hanging in self._hanging.items():
            if others := [h for h in hanging if (h.entity, h.number) not in ours]:
                verdicts.held[row] = others
        parts, holds = self._ties()
        fresh = [*verdicts.since, *verdicts.held]
        while fresh:
            row = fresh.pop()
            if row in verdicts.kept:
                continue
            verdicts.kept.add(row)
            fresh += [part for part in parts.get(row, ()) if part in family]
            for held in holds.get(row, ()):
                if held not in verdicts.kept:
                    verdicts.held.setdefault(held, []).append(Hanging(*row))
                    fresh.append(held)

    def _ties(self) -> tuple[dict[RowKey, list[RowKey]], dict[RowKey, list[RowKey]]]:
        """Return row → its parts, and row → the rows on which it hangs."""
        parts: dict[RowKey, list[RowKey]] = {}
        holds: dict[RowKey, list[RowKey]] = {}
        for row, wholes in self._wholes.items():
            for whole in wholes:
                parts.setdefault(whole, []).append(row)
        for row, hanging in self._hanging.items():
            for h in hanging:
                holds.setdefault((h.entity, h.number), []).append(row)
        return parts, holds

    def _wait(self, verdicts: Verdicts, rows: set[RowKey], ours: set[RowKey]) -> None:
        """Find the rows on which others hang whose turn has not come, and the rows on which these hang."""
        for row in rows - verdicts.kept:
            later = [h for h in self._hanging.get(row, ()) if (h.entity, h.number) in ours - rows]
            if later:
                verdicts.waiting[row] = later
        fresh = set(verdicts.waiting)
        while fresh:
            found = {
                row
                for row in rows - verdicts.kept - verdicts.waiting.keys()
                if any((h.entity, h.number) in fresh for h in self._hanging.get(row, ()))
            }
            for row in found:
                verdicts.waiting[row] = [h for h in self._hanging[row] if (h.entity, h.number) in fresh]
            fresh = found

    def _layers(self, going: set[RowKey]) -> list[list[RowKey]]:
        layers: list[list[RowKey]] = []
        while going:
            held = {row for row in going if self.held_by(row, going)}
            if held == going:
                raise CrmError(_("rows of the import hang on each other in a circle; nothing was taken back"))
            layers.append(sorted(going - held, reverse=True))
            going = held
        return layers

    def held_by(self, row: RowKey, rows: set[RowKey]) -> list[Hanging]:
        """Return which of some rows hang on a row."""
        hanging = self._hanging.get(row, ())
        return [h for h in hanging if (h.entity, h.number) in rows and (h.entity, h.number) != row]


def by_entity(rows: Iterable[RowKey]) -> dict[str, list[int]]:
    """Return entity → ids, each in order."""
    found: dict[str, list[int]] = {}
    for entity, number in sorted(rows):
        found.setdefault(entity, []).append(number)
    return found
