"""Read an export from outside: nothing in it is believed before it was looked at.

Its files are opened by the names that we give them, never by names that stand in it, and never through a link.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import contextmanager
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any, TypeGuard

from crmcore.builtin.lifecycle.exporting import FILE, REFERENCES
from crmcore.config import SCHEMAS
from crmcore.errors import BadConfig, CrmError
from crmcore.i18n import _
from crmcore.settings.validation import check, load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CARD_VALUES = "card_values.jsonl"
MOST_BYTES = 4 * 1024 * 1024
"""Of the file that describes an export."""
LONGEST_LINE = 16 * 1024 * 1024
_BLOCK = 1 << 20


def is_id(value: object) -> TypeGuard[int]:
    """Tell whether a value can be the id of a row."""
    return type(value) is int and 0 < value < 2**63


class Export:
    """An export whose description and checksums are right; what its rows say is checked as they are read."""

    def __init__(self, folder: Path) -> None:
        """Read the description and compare every file with it."""
        self.folder = folder
        self.content = self._description()
        self.tables: dict[str, dict[str, Any]] = {table["name"]: table for table in self.content["tables"]}
        if len(self.tables) != len(self.content["tables"]):
            raise self._damaged(FILE, _("it names a table twice"))
        for name, table in self.tables.items():
            self._compare(f"{name}.jsonl", table)
        self._compare(REFERENCES, self.content["references"])
        self._compare(CARD_VALUES, self.content["card_values"])

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Give the rows of a table, each with just the columns that the description names."""
        columns = self.tables[table]["columns"].keys()
        name = f"{table}.jsonl"
        for number, row in self._objects(name):
            if row.keys() != columns:
                raise self._damaged(name, _("line {line} has other columns").format(line=number))
            yield row

    def references(self) -> Iterator[tuple[str, int, str]]:
        """Give table, id and uid of the core's rows that the export points to."""
        for number, row in self._objects(REFERENCES):
            table, key, uid = row.get("table"), row.get("id"), row.get("uid")
            if not (isinstance(table, str) and is_id(key) and isinstance(uid, str)):
                raise self._damaged(REFERENCES, _("line {line} is no reference").format(line=number))
            yield table, key, uid

    def card_values(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Give id and uid of customers, and their values in the plugin's card fields."""
        for number, row in self._objects(CARD_VALUES):
            key, uid, values = row.get("id"), row.get("uid"), row.get("values")
            if not (is_id(key) and isinstance(uid, str) and isinstance(values, dict)):
                raise self._damaged(CARD_VALUES, _("line {line} cannot be read").format(line=number))
            yield key, uid, values

    def wrong(self, table: str, reason: object) -> CrmError:
        """Return the error of a table whose rows cannot be."""
        return self._damaged(f"{table}.jsonl", reason)

    def _description(self) -> dict[str, Any]:
        with self._opened(FILE) as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise self._damaged(FILE, _("it is too long"))
        try:
            content: dict[str, Any] = json.loads(text)
            check(content, load_schema(SCHEMAS / "plugin_export.schema.json"), FILE)
        except BadConfig as error:
            raise CrmError(_("this is no export of a plugin: {reason}").format(reason=error)) from None
        except (ValueError, RecursionError) as error:
            raise self._damaged(FILE, error) from None
        return content

    def _compare(self, name: str, told: dict[str, Any]) -> None:
        rows, digest = 0, sha256()
        with self._opened(name) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                rows += block.count(b"\n")
        if (rows, digest.hexdigest()) != (told["rows"], told["sha256"]):
            raise self._damaged(name, _("it was changed since it was written"))

    def _objects(self, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._opened(name) as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                try:
                    value = json.loads(line) if len(line) <= LONGEST_LINE else None
                except (ValueError, RecursionError):
                    value = None
                if not isinstance(value, dict):
                    raise self._damaged(name, _("line {line} cannot be read").format(line=number))
                yield number, value

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        path = self.folder / name
        try:
            descriptor = os.open(
                path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            )
        except OSError as error:
            raise self._damaged(name, error.strerror or error) from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise self._damaged(name, _("it is no plain file"))
            yield file

    def _damaged(self, name: str, reason: object) -> CrmError:
        message = _("{file} cannot be restored: {reason}; take the export from where it was kept")
        return CrmError(message.format(file=self.folder / name, reason=reason))
