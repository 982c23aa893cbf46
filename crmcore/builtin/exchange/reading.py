"""Open a file of any known kind as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from crmcore.builtin.exchange.table_file import TableFile, regular_file
from crmcore.errors import CrmError
from crmcore.i18n import translator

_ = translator("crmcore")

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF = b"%PDF-"


def open_table(  # noqa: PLR0913 -- all that can be said about a file
    path: Path,
    known: Callable[[Sequence[str]], int],
    *,
    encoding: str | None = None,
    usual_encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    point: str = ".",
) -> TableFile:
    """Open a CSV file or a workbook, told apart by content and not by name; CrmError says what is wrong.

    known: how many of some cells are headers that we know. encoding: what the user says; usual_encoding: what the
    mapping says, which a byte order mark overrules. point: how a workbook's numbers are to be written, as text cells
    of the same column may be. The caller closes what it gets.
    """
    regular_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise CrmError(_("{file} cannot be read: {error}").format(file=path, error=error)) from None
    if head.startswith(_ZIP):
        from crmcore.builtin.exchange.xlsx_file import open_xlsx

        return open_xlsx(path, known, sheet, point)
    if head.startswith(_OLE):
        raise CrmError(
            _(
                "{file} is an old .xls workbook or has a password; save it as .xlsx or CSV without a password"
            ).format(file=path)
        )
    if head.startswith(_PDF):
        raise CrmError(_("{file} is a PDF, not a table").format(file=path))
    from crmcore.builtin.exchange.csv_file import open_csv

    return open_csv(path, known, encoding, usual_encoding, delimiter)
