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


def begin_writing(connection: sa.Connection, patience: float, *, bulk: bool) -> None:
    """Begin a transaction that writes, as soon as nobody else does; OperationalError after so many seconds."""
    driver: Any = connection.connection.driver_connection
    try:
        if bulk:
            time.sleep(LET_OTHERS_SECONDS)
            connection.info["crm_bulk"] = True
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
