"""Files as users have them, and imports of them through the command line or in this process."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from crmcore.app import App
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.services import run_import
from crmcore.builtin.exchange.understanding import Options, find_importable, understand
from crmcore.testing import ACTOR


class WriteFile(Protocol):
    def __call__(self, content: str | bytes, name: str = "file.csv") -> Path: ...


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write a file below the test's folder; text is written as UTF-8 with its line breaks as they are."""

    def write_file(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def take() -> Callable[..., dict[str, Any]]:
    """Import a file into an app as the command does, and return the result."""

    def import_file(
        app: App,
        entity: str,
        path: Path,
        *,
        mapping: ColumnMapping | None = None,
        options: Options | None = None,
        dry_run: bool = False,
        encoding: str | None = None,
    ) -> dict[str, Any]:
        what = understand(
            app,
            find_importable(app, entity),
            path,
            mapping or ColumnMapping(),
            options or Options(),
            encoding=encoding,
        )
        try:
            return run_import(app, ACTOR, what, dry_run=dry_run)
        finally:
            what.table.close()

    return import_file


def table(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of an exported or rejects file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def counts(result: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Return read, created, updated, unchanged, rejected."""
    names = ("read", "created", "updated", "unchanged", "rejected")
    read, created, updated, unchanged, rejected = (result[name] for name in names)
    return read, created, updated, unchanged, rejected
