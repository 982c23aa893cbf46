"""Watch what is done with files: made, flushed, renamed, linked."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from crmcore.testing.fault_drivers import Place, Watch

_MOVES = ("replace", "rename", "link", "mkdir")
_MAKES = os.O_CREAT
Inode = tuple[int, int]


@contextlib.contextmanager
def watched_files(watch: Watch) -> Iterator[None]:
    """Tell of each file that is made, flushed, renamed or linked meanwhile, before it is."""
    from unittest.mock import patch

    flushed: dict[Inode, int] = {}
    original: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in (*_MOVES, "open", "fsync")}

    def opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & _MAKES:
            watch(_place(f"open {_name(path)}", path))
        descriptor: int = original["open"](path, flags, *arguments, **options)
        found = os.fstat(descriptor)
        flushed.setdefault((found.st_dev, found.st_ino), found.st_size)
        return descriptor

    def flush(descriptor: Any) -> None:
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        watch(_place("fsync", None, lambda: _tear(number, flushed)))
        original["fsync"](number)
        found = os.fstat(number)
        flushed[found.st_dev, found.st_ino] = found.st_size

    def moved(name: str) -> Callable[..., Any]:
        def watched(path: Any, *arguments: Any, **options: Any) -> Any:
            watch(_place(f"{name} {_name(path)}", path))
            return original[name](path, *arguments, **options)

        return watched

    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(os, "open", opened))
        stack.enter_context(patch.object(os, "fsync", flush))
        for name in _MOVES:
            stack.enter_context(patch.object(os, name, moved(name)))
        yield


def _name(path: Any) -> str:
    return path if isinstance(path, str) and "/" not in path else Path(os.fsdecode(path)).name


def _place(text: str, path: Any, tear: Callable[[], None] = lambda: None) -> Place:
    def error(number: int) -> BaseException:
        tear()
        return OSError(number, os.strerror(number), path if path is None else os.fsdecode(path))

    return Place(
        "file",
        text,
        writes=True,
        broken=lambda: error(errno.EIO),
        full=lambda: error(errno.ENOSPC),
        tear=tear,
    )


def _tear(descriptor: int, flushed: dict[Inode, int]) -> None:
    """Lose half of what was written to a file since it was last flushed."""
    found = os.fstat(descriptor)
    kept = flushed.get((found.st_dev, found.st_ino), 0)
    if stat.S_ISREG(found.st_mode) and found.st_size > kept:
        with contextlib.suppress(OSError):  # opened for reading only
            os.ftruncate(descriptor, kept + (found.st_size - kept) // 2)
