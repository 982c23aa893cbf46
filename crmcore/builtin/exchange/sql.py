"""SQL that the importers share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from crmcore.db.base import dumps


def among(
    connection: sa.Connection, column: sa.ColumnElement[Any], values: Collection[Any]
) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of any number of values: one parameter, and the index is used."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY

        return column == sa.any_(sa.literal(list(values), ARRAY(column.type)))
    each = sa.func.json_each(dumps(list(values))).table_valued("value")
    return column.in_(sa.select(each.c.value))


def locked(query: sa.Select[Any], table: sa.Table) -> sa.Select[Any]:
    """Have a query lock the rows of a table that it finds, by their ids: nobody changes them before the chunk is in.

    What a row is compared with is what is then changed. On SQLite a writer is alone anyway.
    """
    return query.order_by(table.c.id).with_for_update(of=table, key_share=True)
