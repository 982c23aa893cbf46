"""Rows of tables that point to each other, or to rows further down, go in together: keys are checked at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from crmcore.db.engine import gate
from crmcore.errors import Refused
from crmcore.i18n import _


@contextmanager
def deferred(connection: sa.Connection, tables: Sequence[str]) -> Iterator[None]:
    """Check the foreign keys of these tables when the block ends; Refused names the table with a row that points nowhere."""
    if connection.dialect.name == "sqlite":
        with gate(connection):
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        yield
        with gate(connection):
            for name in tables:
                quoted = connection.dialect.identifier_preparer.quote_identifier(name)
                if connection.exec_driver_sql(f"PRAGMA foreign_key_check({quoted})").first():
                    raise Refused(_nowhere(name))
        return
    _alter(connection, tables, "DEFERRABLE INITIALLY DEFERRED")
    yield
    try:
        with gate(connection):
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    except sa.exc.IntegrityError as error:
        told = getattr(getattr(error.orig, "diag", None), "table_name", None)
        raise Refused(_nowhere(told or ", ".join(tables))) from error
    _alter(connection, tables, "NOT DEFERRABLE")


def _alter(connection: sa.Connection, tables: Sequence[str], how: str) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    inspector = sa.inspect(connection)
    with gate(connection):
        for name in tables:
            for key in inspector.get_foreign_keys(name):
                statement = f"ALTER TABLE {quote(name)} ALTER CONSTRAINT {quote(str(key['name']))} {how}"
                connection.exec_driver_sql(statement)


def _nowhere(table: str) -> str:
    message = _("the export would leave table {table} with rows that point nowhere; nothing was restored")
    return message.format(table=table)
