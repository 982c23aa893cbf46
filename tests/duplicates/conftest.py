"""A company of a few customers, some of them entered twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.app import App
from crmcore.builtin.duplicates import after_import
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.services import run_import
from crmcore.builtin.exchange.understanding import Options, find_importable, understand
from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import ACTOR
from tests.duplicates.generated import Entry

FIRMS = [
    {"code": "C1", "name": "杭州腾达食品有限公司", "phone": "0571-01234567", "tax_id": "91350100M000100Y43"},
    {"code": "C2", "name": "腾达食品（杭州）股份有限公司", "phone": "+86 571 01234567"},
    {"code": "C3", "name": "杭州腾大食品有限公司", "address": "杭州市文三路12号5室", "contact": "张三"},
    {"code": "C4", "name": "宁波大海建材有限公司", "phone": "0574-07654321", "contact": "李四"},
    {"code": "C5", "name": "广州腾达食品有限公司", "phone": "020-01112222"},
    {"code": "P1", "kind": "person", "name": "王五", "tax_id": "11010519491231002X", "phone": "10200000001"},
    {
        "code": "P2",
        "kind": "person",
        "name": "王五",
        "tax_id": "110105 19491231 002x",
        "phone": "10200000002",
    },
]
"""C1 and C2 are one for certain; P1 and P2 have one identity number."""


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(load_schema(SCHEMAS / f"{name}.schema.json"), format_checker=FormatChecker())


def matches(value: Any, name: str = "duplicate_pair") -> Any:
    """Hold a value, or each of many, against a published schema, and hand it back."""
    for one in value if isinstance(value, list) else [value]:
        validator(name).validate(json.loads(json.dumps(one, default=str)))
    return value


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Import customers into an app as the command does, and return the result."""

    def import_rows(
        app: App, rows: Iterable[dict[str, str]], *, refuse: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        given = list(rows)
        headers = list(dict.fromkeys(name for row in given for name in row))
        path = tmp_path / "customers.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, headers)
            writer.writeheader()
            writer.writerows(given)
        importable = find_importable(app, "customers")
        what = understand(app, importable, path, ColumnMapping(), Options(refuse_duplicates=refuse))
        try:
            return run_import(app, ACTOR, what, dry_run=dry_run)
        finally:
            what.table.close()

    return import_rows


@pytest.fixture
def company(
    make_app: Callable[..., App], database: str, take: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> App:
    """Return the company of `FIRMS` on either database, in which nobody has looked for duplicates yet."""
    app = make_app(database=database)
    with monkeypatch.context() as patched:
        patched.setattr(after_import, "MOST_NEW", 0)
        take(app, FIRMS)
    return app


def rows_of(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """Return generated customers as rows of a file."""
    return [entry.as_row() for entry in entries]
