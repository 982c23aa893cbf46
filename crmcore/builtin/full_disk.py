"""SQLite on a full disk: it says `disk I/O error` where it cannot even make the files that it works with."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import sqlalchemy as sa

LEAST_BYTES = 1024 * 1024
"""With less than this a database has no room to work."""


def saying_full(path: Path) -> Callable[[sa.ExceptionContext], BaseException | None]:
    """Return what tells a full disk from one that does not answer, for the errors of an engine; `path`: its file."""

    def say(context: sa.ExceptionContext) -> BaseException | None:
        error = context.sqlalchemy_exception
        if error is None or "disk I/O error" not in str(context.original_exception):
            return None
        try:
            full = shutil.disk_usage(path.parent).free < LEAST_BYTES
        except OSError:
            return None
        if full:
            error.orig = sqlite3.OperationalError("database or disk is full")
        return error

    return say
