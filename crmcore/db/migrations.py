"""Migrations: Alembic, one environment for all, a version table per distribution.

The head of a distribution is its highest file name, so that everyday commands need not import Alembic.
Core batch migrations on SQLite run with foreign keys off, set before BEGIN, and are checked before COMMIT.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.engine import database_sentence, gate, lent
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

CORE = "crmcore"
CORE_FOLDER = Path(__file__).parent.parent / "migrations"


def head_of(name: str, folder: Path) -> str | None:
    """Return the newest revision in a folder of files `0001_what.py`: `<name>_0001`."""
    numbers = sorted(p.name.split("_")[0] for p in folder.glob("[0-9][0-9][0-9][0-9]_*.py"))
    return f"{name}_{numbers[-1]}" if numbers else None


def current(connection: sa.Connection, name: str) -> str | None:
    """Return the revision that the database has of a distribution, or None."""
    return _recorded(connection, name) if sa.inspect(connection).has_table(version_table(name)) else None


def _recorded(connection: sa.Connection, name: str) -> str | None:
    found: str | None = connection.scalar(sa.text(f'SELECT version_num FROM "{version_table(name)}"'))  # noqa: S608  (a checked plugin name)
    return found


def version_table(name: str) -> str:
    """Return the name of a distribution's version table."""
    return f"alembic_version_{name}"


def check_core(connection: sa.Connection) -> None:
    """Refuse to work on a database whose core tables are older or newer than this program."""
    found, wanted = current(connection, CORE), head_of(CORE, CORE_FOLDER)
    if found is None:
        raise CrmError(_("the database holds no crmcore tables; make them with: crm db migrate"))
    if found != wanted:
        raise CrmError(
            _(
                "the database is at {found}, this program needs {wanted}; run: crm db migrate (or install the newer program)"
            ).format(found=found, wanted=wanted)
        )


def pending(
    connection: sa.Connection, folders: Mapping[str, Path]
) -> dict[str, tuple[str | None, str | None]]:
    """Return the distributions whose tables are not at their head: name → (found, wanted)."""
    tables = sa.inspect(connection).get_table_names() if folders else ()
    found = {name: _recorded(connection, name) for name in folders if version_table(name) in tables}
    states = {name: (found.get(name), head_of(name, folder)) for name, folder in folders.items()}
    return {name: state for name, state in states.items() if state[0] != state[1]}


def migrate(
    engine: sa.Engine, folders: Mapping[str, Path], tables: Mapping[str, str] | None = None
) -> list[str]:
    """Bring distributions to their heads, all in one transaction; returns those that changed.

    `tables` (table → plugin) must be there afterwards, or nothing is changed.
    """
    with _connected(engine) as connection, gate(connection):
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _foreign_keys(connection, "OFF")
        try:
            with connection.execution_options(crm_write=True).begin():
                changed = bring_up(connection, folders)
                _check_tables(connection, tables or {})
                if sqlite:
                    _check_foreign_keys(connection)
        finally:
            if sqlite:
                _foreign_keys(connection, "ON")
    return changed


def bring_up(connection: sa.Connection, folders: Mapping[str, Path]) -> list[str]:
    """Bring distributions to their heads in the open transaction, unless one of the migrations objects."""
    behind = pending(connection, folders)
    for name, (found, wanted) in behind.items():
        if found is not None and found > (wanted or ""):
            raise CrmError(newer_tables(name, found, wanted))
    asked = (sentence for name in behind for sentence in objections(connection, name, folders[name]))
    if reasons := "; ".join(asked):
        raise CrmError(_("{reasons}; nothing was changed").format(reasons=reasons))
    for name in behind:
        upgrade(connection, name, folders[name])
        _check_head(connection, name, folders[name])
    return list(behind)


def newer_tables(name: str, found: str, wanted: str | None) -> str:
    """Say that a distribution older than its tables is installed."""
    message = _(
        "the tables of {name} are at {found}, newer than its files ({wanted}); install the newer {name}"
    )
    return message.format(name=name, found=found, wanted=wanted or _("none"))


def objections(connection: sa.Connection, name: str, folder: Path) -> list[str]:
    """Ask the pending migrations of a distribution that have a function `check` what keeps them from running.

    check(connection) reads the tables as they are before any of them runs; each sentence that it returns is one reason.
    Where there are no tables yet nothing is asked.
    """
    at, found = current(connection, name), list[str]()
    waiting = list(_script(folder).iterate_revisions("heads", at)) if at else []
    with lent(connection), gate(connection, opened=False):
        for revision in reversed(waiting):
            check = getattr(revision.module, "check", None)
            found += [f"{revision.revision}: {sentence}" for sentence in (check(connection) if check else ())]
    return found


def _check_tables(connection: sa.Connection, tables: Mapping[str, str]) -> None:
    present = set(sa.inspect(connection).get_table_names()) if tables else set()
    for table, plugin in tables.items():
        if table not in present:
            raise CrmError(
                _("plugin {plugin!r}: no migration makes table {table!r}; nothing was changed").format(
                    plugin=plugin, table=table
                )
            )


def _connected(engine: sa.Engine) -> sa.Connection:
    try:
        return engine.connect()
    except sa.exc.OperationalError as error:
        raise CrmError(database_sentence(error)) from error


def _check_head(connection: sa.Connection, name: str, folder: Path) -> None:
    """Refuse revisions that are not named as their files are: everyday commands go by the files."""
    found, wanted = current(connection, name), head_of(name, folder)
    if found != wanted:
        raise CrmError(
            _("{folder}: the newest migration must have revision = {wanted!r}, not {found!r}").format(
                folder=folder, wanted=wanted, found=found
            )
        )


def _foreign_keys(connection: sa.Connection, value: str) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA foreign_keys={value}").close()


def _check_foreign_keys(connection: sa.Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise CrmError(
            _(
                "the migration would leave table {table} with rows that point nowhere; nothing was changed"
            ).format(table=broken[0])
        )


def upgrade(connection: sa.Connection, name: str, folder: Path, to: str = "head") -> None:
    """Run the migrations of a distribution up to a revision, in the open transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    script = _script(folder)
    with EnvironmentContext(
        Config(),
        script,
        fn=lambda revisions, _context: script._upgrade_revs(to, revisions),  # noqa: SLF001
    ) as environment:
        environment.configure(connection=connection, version_table=version_table(name), render_as_batch=True)
        environment.run_migrations()


def _script(folder: Path) -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder), version_locations=[str(folder)])
