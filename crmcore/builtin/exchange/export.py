"""Write an entity to a CSV file that can be imported again: UTF-8 with a mark, field names as header, `code` first."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from io import TextIOWrapper
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from crmcore.app import App
from crmcore.builtin.exchange.cells import rows_of_cells
from crmcore.builtin.exchange.understanding import fields_of, find_importable
from crmcore.entities.actors import require_permission
from crmcore.errors import CrmError
from crmcore.files import whole_file
from crmcore.i18n import translator
from crmcore.plugins.isolation import blaming
from crmcore.plugins.types import Importable

_ = translator("crmcore")

PERMISSION = "records.export"
_PLAIN = frozenset({str, int, float, bool, date, Decimal, type(None)})
"""Types of values that are no time; most rows hold nothing else."""
BOM = "\ufeff"
BATCH = 500
_Batch = tuple[list[str], list[tuple[Any, ...]]]
"""The fields, and the values of some rows."""


def export_entity(app: App, actor: str, name: str, path: Path | None) -> int:
    """Export an entity to a file, or to stdout where there is no path; returns the number of rows.

    The file appears whole or not at all, and the read log tells of it. CrmError where that is not possible.
    """
    importable = find_importable(app, name)
    export = importable.export
    if export is None:
        raise CrmError(_("{name} can be imported but not exported").format(name=name))
    with app.read(importable.plugin, actor) as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)
        rows = _batches(lambda: export(ctx), partial(blaming, importable.plugin, "importables"))
        if path is None:
            try:
                return _write(
                    app, importable, rows, sys.stdout.buffer, lambda count: _log(app, actor, name, count)
                )
            finally:
                sys.stdout.buffer.flush()
        with named_file(path) as file:
            return _write(app, importable, rows, file, lambda count: _log(app, actor, name, count))


def _log(app: App, actor: str, name: str, count: int) -> None:
    app.log_read(actor, "export", name, count)


def _write(
    app: App, importable: Importable, batches: Iterator[_Batch], file: IO[bytes], done: Callable[[int], None]
) -> int:
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    count = 0
    try:
        text.write(BOM)
        writer = csv.writer(text)
        first = next(batches, None)
        writer.writerow(_names(app, importable) if first is None else first[0])
        for _fields, rows in chain([] if first is None else [first], batches):
            writer.writerows(rows_of_cells(rows, app.config.timezone))
            count += len(rows)
        text.flush()
    finally:
        # Also of an export that broke off it is known what was read.
        done(count)
        text.detach()
    return count


def _batches(
    make: Callable[[], Iterator[Mapping[str, Any]]], blame: Callable[[], AbstractContextManager[None]]
) -> Iterator[_Batch]:
    """Give an exporter's rows in batches, each row as the values of the first one's fields; `blame` guards the making."""
    with blame():
        rows = iter(make())
        head = list(islice(rows, 1))
        if not head:
            return
        fields = list(head[0])
        # Row by row as they come: an exporter may give the same mapping each time, filled anew.
        left = map(_picker(fields), chain(head, rows))
    while True:
        with blame():
            part = list(islice(left, BATCH))
            _check_times(part)
        if part:
            yield fields, part
        if len(part) < BATCH:
            return


def _picker(fields: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(fields) > 1:
        return itemgetter(*fields)
    return lambda row: tuple(row[name] for name in fields)


def _check_times(rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise ValueError for a time of which nobody knows when it was."""
    if _PLAIN.issuperset(map(type, chain.from_iterable(rows))):
        return
    for value in chain.from_iterable(rows):
        if isinstance(value, datetime) and value.tzinfo is None:
            raise ValueError(_("the time {at} has no time zone").format(at=value))


def _names(app: App, importable: Importable) -> list[str]:
    names = [field.name for field in fields_of(app, importable) if not field.computed_by]
    return sorted(names, key=lambda name: name != "code")


@contextmanager
def named_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears whole or not at all; CrmError names it where the system cannot write it.

    Only a file, or a link to one, gives way to it: never a folder, a pipe or a device.
    """
    if path.exists() and not path.is_file():
        raise CrmError(_("{file} is no file").format(file=path))
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise CrmError(
            _("{file} cannot be written: {error}").format(file=path, error=error.strerror)
        ) from None
