"""The search index and the indexes of lists of a new database: they are made from the rows, never copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.db.engine import gate
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App


def has_index(connection: sa.Connection) -> bool:
    """Say whether the database has an index; tables of an older version have none."""
    with gate(connection):
        return sa.inspect(connection).has_table("search_state")


def fill_index(connection: sa.Connection, app: App | None = None) -> None:
    """Fill the empty index in the open transaction; without the app just with what the core's tables hold."""
    if not has_index(connection):
        return
    from crmcore.builtin.search.rebuilding import fill
    from crmcore.builtin.search.sources import OWN, sources

    with gate(connection):
        fill(connection, OWN if app is None or app.no_plugins else sources(app))


def fill_index_of_plugins(folder: Path) -> str | None:
    """Fill the index of a restored workspace with what its plugins have; returns a warning where one is broken."""
    from crmcore.app import create_app

    app = create_app(folder)
    try:
        with app.operations() as connection, app.unguarded(connection):
            if not has_index(connection):
                return None
            from crmcore.builtin.search.rebuilding import fill
            from crmcore.builtin.search.sources import OWN, sources

            fill(connection, {name: source for name, source in sources(app).items() if name not in OWN})
    except (CrmError, sa.exc.SQLAlchemyError) as error:
        message = _("the search words of plugins are not in the index yet ({error}); run: crm search rebuild")
        return message.format(error=next(iter(str(error).splitlines()), ""))
    finally:
        app.close()
    return None


def make_list_indexes(folder: Path, *, plugins: bool) -> str | None:
    """Make the indexes that fields of the restored workspace's card ask for; returns a warning where one cannot be made."""
    from crmcore.app import create_app
    from crmcore.builtin.records.services.list_indexes import settle

    app = create_app(folder, no_plugins=not plugins)
    try:
        settle(app)
    except CrmError as error:
        return str(error)
    finally:
        app.close()
    return None
