"""CSV files: which encoding and delimiter, then row by row; the whole file is never in memory."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from itertools import chain, islice
from pathlib import Path

from crmcore.builtin.exchange.problems import BrokenRow
from crmcore.builtin.exchange.table_file import (
    BLOCK,
    HEADER_WITHIN,
    Record,
    TableFile,
    blocks,
    file_state,
    find_header,
)
from crmcore.errors import CrmError
from crmcore.i18n import translator

_ = translator("crmcore")

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_CHARACTERS = 64 * 1024
SAMPLE_ROWS = 50
RECORDS_AT_A_TIME = 1_000
SURELY_UTF8 = 10
"""After so many characters that are not ASCII, a byte that is not UTF-8 is damage and not another encoding."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_FILE_ENCODING = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7", "undefined"}
)
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_MARKUP = re.compile(r"\s*<(!doctype|html|\?xml|table|meta)", re.IGNORECASE)


def open_csv(
    path: Path,
    known: Callable[[Sequence[str]], int],
    encoding: str | None = None,
    usual_encoding: str | None = None,
    delimiter: str | None = None,
) -> TableFile:
    """Look through a CSV file once and find its encoding, delimiter and header; CrmError says what is wrong."""

    def refuse_long_line(block: bytes) -> None:
        if len(block) == BLOCK and b"\n" not in block and b"\r" not in block:
            raise CrmError(_("{file} has a line of more than 1 MB: it is no table").format(file=path))

    state = file_state(path, refuse_long_line)
    said = encoding or (usual_encoding if _mark(path) is None else None)
    chosen = _readable_encoding(path, _known_encoding(said) if said else None)
    separator = _find_delimiter(_start(path, chosen), known, delimiter)

    def records() -> Iterator[Record]:
        return read_csv(path, chosen, separator)

    line, headers = find_header(path, records(), known)
    return TableFile(path, state, records, headers, line, chosen, separator)


def encoding_title(name: str) -> str:
    """Return an encoding's name as people know it: `utf-8-sig` is UTF-8, with or without a mark."""
    return name.removesuffix("-sig").upper()


def read_csv(path: Path, encoding: str, delimiter: str) -> Iterator[Record]:
    """Give all records with the line on which each begins; a record that cannot be taken apart is a BrokenRow."""
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        fault: csv.Error | None = None
        while True:
            taken: list[list[str]] = []
            try:
                # What was read before a fault stays in the list.
                taken.extend(islice(reader, RECORDS_AT_A_TIME))
            except csv.Error as error:
                fault = error
            except UnicodeDecodeError:
                raise _not_text(path, encoding) from None
            if not taken and fault is None:
                return
            lines = _lines(taken, line, reader.line_num, whole=fault is None)
            if line == 1 and taken and _SEPARATOR_LINE.fullmatch(delimiter.join(taken[0])):
                taken, lines = taken[1:], lines[1:]
            yield from zip(lines, taken, strict=False)
            if fault is not None:
                raw = _raw(path, encoding, lines[-1], reader.line_num)
                yield lines[-1], _broken(path, lines[-1], raw, delimiter, fault)
                fault = None
            line = reader.line_num + 1


def _lines(taken: Sequence[list[str]], first: int, last: int, *, whole: bool) -> Sequence[int]:
    """Return the line on which each record begins, and after a fault that of the broken one.

    Nearly always each record is one line; where one is not, the line breaks inside cells are counted.
    """
    if whole and last - first + 1 == len(taken):
        return range(first, last + 1)
    lines = [first]
    for cells in taken:
        inside = sum(len(_LINE_BREAK.findall(cell)) for cell in cells if "\n" in cell or "\r" in cell)
        lines.append(lines[-1] + 1 + inside)
    return lines if not whole else lines[:-1]


def _raw(path: Path, encoding: str, first: int, last: int) -> list[str]:
    """Return some lines of the file as they stand there."""
    with path.open(encoding=encoding, newline="") as file:
        return list(islice(file, first - 1, last))


