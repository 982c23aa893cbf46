"""Make a workspace, and bring its database up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.app import ADMINISTRATION, App, create_app
from crmcore.config import FILE_NAME, load_config, parse_config, write_new
from crmcore.db import migrations
from crmcore.db.engine import create_file, network_file_system, sqlite_path
from crmcore.entities.tables import Actor
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins.isolation import blaming

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.clock import Clock


def make_workspace(folder: Path, url: str | None, actor: str, clock: Clock | None = None) -> App:
    """Make crm.toml and the database with `actor` as administrator; refuses a folder that has a crm.toml already."""
    folder = folder.resolve()
    if (folder / FILE_NAME).exists():
        raise CrmError(_("{folder} already is a workspace; choose another folder").format(folder=folder))
    if folder.exists() and not folder.is_dir():
        raise CrmError(_("{folder} is a file; choose another folder").format(folder=folder))
    config = parse_config(folder, f"[database]\nurl = {_toml_text(url or 'sqlite:///crm.db')}\n")
    path = sqlite_path(config)
    if path is not None and path.exists():
        raise CrmError(_("{path} already exists; choose another folder or database").format(path=path))
    folder.mkdir(parents=True, exist_ok=True)
    if path is not None and network_file_system(path) is None:
        create_file(path)
    from crmcore.builtin.databases.versions import refuse_unfit

    app = create_app(config) if clock is None else create_app(config, clock=clock)
    try:
        refuse_unfit(app.engine)
        migrations.migrate(app.engine, {migrations.CORE: migrations.CORE_FOLDER})
        write_new(folder, config.database_url)
        app.config = load_config(folder)
        with app.write(actor, "make the workspace", ADMINISTRATION, permission="actors.manage") as tx:
            if not _has_actor(app, actor):
                tx.insert(Actor, [{"code": actor, "name": actor, "roles": ["administrator"]}])
    except BaseException:
        app.close()
        if path is not None:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        (folder / FILE_NAME).unlink(missing_ok=True)
        raise
    from crmcore.builtin.administration.settings.editor import write_editor_schema

    write_editor_schema(folder)
    return app


def _has_actor(app: App, code: str) -> bool:
    import sqlalchemy as sa

    from crmcore.entities.actors import actor_table

    with app.read() as ctx:
        return (
            ctx.connection.scalar(sa.select(actor_table.c.id).where(actor_table.c.code == code)) is not None
        )


def _toml_text(text: str) -> str:
    import tomlkit

    return tomlkit.item(text).as_string()


def migrate_all(app: App) -> list[str]:
    """Bring the core's tables and those of the enabled plugins to their heads; returns the distributions changed."""
    changed = migrations.migrate(app.engine, {migrations.CORE: migrations.CORE_FOLDER})
    folders = {
        name: folder
        for name in app.database_plugins
        if name in app.installed and (folder := app.installed[name].manifest().migrations) is not None
    }
    with blaming(", ".join(folders), "db migrate"):
        return changed + migrations.migrate(app.engine, folders)
