"""SQL as text: SQLAlchemy's selects and ibis' expressions, compiled without a connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = ("int64", "string", "date", "boolean", "float64")
"""The types that values have on a bench: the same on every engine."""

TYPES: dict[str, tuple[str, ...]] = {
    "sqlite": ("INTEGER", "TEXT", "TEXT", "INTEGER", "REAL"),
    "postgres": ("BIGINT", "TEXT", "DATE", "BOOLEAN", "DOUBLE PRECISION"),
    "duckdb": ("BIGINT", "VARCHAR", "DATE", "BOOLEAN", "DOUBLE"),
    "pyspark": ("BIGINT", "STRING", "DATE", "BOOLEAN", "DOUBLE"),
}
"""Dialect of ibis → its own types for `KINDS`."""

_OURS = re.compile(r"[a-z][a-z0-9_]*")
_OF_IBIS = re.compile(r"t[0-9]+")


def type_of(kind: str, dialect: str) -> str:
    """Return a dialect's type for one of `KINDS`."""
    return TYPES[dialect][KINDS.index(kind)]


def quoted(name: str, dialect: str = "duckdb") -> str:
    """Write a name so that it is none of the engine's words."""
    mark = "`" if dialect == "pyspark" else '"'
    return mark + name.replace(mark, 2 * mark) + mark


def text(value: str) -> str:
    """Write a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def check_name(name: str, schema: Mapping[str, str]) -> None:
    """Raise ValueError for a name or a type that not every engine takes as it stands."""
    if not _OURS.fullmatch(name) or _OF_IBIS.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a table here: small letters, digits and _, but not t0, t1, …")
    for column, kind in schema.items():
        if kind not in KINDS:
            raise ValueError(f"{name}.{column}: there is no type {kind!r} here, only {', '.join(KINDS)}")


def of_select(name: str, select: sa.Select[Any], schema: Mapping[str, str], dialect: sa.Dialect) -> str:
    """Compile a select with all its values written into the text; its labels must be the schema's columns."""
    labels = [column.key for column in select.selected_columns]
    if labels != list(schema):
        raise ValueError(f"{name}: the select gives {labels}, the schema says {list(schema)}")
    # psycopg's own way of writing parameters would double each %.
    make: Any = type(dialect)
    plain: sa.Dialect = make(paramstyle="named")
    return str(select.compile(dialect=plain, compile_kwargs={"literal_binds": True}))


def cast(sql: str, schema: Mapping[str, str], dialect: str) -> str:
    """Wrap a query so that its columns come in the schema's types: sums, for one, are wider than what was added."""
    columns = ", ".join(
        f"CAST({quoted(c, dialect)} AS {type_of(kind, dialect)}) AS {quoted(c, dialect)}"
        for c, kind in schema.items()
    )
    return f"SELECT {columns} FROM ({sql}) AS {quoted('cast_me', dialect)}"


def with_tables(sql: str, tables: Mapping[str, str]) -> str:
    """Put named queries in front of a query that speaks of them."""
    if not tables:
        return sql
    named = ", ".join(f"{quoted(name)} AS ({query})" for name, query in tables.items())
    rest = sql.lstrip()
    if rest[:5].upper() == "WITH ":
        return f"WITH {named}, {rest[5:]}"
    return f"WITH {named} {rest}"


# -- expressions ---------------------------------------------------------------------------------------------


def of_expression(expression: ir.Table, dialect: str) -> str:
    """Compile an expression over unbound tables; CrmError where the engine has no function for it."""
    from ibis.backends.sql import compilers
    from ibis.config import Config, options

    if dialect == "pyspark" and options.pyspark is None:
        # The compiler looks there; who loads ibis' backend to have it set would load pandas, too.
        options.pyspark = type("Options", (Config,), {"treat_nan_as_null": False})()
    compiler = getattr(compilers, dialect).compiler
    tree = compiler.to_sqlglot(expression.unbind())
    found: str = tree.transform(_exact, dialect).sql(dialect=compiler.dialect)
    if dialect == "sqlite" and "_IBIS_" in found.upper():
        raise CrmError(
            _("SQLite lacks a function that this analysis needs; choose another engine, such as duckdb")
        )
    return found


def kinds_of(expression: ir.Table) -> dict[str, str]:
    """Return an expression's columns with their types, as one of `KINDS` each."""
    return {name: _kind(name, kind) for name, kind in expression.schema().items()}


def _kind(name: str, kind: Any) -> str:
    if kind.is_integer():
        return "int64"
    for test, ours in (
        ("string", "string"),
        ("date", "date"),
        ("boolean", "boolean"),
        ("floating", "float64"),
    ):
        if getattr(kind, f"is_{test}")():
            return ours
    raise ValueError(
        f"column {name!r} is {kind}, which not every engine knows; cast it to one of {', '.join(KINDS)}"
    )


@cache
def _div_whole() -> Any:
    import ibis

    @ibis.udf.scalar.builtin(name="crm_div_whole")  # type: ignore[untyped-decorator]
    def crm_div_whole(a: int, b: int) -> int:  # type: ignore[empty-body]
        ...

    return crm_div_whole


def div_whole(a: Any, b: Any) -> Any:
    """Divide integers, exactly, the rest cut off (-7 by 2 is -3): ibis' own `//` goes through floating point."""
    return _div_whole()(a, b)


def _exact(node: Any, dialect: str) -> Any:
    """Write `div_whole` and `%` as each engine's own arithmetic of integers; ibis' on SQLite is one of floats."""
    import sqlglot.expressions as sge

    if not isinstance(node, sge.Anonymous) or len(node.expressions) != 2:  # noqa: PLR2004 -- a by b
        return node
    called = str(node.this).lower()
    # What replaces a node is not looked into again.
    parts: list[Any] = [sge.Paren(this=part.transform(_exact, dialect)) for part in node.expressions]
    a, b = parts
    if called == "mod":
        return sge.Mod(this=a, expression=b)
    if called != "crm_div_whole":
        return node
    if dialect in {"duckdb", "pyspark"}:
        return sge.IntDiv(this=a, expression=b)
    if dialect == "postgres":
        a, b = sge.cast(a, "bigint"), sge.cast(b, "bigint")
    return sge.Paren(this=sge.Div(this=a, expression=b, typed=True, safe=False))
