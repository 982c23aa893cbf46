"""The application object: one company's workspace, opened; everything else is reached from here."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.catalogue import Catalogue, load_catalogue, with_plugin
from crmcore.changes import Header
from crmcore.clock import Clock, system_clock
from crmcore.collector import collector_off
from crmcore.config import Config, load_config
from crmcore.db import migrations
from crmcore.db.engine import database_sentence, gate, lent, make_engine, sqlite_path
from crmcore.db.rows import last_rowid
from crmcore.db.system import plugin_health, read_log
from crmcore.db.tables import TableInfo
from crmcore.entities.actors import require_permission
from crmcore.entities.specs import core_tables
from crmcore.errors import CrmError, GateError, PluginError, Refused
from crmcore.facts import Facts, check_rate
from crmcore.i18n import _
from crmcore.plugins import discovery
from crmcore.plugins.host import Host
from crmcore.plugins.tables import Plugin
from crmcore.plugins.types import Context
from crmcore.settings.plugin import plugin_settings
from crmcore.tx import Tx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date
    from decimal import Decimal

    from sqlmodel import SQLModel

    from crmcore.plugins.manifest import Manifest
    from crmcore.plugins.types import FactProvider, TableSpec

ADMINISTRATION = "administration"
"""Source of the kernel's own administrative writes: they work while the enabled set is being repaired."""


_SINGLE = ("query_only=OFF", "synchronous=FULL", "wal_autocheckpoint=1000")
_BULK = ("query_only=OFF", "synchronous=NORMAL", "wal_autocheckpoint=16000", "cache_size=-65536")
"""Of many rows the indexes are larger than the 2 MB that SQLite keeps of them, and each row is anywhere in them."""


def create_app(config: Config | Path | str, *, clock: Clock = system_clock, no_plugins: bool = False) -> App:
    """Open a workspace. Nothing is read from the database or imported of plugins until it is needed."""
    if not isinstance(config, Config):
        config = load_config(Path(config).resolve())
    return App(config, clock, no_plugins=no_plugins)


