"""The checks of `crm doctor`: each looks at one thing and says what it found."""

from __future__ import annotations

import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.administration.leftovers import leftovers
from crmcore.builtin.administration.listing import listing
from crmcore.builtin.administration.settings.file import left_behind
from crmcore.builtin.lifecycle.choices import unmade
from crmcore.changes import head, unsealed
from crmcore.config import FILE_NAME
from crmcore.db import migrations
from crmcore.db.engine import database_sentence, network_file_system, sqlite_path
from crmcore.db.system import change_tx
from crmcore.errors import CrmError
from crmcore.i18n import N_, _, translate
from crmcore.settings.plugin import plugin_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from crmcore.app import App

LEAST_FREE_BYTES = 200 * 1024 * 1024
Finding = tuple[bool | None, str]
"""Whether it is as it should be (None = it could not be looked at), and what was found."""
_ERRORS = (CrmError, OSError, sa.exc.SQLAlchemyError)


def run_checks(app: App) -> list[dict[str, Any]]:
    """Run every check; where the database cannot be read that is one finding, and what needs it was not checked."""
    hindrance = _hindrance(app)
    found = []
    for name, check in _CHECKS.items():
        ok, detail = _run(app, check, hindrance)
        if ok is None:
            detail = _("not checked: the database cannot be read")
        found.append({"name": name, "ok": ok, "detail": detail})
    return found


def _hindrance(app: App) -> str:
    """Return why the database cannot be read, or an empty text."""
    try:
        with app.read():
            return ""
    except _ERRORS as error:
        return _said(error)


def _run(app: App, check: Callable[[App], Finding], hindrance: str) -> Finding:
    if hindrance and check in _READING:
        return None, hindrance
    try:
        return check(app)
    except _ERRORS as error:
        detail = _said(error)
    return (None if detail == hindrance and check is not _database else False), detail


def _said(error: BaseException) -> str:
    """Return one sentence; the database's own errors come with statement and address of a manual."""
    if isinstance(error, sa.exc.OperationalError | sa.exc.ProgrammingError):
        return database_sentence(error)
    return str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)


def _database(app: App) -> Finding:
    from crmcore.builtin.databases.missing import missing_sentence, missing_tables
    from crmcore.builtin.databases.versions import too_old

    with app.read() as ctx:
        if missing := missing_tables(app, ctx.connection):
            return False, missing_sentence(missing)
        if ctx.connection.dialect.name == "sqlite":
            problem = ctx.connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            version = ctx.connection.exec_driver_sql("SELECT sqlite_version()").scalar()
            return problem == "ok", f"SQLite {version}, {problem}{_only_read(app)}"
        version = ctx.connection.exec_driver_sql("SHOW server_version").scalar()
        old = too_old(ctx.connection)
    return old is None, old or f"PostgreSQL {version}"


def _only_read(app: App) -> str:
    path = sqlite_path(app.config)
    if path is None or os.access(path.parent, os.W_OK):
        return ""
    return _("; ") + _("it can only be read: {folder} is read-only").format(folder=path.parent)


def _migrations(app: App) -> Finding:
    folders = {migrations.CORE: migrations.CORE_FOLDER}
    with app.engine.connect() as connection:
        behind = migrations.pending(connection, folders)
        if not behind:  # else nobody can ask the database for its plugins
            folders |= _plugin_migrations(app)
            behind = migrations.pending(connection, folders)
        if behind:
            return False, _behind(behind)
        return True, ", ".join(str(migrations.current(connection, name)) for name in folders)


