"""The one MetaData of all tables, and column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime as UtcDateTime

__all__ = ["BigId", "CoreModel", "JsonText", "UtcDateTime", "dumps", "metadata", "text_of_time"]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64-bit integer; on SQLite an INTEGER, so that a primary key is the rowid."""


class _Json(sa.TypeDecorator[Any]):
    """JSON, without importing PostgreSQL's dialect on SQLite."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose JSONB on PostgreSQL."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.JSON(none_as_null=True))


JsonText = _Json()
"""A JSON value; TEXT on SQLite, JSONB on PostgreSQL, characters as they are."""


class CoreModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the core's tables. Table classes validate nothing: validation is by schema, before the gate."""


def text_of_time(value: datetime) -> str:
    """Write an aware time as ISO 8601 in UTC with microseconds: `2026-11-21T08:00:00.000000Z`."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return text_of_time(value)
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


# The C encoder itself: JSONEncoder.encode builds one anew at each call, which a bulk import feels.
_style = (None, _plain, json.encoder.encode_basestring, None, ":", ",")
_encode: Any = json.encoder.c_make_encoder(*_style, False, False, False)  # type: ignore[attr-defined]  # noqa: FBT003
_encode_sorted: Any = json.encoder.c_make_encoder(*_style, True, False, False)  # type: ignore[attr-defined]  # noqa: FBT003


def dumps(value: Any) -> str:
    """Write JSON compactly, characters as they are; dates, times and decimals become strings."""
    return "".join(_encode(value, 0))


def canonical(value: Any) -> str:
    """Write JSON as `dumps` does, the keys of objects sorted: the same value gives the same text on every database."""
    return "".join(_encode_sorted(value, 0))


def insert_or(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an INSERT that takes `on_conflict_do_update` and `on_conflict_do_nothing`, in the database's dialect."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    return insert(table)