class App:
    """A company's workspace: configuration, database, plugins."""

    def __init__(self, config: Config, clock: Clock, *, no_plugins: bool) -> None:
        """Use `create_app`."""
        self.config = config
        self.clock = clock
        self.no_plugins = no_plugins
        self.warnings: list[str] = []
        self.on_warning: Callable[[str], None] = self.warnings.append
        self._writers: set[int] = set()
        self._waiting: list[Callable[[], object]] = []
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._checked = False

    # -- parts -----------------------------------------------------------------------------------------------

    @cached_property
    def engine(self) -> sa.Engine:
        """The database engine; refuses a database that does not exist."""
        path = sqlite_path(self.config)
        if path is not None and not path.exists():
            raise CrmError(
                _(
                    "there is no database {path}; restore it from a backup, or make a new workspace in another folder"
                ).format(path=path)
            )
        return make_engine(self.config)

    @property
    def catalogue(self) -> Catalogue:
        """The fields of the customer card, those of plugins among them; no plugin is imported."""
        own = catalogue = load_catalogue(self.config.folder)
        known: tuple[object, Catalogue] = self.__dict__.get("_catalogue", (None, own))
        if own is known[0]:
            return known[1]
        for name in () if self.no_plugins else self.config.enabled:
            try:
                if name in self.installed:
                    catalogue = with_plugin(catalogue, self.installed[name].manifest())
            except CrmError as error:
                self.warn(str(error))
        self._catalogue = (own, catalogue)
        return catalogue

    @cached_property
    def host(self) -> Host:
        """The plugins."""
        return Host(self)

    @cached_property
    def installed(self) -> Mapping[str, discovery.Installed]:
        """What is installed, enabled or not."""
        return discovery.installed()

    @cached_property
    def database_plugins(self) -> dict[str, Any]:
        """The rows of the enabled set in the database, by name."""
        table: sa.Table = Plugin.__table__  # type: ignore[attr-defined]
        return self._administrative(table, table.c.enabled.is_(True))

    @cached_property
    def enabled_rows(self) -> list[Any]:
        """The plugins that both crm.toml and the database call enabled, in crm.toml's order."""
        return [self.database_plugins[name] for name in self.config.enabled if name in self.database_plugins]

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """The manifests of the plugins that the database has enabled, of those that can be read."""
        manifests = {}
        for name in self.database_plugins:
            if name in self.installed:
                with suppress(PluginError):
                    manifests[name] = self.installed[name].manifest()
        return manifests

    @cached_property
    def tables_behind(self) -> dict[str, tuple[str | None, str | None]]:
        """The enabled plugins whose tables are not as their files want them: name → (found, wanted)."""
        folders = {name: m.migrations for name, m in self.manifests.items() if m.migrations is not None}
        with self._connect() as connection:
            return migrations.pending(connection, folders)

    @cached_property
    def health(self) -> dict[str, Any]:
        """What is known of plugins' failures, by name."""
        return self._administrative(plugin_health, sa.true())

    def _administrative(self, table: sa.Table, where: sa.ColumnElement[bool]) -> dict[str, Any]:
        with self._connect() as connection:
            rows = connection.execute(sa.select(table).where(where)).all()
        return {row.name: row for row in rows}

    @cached_property
    def core_tables(self) -> dict[str, TableInfo]:
        """The core's tracked tables by entity."""
        return core_tables(self.catalogue)

    @cached_property
    def tables(self) -> dict[str, TableInfo]:
        """The tracked tables by entity: the core's and those of the running plugins."""
        return {**self.core_tables, **tables_of(self.host.registered("models"))}

    def table(self, model: type[SQLModel]) -> TableInfo:
        """Return what the gate knows of a table class; its plugin names it in the hook `models`."""
        name = str(model.__tablename__)
        if name in self.core_tables:
            return self.core_tables[
                name
            ]  # without loading plugins: one that cannot be imported can be disabled
        if name not in self.tables:
            self.host.suspect("models")
            raise CrmError(
                _("table {table} is not registered; name it in the hook models()").format(table=name)
            )
        return self.tables[name]

    def refresh(self) -> None:
        """Forget what was read of plugins and configuration, after either changed."""
        self.config = load_config(self.config.folder)
        self._settings.clear()
        self._checked = False
        for name in (
            "host",
            "installed",
            "database_plugins",
            "enabled_rows",
            "manifests",
            "tables_behind",
            "health",
            "tables",
            "core_tables",
            "_catalogue",
        ):
            self.__dict__.pop(name, None)

    def close(self) -> None:
        """Close all database connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def warn(self, message: str) -> None:
        """Tell the user of something that does not stop the work."""
        self.on_warning(message)

    # -- reading ---------------------------------------------------------------------------------------------

    def context(self, plugin: str, connection: sa.Connection, actor: str = "") -> Context:
        """Return one plugin's view: its settings, the facts, the moment."""
        now = self.clock()
        return Context(
            plugin=plugin,
            settings=self.settings(plugin),
            connection=connection,
            facts=self._facts(connection, actor),
            now=now,
            today=now.astimezone(self.config.timezone).date(),
            actor=actor,
            currency=self.config.currency,
            workspace=self.config.folder,
            _app=self,
        )

    def settings(self, plugin: str) -> Mapping[str, Any]:
        """Return a plugin's checked settings with defaults; {} for the kernel."""
        if plugin == "crmcore":
            return {}
        if plugin not in self._settings:
            self._settings[plugin] = plugin_settings(self.config, self.host.get(plugin).manifest, self.warn)
        return self._settings[plugin]

    def _facts(self, connection: sa.Connection, actor: str) -> Facts:
        def rate(source: str, target: str, day: date) -> Decimal | None:
            provider = self.host.strategy("currency_rates", check_rate)
            found: Decimal | None = provider(
                source, target, day, self.context("strategies", connection, actor)
            )
            return found

        return Facts(self._fact_providers, self.config.data["strategies"], self.settings, rate)

    def _fact_providers(self) -> dict[str, list[FactProvider]]:
        providers: dict[str, list[FactProvider]] = {}
        for provider in self.host.registered("facts"):
            providers.setdefault(provider.fact, []).append(provider)
        return providers

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        try:
            with self.engine.connect() as connection:
                if not self._checked:
                    migrations.check_core(connection)
                    self._checked = True
                yield connection
        except sa.exc.OperationalError as error:
            raise CrmError(database_sentence(error)) from error

    @contextmanager
    def read(self, plugin: str = "crmcore", actor: str = "") -> Iterator[Context]:
        """Open a read-only view of the database for a plugin."""
        with self._connect() as connection:
            connection.rollback()
            sqlite = connection.dialect.name == "sqlite"
            if sqlite:
                _pragmas(connection, "query_only=ON")
            else:
                # All statements see one moment, as on SQLite; who reads so never waits, nobody waits for them.
                connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
            try:
                with lent(connection):
                    yield self.context(plugin, connection, actor)
            finally:
                connection.rollback()
                if sqlite:
                    _pragmas(connection, "query_only=OFF")

    # -- writing ---------------------------------------------------------------------------------------------

    @contextmanager
    def write(
        self,
        actor: str,
        reason: str = "",
        source: str = "cli",
        *,
        plugin: str = "crmcore",
        permission: str | None = "records.write",
        bulk: bool = False,
    ) -> Iterator[Tx]:
        """Open the gate for one transaction; it commits when the block ends and rolls back when it raises.

        actor: code of who acts; must exist and have `permission`, unless that is None: then the caller checks it in the
        transaction. source: where the change comes from, such as `cli` or `import:7`. bulk: a chunk of a long import,
        flushed to disk with the next single commit.
        """
        if source != ADMINISTRATION:
            self.check_enabled_set()
        with self._write_connection(bulk=bulk) as connection:
            if permission is not None:
                require_permission(connection, self.config, actor, permission)
            with lent(connection):
                tx = Tx(self, connection, self._header(connection, actor, reason, source), plugin)
                yield tx
                tx.finish()
        if source != ADMINISTRATION and not bulk and any(self.host.observers()):
            from crmcore.plugins.observers import deliver

            deliver(self)

    @contextmanager
    def _write_connection(self, *, bulk: bool) -> Iterator[sa.Connection]:
        if get_ident() in self._writers:
            raise GateError(
                _("a transaction is already open here and would wait for itself; end it before the next one")
            )
        self._writers.add(get_ident())
        try:
            with self._connect() as plain:
                plain.rollback()
                connection = plain.execution_options(crm_write="bulk" if bulk else "single")
                if connection.dialect.name == "sqlite":
                    _pragmas(connection, *(_BULK if bulk else _SINGLE))
                with connection.begin(), collector_off() if bulk else nullcontext():
                    yield connection
        finally:
            self._writers.discard(get_ident())
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call()

    def _header(self, connection: sa.Connection, actor: str, reason: str, source: str) -> Header:
        if connection.dialect.name == "postgresql":
            number = connection.scalar(sa.text("SELECT nextval(pg_get_serial_sequence('change_tx', 'id'))"))
        else:
            number = last_rowid(connection, "change_tx", "id") + 1
        return Header(int(number), self.clock(), actor, authenticated_as(), reason, source)

    def check_enabled_set(self) -> None:
        """Refuse writes while crm.toml, database and installation do not agree on the rules that run."""
        if self.no_plugins:
            raise Refused(
                _("with --no-plugins nothing is written; leave it out, or repair with: crm plugins, crm db")
            )
        for name in self.config.enabled:
            if name not in self.database_plugins:
                raise Refused(
                    _(
                        "crm.toml enables plugin {name!r} but the database does not know it; run: crm plugins enable {name}, or: crm plugins disable {name}"
                    ).format(name=name)
                )
        for name, row in self.database_plugins.items():
            if name not in self.config.enabled:
                raise Refused(
                    _(
                        "the database has plugin {name!r} enabled but crm.toml does not; run: crm plugins enable {name}, or: crm plugins disable {name}"
                    ).format(name=name)
                )
            found = self.installed.get(name)
            if found is not None and found.record_hash != row.record_hash:
                same = found.version == row.version and name not in self.tables_behind
                raise Refused(
                    _(
                        "the files of plugin {name!r} changed since it was enabled ({old}, now {new}); if that is meant, run: crm plugins {command} {name}"
                    ).format(
                        name=name,
                        old=row.version,
                        new=found.version,
                        command="trust" if same else "upgrade",
                    )
                )
        for name, (at, wanted) in self.tables_behind.items():
            if at is not None and at > (wanted or ""):
                raise Refused(migrations.newer_tables(name, at, wanted))
            raise Refused(
                _(
                    "the tables of plugin {name!r} are at {found}, its files need {wanted}; run: crm plugins upgrade {name}"
                ).format(name=name, found=at or _("none"), wanted=wanted)
            )

    def when_free(self, call: Callable[[], object]) -> None:
        """Have something done that opens a transaction: now, or as soon as the present one has ended."""
        if get_ident() in self._writers:
            self._waiting.append(call)
        else:
            call()

    @contextmanager
    def operations(self) -> Iterator[sa.Connection]:
        """Open a transaction for operational tables (progress, health, cursors), which no gate guards."""
        with self._write_connection(bulk=False) as connection:
            yield connection

    def log_read(self, actor: str, what: str, entity: str, count: int, query: str = "") -> int:
        """Record an export, a bulk list or the reading of a sensitive field; returns the number of the record."""
        values = {"at": self.clock(), "actor": actor, "authenticated_as": authenticated_as(), "what": what}
        with self.operations() as connection:
            row = {**values, "entity": entity, "count": count, "filter": query}
            return int((connection.execute(sa.insert(read_log), row).inserted_primary_key or (0,))[0])

    def unguarded(self, connection: sa.Connection) -> Any:
        """Open the engine's guard for the kernel's own statements (migrations)."""
        return gate(connection)


def tables_of(specs: Iterable[TableSpec]) -> dict[str, TableInfo]:
    """Return what the gate knows of plugins' tables, by entity."""
    tables = {}
    for spec in specs:
        attributes = frozenset(
            c.removeprefix("attributes.") for c in spec.personal if c.startswith("attributes.")
        )
        columns = frozenset(spec.personal) - {f"attributes.{name}" for name in attributes}
        whose = (spec.person,) if isinstance(spec.person, str) else spec.person or ()
        info = TableInfo(spec, attributes.__contains__, columns, whose)
        tables[info.entity] = info
    return tables


def _pragmas(connection: sa.Connection, *pragmas: str) -> None:
    driver: Any = connection.connection.driver_connection
    for pragma in pragmas:
        driver.execute(f"PRAGMA {pragma}").close()


def authenticated_as() -> str:
    """Return the user of the operating system: who is really there, whatever LOGNAME or USER say."""
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"
