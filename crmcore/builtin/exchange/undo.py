"""Taking an import back: its transactions, the newest first, each whole or not at all, and again after a kill.

Every call goes through all that the import wrote. What was taken back already is found to be so, so a call that was
killed is simply repeated, and a later call takes back what has become free meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crmcore.app import App
from crmcore.builtin.again import until_done
from crmcore.builtin.exchange.engine import PERMISSION
from crmcore.builtin.exchange.locks import RunLock
from crmcore.builtin.exchange.runs import Run, load_run, lock_of, note, note_in, true_state, whereabouts
from crmcore.builtin.exchange.understanding import find_importable
from crmcore.builtin.exchange.undo_chunk import Chunk, Outcome
from crmcore.builtin.exchange.undo_conflicts import Conflict
from crmcore.builtin.exchange.undo_log import OwnLog, Transaction, import_source, undo_source
from crmcore.builtin.exchange.undo_references import References
from crmcore.errors import CrmError, UsageProblem
from crmcore.i18n import translator
from crmcore.plugins.isolation import blaming

_ = translator("crmcore")

Progress = Callable[[int], None]
"""Told of the rows taken back so far, after each transaction."""


def undo_import(
    app: App, actor: str, number: int, *, progress: Progress = lambda _rows: None
) -> dict[str, Any]:
    """Take back what an import wrote and return the result (schema import_undo).

    CrmError where the import still runs, somebody else takes it back, or the right to import is missing.
    """
    run = load_run(app, number)
    _require_at_rest(app, run)
    with app.write(actor, source="undo", permission=PERMISSION):
        pass  # a missing right, another set of plugins: before anything is said of the run
    lock = lock_of(app, number)
    if not lock.acquire():
        raise CrmError(_in_work(load_run(app, number)))
    return _Undo(app, actor, number, lock, progress).run()


class _Undo:
    """One call."""

    def __init__(self, app: App, actor: str, number: int, lock: RunLock, progress: Progress) -> None:
        self._app, self._actor, self._number = app, actor, number
        self._lock, self._progress = lock, progress
        self._counts: dict[str, int] = {}
        self._conflicts: dict[int, list[Conflict]] = {}
        """By transaction: a transaction that is looked at once more has new ones."""

    def run(self) -> dict[str, Any]:
        """Take back what can be; returns the result."""
        try:
            self._run = load_run(self._app, self._number)
            _require_at_rest(self._app, self._run, locked=True)
            self._importable = _importable_of(self._app, self._run)
            self._begin()
            try:
                self._take_back_all()
            except BaseException as error:
                self._stopped(error)
                raise
            self._done()
        finally:
            self._lock.release()
        from crmcore.plugins.observers import deliver

        deliver(self._app)
        return self._result()

    def _begin(self) -> None:
        """Go on counting where an undo was killed; else count anew."""
        counts = dict(self._run.counts)
        if self._run.state not in ("undoing", "undo_stopped"):
            counts |= {"undo_restored": 0, "undo_removed": 0}
        self._counts = {**counts, "undo_conflicts": 0}
        values = {"state": "undoing", "error": None, "counts": self._counts}
        note(self._app, self._number, **values, **whereabouts(self._app.clock()))

    def _take_back_all(self) -> None:
        with self._app.read("exchange") as ctx:
            self._own = OwnLog(ctx.connection, import_source(self._number))
            self._references = References(self._app, ctx.connection)
        waiting = self._own.transactions
        while waiting:
            before = self._taken_back()
            waiting = [transaction for transaction in waiting if self._take_back(transaction).waiting]
            if self._taken_back() == before:
                break  # what hangs on each other now does so for good

    def _taken_back(self) -> int:
        return self._counts["undo_restored"] + self._counts["undo_removed"]

    def _take_back(self, transaction: Transaction) -> Outcome:
        # Somebody may write meanwhile what then hangs on a row: look again.
        outcome, counts = until_done(lambda: self._write(transaction))
        self._counts = counts
        self._conflicts[transaction.id] = outcome.conflicts
        self._progress(self._taken_back())
        return outcome

    def _write(self, transaction: Transaction) -> tuple[Outcome, dict[str, int]]:
        writing = self._app.write(
            self._actor,
            reason=f"undo import {self._number}",
            source=undo_source(import_source(self._number)),
            plugin=self._importable.plugin,
            permission=PERMISSION,
            bulk=True,
        )
        with writing as tx:
            written = self._own.written(tx.connection, transaction)
            told = blaming(self._importable.plugin, "importables")
            chunk = Chunk(self._app, tx, self._own, self._references, self._importable.undone, told)
            outcome = chunk.take_back(written)
            counts = dict(self._counts)
            counts["undo_restored"] += outcome.restored
            counts["undo_removed"] += outcome.removed
            note_in(tx.connection, self._number, counts=counts, heartbeat_at=tx.now)
        return outcome, counts

    def _done(self) -> None:
        conflicts = len(self._all_conflicts())
        self._counts["undo_conflicts"] = conflicts
        state = "partly_undone" if conflicts else "undone"
        note(self._app, self._number, state=state, counts=self._counts, heartbeat_at=self._app.clock())

    def _stopped(self, error: BaseException) -> None:
        """Say that the undo stopped; where not even that can be written, its free lock file says so."""
        sentence = str(error) or type(error).__name__
        with suppress(Exception):
            note(self._app, self._number, state="undo_stopped", error=sentence)
        if isinstance(error, SystemExit | GeneratorExit):
            return
        more = _("the undo of import {id} stopped; go on with: crm imports undo {id}").format(id=self._number)
        if isinstance(error, KeyboardInterrupt):
            raise CrmError(more) from error
        told = sentence if isinstance(error, CrmError) else f"{type(error).__name__}: {sentence}"
        raise CrmError(f"{told}; {more}") from error

    def _result(self) -> dict[str, Any]:
        return {
            "restored": self._counts["undo_restored"],
            "removed": self._counts["undo_removed"],
            "conflicts": [conflict.as_json() for conflict in self._all_conflicts()],
        }

    def _all_conflicts(self) -> list[Conflict]:
        """Return the conflicts of all transactions, each once, in the order of the import."""
        parts = (part for _transaction, part in sorted(self._conflicts.items()))
        return list(dict.fromkeys(conflict for part in parts for conflict in part))


def _importable_of(app: App, run: Run) -> Any:
    try:
        return find_importable(app, run.entity)
    except UsageProblem:
        message = _("import {id} was made with plugin {plugin}, which is not enabled; enable it first")
        raise CrmError(message.format(id=run.id, plugin=run.plugin)) from None


def _require_at_rest(app: App, run: Run, *, locked: bool = False) -> None:
    """Refuse an import that some process works on; `locked`: it is not one of this computer."""
    here = locked and run.host == whereabouts(app.clock())["host"]
    if not here and true_state(app, run) in ("running", "undoing"):
        raise CrmError(_in_work(run))


def _in_work(run: Run) -> str:
    if run.state == "running":
        message = _("import {id} is still running on {host}; wait for its end, or stop it")
    else:
        message = _("import {id} is being undone on {host}")
    return message.format(id=run.id, host=run.host)
