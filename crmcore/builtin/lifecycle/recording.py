"""Who may change the enabled set, and how crm.toml and the database change together, or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.lifecycle.toml import BYTE_ORDER_MARK, with_enabled
from crmcore.config import parse_config
from crmcore.entities.actors import require_permission
from crmcore.files import alone_in
from crmcore.plugins.tables import Plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crmcore.app import App
    from crmcore.plugins.discovery import Installed
    from crmcore.plugins.loading import Hosted
    from crmcore.tx import Tx

PERMISSION = "plugins.manage"
_table: sa.Table = Plugin.__table__  # type: ignore[attr-defined]


def require_manager(app: App, actor: str) -> None:
    """Ask before anything is imported or migrated, not only when it is written down."""
    with app.read() as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)


def record_of(plugin: Installed, hosted: Hosted) -> dict[str, Any]:
    """Return what the database keeps of an enabled plugin."""
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "record_hash": plugin.record_hash,
        "hooks": sorted(hosted.functions),
        "table_prefix": hosted.manifest.table_prefix,
        "enabled": True,
    }


def store(app: App, actor: str, records: list[dict[str, Any]], reason: str, **lists: Any) -> None:
    """Record plugins as they are now; `lists` are those of `recording`."""
    with recording(app, actor, reason, **lists) as tx:
        known = {row.name: row.id for row in tx.connection.execute(sa.select(_table.c.name, _table.c.id))}
        tx.update(Plugin, [(known[r["name"]], r) for r in records if r["name"] in known])
        tx.insert(Plugin, [r for r in records if r["name"] not in known and r["enabled"]])


@contextmanager
def recording(
    app: App,
    actor: str,
    reason: str,
    *,
    enabled: Sequence[str] = (),
    disabled: Sequence[str] = (),
    edit: Callable[[str], str] = str,
) -> Iterator[Tx]:
    """Write the database and crm.toml together: the new crm.toml lies ready before the database commits.

    edit: what else changes in the text of crm.toml.
    """
    from crmcore.app import ADMINISTRATION
    from crmcore.builtin.administration.settings.editor import write_editor_schema
    from crmcore.builtin.administration.settings.file import TomlFile

    file = TomlFile(app)
    with alone_in(app.config.folder), file.waiting():
        with app.write(actor, reason, ADMINISTRATION, permission=PERMISSION) as tx:
            if tx.connection.dialect.name == "postgresql":
                tx.connection.execute(sa.text("SELECT pg_advisory_xact_lock(726866)"))
            # Read behind the lock: another administrator may have changed it since this process began.
            content = file.read()
            now = parse_config(app.config.folder, content.decode("utf-8-sig")).enabled
            after = [*(n for n in now if n not in disabled), *(n for n in enabled if n not in now)]
            new = edit(with_enabled(content.decode(), after))
            if new.encode() != content:
                parse_config(app.config.folder, new.removeprefix(BYTE_ORDER_MARK))
                file.prepare(tx, content, new.encode())
            yield tx
        file.replace()
        write_editor_schema(app.config.folder)
