"""What stands in SQL for the fields of the card that are attributes: the very words of which an index is made.

A database takes an index on an expression only where a query says it in the same words, so nothing is bound here: the
names are those of the field catalogue, which knows letters, digits and `_`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "boolean": sa.Boolean(),
    "number": sa.Float(),
    "text": sa.String(),
}
_CASTS = {"boolean": "boolean", "number": "double precision"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return as what a field is compared: `boolean`, `number` or `text`."""
    if schema.get("type") == "boolean":
        return "boolean"
    return "number" if schema.get("type") in {"number", "integer"} else "text"


def attribute(name: str, kind: str, dialect: str) -> sa.ColumnElement[Any]:
    """Return what stands for an attribute of a customer."""
    return sa.literal_column(attribute_sql(name, kind, dialect, "customer.attributes"), _TYPES[kind])


def attribute_sql(name: str, kind: str, dialect: str, column: str) -> str:
    """Return the words for an attribute; a value of another type than the field says counts as none on PostgreSQL."""
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    if dialect == "sqlite":
        return f"json_extract({column}, '$.\"{name}\"')"
    if kind == "text":
        return f"({column} ->> '{name}')"
    cast = f"CAST({column} ->> '{name}' AS {_CASTS[kind]})"
    return f"(CASE WHEN jsonb_typeof({column} -> '{name}') = '{kind}' THEN {cast} END)"


def has_value(element: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition that there is a value, in words that an index can begin at."""
    if dialect != "sqlite":
        return element.is_not(None)
    # SQLite walks through all that is empty where it is asked for IS NOT NULL; numbers come before texts there.
    least: sa.ColumnElement[Any] = sa.literal_column("''" if isinstance(element, sa.Column) else "-9e999")
    return element.op(">=")(least)
