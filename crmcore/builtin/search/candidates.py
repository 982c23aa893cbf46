"""What the index names: documents that may answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore.builtin.search import tables
from crmcore.builtin.search.query import Condition, fts5, tsquery

if TYPE_CHECKING:
    import sqlalchemy as sa


def candidates(connection: sa.Connection, conditions: Sequence[Condition], most: int) -> list[int]:
    """Return the documents that may answer, up to so many for each condition, those entered first before others."""
    sqlite = connection.dialect.name == "sqlite"
    column, holds = (
        ("rowid", f"{tables.INDEX} MATCH ?") if sqlite else ("doc", "terms @@ CAST(%s AS tsquery)")
    )
    part = f"SELECT {column} FROM (SELECT {column} FROM {tables.INDEX} WHERE {holds} LIMIT {most}) AS p"  # noqa: S608
    if not sqlite:  # a plan for any question, or one made without statistics, would read the whole table
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    statement = " UNION ALL ".join([part] * len(conditions))
    words = tuple(map(fts5 if sqlite else tsquery, conditions))
    return list(connection.exec_driver_sql(statement, words).scalars())
