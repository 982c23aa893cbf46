"""Asking every plugin to move its rows, and looking whether it did: a merge leaves nothing behind unseen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.exchange.undo_references import customer_columns
from crmcore.errors import BadConfig, CrmError, GateError, Refused
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.host import answer
from crmcore.plugins.isolation import broken, nobodys_fault
from crmcore.plugins.tables import Plugin

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.loading import Hosted
    from crmcore.plugins.types import Move, Moved
    from crmcore.tx import Tx

HOOK = "move_references"


class Unanswered(Refused):
    """A plugin cannot take part in a merge, does not answer for its rows, or fails in it: its author's business."""


Columns = dict[tuple[str, str], str]
"""(table, column) that holds customers' ids → the plugin that keeps it."""
_plugins: sa.Table = Plugin.__table__  # type: ignore[attr-defined]
_OF_CORE = "records"


def ask_all(app: App, tx: Tx, moves: Sequence[Move]) -> list[Moved]:
    """Have all plugins move their rows; Refused names one that cannot, does not answer, or leaves rows behind."""
    require_able(app)
    columns = columns_of(app)
    require_answers(app, columns)
    moved = [
        said
        for hosted in app.host.plugins
        if HOOK in hosted.functions
        for said in _ask(app, tx, hosted, moves)
    ]
    if not any(move.undo for move in moves):
        _check_answers(moved, columns)
        _check_rest(app, tx.connection, moves, moved, columns)
    return moved


def columns_of(app: App) -> Columns:
    """Return all columns that hold customers' ids, those of the core's own tables among them."""
    return {
        (info.entity, column): info.spec.plugin or _OF_CORE
        for info in app.tables.values()
        for column in customer_columns(info)
    }


# -- before ------------------------------------------------------------------------------------------------------


def require_able(app: App) -> None:
    """Refuse while an enabled plugin that names customers cannot run: its rows would stay behind."""
    for hosted in app.host.plugins:
        names = HOOK in hosted.decisions or hosted.manifest.values.get("references_customers", False)
        if names and not hosted.running:
            reason = (hosted.error or {}).get("message") or hosted.state
            message = _(
                "plugin {plugin!r} keeps rows of customers and cannot run ({reason}), so nothing is merged; repair it or run: crm plugins disable {plugin}"
            )
            raise Unanswered(message.format(plugin=hosted.name, reason=reason))


def require_answers(app: App, columns: Columns) -> None:
    """Refuse where a plugin names customers in its tables and does not implement the hook."""
    able = {hosted.name for hosted in app.host.plugins if HOOK in hosted.functions}
    for (table, column), plugin in sorted(columns.items()):
        if plugin not in able:
            message = _(
                "plugin {plugin!r} names customers in {table}.{column} and does not answer {hook}; ask its author, or run: crm plugins disable {plugin}"
            )
            raise Unanswered(message.format(plugin=plugin, table=table, column=column, hook=HOOK))


def require_none_asleep(connection: sa.Connection, customer_id: int, code: str) -> None:
    """Refuse where a disabled plugin keeps rows of a customer: nobody would move them."""
    c = _plugins.c
    sleeping = connection.execute(sa.select(c.name, c.table_prefix).where(c.enabled.is_(False))).all()
    if not sleeping:
        return
    for table, column in _references(connection, {row.table_prefix for row in sleeping}):
        query = (
            sa.select(sa.func.count()).select_from(sa.table(table)).where(sa.column(column) == customer_id)
        )
        if rows := connection.scalar(query):
            plugin = next(row.name for row in sleeping if _bears(table, row.table_prefix))
            message = _(
                "the disabled plugin {plugin!r} keeps {rows} rows of {code} in {table}, which nobody would move; enable it first: crm plugins enable {plugin}"
            )
            raise Refused(message.format(plugin=plugin, rows=rows, code=code, table=table))


