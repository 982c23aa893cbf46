"""Begin an import, try one out, or go on with one that was interrupted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from crmcore.app import App
from crmcore.builtin.exchange.engine import PERMISSION, ImportJob, Progress
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.rejects import RejectsFile
from crmcore.builtin.exchange.runs import (
    Run,
    begin,
    folder_of,
    load_run,
    lock_of,
    note,
    true_state,
    whereabouts,
)
from crmcore.builtin.exchange.understanding import Options, Understanding, find_importable, understand
from crmcore.errors import CrmError, UsageProblem
from crmcore.i18n import translator
from crmcore.text import printable

_ = translator("crmcore")


def run_import(
    app: App,
    actor: str,
    what: Understanding,
    *,
    dry_run: bool = False,
    progress: Progress = lambda _rows: None,
) -> dict[str, Any]:
    """Import an understood file and return the result (schema import_result); a dry run writes nothing.

    Raises CrmError when the run is stopped: by the user, a full disk, a damaged file.
    """
    _require_open_gate(app, actor)
    _prepare_duplicates(app, what)
    if dry_run:
        path = folder_of(app) / f"dry-run-{what.table.identity[:12]}.rejects.csv"
        path.unlink(missing_ok=True)
        job = ImportJob(
            app, actor, what, _rejects(what, path), warnings=what.warnings(), progress=progress, seen={}
        )
        return job.run()
    number, lock = begin(app, _description(what, actor))
    path = folder_of(app) / f"{number}.rejects.csv"
    job = ImportJob(
        app,
        actor,
        what,
        _rejects(what, path),
        number=number,
        lock=lock,
        warnings=what.warnings(),
        progress=progress,
    )
    return _with_duplicates(app, actor, number, job)


def _with_duplicates(app: App, actor: str, number: int, job: ImportJob) -> dict[str, Any]:
    """Run an import to its end; the result of a small one says which new customers look like others."""
    result = job.run()
    if job.what.importable.name != "customers":
        return result
    from crmcore.builtin.duplicates.after_import import warnings_of

    return {**result, "warnings": [*result["warnings"], *warnings_of(app, actor, number, result["created"])]}


def resume_import(
    app: App, actor: str, number: int, path: Path | None = None, *, progress: Progress = lambda _rows: None
) -> dict[str, Any]:
    """Go on with an interrupted import where its last chunk ended; returns the result over the whole file.

    path: where the file is now, if it was moved. CrmError where the run did not stop, or the file is another one.
    """
    run = load_run(app, number)
    _require_interrupted(app, run)
    _require_open_gate(app, actor)
    lock = lock_of(app, number)
    if not lock.acquire():
        raise CrmError(_("import {id} is still running on {host}").format(id=number, host=run.host))
    what = None
    try:
        run = load_run(app, number)
        what = _understood_again(app, run, path)
        _prepare_duplicates(app, what)
        note(app, number, state="running", error=None, **whereabouts(app.clock()))
    except BaseException:
        lock.release()
        if what is not None:
            what.table.close()
        raise
    rejects = _rejects(what, folder_of(app) / f"{number}.rejects.csv", run.rejects_bytes)
    job = ImportJob(
        app, actor, what, rejects, number, lock, dict(run.counts), list(run.warnings), run.rows_done, progress
    )
    try:
        return _with_duplicates(app, actor, number, job)
    finally:
        what.table.close()


def _understood_again(app: App, run: Run, path: Path | None) -> Understanding:
    what = understand(
        app,
        find_importable(app, run.entity),
        path or Path(run.file_path),
        ColumnMapping(**run.mapping),
        Options(**run.options),
        encoding=run.encoding,
    )
    if what.table.state.sha256 != run.file_sha256:
        what.table.close()
        raise CrmError(
            _(
                "{file} is not the file that import {id} began with; give that with --file, or import this one anew"
            ).format(file=what.table.path, id=run.id)
        )
    return what


def _require_open_gate(app: App, actor: str) -> None:
    """Refuse before anything is written about the run: a missing right, another set of plugins."""
    with app.write(actor, source="import", permission=PERMISSION):
        pass


def _prepare_duplicates(app: App, what: Understanding) -> None:
    """Bring up to date what new rows are compared with, where rows that repeat a customer are refused."""
    if not what.options.refuse_duplicates:
        return
    if what.importable.name != "customers":
        message = _("duplicates are refused only among customers, not among {entity}; leave --duplicates out")
        raise UsageProblem(message.format(entity=what.importable.name))
    from crmcore.builtin.duplicates.keeping import refresh

    refresh(app)


def _require_interrupted(app: App, run: Run) -> None:
    state = true_state(app, run)
    if state == "interrupted":
        return
    sentence = {
        "done": _("import {id} is done; there is nothing to go on with"),
        "running": _("import {id} is still running on {host}"),
        "failed": _("import {id} failed ({error}); correct the file and import it again"),
    }.get(state, _("import {id} was taken back; import the file again instead of going on with it"))
    raise CrmError(sentence.format(id=run.id, host=run.host, error=run.error))


def _rejects(what: Understanding, path: Path, size: int = 0) -> RejectsFile:
    return RejectsFile(path, what.table.headers, what.table.delimiter, size)


def _description(what: Understanding, actor: str) -> dict[str, Any]:
    table = what.table
    return {
        "entity": what.importable.name,
        "plugin": what.importable.plugin,
        "file_name": printable(table.path.name),
        "file_path": printable(table.path.resolve()),
        "file_sha256": table.state.sha256,
        "file_bytes": table.state.bytes,
        "encoding": table.encoding,
        "mapping": what.saved_mapping().as_json(),
        "options": asdict(what.options),
        "actor": actor,
    }
