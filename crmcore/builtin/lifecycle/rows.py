"""Rows of any table as JSON Lines and back, the same on SQLite and PostgreSQL, value for value.

Times are UTC with a Z, days ISO 8601, exact numbers text, JSON values themselves; bytes are `{"$bytes": base64}`, and a
JSON null, which is not the absence of a value, is `{"$json": null}`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.base import JsonText, UtcDateTime, canonical, dumps, text_of_time
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.JSON, "json"),
    (sa.Boolean, "boolean"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
    (sa.LargeBinary, "bytes"),
    (sa.Integer, "integer"),
    (sa.Float, "number"),
    (sa.Numeric, "decimal"),
    (sa.String, "text"),
)
_READ: dict[str, sa.types.TypeEngine[Any]] = {
    "boolean": sa.Boolean(),
    "datetime": UtcDateTime(),
    "date": sa.Date(),
    "bytes": sa.LargeBinary(),
    "integer": sa.BigInteger(),
    "number": sa.Float(),
    "decimal": sa.Numeric(asdecimal=True),
    "text": sa.Text(),
}
OTHER = "other"
"""A type of the database's own; its rows are written as the database writes them."""
_BYTES, _JSON = "$bytes", "$json"


def kinds_of(connection: sa.Connection, table: str) -> dict[str, str]:
    """Return column → what kind of values it holds, in the order of the table."""
    sqlite = connection.dialect.name == "sqlite"
    found = {}
    for column in sa.inspect(connection).get_columns(table):
        kind = next((name for known, name in _KINDS if isinstance(column["type"], known)), OTHER)
        naive = kind == "datetime" and not sqlite and not getattr(column["type"], "timezone", False)
        exact = kind == "decimal" and sqlite  # SQLite keeps what it was given
        found[column["name"]] = OTHER if naive or exact else kind
    return found


def lines_of(connection: sa.Connection, table: str, kinds: Mapping[str, str]) -> Iterator[bytes]:
    """Give the rows of a table in the order of its key, a line of JSON each."""
    return (dumps(row).encode() + b"\n" for row in rows_of(connection, table, kinds))


def rows_of(connection: sa.Connection, table: str, kinds: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Give the rows of a table in the order of its key, as JSON has them."""
    key = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
    query = sa.select(*(_readable(connection, name, kind) for name, kind in kinds.items()))
    query = query.select_from(sa.table(table)).order_by(*(sa.column(name) for name in key or kinds))
    with connection.execute(query.execution_options(yield_per=1000)) as found:
        for row in found:
            yield {n: encoded(k, v) for (n, k), v in zip(kinds.items(), row, strict=True)}


def _readable(connection: sa.Connection, name: str, kind: str) -> sa.ColumnElement[Any]:
    if kind == "json" or (kind == OTHER and connection.dialect.name != "sqlite"):
        return sa.cast(sa.column(name), sa.Text).label(
            name
        )  # as text, a JSON null is not the absence of a value
    return sa.column(name, _READ.get(kind))


def insertion(connection: sa.Connection, table: str, kinds: Mapping[str, str]) -> sa.Insert:
    """Return an INSERT for rows such as `decoded` gives, into a table that has no class."""
    types = {c["name"]: c["type"] for c in sa.inspect(connection).get_columns(table)}
    columns = [
        sa.column(name, JsonText if kind == "json" else _READ.get(kind)) for name, kind in kinds.items()
    ]
    statement = sa.insert(sa.table(table, *columns))
    if connection.dialect.name == "sqlite":
        return statement
    others = [name for name, kind in kinds.items() if kind == OTHER]
    return statement.values({n: sa.cast(sa.bindparam(n, type_=sa.Text()), types[n]) for n in others})


def encoded(kind: str, value: Any) -> Any:
    """Return a value of the database as JSON has it."""
    if value is None:
        return None
    if kind == "json":
        found = json.loads(value)
        plain = found is not None and not (isinstance(found, dict) and _JSON in found)
        return found if plain else {_JSON: found}
    if isinstance(value, bytes | memoryview):
        return {_BYTES: b64encode(value).decode()}
    if isinstance(value, datetime):
        return text_of_time(value)
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(str(value))
    if isinstance(value, date | Decimal):
        return str(value)
    return value


def exact_columns(connection: sa.Connection, table: str) -> list[str]:
    """Return the columns of exact numbers: what SQLite keeps there is written as it is, and may be anything."""
    columns = sa.inspect(connection).get_columns(table)
    return [
        c["name"]
        for c in columns
        if isinstance(c["type"], sa.Numeric) and not isinstance(c["type"], sa.Float)
    ]


def decoded(kind: str, value: Any) -> Any:
    """Return what `encoded` was given, JSON values read; ValueError if that cannot be."""
    if value is None:
        return None
    if kind == "json":
        return value[_JSON] if isinstance(value, dict) and _JSON in value else value
    if isinstance(value, dict) and value.keys() == {_BYTES}:
        return b64decode(str(value[_BYTES]), validate=True)
    if isinstance(value, dict | list):
        raise ValueError(_no(value, kind))  # noqa: TRY004  (a value from outside, not a programmer's mistake)
    try:
        return _DECODERS[kind](value) if kind in _DECODERS else value
    except (InvalidOperation, TypeError, ValueError, OverflowError):
        raise ValueError(_no(value, kind)) from None


def _no(value: Any, kind: str) -> str:
    return _("{value} is no {kind}").format(value=canonical(value)[:100], kind=kind)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def _exact(value: Any) -> Decimal:
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError
    return found


def _time(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()  # halves of surrogate pairs, which JSON can spell
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_DECODERS: dict[str, Any] = {
    "boolean": _truth,
    "datetime": _time,
    "date": date.fromisoformat,
    "decimal": _exact,
    "integer": _whole,
    "number": float,
    "text": _text,
}
