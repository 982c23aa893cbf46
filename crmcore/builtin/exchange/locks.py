"""A lock file that the system itself lets go when its process ends, however that happens."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO


class RunLock:
    """Held by the process that runs an import; that nobody holds it means that no process runs it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Take the lock, or return False where another process has it."""
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        file = os.fdopen(descriptor, "r+b")
        if not _lock(file) or not self._is_of(file):
            file.close()
            return False
        self._file = file
        return True

    def _is_of(self, file: IO[bytes]) -> bool:
        """Tell whether the file is still there under its name: who held the lock may have let it go meanwhile."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go; the file disappears."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def is_held(self) -> bool:
        """Tell whether some process holds the lock."""
        try:
            with self._path.open("r+b") as file:
                return not _lock(file)
        except FileNotFoundError:
            return False


def sweep(folder: Path) -> None:
    """Take away the lock files that killed processes left; those that are held stay."""
    for path in folder.glob("*.lock"):
        lock = RunLock(path)
        if lock.acquire():
            lock.release()


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
