"""The migrations: up from nothing, step by step and down and up again with rows in the tables, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.conformance import filling
from crmcore.builtin.conformance.findings import NOT_RUN, Finding, finding
from crmcore.builtin.conformance.naming import bears
from crmcore.builtin.conformance.postgres import database
from crmcore.db import migrations
from crmcore.db.engine import gate
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

Rows = dict[str, list[dict[str, Any]]]
"""Table → its rows."""


def check_sqlite(subject: Subject) -> Finding:
    """Migrate a SQLite database up and down."""
    if subject.manifest.migrations is None and not subject.tables:
        return True, _("it has neither tables nor migrations")
    with subject.company("migrations") as app:
        return _check(subject, app.engine)


def check_postgres(subject: Subject) -> Finding:
    """Migrate a PostgreSQL database up and down, where there is a server."""
    if not subject.postgres:
        return True, NOT_RUN
    if subject.manifest.migrations is None and not subject.tables:
        return True, _("it has neither tables nor migrations")
    with database(subject.postgres) as engine:
        migrations.migrate(engine, {migrations.CORE: migrations.CORE_FOLDER})
        for name in subject.required:
            migrations.migrate(engine, _folders(name))
        return _check(subject, engine)


def _folders(name: str) -> dict[str, Path]:
    from crmcore.plugins.discovery import get_installed

    folder = get_installed(name).manifest().migrations
    return {name: folder} if folder else {}


def _check(subject: Subject, engine: sa.Engine) -> Finding:
    folder = subject.manifest.migrations
    if folder is None or not migrations.head_of(subject.name, folder):
        return False, _("it has tables and no migration that makes them")
    with opened(engine) as connection:
        before = _present(connection)
        _customers(connection)
    problems = _upwards(subject, engine, before)
    if not problems:
        problems = _like_models(subject, engine, before) or _names(subject, engine)
    if not problems:
        problems = _down(subject, engine, before)
    return finding(
        problems, _("{count} migrations, up and down with rows").format(count=len(revisions(subject)))
    )


def revisions(subject: Subject) -> list[str]:
    """Return its revisions, the first first."""
    from alembic.script import ScriptDirectory

    folder = str(subject.manifest.migrations)
    script = ScriptDirectory(folder, version_locations=[folder])
    return [revision.revision for revision in script.walk_revisions()][::-1]


# -- the steps ---------------------------------------------------------------------------------------------------


def _upwards(subject: Subject, engine: sa.Engine, before: set[str]) -> list[str]:
    """Go up step by step, each step also down and up again; rows put in before a step are there after it."""
    rows: Rows = {}
    lower: str | None = None
    for revision in revisions(subject):
        with opened(engine) as connection:
            move(connection, subject, revision)
            now = _contents(connection, before)
        lost = _lost(rows, now)
        if not lost and lower is not None:
            lost = _down_and_up(subject, engine, before, (lower, rows), (revision, now))
        if lost:
            message = _("the migration {revision} loses rows: {what}")
            return [message.format(revision=revision, what="; ".join(lost))]
        with opened(engine) as connection:
            filling.fill(connection, _own(connection, before))
            rows = _contents(connection, before)
        lower = revision
    return _head(subject, engine)


def _down_and_up(
    subject: Subject, engine: sa.Engine, before: set[str], lower: tuple[str, Rows], upper: tuple[str, Rows]
) -> list[str]:
    """Go down a step and up again; a step that cannot be undone says so by NotImplementedError."""
    try:
        with opened(engine) as connection:
            move(connection, subject, lower[0])
            lost = _lost(lower[1], _contents(connection, before))
            move(connection, subject, upper[0])
            return lost or _lost(upper[1], _contents(connection, before))
    except NotImplementedError:
        return []


def _head(subject: Subject, engine: sa.Engine) -> list[str]:
    """Refuse revisions that are not named as their files are: everyday commands go by the files."""
    wanted = migrations.head_of(subject.name, Path(str(subject.manifest.migrations)))
    with engine.connect() as connection:
        found = migrations.current(connection, subject.name)
    message = _("the newest migration must have revision = {wanted!r}, not {found!r}")
    return [message.format(wanted=wanted, found=found)] * (found != wanted)


def _lost(rows: Rows, now: Rows) -> list[str]:
    """Say what was lost of rows in tables and columns that are still there: rows, or values where there is none now.

    Other values are no loss: a migration may reckon them anew.
    """
    problems = []
    for name in sorted(rows.keys() & now.keys()):
        old, new = rows[name], now[name]
        if len(new) < len(old):
            message = _("table {table!r} has {now} of {before} rows")
            problems.append(message.format(table=name, now=len(new), before=len(old)))
            continue
        columns = sorted((old[0].keys() & new[0].keys()) if old else ())
        emptied = [c for c in columns if _set(new, c) < _set(old, c)]
        if emptied:
            message = _("table {table!r} has no values any more in {columns}")
            problems.append(message.format(table=name, columns=", ".join(emptied)))
    return problems


def _set(rows: list[dict[str, Any]], column: str) -> int:
    return sum(row[column] is not None for row in rows)


def _down(subject: Subject, engine: sa.Engine, before: set[str]) -> list[str]:
    """Go all the way down: nothing of the plugin is left but its version table."""
    try:
        with opened(engine) as connection:
            move(connection, subject, "base")
            left = {table.name for table in _own(connection, before)} | (_sequences(connection) - before)
    except NotImplementedError:
        return []
    return [_("going down leaves {names}").format(names=", ".join(sorted(left)))] * bool(left)


# -- what they made ----------------------------------------------------------------------------------------------


def _like_models(subject: Subject, engine: sa.Engine, before: set[str]) -> list[str]:
    """Compare tables with the classes: columns, types, what may be NULL."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from crmcore.db.base import metadata

    wanted = {name: spec.table.__table__ for name, spec in subject.tables.items()}
    with engine.connect() as connection, filling.reflecting():
        present = {table.name for table in _own(connection, before)}

        def include(_object: Any, name: str | None, kind: str, _reflected: Any, _other: Any) -> bool:
            return kind == "column" or (kind == "table" and name in wanted)

        context = MigrationContext.configure(
            connection, opts={"include_object": include, "compare_type": True}
        )
        steps = list(compare_metadata(context, metadata))
    problems = [
        _("the migrations make table {table!r}, which models() does not name").format(table=name)
        for name in sorted(present - wanted.keys())
    ]
    return problems + [p for step in steps for p in _difference(step)]


