"""Writing a run: in full, or only what differs from the run before of its kind; nobody sees it until it is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import CrmError, unload

from .runs import grades, runs
from .runs import members as members_table
from .tables import BUILDING, CURRENT, PUBLISHED, AbcGrade, AbcMember, AbcRun

if TYPE_CHECKING:
    from crmcore.api import App, Tx

    from .computing import Changes, Computing

CHUNK = 5000


class SnapshotTaken(Exception):
    """Somebody else changes the snapshot, or has changed it."""


class Writing:
    """Writes runs for an actor."""

    def __init__(self, app: App, actor: str, source: str, plugin: str, reason: str) -> None:
        """Take who writes, from where, and why."""
        self._app = app
        self._actor = actor
        self._source = source
        self._plugin = plugin
        self._reason = reason
        self._building: int | None = None

    @contextmanager
    def transaction(self, *, bulk: bool = False, reason: str | None = None) -> Iterator[Tx]:
        """Open the gate."""
        with self._app.write(
            self._actor,
            reason=reason or self._reason,
            source=self._source,
            plugin=self._plugin,
            bulk=bulk,
        ) as tx:
            yield tx

    def write(self, values: dict[str, Any], computing: Computing, members: Sequence[tuple[int, int]]) -> int:
        """Write a new run, not yet published; call it within `or_discard`.

        A run of which more than half would be new is written in full, and so is one whose snapshot somebody else
        is changing.
        """
        with self._app.read(self._plugin) as ctx:
            base = _most_alike(ctx.connection, values)
            held = _current(ctx.connection, values["basis"], values["level"])
        changes = computing.compare(base, held) if base is not None else None
        if changes is not None and 2 * changes.count <= values["customers"]:
            with suppress(SnapshotTaken):
                return self._write(values, base, changes, members)
        everything = computing.compare(None, held)
        if everything is None:
            raise RuntimeError("an engine must be able to write a run in full")
        return self._write(values, None, everything, members)

    def _write(
        self,
        values: dict[str, Any],
        base: sa.Row[Any] | None,
        changes: Changes,
        members: Sequence[tuple[int, int]],
    ) -> int:
        run_id = self._begin(values, base)
        for first in range(0, len(members), CHUNK):
            rows = [
                {"run_id": run_id, "customer_id": customer, "head_id": head}
                for customer, head in members[first : first + CHUNK]
            ]
            with self.transaction(bulk=True) as tx:
                tx.insert(AbcMember, rows)
        if base is not None or not self._loaded(run_id, changes):
            self._write_rows(run_id, (base.snapshot_id or base.id) if base else run_id, changes)
        return run_id

    @contextmanager
    def or_discard(self) -> Iterator[None]:
        """Discard the run that is being made if it cannot be finished; one that is published stays."""
        try:
            yield
        except BaseException:
            if self._building is not None:
                with suppress(Exception):
                    self.discard(self._building)
            raise

    def _begin(self, values: dict[str, Any], base: sa.Row[Any] | None) -> int:
        """Write the row of a run that is being made; SnapshotTaken where `base` is not the newest any more."""
        snapshot = (base.snapshot_id or base.id) if base else None
        try:
            with self.transaction() as tx:
                made = {"actor": tx.actor, "made_on": tx.ctx.today, "created_at": tx.now}
                (run_id,) = tx.insert(AbcRun, [{**values, **made, "snapshot_id": snapshot}])
                self._building = int(run_id)  # before the commit: whatever comes after it finds the run
                if base and _newest_of(tx.connection, base) != base.id:
                    self._building = None  # rolled back, the number is soon somebody else's
                    raise SnapshotTaken
        except sa.exc.IntegrityError as error:
            self._building = None
            if base is None:
                raise
            raise SnapshotTaken from error
        return run_id

    def _loaded(self, run_id: int, changes: Changes) -> bool:
        """Have the engine write a run in full, where it can, and log what it wrote."""
        ranges = changes.load(run_id, self._actor)
        if ranges is None:
            return False
        with self.transaction() as tx:
            tx.log_loaded(AbcGrade, ranges)
        return True

    def _write_rows(self, run_id: int, snapshot_id: int, changes: Changes) -> None:
        for ids in changes.ended():
            with self.transaction(bulk=True) as tx:
                tx.update(AbcGrade, [(number, {"until_run": run_id}) for number in ids])
        for rows in changes.rows(run_id, snapshot_id):
            with self.transaction(bulk=True) as tx:
                tx.insert(AbcGrade, rows)

    def discard(self, run_id: int) -> None:
        """Remove a run that was never published: what it wrote goes, what it ended goes on."""
        reason = f"{self._reason}: discard"
        with self._app.read(self._plugin) as ctx:
            state = ctx.connection.scalar(sa.select(runs.c.state).where(runs.c.id == run_id))
        if state != BUILDING:
            return
        while ids := self._some(grades.c.until_run == run_id):
            with self.transaction(bulk=True, reason=reason) as tx:
                tx.update(AbcGrade, [(number, {"until_run": None}) for number in ids])
        with suppress(CrmError):  # it refuses rows that are in the change log: those go through the gate
            unload(self._app, AbcGrade, grades.c.run_id == run_id)
        while ids := self._some(grades.c.run_id == run_id):
            with self.transaction(bulk=True, reason=reason) as tx:
                tx.delete(AbcGrade, ids)
        while ids := self._some(members_table.c.run_id == run_id, members_table):
            with self.transaction(bulk=True, reason=reason) as tx:
                tx.delete(AbcMember, ids)
        with self.transaction(reason=reason) as tx:
            tx.delete(AbcRun, [run_id])

    def _some(self, where: sa.ColumnElement[bool], table: sa.Table = grades) -> list[int]:
        with self._app.read(self._plugin) as ctx:
            query = sa.select(table.c.id).where(where).order_by(table.c.id).limit(CHUNK)
            return list(ctx.connection.scalars(query))


def _most_alike(connection: sa.Connection, values: Mapping[str, Any]) -> sa.Row[Any] | None:
    """Return the newest published run under the same settings, if there is one of the same period."""
    c = runs.c
    same_period = sa.and_(c.period_start == values["period_start"], c.period_end == values["period_end"])
    query = sa.select(runs).where(c.settings_version == values["settings_version"], c.state.in_(PUBLISHED))
    newest = query.order_by(sa.case((same_period, 0), else_=1), c.id.desc()).limit(1)
    return connection.execute(newest).first()


def _newest_of(connection: sa.Connection, run: sa.Row[Any]) -> int | None:
    """Return the newest published run of a run's snapshot."""
    snapshot = run.snapshot_id or run.id
    query = sa.select(sa.func.max(runs.c.id)).where(
        sa.or_(runs.c.id == snapshot, runs.c.snapshot_id == snapshot), runs.c.state != BUILDING
    )
    found: int | None = connection.scalar(query)
    return found


def _current(connection: sa.Connection, basis: str, level: str) -> sa.Row[Any] | None:
    query = sa.select(runs).where(runs.c.state == CURRENT, runs.c.basis == basis, runs.c.level == level)
    return connection.execute(query).first()
