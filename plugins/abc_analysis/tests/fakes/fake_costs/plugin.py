"""Provides the facts that are named in `PROVIDED`: a test takes some away to see what an analysis says then."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider, Move, Moved, TableSpec, Tx, hookimpl, move_rows

ALL = (
    "products",
    "stock",
    "cost_to_serve",
    "investments",
    "complaints",
    "wallet",
    "credit_limits",
    "receivables",
    "payments",
)
PROVIDED: tuple[str, ...] = ALL


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep a table for each fact."""
    from .tables import TABLES

    return [
        TableSpec(
            table,
            log="range",
            customer_references=("customer_id",) if "customer_id" in table.model_fields else (),
        )
        for table in TABLES.values()
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let what tells of a customer go along as customers are merged."""
    from .tables import TABLES

    about = [table for table in TABLES.values() if "customer_id" in table.model_fields]
    return [move_rows(tx, table, "customer_id", moves) for table in about]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide what the test wants."""
    return [FactProvider(fact, _rows_of(fact)) for fact in PROVIDED]


def _rows_of(fact: str) -> Callable[[Mapping[str, Any]], sa.Select[Any]]:
    def select(settings: Mapping[str, Any]) -> sa.Select[Any]:
        from .tables import TABLES

        table: sa.Table = TABLES[fact].__table__  # type: ignore[attr-defined]
        return sa.select(*[column for column in table.c if column.name != "id"])

    return select