def _broken(path: Path, line: int, raw: Sequence[str], delimiter: str, error: csv.Error) -> BrokenRow:
    """Return a row that costs no other; CrmError where nobody can tell at which line the next one begins."""
    text = "".join(raw).rstrip("\r\n")
    if "expected after" in str(error):
        return BrokenRow(text, _("the quotation marks of the row are out of place"))
    most = f"{csv.field_size_limit():,}"
    if "field limit" not in str(error):
        message = _(
            "{file}, line {line}: a quotation mark is opened and never closed; correct it and import the file again"
        )
    elif len(raw) == 1 and _ends_on_its_line(text, delimiter):
        return BrokenRow(text, _("a cell has more than {most} characters; shorten it").format(most=most))
    else:
        message = _(
            "{file}, line {line}: a cell in quotation marks has more than {most} characters; shorten it, or close the quotation mark that is open"
        )
    raise CrmError(message.format(file=path, line=line, most=most))


def _ends_on_its_line(text: str, delimiter: str) -> bool:
    """Tell whether a line is a whole row: what its long cells hold does not matter for that."""
    short = re.sub(rf'[^"{re.escape(delimiter)}]+', "x", text)
    try:
        list(csv.reader([short], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


def _known_encoding(name: str) -> str:
    """Return Python's name of an encoding; what people call GB2312 or GBK may hold characters of GB18030."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    if found is None or not _is_text(found) or found.name in _NO_FILE_ENCODING:
        raise CrmError(
            _("unknown encoding {name!r}; usual ones are utf-8, gb18030, big5, utf-16, cp1252").format(
                name=name
            )
        )
    return {"gb2312": "gb18030", "gbk": "gb18030", "utf-8": "utf-8-sig"}.get(found.name, found.name)


def _is_text(codec: codecs.CodecInfo) -> bool:
    # Python has no public way to ask: rot13 and base64 are codecs too, from text to text and bytes to bytes.
    return bool(getattr(codec, "_is_text_encoding", True))


def _mark(path: Path) -> str | None:
    """Return the encoding that a byte order mark names."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for mark, name in _BOMS if head.startswith(mark)), None)


def _readable_encoding(path: Path, given: str | None) -> str:
    """Return the encoding in which the whole file can be read; CrmError where there is none."""
    first = given or _mark(path) or "utf-8-sig"
    fault = _first_fault(path, first)
    if fault is None:
        return first
    if given or first != "utf-8-sig":
        raise _not_text(path, first)
    line, characters = fault
    if characters >= SURELY_UTF8:
        raise CrmError(
            _(
                "{file}, line {line}: the file is UTF-8 but for a damaged character; correct it, or say --encoding"
            ).format(file=path, line=line)
        )
    if _first_fault(path, "gb18030") is not None:
        raise CrmError(
            _("{file} is neither UTF-8 nor GB18030; say in which --encoding it is written").format(file=path)
        )
    return "gb18030"


def _first_fault(path: Path, encoding: str) -> tuple[int, int] | None:
    """Return the line of the first byte that cannot be read, and how many characters before it are not ASCII."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line, characters = 1, 0
    wide = encoding.startswith(("utf-16", "utf-32"))
    for block in chain(blocks(path), (b"",)):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            return line + before.count("\n"), characters + sum(not c.isascii() for c in before)
        if "\0" in text:
            raise CrmError(_("{file} holds NUL bytes: it is no text file").format(file=path))
        line += text.count("\n")
        if not wide and not text.isascii():
            characters += (len(block) - len(text)) // 2
    return None


def _not_text(path: Path, encoding: str) -> CrmError:
    return CrmError(
        _("{file} cannot be read as {encoding}; say in which --encoding it is written").format(
            file=path, encoding=encoding_title(encoding)
        )
    )


def _start(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="") as file:
        text = file.read(SAMPLE_CHARACTERS)
    if _MARKUP.match(text):
        raise CrmError(
            _(
                "{file} is a web page under the name of a table; open it in a spreadsheet and save it as .xlsx or CSV"
            ).format(file=path)
        )
    return text


def _find_delimiter(text: str, known: Callable[[Sequence[str]], int], usual: str | None) -> str:
    """Choose the delimiter that yields most known headers, then the usual one, then most rows of one width."""
    if said := _SEPARATOR_LINE.match(text):
        return said[1]

    def merit(delimiter: str) -> tuple[int, bool, int]:
        try:
            rows = list(islice(csv.reader(StringIO(text, newline=""), delimiter=delimiter), SAMPLE_ROWS))
        except csv.Error:
            return 0, False, 0
        widths = Counter(len(row) for row in rows if len(row) > 1)
        headers = max(map(known, rows[:HEADER_WITHIN]), default=0)
        return headers, delimiter == usual, max(widths.values(), default=0)

    return max(dict.fromkeys((*DELIMITERS, usual or ",")), key=merit)
