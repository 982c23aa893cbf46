"""The run of an import: chunk by chunk, each whole or not at all, and resumable after any of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from crmcore.app import App
from crmcore.builtin.again import until_done
from crmcore.builtin.exchange.locks import RunLock
from crmcore.builtin.exchange.rejects import RejectsFile
from crmcore.builtin.exchange.rows import Chunk, Problem, Rejection
from crmcore.builtin.exchange.runs import COUNTS, load_run, note, note_in
from crmcore.builtin.exchange.table_file import in_batches
from crmcore.builtin.exchange.understanding import Understanding
from crmcore.errors import CrmError, PluginError, Refused
from crmcore.i18n import translator
from crmcore.plugins.isolation import blaming
from crmcore.plugins.types import LoadContext, Loaded
from crmcore.tx import Tx

_ = translator("crmcore")

CHUNK_ROWS = 5_000
MOST_WARNINGS = 30
PERMISSION = "records.import"
Progress = Callable[[int], None]
"""Told of the rows read so far, after each chunk."""


class _RollBack(Exception):
    """Ends the transaction of a chunk in a dry run."""


@dataclass(slots=True)
class ImportJob:
    """One run over one file, new or resumed; `number` is None in a dry run."""

    app: App
    actor: str
    what: Understanding
    rejects: RejectsFile
    number: int | None = None
    lock: RunLock | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*COUNTS, "deferred"), 0))
    warnings: list[str] = field(default_factory=list)
    rows_done: int = 0
    progress: Progress = lambda _rows: None
    seen: dict[Any, Any] | None = None
    unreadable: bool = False
    """The file itself is what stopped the run: to resume would stop there again."""

    def run(self) -> dict[str, Any]:
        """Take all rows that are left; returns the result (schema import_result). CrmError says what stopped it."""
        try:
            with _fewer_collections():
                self._take_rows()
                self._link_rows()
            self._done()
        except BaseException as error:
            self._stopped(error)
            raise
        finally:
            self.rejects.close()
            if self.lock is not None:
                self.lock.release()
        if self.number is not None:
            from crmcore.plugins.observers import deliver

            deliver(self.app)
        return self.result()

    def result(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return {
            "import": self.number,
            **{name: self.counts[name] for name in COUNTS},
            "rejects_file": str(self.rejects.path) if self.rejects.size else None,
            "warnings": self.warnings,
        }

    # -- rows ------------------------------------------------------------------------------------------------

    def _take_rows(self) -> None:
        for chunk in self._chunks(self.rows_done):
            self._take(chunk)
            self.progress(self.rows_done)

    def _chunks(self, skip: int) -> Iterator[Chunk]:
        """Give the rows after the first `skip`, chunk by chunk."""
        number = skip
        try:
            rows = islice(self.what.table.rows(), skip, None)
            for records in in_batches(rows, CHUNK_ROWS):
                yield self.what.parser.parse(records, number + 1)
                number += len(records)
                self.what.table.check_unchanged()
        except CrmError:
            self.unreadable = True
            raise

    def _take(self, chunk: Chunk) -> None:
        """Write one chunk, again where it met what others wrote at the same time."""
        chunks = self._anew(chunk, self.rows_done)

        def write() -> dict[str, Any]:
            return self._written(next(chunks))

        # A dry run remembers what it has seen, so it is done once.
        progress = write() if self.number is None else until_done(write, stale=True)
        self.rows_done, self.counts = progress["rows_done"], progress["counts"]
        self.warnings, self.rejects.size = progress["warnings"], progress["rejects_bytes"]

    def _anew(self, chunk: Chunk, skip: int) -> Iterator[Chunk]:
        """Give a chunk as it was read, each time anew: an importer may change what it is given."""
        yield chunk
        while True:
            self.rejects.cut()
            yield self.what.parser.parse(chunk.records, skip + 1)

    def _written(self, chunk: Chunk) -> dict[str, Any]:
        """Write one chunk and what is said of it, in one transaction; returns how far the run is then."""
        progress: dict[str, Any] = {}
        with suppress(_RollBack), self._write() as tx:
            loaded = self._load(tx, chunk)
            rejected = self._rejected(chunk, loaded)
            progress["rows_done"] = self.rows_done + len(chunk.records)
            progress["counts"] = self._counted(len(chunk.records), loaded, len(rejected))
            progress["warnings"] = _with_more(self.warnings, loaded.warnings)
            progress["rejects_bytes"] = self.rejects.append(rejected)
            self._note_chunk(tx, progress)
        return progress

    def _note_chunk(self, tx: Tx, progress: dict[str, Any]) -> None:
        if self.number is None:
            raise _RollBack
        note_in(tx.connection, self.number, heartbeat_at=tx.now, **progress)

    def _write(self) -> Any:
        return self.app.write(
            self.actor,
            # The name of the file stands in the run: it may name a person, and from the log nothing can be taken.
            reason=f"import {self.number or 'dry-run'}",
            source=f"import:{self.number or 'dry-run'}",
            plugin=self.what.importable.plugin,
            permission=PERMISSION,
            bulk=True,
        )

    def _load(self, tx: Tx, chunk: Chunk) -> Loaded:
        if not chunk.rows:
            return Loaded()
        importable = self.what.importable
        context = self._context(tx)
        with blaming(importable.plugin, "importables"):
            loaded = importable.load(tx, list(chunk.rows), context)
            lines = {rejection.line for rejection in loaded.rejected}
            taken = loaded.created + loaded.updated + loaded.unchanged
        unknown = lines.difference(row.line for row in chunk.rows) if lines else lines
        if taken + len(lines) != len(chunk.rows) or unknown:
            raise PluginError(
                _(
                    "the importer of {entity} in plugin {plugin} says nothing of some rows; nothing of them was written"
                ).format(entity=importable.name, plugin=importable.plugin)
            )
        return loaded

    def _context(self, tx: Tx) -> LoadContext:
        what = self.what
        return LoadContext(
            import_id=self.number or 0,
            file_sha256=what.table.identity,
            settings=tx.ctx.settings,
            currency=tx.ctx.currency,
            today=tx.ctx.today,
            create_customers=what.options.create_customers,
            columns=what.columns,
            clear_empty=what.options.clear_empty,
            generate_codes=what.options.generate_codes,
            seen=self.seen,
            refuse_duplicates=what.options.refuse_duplicates,
        )

    def _rejected(self, chunk: Chunk, loaded: Loaded) -> list[Rejection]:
        """Return all rejected rows in the order of the file, each once."""
        if not chunk.bad and not loaded.rejected:
            return []
        cells_of = chunk.cells()
        found = {line: (line, cells, problem) for line, cells, problem in chunk.bad}
        for rejection in loaded.rejected:
            header = self.what.parser.header_of(rejection.column)
            problem = Problem(header, rejection.value, rejection.reason)
            found.setdefault(rejection.line, (rejection.line, cells_of[rejection.line], problem))
        return [found[line] for line in sorted(found)]

    def _counted(self, read: int, loaded: Loaded, rejected: int) -> dict[str, int]:
        more = {
            "read": read,
            "created": loaded.created,
            "updated": loaded.updated,
            "unchanged": loaded.unchanged,
            "rejected": rejected,
            "possible_duplicates": loaded.possible_duplicates,
            "deferred": loaded.deferred,
        }
        return {name: self.counts.get(name, 0) + count for name, count in more.items()}

    def _link_rows(self) -> None:
        """Go through the file again where rows refer to rows that came later; safe to repeat after a kill."""
        link = self.what.importable.link
        if link is None or self.number is None or not self.counts.get("deferred"):
            return
        skip = 0
        for chunk in self._chunks(0):
            chunks = self._anew(chunk, skip)
            step = partial(self._linked, chunks, link, self.number)
            self.warnings = until_done(step, stale=True)
            skip += len(chunk.records)

    def _linked(self, chunks: Iterator[Chunk], link: Any, number: int) -> list[str]:
        """Link the rows of one chunk, in one transaction; returns all warnings of the run."""
        rows = list(next(chunks).rows)
        with self._write() as tx:
            context = self._context(tx)
            with blaming(self.what.importable.plugin, "importables"):
                warnings = _with_more(self.warnings, link(tx, rows, context).warnings)
            note_in(tx.connection, number, warnings=warnings, heartbeat_at=tx.now)
        return warnings

    # -- how it ends -----------------------------------------------------------------------------------------

    def _done(self) -> None:
        if self.number is None:
            return
        now = self.app.clock()
        path = str(self.rejects.path) if self.rejects.size else None
        note(
            self.app, self.number, state="done", rejects_file=path, ended_at=now, heartbeat_at=now, error=None
        )

    def _stopped(self, error: BaseException) -> None:
        """Say that the run stopped; where not even that can be written, its free lock file says so."""
        if self.number is None:
            return
        state = "failed" if self.unreadable else "interrupted"
        sentence = str(error) or type(error).__name__
        with suppress(Exception):
            # Memory may lag behind: a commit can succeed and the interrupt come before we know of it.
            run = load_run(self.app, self.number)
            self.rejects.size, self.rows_done = run.rejects_bytes, run.rows_done
            self.rejects.cut()
            if isinstance(error, Refused) and not run.rows_done:
                self.unreadable, state = True, "failed"  # nothing is in: there is nothing to go on with
            path = str(self.rejects.path) if self.rejects.size else None
            note(self.app, self.number, state=state, error=sentence, rejects_file=path)
        if isinstance(error, SystemExit | GeneratorExit):
            return
        raise CrmError(self._sentence(error)) from error

    def _sentence(self, error: BaseException) -> str:
        values = {"id": self.number, "rows": f"{self.rows_done:,}"}
        if self.unreadable:
            more = _("import {id} ended after {rows} rows, which are in").format(**values)
            return f"{error}; {more}"
        more = _("import {id} stopped after {rows} rows; go on with: crm imports resume {id}").format(
            **values
        )
        if isinstance(error, KeyboardInterrupt):
            return more
        if isinstance(error, CrmError):
            return f"{error}; {more}"
        return f"{type(error).__name__}: {error}; {more}"


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Look for cyclic garbage less often: rows make none, and looking took a ninth of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _with_more(known: list[str], new: Sequence[str]) -> list[str]:
    """Add warnings that were not given yet; after some only their number goes on growing."""
    found = list(dict.fromkeys([*known, *new]))
    return found if len(found) <= MOST_WARNINGS else [*found[:MOST_WARNINGS], _("and more of this kind")]
