"""A table in a file, whatever the kind of file: its columns, and its rows again and again."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, islice
from pathlib import Path
from typing import TypeVar

from crmcore.errors import CrmError
from crmcore.i18n import translator

_ = translator("crmcore")

Record = tuple[int, list[str]]
"""Line (of a workbook: row) counted from 1, and the cells."""

T = TypeVar("T")

HEADER_WITHIN = 10
MOST_COLUMNS = 1_000
BLOCK = 1 << 20
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class FileState:
    """What the file was when it was looked through; it must be the same while it is read."""

    sha256: str
    bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class TableFile:
    """An opened file with its header row found."""

    path: Path
    state: FileState
    records: Callable[[], Iterator[Record]]
    headers: tuple[str, ...]
    header_line: int
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    part: str = ""
    """Which part of the file it is, where another would be read unasked."""
    warnings: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None
    """Let go of the file; nothing can be read any more."""

    @property
    def identity(self) -> str:
        """What is the same for the same rows of the same bytes."""
        if not self.part:
            return self.state.sha256
        return hashlib.sha256(f"{self.state.sha256} {self.part}".encode()).hexdigest()

    def rows(self) -> Iterator[Record]:
        """Give the rows below the header, blank ones left out; CrmError where the file cannot be read on."""
        self.check_unchanged()
        below = dropwhile(lambda record: record[0] <= self.header_line, self.records())
        for batch in in_batches(below, BATCH):
            first = [cells[0] if cells else "" for _line, cells in batch]
            # A row with something in its first cell is not blank: nearly all files need no more than this look.
            if "" in first or any(map(str.isspace, first)):
                yield from (record for record in batch if not _blank(record[1]))
            else:
                yield from batch

    def sample(self, count: int) -> list[list[str]]:
        """Return the first rows, to be shown."""
        return [cells for _line, cells in islice(self.rows(), count)]

    def check_unchanged(self) -> None:
        """Raise CrmError where somebody writes to the file while it is read."""
        now = regular_file(self.path)
        if (now.st_size, now.st_mtime_ns) != (self.state.bytes, self.state.modified_ns):
            raise CrmError(
                _("{file} was changed while it was read; import it again when nobody writes to it").format(
                    file=self.path
                )
            )


def file_state(path: Path, look: Callable[[bytes], None] = lambda _block: None) -> FileState:
    """Read the whole file once for its checksum, showing each block to `look`."""
    before = regular_file(path)
    digest = hashlib.sha256()
    for block in blocks(path):
        digest.update(block)
        look(block)
    return FileState(digest.hexdigest(), before.st_size, before.st_mtime_ns)


def blocks(path: Path) -> Iterator[bytes]:
    """Give the bytes of a file block by block; CrmError where it cannot be read."""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        raise CrmError(_("{file} cannot be read: {error}").format(file=path, error=error)) from None


def regular_file(path: Path) -> os.stat_result:
    """Return the state of an ordinary file that is not empty; CrmError for all else."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise CrmError(_("there is no file {file}").format(file=path)) from None
    except (OSError, ValueError) as error:
        raise CrmError(_("{file} cannot be read: {error}").format(file=path, error=error)) from None
    if not stat.S_ISREG(found.st_mode):
        raise CrmError(_("{file} is not a file").format(file=path))
    if not found.st_size:
        raise CrmError(_("{file} is empty (0 bytes)").format(file=path))
    return found


def in_batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Cut items into lists; what was read before a CrmError is given before it is raised."""
    while True:
        batch: list[T] = []
        try:
            batch.extend(islice(items, size))
        except CrmError:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch


def find_header(
    path: Path, records: Iterator[Record], known: Callable[[Sequence[str]], int]
) -> tuple[int, tuple[str, ...]]:
    """Return line and cells of the header: of the first rows that which has most known headers.

    Exports of Kingdee and Yonyou have a title and blank rows above it. known: how many of the cells are headers that
    we know. Where none is known, the first row that is not blank is the header.
    """
    first = [record for record in islice(records, HEADER_WITHIN) if not _blank(record[1])]
    if not first:
        raise CrmError(_("{file} holds no header row").format(file=path))
    line, cells = max(first, key=lambda record: known(record[1]))
    if len(cells) > MOST_COLUMNS:
        raise CrmError(
            _("{file} has {count} columns; at most {most} can be read").format(
                file=path, count=len(cells), most=MOST_COLUMNS
            )
        )
    return line, tuple(cell.strip() for cell in trimmed(cells))


def _blank(cells: Sequence[str]) -> bool:
    text = "".join(cells)
    return not text or text.isspace()


def trimmed(cells: Sequence[str]) -> Sequence[str]:
    """Leave out empty cells at the end."""
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]
