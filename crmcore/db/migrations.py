"""Migrations: Alembic, one environment for all, a version table per distribution.

The head of a distribution is its highest file name, so that everyday commands need not import Alembic.
Core batch migrations on SQLite run with foreign keys off, set before BEGIN, and are checked before COMMIT.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.engine import database_sentence, gate
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
    table = version_table(name)
    if not sa.inspect(connection).has_table(table):
        return None
    found: str | None = connection.scalar(sa.text(f'SELECT version_num FROM "{table}"'))  # noqa: S608  (a checked plugin name)
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
    states = {name: (current(connection, name), head_of(name, folder)) for name, folder in folders.items()}
    return {name: state for name, state in states.items() if state[0] != state[1]}


def migrate(
    engine: sa.Engine, folders: Mapping[str, Path], tables: Mapping[str, str] | None = None
) -> list[str]:
    """Bring distributions to their heads, all in one transaction; returns those that changed.

    `tables` (table → plugin) must be there afterwards, or nothing is changed.
    """
    changed = []
    with _connected(engine) as connection, gate(connection):
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _foreign_keys(connection, "OFF")
        try:
            with connection.execution_options(crm_write=True).begin():
                for name, folder in folders.items():
                    if current(connection, name) != head_of(name, folder):
                        _upgrade(connection, name, folder)
                        _check_head(connection, name, folder)
                        changed.append(name)
                _check_tables(connection, tables or {})
                if sqlite:
                    _check_foreign_keys(connection)
        finally:
            if sqlite:
                _foreign_keys(connection, "ON")
    return changed


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


def _upgrade(connection: sa.Connection, name: str, folder: Path) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder), version_locations=[str(folder)])
    with EnvironmentContext(
        Config(),
        script,
        fn=lambda revisions, _context: script._upgrade_revs("head", revisions),  # noqa: SLF001
    ) as environment:
        environment.configure(connection=connection, version_table=version_table(name), render_as_batch=True)
        environment.run_migrations()
