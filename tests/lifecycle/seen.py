"""All of a company that anybody may look at: files, tables, rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmcore.app import App


def files(app: App) -> dict[str, bytes]:
    """Return the files of the workspace but those of the database."""
    folder = app.config.folder
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: content for name, content in found.items() if not name.startswith("crm.db")}


def rows(app: App, tables: list[str] | None = None) -> dict[str, list[Any]]:
    """Return table → its rows, in an order of their own."""
    with app.engine.connect() as connection:
        names = tables or sa.inspect(connection).get_table_names()
        return {
            name: sorted(map(repr, connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()))  # noqa: S608
            for name in sorted(names)
        }


def everything(app: App) -> tuple[dict[str, bytes], dict[str, list[Any]]]:
    """Return files and rows."""
    return files(app), rows(app)


def tables(app: App) -> set[str]:
    """Return the names of all tables."""
    with app.engine.connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def lasting(app: App) -> tuple[dict[str, bytes], dict[str, list[Any]]]:
    """Return files and rows, but for the files that may be lost at any time."""
    found, all_rows = everything(app)
    return {name: content for name, content in found.items() if not name.startswith(".crm-")}, all_rows
