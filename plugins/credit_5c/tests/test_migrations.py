"""The migrations of all parts make the tables that the models describe."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from crmcore.api import metadata


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_make_the_tables_that_the_models_describe(make_app: Any, database: str) -> None:
    app = make_app(["credit_5c"], database)

    def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001
        return kind != "table" or str(name).startswith("credit_")

    with app.engine.connect() as connection:
        options = {"include_object": ours, "compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    assert [found for found in differences if "credit_" in str(found)] == []
