"""Draw tables after what a database says of them, where no migration may be run: those of plugins that are not enabled.

Columns, keys, what they point to, what is unique, indexes, plain conditions (CHECK) and defaults. Those are SQL texts of
one kind of database, and of a file from outside nobody knows what they do: they are taken as far as they are understood
word by word (conditions.py); so are indexes with a condition (drawn_indexes.py).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.databases.conditions import condition, default
from crmcore.builtin.databases.drawn_indexes import make_indexes
from crmcore.builtin.databases.layout import kind_of
from crmcore.db.base import BigId, JsonText
from crmcore.db.engine import gate
from crmcore.i18n import _
from crmcore.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_TYPES: dict[str, Any] = {
    "json": JsonText,
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "time": sa.Time(),
    "bytes": sa.LargeBinary(),
    "integer": BigId,
    "number": sa.Double(),
    "uuid": sa.Uuid(),
}


def draw(
    source: sa.Connection, target: sa.Connection, names: Sequence[str], made: Collection[str]
) -> list[str]:
    """Make tables in the target as they are in the source; `made` are there already and may be pointed to.

    Returns a sentence for each condition and each index that could not be made.
    """
    drawn = sa.MetaData()
    for name in made:
        sa.Table(name, drawn, sa.Column("id", BigId, primary_key=True))
    with gate(source), gate(target), warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        inspector = sa.inspect(source)
        for name in names:
            _draw(inspector, source, drawn, name, {*names, *made}, target.dialect.name)
        tables = [drawn.tables[name] for name in names]
        later = _taken_away(tables) if target.dialect.name == "postgresql" else []
        drawn.create_all(target, tables=tables, checkfirst=False)
        return [
            *_conditions(target, later),
            *(s for t in tables for s in make_indexes(source, target, t, _kinds(inspector, t.name))),
        ]


def _taken_away(tables: Sequence[sa.Table]) -> list[tuple[sa.Table, sa.CheckConstraint]]:
    """Take the conditions of tables out of them: a server that refuses one of them would make none of the tables."""
    found = [(t, c) for t in tables for c in t.constraints if isinstance(c, sa.CheckConstraint)]
    for table, check in found:
        table.constraints.discard(check)
    return sorted(found, key=lambda one: (one[0].name, str(one[1].name)))


def _conditions(
    target: sa.Connection, wanted: Sequence[tuple[sa.Table, sa.CheckConstraint]]
) -> Iterator[str]:
    """Give tables their conditions, and yield a sentence for each that only SQLite takes, such as a number compared with a text."""
    for table, check in wanted:
        try:
            with target.begin_nested():
                target.execute(sa.schema.AddConstraint(check))
        except (sa.exc.ProgrammingError, sa.exc.DataError):
            yield condition_left_out(str(check.name or check.sqltext), table.name)


def condition_left_out(name: str, table: str) -> str:
    """Say that a condition does not go along, and what to do for it."""
    message = _(
        "condition {condition} of table {table} was left out, since PostgreSQL does not take it or rows break it;"
        " look through the rows before you enable the plugin that it belongs to"
    )
    return message.format(condition=printable(name), table=table)


def _kinds(inspector: sa.Inspector, name: str) -> dict[str, str]:
    return {column["name"]: kind_of(column["type"]) for column in inspector.get_columns(name)}


def _draw(
    inspector: sa.Inspector,
    source: sa.Connection,
    drawn: sa.MetaData,
    name: str,
    known: set[str],
    dialect: str,
) -> None:
    key = inspector.get_pk_constraint(name)["constrained_columns"]
    counts = _counts(source, name, key)
    reflected = inspector.get_columns(name)
    kinds = _kinds(inspector, name)
    columns = [_column(column, key, dialect, counts=counts) for column in reflected]
    pointing = [
        sa.ForeignKeyConstraint(
            k["constrained_columns"],
            [f"{k['referred_table']}.{c}" for c in k["referred_columns"]],
            _fk(name, k),
        )
        for k in inspector.get_foreign_keys(name)
        if k["referred_table"] in known and k["referred_columns"] in (["id"], key)
    ]
    unique = [
        sa.UniqueConstraint(*u["column_names"], name=u["name"])
        for u in inspector.get_unique_constraints(name)
    ]
    checks = [
        sa.CheckConstraint(sa.text(told.replace(":", "\\:")), name=check["name"])
        for check in inspector.get_check_constraints(name)
        if (told := condition(check["sqltext"], kinds)) is not None
    ]
    sa.Table(name, drawn, *columns, *pointing, *unique, *checks, sqlite_autoincrement=counts)


def _fk(name: str, key: Any) -> str:
    return str(key["name"] or f"fk_{name}_{key['constrained_columns'][0]}")


def _column(column: Any, key: Sequence[str], dialect: str, *, counts: bool) -> sa.Column[Any]:
    own = column["name"] in key
    more = [sa.Identity()] if counts and own else []
    told = default(column["default"] or "", kind_of(column["type"]), dialect) if not own else None
    return sa.Column(
        column["name"],
        _type(column["type"]),
        *more,
        primary_key=own,
        autoincrement=counts and own,
        nullable=bool(column["nullable"]) and not own,
        server_default=None if told is None else sa.text(told.replace(":", "\\:")),
    )


def _type(given: Any) -> Any:
    kind = kind_of(given)
    if (
        kind == "datetime"
    ):  # SQLite does not say which are without a zone; ours that are, are declared TIMESTAMP there
        zoned = getattr(given, "timezone", False) or (
            type(given).__module__.endswith("sqlite.base") and not isinstance(given, sa.TIMESTAMP)
        )
        return sa.DateTime(timezone=True) if zoned else sa.TIMESTAMP(timezone=False)
    if kind == "decimal":
        return sa.Numeric(given.precision, given.scale)
    if kind == "text" and given.length:
        return sa.String(given.length)
    return _TYPES.get(kind, sa.Text())


def _counts(source: sa.Connection, name: str, key: Sequence[str]) -> bool:
    """Say whether the database numbers the rows of a table and never gives a number again."""
    if len(key) != 1:
        return False
    if source.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        return " AUTOINCREMENT" in str(source.exec_driver_sql(query, (name,)).scalar()).upper()
    query = "SELECT pg_get_serial_sequence(quote_ident(%s), %s)"
    return source.exec_driver_sql(query, (name, key[0])).scalar() is not None
