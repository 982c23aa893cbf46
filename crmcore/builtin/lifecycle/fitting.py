"""Does an export fit: the plugin that is installed, and the company that it is to be restored to."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.lifecycle.exporting import REFERRED, references
from crmcore.builtin.lifecycle.known import own_tables
from crmcore.db import migrations
from crmcore.db.system import change_log
from crmcore.entities.lookup import BATCH, NOUNS
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def check_loaded(connection: sa.Connection, known: Known, tables: Sequence[str], export: Export) -> None:
    """Raise CrmError unless the loaded rows point to just what the export says that they point to.

    Where the package was gone when it was made, it says nothing of columns that only the package knows as references.
    """
    for view in (known, replace(known, specs={})):
        found = references(connection, view, tables)
        if not sum(one != other for one, other in zip_longest(found, export.references())):
            return
    raise export.wrong("references", _("the rows of the export point elsewhere"))


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
                    code = _code_of(connection, table, key)
                    raise Refused(gone(table, key, known=key in found, code=code))
            waiting = {}


def _code_of(connection: sa.Connection, table: str, key: int) -> str:
    """Return the code of a row of the core, of one that was deleted from the change log; empty if nobody knows it."""
    if any(column["name"] == "code" for column in sa.inspect(connection).get_columns(table)):
        here = sa.table(table, sa.column("id"), sa.column("code")).c
        if code := connection.scalar(sa.select(here.code).where(here.id == key)):
            return str(code)
    c = change_log.c
    query = sa.select(c.before).where(c.entity == table, c.entity_id == key, c.operation == "delete")
    before = connection.scalar(query.order_by(c.seq.desc()).limit(1))
    return str(json.loads(before).get("code") or "") if before else ""


def gone(table: str, key: int, *, known: bool, code: str = "") -> str:
    """Say that a row of the core (its code, if that is known) is not there any more, or another one (`known`)."""
    message = (
        _(
            "the export points to {entity} {id}, which is another one in this company; restore it in the company that it is of; nothing was restored"
        )
        if known
        else _(
            "the export points to {entity} {id}, which is not in this company; restore it in the company that it is of, or its backup; nothing was restored"
        )
    )
    shown = f"{key} ({code})" if code else str(key)
    return message.format(entity=_(NOUNS[table]), id=shown)


def place_of(text: str, name: str) -> dict[str, Any]:
    """Return what the text of a crm.toml says of a plugin."""
    found: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff")).get("plugins", {}).get(name, {})
    return found
