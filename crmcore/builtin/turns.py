"""Who writes next into a SQLite file, where one writer at a time is in: single edits go before the chunks of long work.

SQLite does not queue writers. Who finds the file taken looks again after a while, at last every tenth of a second; who
writes chunk after chunk is away for less than that, and others would see the file free by luck alone.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import sqlalchemy as sa

_BEGIN = "BEGIN IMMEDIATE"
LOOK_AGAIN_SECONDS = 0.001
"""So often a single edit looks whether the file is free."""
LET_OTHERS_SECONDS = 0.002
"""So long the file is left alone between two chunks."""

BULK = ("cache_size=-16000", "wal_autocheckpoint=16000")
"""How SQLite works for who writes chunk after chunk, each of which changes pages all over the indexes, often those of
the chunk before: it keeps 16 MB of them at hand, and up to 64 MB wait in the -wal file before they are copied into the
database, where 4 MB is the rule and each chunk would copy them again. Who reads takes the cache back: grouping and
sorting are slower with more."""


def begin_writing(connection: sa.Connection, patience: float, *, bulk: bool) -> None:
    """Begin a transaction that writes, as soon as nobody else does; OperationalError after so many seconds."""
    driver: Any = connection.connection.driver_connection
    try:
        if bulk:
            time.sleep(LET_OTHERS_SECONDS)
            if not connection.info.get("crm_bulk"):
                connection.info["crm_bulk"] = True
                for pragma in BULK:
                    driver.execute(f"PRAGMA {pragma}").close()
            _begin(driver)
        else:
            _begin_soon(driver, patience)
    except sqlite3.OperationalError as error:
        raise sa.exc.OperationalError(_BEGIN, None, error) from error


def _begin_soon(driver: Any, patience: float) -> None:
    until = time.monotonic() + patience
    driver.execute("PRAGMA busy_timeout=0").close()
    try:
        while True:
            try:
                return _begin(driver)
            except sqlite3.OperationalError as error:
                kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if kind != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(LOOK_AGAIN_SECONDS)
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience * 1000:.0f}").close()


def _begin(driver: Any) -> None:
    driver.execute(_BEGIN).close()
