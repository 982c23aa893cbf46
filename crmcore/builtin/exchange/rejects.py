"""The file of rejected rows: the original columns and why each was not taken, to be corrected and imported again."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import IO

from crmcore.builtin.exchange.guard import guard, unguard
from crmcore.builtin.exchange.headers import IGNORED_PREFIX
from crmcore.builtin.exchange.problems import BrokenRow
from crmcore.builtin.exchange.rows import Problem

REASONS = ("_line", "_column", "_value", "_reason")
BOM = "\ufeff"


class RejectsFile:
    """Written chunk by chunk; what was not yet committed with its chunk is cut off again."""

    def __init__(self, path: Path, headers: Sequence[str], delimiter: str | None, size: int = 0) -> None:
        self.path = path
        self._kept = [i for i, header in enumerate(headers) if not header.startswith(IGNORED_PREFIX)]
        self._headers = headers
        self._delimiter = delimiter or ","
        self._file: IO[bytes] | None = None
        self.size = size
        """Bytes that belong to committed chunks."""

    def append(self, rejected: Iterable[tuple[int, list[str], Problem]]) -> int:
        """Write rejected rows (line, cells, problem) to disk; returns the size that the chunk's commit makes good."""
        text = StringIO(newline="")
        writer = csv.writer(text, delimiter=self._delimiter)
        if not self.size:
            text.write(BOM)
            writer.writerow([*(self._headers[i] for i in self._kept), *REASONS])
        count = 0
        for line, cells, problem in rejected:
            writer.writerow(
                [*self._original(cells), line, problem.column, guard(problem.value), problem.reason]
            )
            count += 1
        if not count:
            return self.size
        content = text.getvalue().encode()
        file = self._opened()
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return self.size + len(content)

    def cut(self) -> None:
        """Remove what was written for a chunk that was rolled back."""
        if self._file is None and not self.path.exists():
            return
        file = self._opened()
        file.seek(self.size)
        file.truncate()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _original(self, cells: Sequence[str]) -> list[str]:
        if isinstance(cells, BrokenRow):
            return [""] * len(self._kept)
        # Guarded as our importer will read it: '=A1 stays '=A1, =A1 becomes '=A1.
        return [guard(unguard(cells[i])) if i < len(cells) else "" for i in self._kept]

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            self._file = os.fdopen(descriptor, "r+b")
            self._file.truncate(self.size)
            self._file.seek(self.size)
        return self._file
