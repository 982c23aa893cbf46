"""What migrations would do, tried on an empty database in memory: nothing of the company is read or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.db import migrations
from crmcore.db.base import dumps

if TYPE_CHECKING:
    from pathlib import Path

Schema = dict[str, tuple[str, ...]]
"""Table → its columns."""


@contextmanager
def _empty_company() -> Iterator[sa.Connection]:
    """Open a database in memory that has the core's tables and not one row."""
    engine = sa.create_engine("sqlite://", json_serializer=dumps)
    with engine.connect() as connection:
        migrations.upgrade(connection, migrations.CORE, migrations.CORE_FOLDER)
        yield connection
    engine.dispose()


@cache
def core_tables() -> frozenset[str]:
    """Return the names of all tables that the core's migrations make."""
    with _empty_company() as connection:
        return frozenset(sa.inspect(connection).get_table_names())


def rehearse(name: str, folders: Mapping[str, Path], at: str | None) -> tuple[Schema, Schema]:
    """Migrate one plugin from the revision `at` to its head; return the tables that it makes before and after.

    folders: its migrations, behind those of the plugins that it requires. What a migration raises is raised.
    """
    with _empty_company() as connection:
        for other, folder in folders.items():
            if other != name:
                migrations.upgrade(connection, other, folder)
        present = frozenset(sa.inspect(connection).get_table_names())
        if at is not None:
            migrations.upgrade(connection, name, folders[name], at)
        before = _schema(connection, present, name)
        migrations.upgrade(connection, name, folders[name])
        return before, _schema(connection, present, name)


def _schema(connection: sa.Connection, others: frozenset[str], name: str) -> Schema:
    inspector = sa.inspect(connection)
    own = set(inspector.get_table_names()) - others - {migrations.version_table(name)}
    return {t: tuple(column["name"] for column in inspector.get_columns(t)) for t in sorted(own)}
