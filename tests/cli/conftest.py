"""What the tests of commands share: a company with one customer, and the published schemas."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine

Matches = Callable[[str, Any], Any]


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(load_schema(SCHEMAS / f"{name}.schema.json"), format_checker=FormatChecker())


@pytest.fixture
def matches() -> Matches:
    """Hold a value, or each of many, against a published schema, and hand it back."""

    def check(name: str, value: Any) -> Any:
        for one in value if isinstance(value, list) else [value]:
            errors = [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(one)]
            assert not errors, errors
        return value

    return check


@pytest.fixture
def company(make_app: Any, database: str, crm: CommandLine) -> CommandLine:
    """Return the command line in a company on either database, with the customer C1."""
    make_app(database=database)
    crm.ok("customer", "add", "--code", "C1", "--name", "示例商贸")
    return crm


@pytest.fixture
def small(make_app: Any, crm: CommandLine) -> CommandLine:
    """Return the command line in a company on SQLite, with the customer C1: where the database does not matter."""
    make_app()
    crm.ok("customer", "add", "--code", "C1", "--name", "示例商贸")
    return crm


@pytest.fixture
def read_log(small: CommandLine) -> Callable[[], list[tuple[str, str, int, str]]]:
    """Return what was recorded of reads: what, entity, count, filter."""

    def rows() -> list[tuple[str, str, int, str]]:
        import sqlalchemy as sa

        from crmcore.app import create_app

        assert small.folder is not None
        app = create_app(small.folder)
        try:
            with app.read() as ctx:
                query = sa.text("SELECT what, entity, count, filter FROM read_log ORDER BY id")
                return [tuple(row) for row in ctx.connection.execute(query)]
        finally:
            app.close()

    return rows
