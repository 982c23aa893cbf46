"""Does an export fit: the plugin that is installed, and the company that it is to be restored to."""

from __future__ import annotations

import tomllib
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.lifecycle.exporting import REFERRED
from crmcore.builtin.lifecycle.known import own_tables
from crmcore.db import migrations
from crmcore.db.system import change_log
from crmcore.entities.lookup import BATCH, NOUNS
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmcore.app import App
    from crmcore.builtin.lifecycle.known import Known
    from crmcore.builtin.lifecycle.reading import Export


def check_fits(app: App, known: Known, export: Export) -> None:
    """Raise CrmError unless the export is of this plugin, as it is installed, and the company has no data of it."""
    told = export.content
    if told["plugin"] != known.name:
        message = _("{folder} holds an export of plugin {found!r}, not of {plugin!r}")
        raise CrmError(message.format(folder=export.folder, found=told["plugin"], plugin=known.name))
    with app.read() as ctx:
        tables = own_tables(app, ctx.connection, known)
        newest = ctx.connection.scalar(sa.select(sa.func.max(change_log.c.seq))) or 0
    if known.enabled or tables:
        message = _(
            "plugin {plugin!r} has data here already; uninstall it first with: crm plugins uninstall {plugin} --export DIR"
        )
        raise Refused(message.format(plugin=known.name))
    folder = known.manifest.migrations if known.manifest else None
    wanted = migrations.head_of(known.name, folder) if folder else None
    if wanted != told["revision"]:
        message = _(
            "the export is of {plugin} {version} with tables at {found}, the installed one has {wanted}; install {version}, restore, then upgrade"
        )
        shown = {"found": told["revision"] or _("none"), "wanted": wanted or _("none")}
        raise CrmError(message.format(plugin=known.name, version=told["version"], **shown))
    if told["cursor"] is not None and told["cursor"]["seq"] > newest:
        raise CrmError(
            _("the export has seen changes that this company never had; restore it where it was made")
        )


def check_references(app: App, export: Export) -> None:
    """Raise Refused if anything that the export points to is not there any more, or is something else there."""
    with app.read() as ctx:
        for table, rows in groupby(export.references(), itemgetter(0)):
            if table not in REFERRED:
                raise CrmError(_("the export points to {table}, which is not known").format(table=table))
            _check_rows(ctx.connection, table, ((key, uid) for _table, key, uid in rows))


def _check_rows(connection: sa.Connection, table: str, wanted: Iterable[tuple[int, str]]) -> None:
    c = sa.table(table, sa.column("id"), sa.column("uid")).c
    waiting: dict[int, str] = {}
    for pair in [*wanted, None]:
        if pair is not None:
            waiting[pair[0]] = pair[1]
        if waiting and (pair is None or len(waiting) == BATCH):
            query = sa.select(c.id, c.uid).where(c.id.in_(waiting))
            found = {row.id: row.uid for row in connection.execute(query)}
            for key, uid in waiting.items():
                if found.get(key) != uid:
                    raise Refused(gone(table, key, known=key in found))
            waiting = {}


def gone(table: str, key: int, *, known: bool) -> str:
    """Say that a row of the core is not there any more, or another one (`known`)."""
    message = (
        _("the export points to {entity} {id}, which is another one in this company; nothing was restored")
        if known
        else _(
            "the export points to {entity} {id}, which is not in this company any more; nothing was restored"
        )
    )
    return message.format(entity=_(NOUNS[table]), id=key)


def place_of(text: str, name: str) -> dict[str, Any]:
    """Return what the text of a crm.toml says of a plugin."""
    found: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff")).get("plugins", {}).get(name, {})
    return found
