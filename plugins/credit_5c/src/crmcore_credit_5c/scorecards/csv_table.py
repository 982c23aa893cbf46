"""CSV files of customers, for fitting and scoring: any encoding of Chinese and Western Windows, row by row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from crmcore.api import CrmError, NotFound, printable, translator

_ = translator("crmcore_credit_5c")
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ENCODINGS = ("utf-8", "gb18030")
_DELIMITERS = ",;\t|"
_BLOCK = 1 << 20
MOST_BYTES = 256 << 20
MOST_COLUMNS = 500
_LONGEST_NAME = 200


class CsvTable(NamedTuple):
    """A CSV file whose header has been read."""

    path: Path
    names: tuple[str, ...]
    encoding: str
    delimiter: str


def open_table(path: Path) -> CsvTable:
    """Find encoding, delimiter and header of a file; CrmError says what is wrong with it, NotFound if it is not there."""
    if not path.is_file():
        raise NotFound(_("there is no file {file}; check its name").format(file=path))
    if path.stat().st_size > MOST_BYTES:
        message = _("{file} has {size} MB; {most} MB are read at most, so take a sample of its rows")
        raise CrmError(message.format(file=path, size=path.stat().st_size >> 20, most=MOST_BYTES >> 20))
    encoding = _encoding_of(path)
    with _opened(path, encoding) as file:
        line = file.readline(_BLOCK)
    if not line.strip():
        raise CrmError(_("{file} is empty; its first line must name the columns").format(file=path))
    if "\0" in line:
        raise CrmError(_("{file} is no text; save it as CSV").format(file=path))
    delimiter = max(_DELIMITERS, key=line.count)
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        raise CrmError(_("{file} is no text; save it as CSV").format(file=path)) from None
    _check_names(path, names)
    return CsvTable(path, tuple(names), encoding, delimiter)


def rows_of(table: CsvTable) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of each row, blanks around them cut off; CrmError for a row of another length."""
    with _opened(table.path, table.encoding) as file:
        reader = csv.reader(file, delimiter=table.delimiter, strict=True)
        try:
            next(reader)
            for cells in reader:
                if any(cells):
                    _check_row(table, cells, reader.line_num)
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            message = _("{file}, line {line}: {problem}; correct the line and try again")
            raise CrmError(
                message.format(file=table.path, line=reader.line_num, problem=printable(str(error)))
            ) from None


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield file
    except UnicodeDecodeError:
        message = _("{file} is neither UTF-8 nor GB18030; save it as UTF-8 and try again")
        raise CrmError(message.format(file=path)) from None
    except OSError as error:
        message = _("{file} cannot be read ({problem}); check it and try again")
        raise CrmError(message.format(file=path, problem=error.strerror)) from None


def _encoding_of(path: Path) -> str:
    """Return the first encoding in which the whole file can be read."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    for encoding in _ENCODINGS:
        try:
            with path.open(encoding=encoding, newline="") as text:
                while text.read(_BLOCK):
                    pass
        except UnicodeDecodeError:
            continue
        return encoding
    raise CrmError(_("{file} is neither UTF-8 nor GB18030; save it as UTF-8 and try again").format(file=path))


def _check_names(path: Path, names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        message = _("{file} has {count} columns; {most} are read at most, so leave out what tells nothing")
        raise CrmError(message.format(file=path, count=len(names), most=MOST_COLUMNS))
    for number, name in enumerate(names, 1):
        if not name or len(name) > _LONGEST_NAME:
            message = _("{file}: column {number} has no name, or a very long one; name it in the first line")
            raise CrmError(message.format(file=path, number=number))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = _("{file} has two columns {column!r}; give each its own name")
        raise CrmError(message.format(file=path, column=printable(twice[0])))


def _check_row(table: CsvTable, cells: Sequence[str], line: int) -> None:
    if any("\0" in cell for cell in cells):
        raise CrmError(_("{file} is no text; save it as CSV").format(file=table.path))
    if len(cells) != len(table.names):
        message = _("{file}, line {line} has {count} cells where the first line has {wanted}; correct it")
        raise CrmError(message.format(file=table.path, line=line, count=len(cells), wanted=len(table.names)))
