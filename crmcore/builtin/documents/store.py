"""Whether the files of the documents are there, and whole."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from hashlib import file_digest
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.records.services.documents import store_alone, stored_at
from crmcore.entities.lookup import batches, find_row, table_of
from crmcore.entities.tables import Document
from crmcore.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App
    from crmcore.plugins.types import Context

_c = table_of(Document).c
_SHOWN = 5
_STORED = re.compile("[0-9a-f]{62}")
_SAFE_SECONDS = 3600
"""Where processes cannot be kept apart, younger files may be those of a document that is being added."""


def look(ctx: Context, *, whole: bool, codes: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Look at each document's file, in order of code, erased ones left out; `whole` reads and hashes it, too.

    Gives code, file, and its state: `ok`, `missing`, or `damaged` (another size or hash than it had).
    """
    query = sa.select(_c.code, _c.sha256, _c.size).where(_c.sha256 != "").order_by(_c.code)
    if codes:
        query = query.where(_c.code.in_([find_row(ctx.connection, Document, code)["code"] for code in codes]))
    rows = ctx.connection.execute(query, execution_options={"yield_per": 1_000})
    for row in rows:
        file = stored_at(ctx.workspace, row.sha256)
        state = _state(file, row.size, row.sha256 if whole else "")
        yield {"code": row.code, "state": state, "sha256": row.sha256, "file": str(file)}


def _state(file: Path, size: int, digest: str) -> str:
    try:
        if file.is_symlink() or not file.is_file():
            return "missing"
        if file.stat().st_size != size:
            return "damaged"
        if digest:
            with file.open("rb") as content:
                return "ok" if file_digest(content, "sha256").hexdigest() == digest else "damaged"
    except FileNotFoundError:
        return "missing"
    return "ok"


def check_store(app: App) -> tuple[bool, str]:
    """Return for `crm doctor` whether each document's file is there in its size."""
    count, bad = 0, []
    with app.read() as ctx:
        for one in look(ctx, whole=False):
            count += 1
            bad += [one["code"]] if one["state"] != "ok" else []
    if not bad:
        return True, _("{count} files").format(count=count)
    more = "…" if len(bad) > _SHOWN else ""
    message = _("missing or damaged: {codes}; crm document check says which, take them from a backup")
    return False, message.format(codes=", ".join(bad[:_SHOWN]) + more)


def remove_unnamed(app: App) -> int:
    """Delete what is in the store and no document's: files of killed processes; returns how many are gone.

    A person's file may be among them, and nobody would find it when they are erased.
    """
    with store_alone(app.config.folder) as folder, app.read("documents") as ctx:
        found = [path for path in folder.glob(".new.*") if path.is_file()]
        for part in sorted(folder.glob("[0-9a-f][0-9a-f]")):
            files = {part.name + path.name: path for path in part.iterdir() if _STORED.fullmatch(path.name)}
            for digests in batches(files):
                named = set(ctx.connection.scalars(sa.select(_c.sha256).where(_c.sha256.in_(digests))))
                found += [files[digest] for digest in digests if digest not in named]
        gone = [path for path in found if _is_left(path)]
        for path in gone:
            path.unlink(missing_ok=True)
    return len(gone)


def _is_left(path: Path) -> bool:
    return os.name == "posix" or time.time() - path.lstat().st_mtime > _SAFE_SECONDS
