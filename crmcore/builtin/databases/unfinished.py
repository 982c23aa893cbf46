"""The note that a backup or a copy leaves in the company's folder while it is at work.

It is held as a lock by its process and goes away at the end; one that nobody holds is of a process that was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from crmcore.builtin.exchange.locks import RunLock

if TYPE_CHECKING:
    from crmcore.app import App

_PREFIX = ".crm-unfinished-"


@contextmanager
def noted(app: App, command: str, target: Path | str) -> Iterator[None]:
    """Leave a note meanwhile that says with which command this is done again; `target`: a path, or a server's address."""
    _sweep(app.config.folder)
    path = app.config.folder / (_PREFIX + sha256(str(target).encode()).hexdigest()[:12])
    lock = RunLock(path)
    with suppress(OSError):  # a folder that can only be read: then there is no note
        if lock.acquire():
            place = str(target) if isinstance(target, Path) else None
            path.write_text(json.dumps({"command": command, "place": place}), encoding="utf-8")
    try:
        yield
    finally:
        lock.release()


def stopped(app: App) -> dict[Path, str]:
    """Return the notes of killed processes, with the command to run again; not of what had its place already."""
    found = {}
    for path in app.config.folder.glob(f"{_PREFIX}*"):
        if not RunLock(path).is_held() and (command := _command(path)):
            found[path] = command
    return found


def _command(path: Path) -> str | None:
    """Return the command of a note, or None where all was done but the note to take away."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # killed before it had begun
    return None if told["place"] and Path(told["place"]).exists() else str(told["command"])


def _sweep(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.glob(f"{_PREFIX}*"):
            lock = RunLock(path)
            if not _command(path) and lock.acquire():
                lock.release()