def _difference(step: Any) -> Iterator[str]:
    """Put a difference that Alembic found into words; changes of one column come as a list."""
    if isinstance(step, list):
        for part in step:
            yield from _difference(part)
        return
    kind = step[0]
    if kind == "add_table":
        yield _("no migration makes table {table!r}").format(table=step[1].name)
    elif kind == "add_column":
        yield _("no migration makes column {column}").format(column=f"{step[2]}.{step[3].name}")
    elif kind == "remove_column":
        yield _("the migrations make column {column}, which its class does not have").format(
            column=f"{step[2]}.{step[3].name}"
        )
    elif kind == "modify_nullable":
        yield _("{column}: the migrations and its class differ on whether it may be NULL").format(
            column=f"{step[2]}.{step[3]}"
        )
    elif kind == "modify_type":
        yield _("{column}: the migrations say {one}, its class says {other}").format(
            column=f"{step[2]}.{step[3]}", one=step[5], other=step[6]
        )


def _names(subject: Subject, engine: sa.Engine) -> list[str]:
    """Look at the names that the database knows: on PostgreSQL those of indexes are the whole schema's."""
    found: list[str] = []
    with engine.connect() as connection, filling.reflecting():
        inspector = sa.inspect(connection)
        for table in subject.tables:
            parts = (
                *inspector.get_indexes(table),
                *inspector.get_unique_constraints(table),
                *inspector.get_foreign_keys(table),
            )
            found += [
                str(part["name"])
                for part in parts
                if part["name"] and not bears(str(part["name"]), subject.prefix)
            ]
    return [
        _(
            "the migrations make {names}, which must begin with {prefix!r}, or with ix_, uq_, ck_, fk_ before it"
        ).format(names=", ".join(sorted(set(found))), prefix=subject.prefix)
    ] * bool(found)


# -- the database ------------------------------------------------------------------------------------------------


@contextmanager
def opened(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction past the guard, as the kernel's own migrations do: on SQLite without foreign keys."""
    with engine.connect() as connection, gate(connection):
        sqlite = connection.dialect.name == "sqlite"
        driver: Any = connection.connection.driver_connection
        if sqlite:
            driver.execute("PRAGMA foreign_keys=OFF").close()
        try:
            with connection.execution_options(crm_write=True).begin():
                yield connection
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise ValueError(_("rows point nowhere afterwards"))
        finally:
            if sqlite:
                driver.execute("PRAGMA foreign_keys=ON").close()


def move(connection: sa.Connection, subject: Subject, target: str) -> None:
    """Bring the plugin's tables to a revision, up or down."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    folder = str(subject.manifest.migrations)
    script: Any = ScriptDirectory(folder, version_locations=[folder])
    steps = revisions(subject)
    found = migrations.current(connection, subject.name)
    up = target != "base" and (found is None or steps.index(target) > steps.index(found))
    path = script._upgrade_revs if up else script._downgrade_revs  # noqa: SLF001  (Alembic's commands do just this)
    with EnvironmentContext(Config(), script, fn=lambda now, _context: path(target, now)) as environment:
        environment.configure(
            connection=connection, version_table=migrations.version_table(subject.name), render_as_batch=True
        )
        environment.run_migrations()


def _present(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names()) | _sequences(connection)


def _sequences(connection: sa.Connection) -> set[str]:
    return (
        set(sa.inspect(connection).get_sequence_names()) if connection.dialect.name == "postgresql" else set()
    )


def _own(connection: sa.Connection, before: set[str]) -> list[sa.Table]:
    """Return the tables that came after a moment, Alembic's own left out."""
    now = set(sa.inspect(connection).get_table_names())
    return filling.reflected(
        connection, {name for name in now - before if not name.startswith("alembic_version")}
    )


def _contents(connection: sa.Connection, before: set[str]) -> Rows:
    return filling.contents(connection, _own(connection, before))


def _customers(connection: sa.Connection) -> None:
    """Put in what rows of plugins point to."""
    names = {"customer", "contact"}
    filling.fill(connection, filling.reflected(connection, names), filling.ENOUGH)
