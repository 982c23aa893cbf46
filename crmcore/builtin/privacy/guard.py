"""What the gate refuses of the core's own records: changes of who is restricted, new words about who was erased.

Tables of plugins are theirs: they ask `restricted_ids`. An old file that is imported again brings no erased person back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy.rows import WHOSE
from crmcore.builtin.privacy.tables import Erasure, Restriction
from crmcore.entities.lookup import batches, table_of
from crmcore.i18n import N_, _
from crmcore.plugins.types import Change, Refusal

if TYPE_CHECKING:
    from crmcore.db.tables import TableInfo
    from crmcore.tx import Tx

_restriction, _erasure = table_of(Restriction).c, table_of(Erasure).c
_NOW = _restriction.lifted_at.is_(None)
_ANYBODY = sa.select(sa.or_(sa.exists().where(_NOW), sa.exists().where(_erasure.id.is_not(None))))
_RESTRICTED = N_("the person is restricted: kept, not used; lift that with: crm person unrestrict CODE")
_ERASED = N_("the person was erased; enter a new record where there is a reason for one")
_TAKES_AWAY = {"delete", "archive"}
_EXEMPT = "crm_privacy"
Named = tuple[str, int]
"""(`contact` or `customer`, id)."""


@contextmanager
def exempt(connection: sa.Connection) -> Iterator[None]:
    """Let a transaction write of restricted and erased persons: it erases them, or notes what they want."""
    info = connection.info
    info[_EXEMPT] = True
    try:
        yield
    finally:
        info.pop(_EXEMPT, None)


class Guard:
    """Refuses, within one transaction, changes of what is about restricted and erased persons."""

    def __init__(self, tx: Tx) -> None:
        """Look whether there is any such person; where there is none, that is all it costs."""
        self._connection = tx.connection
        self._there = not tx.connection.info.get(_EXEMPT) and bool(tx.connection.scalar(_ANYBODY))

    def concerns(self, info: TableInfo, operation: str) -> bool:
        """Say whether changes of a table are to be looked at; who is new is neither restricted nor erased."""
        is_new = operation == "create" and "id" in info.persons
        return self._there and not info.spec.plugin and bool(info.persons) and not is_new

    def refusals(self, info: TableInfo, operation: str, changes: Sequence[Change]) -> list[Refusal]:
        """Return a refusal for each change of a row that is, was or becomes such a person's."""
        if not self.concerns(info, operation):
            return []
        named = self._named(info, changes)
        everybody = set().union(*named)
        restricted = self._restricted(everybody)
        erased = set[Named]() if operation in _TAKES_AWAY else self._erased(everybody)
        if not restricted and not erased:
            return []
        return [
            Refusal(place, _(_RESTRICTED if persons & restricted else _ERASED), plugin="privacy")
            for place, persons in enumerate(named)
            if persons & restricted or persons & erased
        ]

    def _named(self, info: TableInfo, changes: Sequence[Change]) -> list[set[Named]]:
        """Return the persons whom each change touches."""
        columns = [(entity, column) for entity, column in WHOSE.items() if column in info.persons]
        own = info.entity if "id" in info.persons else None
        old = [change.id for change in changes if change.operation != "create"]
        stored = self._stored(info, old) if old else {}
        found: list[set[Named]] = []
        for change in changes:
            named = {(own, change.id)} if own else set()
            for side in (change.before, change.after, stored.get(change.id)):
                if side:
                    named.update((entity, side[c]) for entity, c in columns if side.get(c))
            found.append(named)
        return found

    def _stored(self, info: TableInfo, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """Return whom the rows name that are there, of which a change says only what is new."""
        columns = [info.table.c[name] for name in info.persons if name != "id"]
        rows: dict[int, Mapping[str, Any]] = {}
        for part in batches(ids) if columns else ():
            query = sa.select(info.table.c.id, *columns).where(info.table.c.id.in_(part))
            rows.update({row["id"]: dict(row) for row in self._connection.execute(query).mappings()})
        return rows

    def _restricted(self, persons: set[Named]) -> set[Named]:
        found: set[Named] = set()
        for entity, column in WHOSE.items():
            for part in batches(number for kind, number in persons if kind == entity):
                query = sa.select(_restriction[column]).where(_NOW, _restriction[column].in_(part))
                found.update((entity, number) for number in self._connection.scalars(query))
        return found

    def _erased(self, persons: set[Named]) -> set[Named]:
        found: set[Named] = set()
        for entity in WHOSE:
            for part in batches(number for kind, number in persons if kind == entity):
                query = sa.select(_erasure.entity_id)
                query = query.where(_erasure.entity == entity, _erasure.entity_id.in_(part))
                found.update((entity, number) for number in self._connection.scalars(query))
        return found
