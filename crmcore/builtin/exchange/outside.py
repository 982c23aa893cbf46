"""A table from outside, read as an import reads it, for plugins that take a file as one matter and not row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from crmcore.builtin.exchange.dates import DateOrder
from crmcore.builtin.exchange.mapping import ColumnMapping, load_mapping
from crmcore.builtin.exchange.table_file import BATCH, in_batches
from crmcore.builtin.exchange.understanding import Options, Understanding, understand
from crmcore.errors import CrmError
from crmcore.i18n import translator
from crmcore.plugins.types import Field, Importable, LoadContext, Loaded, Rejected, Row
from crmcore.text import printable

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.tx import Tx

_ = translator("crmcore")


@dataclass(slots=True)
class OutsideTable:
    """All rows of a file."""

    file: str
    """Its name, without the folder."""
    sha256: str
    """Of its bytes, and of the sheet where it is a workbook."""
    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    """Rows with a cell that cannot be taken; `column` is the header as it stands in the file."""
    warnings: list[str] = field(default_factory=list)


def read_table(  # noqa: PLR0913  (what is read, and how)
    app: App,
    path: Path,
    entity: str,
    fields: Sequence[Field],
    *,
    map_file: Path | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    date_order: DateOrder = None,
    most_rows: int = 100_000,
) -> OutsideTable:
    """Read a CSV file or a workbook whole, its columns found by their headers; CrmError says why it cannot be read.

    entity: what a mapping file calls it. map_file, encoding, sheet, date_order: as the options of `crm import`, which
    the sentences of errors name. Encodings, separators, units, and what may be wrong with files are dealt with as it
    does. Read a file before the gate is opened: nobody should wait for it.
    """
    mapping = load_mapping(map_file, entity) if map_file else ColumnMapping()
    mapping = replace(mapping, sheet=sheet or mapping.sheet, date_order=date_order or mapping.date_order)
    importable = Importable(entity, entity, tuple(fields), _load_nothing)
    what = understand(app, importable, path, mapping, Options(), encoding=encoding)
    try:
        return _read(what, most_rows)
    finally:
        what.table.close()


def _read(what: Understanding, most_rows: int) -> OutsideTable:
    table = what.table
    found = OutsideTable(printable(table.path.name), table.identity, warnings=what.warnings())
    count = 0
    for records in in_batches(table.rows(), BATCH):
        chunk = what.parser.parse(records, count + 1)
        count += len(records)
        if count > most_rows:
            message = _("{file} has more than {most} rows; divide it into several files")
            raise CrmError(message.format(file=table.path, most=f"{most_rows:,}"))
        found.rows += chunk.rows
        found.rejected += [
            Rejected(line, problem.column, problem.value, problem.reason)
            for line, _cells, problem in chunk.bad
        ]
    table.check_unchanged()
    if not count:
        raise CrmError(_("{file} holds no rows below its header").format(file=table.path))
    return found


def _load_nothing(_tx: Tx, _rows: Sequence[Row], _ctx: LoadContext) -> Loaded:
    """Stand where an importable has its loader: what is read here is loaded by whoever asked for it."""
    return Loaded()
