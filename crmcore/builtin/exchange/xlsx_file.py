"""Workbooks (.xlsx), taken as hostile: the archive is checked before anything in it is parsed.

Formulas are never calculated, macros never run, entities refused; the rows are streamed.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from decimal import Decimal
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from crmcore.builtin.exchange.table_file import (
    Record,
    TableFile,
    file_state,
    find_header,
    regular_file,
)
from crmcore.builtin.exchange.xml_check import EntitiesError, TooBigError, check_xml
from crmcore.errors import CrmError
from crmcore.i18n import translator

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_ = translator("crmcore")

MOST_ENTRIES = 2_000
MOST_BYTES = 1 << 30
MOST_STRINGS_BYTES = 256 << 20
"""Excel keeps all texts in one part, which is held in memory."""
MOST_PART_BYTES = 64 << 20
"""Every other part that is held in memory: styles, the list of sheets."""
SUSPICIOUS_BYTES = 8 << 20
MOST_RATIO = 250
MOST_ROWS = 1_048_576
EXACT_BELOW = 10**15
"""A spreadsheet keeps 15 digits of a number; a longer one has lost its end."""
_ROWS_AT_A_TIME = 200


def open_xlsx(
    path: Path, known: Callable[[Sequence[str]], int], sheet: str | None = None, point: str = "."
) -> TableFile:
    """Check a workbook, choose the sheet and find its header; CrmError says what is wrong.

    point: the decimal point with which numbers are written out.
    """
    regular_file(path)
    with _damage(path):
        macros = _check_archive(path)
    state = file_state(path)
    with ExitStack() as stack:
        with _damage(path):
            workbook = _load(stack.enter_context(path.open("rb")))
        stack.callback(workbook.close)
        chosen, notes = _choose_sheet(path, workbook, sheet)
        if macros:
            notes.append(_("{file} holds macros; they were not run").format(file=path.name))

        def records() -> Iterator[Record]:
            return _records(path, chosen, point)

        line, headers = find_header(path, records(), known)
        return TableFile(
            path,
            state,
            records,
            headers,
            line,
            sheet=chosen.title,
            part="" if chosen is _visible(workbook)[0] else chosen.title,
            warnings=tuple(notes),
            close=stack.pop_all().close,
        )


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever a parser throws at a broken file becomes one sentence."""
    try:
        yield
    except CrmError:
        raise
    except MemoryError:
        raise CrmError(_("{file} does not fit into memory").format(file=path)) from None
    except Exception as error:
        if type(error).__module__.startswith("defusedxml"):
            raise _has_entities(path) from None
        raise CrmError(
            _("{file} is no workbook that can be read, or it is damaged").format(file=path)
        ) from error


def _check_archive(path: Path) -> bool:
    """Refuse archives that are no workbook or would not stay small; tell whether there are macros."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if "mimetype" in names:
            raise CrmError(_("{file} is an OpenDocument file; save it as .xlsx or CSV").format(file=path))
        if "[Content_Types].xml" not in names:
            raise CrmError(_("{file} is a ZIP archive, not a workbook").format(file=path))
        if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise _too_big(path)
        for entry in entries:
            _check_entry(path, entry)
        for entry in entries:
            _check_part(path, archive, entry)
    return any(name.endswith("vbaProject.bin") for name in names)


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & 1:
        raise CrmError(_("{file} is encrypted; save it without a password").format(file=path))
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise CrmError(_("{file} is packed in an unusual way; save it anew as .xlsx").format(file=path))
    name = entry.filename.lower()
    limit = MOST_BYTES if "worksheets/" in name else MOST_PART_BYTES
    if name.endswith("sharedstrings.xml"):
        limit = MOST_STRINGS_BYTES
    if entry.file_size > limit:
        raise _too_big(path)
    if entry.file_size > SUSPICIOUS_BYTES and entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
        raise _too_big(path)


def _check_part(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    name = entry.filename.lower()
    if not name.endswith((".xml", ".rels")):
        return
    try:
        with archive.open(entry) as part:
            check_xml(part, streamed="worksheets/" in name or name.endswith("sharedstrings.xml"))
    except TooBigError:
        raise _too_big(path) from None
    except EntitiesError:
        raise _has_entities(path) from None


def _has_entities(path: Path) -> CrmError:
    return CrmError(_("{file} holds XML entities and was not read").format(file=path))


def _too_big(path: Path) -> CrmError:
    return CrmError(
        _("{file} would unpack to more than a workbook may; save the table as CSV and import that").format(
            file=path
        )
    )


def _load(file: IO[bytes]) -> Workbook:
    if find_spec("openpyxl") is None or find_spec("defusedxml") is None:
        raise CrmError(
            _("workbooks need more packages: pip install 'crmcore[xlsx]', or save the table as CSV")
        )
    import openpyxl

    if not openpyxl.DEFUSEDXML:
        raise CrmError(
            _("OPENPYXL_DEFUSEDXML is switched off in the environment; workbooks are not read without it")
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _choose_sheet(path: Path, workbook: Workbook, wanted: str | None) -> tuple[ReadOnlyWorksheet, list[str]]:
    sheets: list[Any] = list(workbook.worksheets)
    visible = _visible(workbook)
    if not sheets:
        raise CrmError(_("{file} has no sheet with a table").format(file=path))
    if wanted is None:
        others = ", ".join(sheet.title for sheet in visible[1:])
        note = _("only the first sheet {sheet!r} was read, not: {others}").format(
            sheet=visible[0].title, others=others
        )
        return visible[0], [note] if others else []
    for sheet in sheets:
        if sheet.title == wanted:
            return sheet, []
    names = ", ".join(sheet.title for sheet in sheets)
    raise CrmError(
        _("{file} has no sheet {sheet!r}; it has: {names}").format(file=path, sheet=wanted, names=names)
    )


def _visible(workbook: Workbook) -> list[Any]:
    sheets: list[Any] = list(workbook.worksheets)
    return [sheet for sheet in sheets if sheet.sheet_state == "visible"] or sheets


def _records(path: Path, sheet: ReadOnlyWorksheet, point: str) -> Iterator[Record]:
    # What the sheet says of its own size may be wrong, and a row number may be absurd.
    sheet.reset_dimensions()
    streamed: Any = sheet  # the stubs give its iter_rows the type of another class
    rows: Iterator[tuple[Any, ...]] = streamed.iter_rows(min_row=1, max_row=MOST_ROWS, values_only=True)
    line = 0
    while True:
        with _damage(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            taken = list(islice(rows, _ROWS_AT_A_TIME))
            texts = [[_text(value, point) for value in row] for row in taken]
        if not taken:
            return
        for cells in texts:
            line += 1
            yield line, cells


def _text(value: object, point: str) -> str:
    """Write a cell's value as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number_text(value).replace(".", point)
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def _number_text(value: float) -> str:
    if abs(value) >= EXACT_BELOW:
        return f"{value:.14E}"
    # 15 digits are what the spreadsheet itself shows: 0.1 + 0.2 is 0.3 there.
    return format(Decimal(format(value, ".15g")), "f")