def _behind(behind: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Say what is not up to date, with the remedy that the gate names, too."""
    newer = [
        migrations.newer_tables(name, found, wanted)
        for name, (found, wanted) in behind.items()
        if name != migrations.CORE and found is not None and found > (wanted or "")
    ]
    if newer:
        return _("; ").join(newer)
    shown = _("; ").join(f"{name}: {found} → {wanted}" for name, (found, wanted) in behind.items())
    if migrations.CORE in behind:
        return _("not up to date: {names}; run: crm db migrate").format(names=shown)
    message = _("not up to date: {names}; run: crm plugins upgrade {plugins}")
    return message.format(names=shown, plugins=" ".join(behind))


def _plugin_migrations(app: App) -> dict[str, Path]:
    folders = {
        name: app.installed[name].manifest().migrations
        for name in app.database_plugins
        if name in app.installed
    }
    return {name: folder for name, folder in folders.items() if folder is not None}


def _change_log(app: App) -> Finding:
    with app.read() as ctx:
        waiting = unsealed(ctx.connection)
        position, seal = head(ctx.connection)
        count = ctx.connection.scalar(sa.select(sa.func.count()).select_from(change_tx))
        sqlite = ctx.connection.dialect.name == "sqlite"
    if waiting and sqlite:
        return False, _("{count} transactions are not sealed; the log was changed from outside").format(
            count=waiting
        )
    detail = _("{count} transactions, head {position}: {seal}").format(
        count=count, position=position, seal=seal[:16]
    )
    if waiting:
        detail += _("; ") + _("{count} wait for the sealer (crm jobs run seal_log)").format(count=waiting)
    return True, detail


def _imports(app: App) -> Finding:
    from crmcore.builtin.exchange.api import interrupted_imports, stopped_undos

    found = {
        _("interrupted: {ids}; go on with: crm imports resume ID"): interrupted_imports(app),
        _("undo stopped: {ids}; go on with: crm imports undo ID"): stopped_undos(app),
    }
    said = [sentence.format(ids=", ".join(map(str, ids))) for sentence, ids in found.items() if ids]
    return not said, _("; ").join(said) or _("none is interrupted")


def _search(app: App) -> Finding:
    from crmcore.builtin.search.checking import check_index

    return check_index(app)


def _list_indexes(app: App) -> Finding:
    from crmcore.builtin.records.services.list_indexes import check_list_indexes

    return check_list_indexes(app)


def _backups(app: App) -> Finding:
    from crmcore.builtin.databases.unfinished import stopped

    message = _("stopped before its end: {command}; run it again, or delete {file}")
    found = [message.format(command=command, file=path) for path, command in sorted(stopped(app).items())]
    return not found, _("; ").join(found) or _("none is interrupted")


def _erasures(app: App) -> Finding:
    from crmcore.builtin.privacy.state import check_erasures

    return check_erasures(app)


def _documents(app: App) -> Finding:
    from crmcore.builtin.documents.store import check_store

    return check_store(app)


def _plugins(app: App) -> Finding:
    failing = _failing_now(app)
    bad = [p for p in listing(app) if p["state"] in {"quarantined", "missing", "incompatible", "broken"}]
    if bad:
        shown = _("; ").join(
            f"{p['name']} ({translate('crmcore', p['state'])}): {(p['error'] or {}).get('message', '')}"
            for p in bad
        )
        return False, shown
    if app.no_plugins:
        return True, _("not started (--no-plugins)")
    app.check_enabled_set()  # what the gate checks before each write
    if failing:
        return False, _("; ").join(f"{name}: {message}" for name, message in failing.items())
    return True, ", ".join(app.config.enabled) or _("none is enabled")


def _failing_now(app: App) -> dict[str, str]:
    """Call every contribution with an empty batch, so that a broken one shows now and not in the morning."""
    before = {hosted.name: hosted.failures for hosted in app.host.plugins}
    with app.read() as ctx:
        app.host.contribute("card_sections", ctx.connection, "", customer_ids=[], as_of=None)
        app.host.contribute("work_items", ctx.connection, "", since=None)
        app.host.contribute("alerts", ctx.connection, "", run=None)
        app.host.contribute("observe_changes", ctx.connection, "", changes=[])
    failing = [h for h in app.host.plugins if h.failures > before[h.name]]
    return {h.name: (h.error or {}).get("message", "") for h in failing}


def _settings(app: App) -> Finding:
    """Check what only bites when it is used: plugins' settings, code patterns, chosen strategies."""
    if stray := app.host.stray_settings():
        return False, _("; ").join(stray)
    for name in app.config.enabled:
        if name in app.installed:
            plugin_settings(app.config, app.installed[name].manifest(), stray.append)
    if stray:
        return False, _("; ").join(stray)
    if left := left_behind(app):
        message = _("{new} holds a change that did not reach {file}; run the command again that made it")
        return False, message.format(new=left[0], file=FILE_NAME)
    generator = app.host.strategy("code_generator")
    for pattern in app.config.data["codes"].values():
        generator(pattern, range(1), app.clock().date())
    app.host.strategy("currency_rates")
    app.host.strategy("workdays")
    if sentences := unmade(app):
        return False, _("; ").join(sentences)
    return True, FILE_NAME


def _disk(app: App) -> Finding:
    if left := leftovers(app.config.folder):
        message = _("left by processes that were killed: {files}; delete them")
        return False, message.format(files=", ".join(path.name for path in left))
    free = shutil.disk_usage(app.config.folder).free
    return free >= LEAST_FREE_BYTES, _("{free} MB free").format(free=free // 1024 // 1024)


def _network(app: App) -> Finding:
    path = sqlite_path(app.config)
    kind = network_file_system(path) if path else None
    return kind is None, _("on {kind}").format(kind=kind) if kind else _("local, or a server")


def _permissions(app: App) -> Finding:
    path = sqlite_path(app.config)
    if os.name != "posix" or path is None:
        return True, _("not applicable")
    for file in (path, path.with_name(path.name + "-wal")):
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            return False, _("{file} can be read by other users; run: chmod 600 {file}").format(file=file)
    if sentences := _unwritable(path):
        return False, _("; ").join(sentences)
    return True, _("readable by the owner alone")


def _unwritable(path: Path) -> list[str]:
    """Say which files beside a database that can be written cannot: SQLite made them when it could not be, either."""
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return []
    ways = {
        "-wal": _("{file} cannot be written, so nothing can be stored; run: chmod u+w {file}"),
        "-shm": _(
            "{file} cannot be written, so nothing can be stored; run: chmod u+w {file} (or delete it while nobody works)"
        ),
    }
    files = {path.with_name(path.name + suffix): way for suffix, way in ways.items()}
    return [
        way.format(file=file) for file, way in files.items() if file.exists() and not os.access(file, os.W_OK)
    ]


def _clock(app: App) -> Finding:
    now = app.clock()
    with app.read() as ctx:
        newest = ctx.connection.scalar(sa.select(sa.func.max(change_tx.c.at)))
    if newest is not None and newest.astimezone(UTC) > now + timedelta(minutes=1):
        return False, _("the change log is ahead of the clock ({newest}); set the computer's clock").format(
            newest=newest
        )
    return now > datetime(2026, 1, 1, tzinfo=UTC), now.astimezone(app.config.timezone).isoformat(
        timespec="minutes"
    )


_READING = (_change_log, _imports, _erasures, _documents, _search, _list_indexes, _plugins, _clock)
"""What is not even tried where the database cannot be read: a server that does not answer keeps one waiting."""
_CHECKS: dict[str, Callable[[App], Finding]] = {
    N_("database"): _database,
    N_("migrations"): _migrations,
    N_("change log"): _change_log,
    N_("imports"): _imports,
    N_("backups and copies"): _backups,
    N_("erasures"): _erasures,
    N_("documents"): _documents,
    N_("search index"): _search,
    N_("indexes of lists"): _list_indexes,
    N_("settings"): _settings,
    N_("plugins"): _plugins,
    N_("disk"): _disk,
    N_("network file system"): _network,
    N_("permissions of files"): _permissions,
    N_("clock"): _clock,
}
