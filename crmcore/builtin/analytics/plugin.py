"""The engines that the kernel itself offers: `database`, `duckdb` and `spark`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.api import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmcore.hookspecs import EngineFactory


@hookimpl
def analytics_engine() -> Mapping[str, EngineFactory]:
    """Offer the three; none of their libraries is imported before one is opened."""
    from crmcore.builtin.analytics.database import DatabaseBench
    from crmcore.builtin.analytics.duck import DuckBench
    from crmcore.builtin.analytics.spark import SparkBench

    return {"database": DatabaseBench, "duckdb": DuckBench, "spark": SparkBench}
