"""Asking every plugin that holds something of persons: who must answer and cannot, refuses the whole, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.databases.plan import DERIVED
from crmcore.builtin.privacy.rows import WHOSE, rows_in
from crmcore.errors import Refused
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.host import answer
from crmcore.plugins.isolation import broken, nobodys_fault, only_reading

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.loading import Hosted
    from crmcore.plugins.types import Context, ErasedData, Person, PersonData
    from crmcore.tx import Tx

EXPORT, ERASE = "export_persons", "erase_persons"


def collected(app: App, ctx: Context, persons: Sequence[Person]) -> list[PersonData]:
    """Return what all plugins hold of persons; of who does not answer, the rows that name them."""
    found: list[PersonData] = []
    answering = _answering(app, EXPORT)
    for hosted in answering:
        found += _called(app, hosted, EXPORT, ctx, {"persons": list(persons)})
    silent = {hosted.name for hosted in app.host.plugins} - {hosted.name for hosted in answering}
    for info in app.tables.values():
        if info.spec.plugin in silent and not set(WHOSE.values()).isdisjoint(info.columns):
            found += [
                replace(part, plugin=info.spec.plugin)
                for part in rows_in(ctx.connection, info.table, persons)
            ]
    return found + list(_left_over(app, ctx.connection, persons))


def erased(app: App, tx: Tx, persons: Sequence[Person]) -> list[ErasedData]:
    """Have all plugins take away what they hold of persons, in this transaction."""
    done: list[ErasedData] = []
    for hosted in _answering(app, ERASE):
        done += _called(app, hosted, ERASE, tx.ctx, {"persons": list(persons), "tx": tx})
    for left in _left_over(app, tx.connection, persons):
        raise _belongs_to_nobody(left)
    return done


def holds_persons(app: App, hosted: Hosted) -> bool:
    """Say whether a plugin stores values of persons, by its manifest or its tables."""
    if hosted.manifest.values.get("personal_data"):
        return True
    return any(s.personal for s in app.host.registered("models") if s.plugin == hosted.name)


def _answering(app: App, hook: str) -> list[Hosted]:
    """Return the plugins to ask; Refused where one of those that must answer cannot."""
    able = []
    for hosted in app.host.plugins:
        wanted = hook in hosted.decisions or holds_persons(app, hosted)
        if hosted.state in {"enabled", "quarantined"} and hook in hosted.functions:
            able.append(hosted)
        elif wanted:
            reason = (hosted.error or {}).get("message") or (
                _("it does not answer the hook {hook}").format(hook=hook) if hosted.running else hosted.state
            )
            message = _(
                "plugin {plugin!r} may hold values of this person and cannot be asked ({reason}); repair it or run: crm plugins disable {plugin}"
            )
            raise Refused(message.format(plugin=hosted.name, reason=reason))
    return able


def _called(app: App, hosted: Hosted, hook: str, asking: Context, arguments: Mapping[str, Any]) -> list[Any]:
    """Call one plugin; Refused names it where it fails, or leaves nobody a connection to go on with."""
    connection, options = asking.connection, asking.connection.get_execution_options()
    lent = only_reading(connection) if hook == EXPORT else nullcontext()
    try:
        ctx = app.context(hosted.name, connection, asking.actor)
        with lent:
            found = answer(hosted, hook, {**arguments, "ctx": ctx})
        connection._execution_options = options  # noqa: SLF001  (there is no public way to take one back)
        connection.exec_driver_sql("SELECT 1").close()
    except BaseException as error:
        if nobodys_fault(error):
            raise
        health.record(app, hosted.name, error, hook)
        broken(connection)
        message = _(
            "plugin {plugin!r} failed in {hook} ({type}: {message}), so nothing was written; repair it or run: crm plugins disable {plugin}"
        )
        raise Refused(
            message.format(
                plugin=hosted.name, hook=hook, type=type(error).__name__, message=health.message_of(error)
            )
        ) from error
    return found


def _belongs_to_nobody(left: PersonData) -> Refused:
    message = _(
        "table {table} of a plugin that is not enabled holds {count} rows of this person; enable it, or drop its tables with: crm plugins uninstall NAME --drop"
    )
    return Refused(message.format(table=left.table, count=len(left.rows)))


def _left_over(app: App, connection: sa.Connection, persons: Sequence[Person]) -> Iterator[PersonData]:
    """Give the rows of persons in tables of plugins that do not run: nobody can say what of them is personal."""
    inspector = sa.inspect(connection)
    for name in sorted(set(inspector.get_table_names()) - set(app.tables)):
        columns = {column["name"] for column in inspector.get_columns(name)}
        if columns.isdisjoint(WHOSE.values()) or DERIVED.fullmatch(name):
            continue
        table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
        yield from rows_in(connection, table, persons)
