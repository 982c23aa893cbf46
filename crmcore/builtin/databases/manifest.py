"""What a backup says of itself: manifest.json, and files.jsonl with a line for each file.

Read from outside, nothing in them is believed: sizes are bounded, names are never used to open anything before they
were looked at, and what lies there must be what they say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from crmcore import __version__
from crmcore.builtin.databases.folders import company_files, copy_file, listed, opened_inside, sum_of
from crmcore.config import SCHEMAS
from crmcore.db.base import canonical, dumps, text_of_time
from crmcore.errors import BadConfig, CrmError
from crmcore.files import write_atomically
from crmcore.i18n import _
from crmcore.settings.validation import check, load_schema

if TYPE_CHECKING:
    from datetime import datetime

    from crmcore.builtin.databases.filling import Copied
    from crmcore.builtin.databases.plan import Plan

FILE, FILES, DATABASE = "manifest.json", "files.jsonl", "crm.db"
FORMAT = 1
MOST_BYTES = 4 * 1024 * 1024
LONGEST_LINE = 16 * 1024


def describe(made_at: datetime, actor: str, source: str, plan: Plan, tables: list[Copied]) -> dict[str, Any]:
    """Return what a manifest says of the rows."""
    return {
        "format": FORMAT,
        "made_at": text_of_time(made_at),
        "actor": actor,
        "crmcore": __version__,
        "source": source,
        "revisions": plan.revisions,
        "tables": as_json(tables),
        "rows": sum(table.rows for table in tables),
        "left_out": list(plan.left_out),
    }


def as_json(tables: list[Copied]) -> list[dict[str, Any]]:
    """Return what is told of tables."""
    return [{"name": t.name, "rows": t.rows, "sha256": t.sha256} for t in tables]


def write_files(company: Path, target: Path) -> dict[str, Any]:
    """Copy the files of a company and list them; what goes away meanwhile is not of this backup."""
    digest, count, size = sha256(), 0, 0

    def lines() -> Iterator[bytes]:
        nonlocal count, size
        for parts, folder, inner in company_files(company):
            try:
                with opened_inside(folder, inner) as file:
                    done = copy_file(file, target.joinpath(*parts))
            except FileNotFoundError:
                continue
            count, size = count + 1, size + done["bytes"]
            yield canonical({"path": "/".join(parts), **done}).encode() + b"\n"

    path = target / FILES
    with path.open("xb") as file:
        path.chmod(0o600)
        for line in lines():
            file.write(line)
            digest.update(line)
        file.flush()
        os.fsync(file.fileno())
    return {"count": count, "bytes": size, "sha256": digest.hexdigest()}


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write the manifest, last: what has none is no backup."""
    write_atomically(folder / FILE, dumps(content).encode() + b"\n")


class Backup:
    """A backup whose manifest can be read; nothing else of it was looked at yet."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest."""
        self.folder = folder
        self.content = self._content()
        self.tables: dict[str, tuple[int, str]] = {
            table["name"]: (table["rows"], table["sha256"]) for table in self.content["tables"]
        }

    def _content(self) -> dict[str, Any]:
        if not self.folder.is_dir():
            raise CrmError(_("there is no backup {folder}").format(folder=self.folder))
        try:
            with opened_inside(self.folder, (FILE,)) as file:
                text = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            raise self.damaged(FILE, _("it is not there, so this is no whole backup")) from None
        except OSError as error:
            raise self.damaged(FILE, error.strerror or error) from None
        if len(text) > MOST_BYTES:
            raise self.damaged(FILE, _("it is too long"))
        try:
            content = json.loads(text)
            self._check_format(content)
            check(content, load_schema(SCHEMAS / "backup_manifest.schema.json"), FILE)
        except (BadConfig, ValueError, RecursionError) as error:
            raise self.damaged(FILE, error) from None
        found: dict[str, Any] = content
        return found

    def _check_format(self, content: Any) -> None:
        number = content.get("format") if isinstance(content, dict) else None
        if isinstance(number, int) and number > FORMAT:
            raise self.damaged(FILE, _("a newer crmcore wrote it; install the newer crmcore"))

    def check_database(self, file: IO[bytes]) -> None:
        """Compare the database file with the manifest, before anything in it is read."""
        if sum_of(file) != self.content["database"]:
            raise self.damaged(DATABASE, _("it was changed since it was written"))

    def copy_files(self, target: Path) -> None:
        """Copy the files into a new workspace and compare each."""
        digest = sha256()
        with opened_inside(self.folder, (FILES,)) as lines:
            while line := lines.readline(LONGEST_LINE + 1):
                digest.update(line)
                try:
                    parts, wanted = listed(line)
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    raise self.damaged(FILES, error) from None
                self._copy(parts, wanted, target)
        if digest.hexdigest() != self.content["files"]["sha256"]:
            raise self.damaged(FILES, _("it was changed since it was written"))

    def _copy(self, parts: tuple[str, ...], wanted: dict[str, Any], target: Path) -> None:
        name = "/".join(parts)
        try:
            with opened_inside(self.folder, parts) as file:
                done = copy_file(file, target.joinpath(*parts))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self.damaged(name, error.strerror) from None
        if done != wanted:
            raise self.damaged(name, _("it was changed since it was written"))

    def damaged(self, name: str, reason: object) -> CrmError:
        """Return the error of a file that cannot be restored."""
        message = _("{file} cannot be restored: {reason}; take the backup from where it was kept")
        return CrmError(message.format(file=self.folder / name, reason=reason))