def _references(connection: sa.Connection, prefixes: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the columns of tables with these prefixes that hold customers' ids, by foreign key or by their name."""
    inspector = sa.inspect(connection)
    tables = sorted(t for t in inspector.get_table_names() if any(_bears(t, prefix) for prefix in prefixes))
    for table in tables:
        named = {column["name"] for column in inspector.get_columns(table)}
        named = {name for name in named if name == "customer_id" or name.endswith("_customer_id")}
        for key in inspector.get_foreign_keys(table):
            if key["referred_table"] == "customer":
                named.update(key["constrained_columns"])
        yield from ((table, column) for column in sorted(named))


def _bears(table: str, prefix: str) -> bool:
    return bool(prefix) and table.startswith(f"{prefix.rstrip('_')}_")


# -- asking ------------------------------------------------------------------------------------------------------


def _ask(app: App, tx: Tx, hosted: Hosted, moves: Sequence[Move]) -> list[Moved]:
    """Call one plugin; Refused names it where it fails, or leaves nobody a connection to go on with."""
    connection, options = tx.connection, tx.connection.get_execution_options()
    try:
        ctx = app.context(hosted.name, connection, tx.actor)
        said: list[Moved] = answer(hosted, HOOK, {"moves": list(moves), "tx": tx, "ctx": ctx})
        connection._execution_options = options  # noqa: SLF001  (there is no public way to take one back)
        connection.exec_driver_sql("SELECT 1").close()
    except BaseException as error:
        # A key that is taken may be somebody else's doing, who wrote meanwhile: it is tried again, and told at last.
        taken = isinstance(error, sa.exc.IntegrityError)
        if nobodys_fault(error) and not taken:
            raise _named(error, hosted.name) from error
        if not (taken or isinstance(error, BadConfig)):
            health.record(app, hosted.name, error, HOOK)
        broken(connection)
        message = _(
            "plugin {plugin!r} failed in {hook} ({type}: {message}), so nothing was written; repair it or run: crm plugins disable {plugin}"
        )
        told = {"type": type(error).__name__, "message": health.message_of(error)}
        raise Unanswered(message.format(plugin=hosted.name, hook=HOOK, **told)) from error
    return said


def _named(error: BaseException, plugin: str) -> BaseException:
    """Return a plugin's own sentence with its name behind it, any other error as it is."""
    if isinstance(error, CrmError) and not isinstance(error, GateError):
        return Refused(f"{error} [{plugin}]")
    return error


# -- after -------------------------------------------------------------------------------------------------------


def _check_answers(moved: Sequence[Moved], columns: Columns) -> None:
    """Refuse an answer on a column of somebody else, and a column on which nobody answered."""
    for said in moved:
        if columns.get((said.table, said.column)) != said.plugin:
            message = _(
                "plugin {plugin!r} answered in {hook} for {table}.{column}, where it keeps no customers; ask its author, or run: crm plugins disable {plugin}"
            )
            told = {"plugin": said.plugin, "table": said.table, "column": said.column}
            raise Unanswered(message.format(hook=HOOK, **told))
    answered = {(said.table, said.column) for said in moved}
    for place, plugin in columns.items():
        if place not in answered:
            message = _(
                "plugin {plugin!r} did not say in {hook} what becomes of {table}.{column}; ask its author, or run: crm plugins disable {plugin}"
            )
            raise Unanswered(message.format(plugin=plugin, hook=HOOK, table=place[0], column=place[1]))


def _check_rest(
    app: App, connection: sa.Connection, moves: Sequence[Move], moved: Sequence[Moved], columns: Columns
) -> None:
    """Refuse where more rows name the old customer than were kept on purpose."""
    kept: Mapping[tuple[str, str], int] = {(said.table, said.column): said.kept for said in moved}
    gone = [move.from_id for move in moves]
    for (entity, column), plugin in columns.items():
        table = app.tables[entity].table
        query = sa.select(sa.func.count()).select_from(table).where(table.c[column].in_(gone))
        left = connection.scalar(query) or 0
        if left != kept[entity, column]:
            message = _(
                "plugin {plugin!r} left {left} rows of {table}.{column} behind and said {kept}; ask its author, or run: crm plugins disable {plugin}"
            )
            told = {"left": left, "kept": kept[entity, column], "table": entity, "column": column}
            raise Unanswered(message.format(plugin=plugin, **told))
