"""Provides the facts that are named in `PROVIDED`: a test takes some away to see what an analysis says then."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider, TableSpec, hookimpl

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
def facts() -> Iterable[FactProvider]:
    """Provide what the test wants."""
    return [FactProvider(fact, _rows_of(fact)) for fact in PROVIDED]


def _rows_of(fact: str) -> Callable[[Mapping[str, Any]], sa.Select[Any]]:
    def select(settings: Mapping[str, Any]) -> sa.Select[Any]:
        from .tables import TABLES

        table: sa.Table = TABLES[fact].__table__  # type: ignore[attr-defined]
        return sa.select(*[column for column in table.c if column.name != "id"])

    return select
