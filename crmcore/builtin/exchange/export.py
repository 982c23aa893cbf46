"""Write an entity to a CSV file that can be imported again: UTF-8 with a mark, field names as header, `code` first."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO, Any

from crmcore.app import App
from crmcore.builtin.exchange.guard import STARTS, guard
from crmcore.builtin.exchange.understanding import fields_of, find_importable
from crmcore.entities.actors import require_permission
from crmcore.errors import CrmError
from crmcore.files import whole_file
from crmcore.i18n import translator
from crmcore.plugins.isolation import blaming, each
from crmcore.plugins.types import Importable

_ = translator("crmcore")

PERMISSION = "records.export"
_PLAIN = frozenset({str, int, float, bool, date, Decimal, type(None)})
"""Types of values that are no time; most rows hold nothing else."""
BOM = "\ufeff"


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
        rows = each(lambda: _whole(export(ctx)), partial(blaming, importable.plugin, "importables"))
        if path is None:
            try:
                return _write(
                    app, importable, rows, sys.stdout.buffer, lambda count: _log(app, actor, name, count)
                )
            finally:
                sys.stdout.buffer.flush()
        with named_file(path) as file:
            return _write(app, importable, rows, file, lambda count: _log(app, actor, name, count))


def cell(value: Any, zone: tzinfo) -> str:
    """Return a value as it stands in a cell; text that a spreadsheet would run is guarded."""
    if value is None:
        return ""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value, zone)
    if isinstance(value, date):
        return value.isoformat()
    # Never 1E+3: a reader of amounts refuses exponents, and so does ours.
    return format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")


def _log(app: App, actor: str, name: str, count: int) -> None:
    app.log_read(actor, "export", name, count)


def _write(
    app: App, importable: Importable, rows: Iterator[Mapping[str, Any]], file: IO[bytes], done: Any
) -> int:
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    count = 0
    try:
        text.write(BOM)
        writer = csv.writer(text)
        first = next(rows, None)
        names = list(first) if first is not None else _names(app, importable)
        writer.writerow(names)
        zone = app.config.timezone
        for row in chain([] if first is None else [first], rows):
            writer.writerow(
                [
                    value
                    if value is None
                    or (value.__class__ is str and value[:1] not in STARTS)
                    or value.__class__ is int
                    else cell(value, zone)
                    for value in map(row.__getitem__, names)
                ]
            )
            count += 1
        text.flush()
    finally:
        # Also of an export that broke off it is known what was read.
        done(count)
        text.detach()
    return count


def _whole(rows: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Give each row with the fields of the first, and no time of which nobody knows when it was."""
    names: list[str] = []
    for row in rows:
        names = names or list(row)
        same = row.__class__ is dict and len(row) == len(names) and all(map(row.__contains__, names))
        values = dict(row) if same else {name: row[name] for name in names}
        if not _PLAIN.issuperset(map(type, values.values())):
            for value in values.values():
                if isinstance(value, datetime) and value.tzinfo is None:
                    raise ValueError(_("the time {at} has no time zone").format(at=value))
        yield values


def _names(app: App, importable: Importable) -> list[str]:
    names = [field.name for field in fields_of(app, importable) if not field.computed_by]
    return sorted(names, key=lambda name: name != "code")


def _moment(value: datetime, zone: tzinfo) -> str:
    local = value.astimezone(zone)
    plain = local.replace(tzinfo=None)
    # In the hour that a clock shows twice only the offset tells which one is meant.
    unique = plain.replace(tzinfo=zone) == value and local.fold == 0
    return (plain if unique else local).isoformat(sep=" ")


@contextmanager
def named_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears whole or not at all; CrmError names it where the system cannot write it."""
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise CrmError(
            _("{file} cannot be written: {error}").format(file=path, error=error.strerror)
        ) from None
