"""Files that hold values of a person: rejected rows of imports, and documents in the store."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.documents.store import remove_unnamed
from crmcore.builtin.exchange.rejects import BOM, REASONS
from crmcore.builtin.exchange.runs import folder_of, note, run_table, true_state
from crmcore.builtin.privacy import rules
from crmcore.builtin.records.services.documents import store_alone, stored_at
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Document
from crmcore.errors import Refused
from crmcore.files import sync_folder, write_atomically
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Person

_documents = table_of(Document)


def refuse_while_importing(app: App) -> None:
    """Raise Refused while an import or an undo is running: it could bring back what is taken away."""
    with app.read("privacy") as ctx:
        rows = ctx.connection.execute(
            sa.select(run_table).where(run_table.c.state.in_(["running", "undoing"]))
        ).all()
    for row in rows:
        if true_state(app, row) in {"running", "undoing"}:
            message = _("import {id} is running; erase when it has ended")
            raise Refused(message.format(id=row.id))


def rejected_texts(app: App, known: Sequence[str]) -> list[dict[str, str]]:
    """Return the rejected rows that name a person, each with its file: they are held, too."""
    return [
        {"file": path.name, "row": ", ".join(cell for cell in row if cell)}
        for path in _files(app)
        for row in _rows_of(path)[0]
        if rules.names_one("\n".join(row), known)
    ]


def rejected_rows(app: App, known: Sequence[str]) -> dict[Path, int]:
    """Return the files of rejected rows that name a person, each with how many of its rows do."""
    counts = {path: _split(path, known)[1] for path in _files(app)}
    return {path: count for path, count in counts.items() if count}


def take_out_rejected(app: App, known: Sequence[str]) -> int:
    """Write these files anew without the rows that name the person; returns how many rows went."""
    with app.read("privacy") as ctx:
        runs = {
            Path(row.rejects_file).name: row.id
            for row in ctx.connection.execute(
                sa.select(run_table).where(run_table.c.rejects_file.is_not(None))
            )
        }
    gone = 0
    for path in rejected_rows(app, known):
        content, count = _split(path, known)
        write_atomically(path, content)
        gone += count
        if path.name in runs:
            # An import that goes on writes behind these bytes; who is killed in between does all this again.
            note(app, runs[path.name], rejects_bytes=len(content))
    return gone


def _files(app: App) -> list[Path]:
    folder = folder_of(app)
    return (
        sorted(p for p in folder.glob("*") if p.is_file() and p.suffix != ".lock") if folder.is_dir() else []
    )


def _split(path: Path, known: Sequence[str]) -> tuple[bytes, int]:
    """Return a file without the rows that hold one of these values, and how many there were."""
    rows, delimiter, marked = _rows_of(path)
    kept = [row for row in rows if not rules.names_one("\n".join(row), known)]
    out = StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(kept)
    content = (BOM if marked else "") + out.getvalue()
    return content.encode("utf-8", errors="surrogateescape"), len(rows) - len(kept)


def _rows_of(path: Path) -> tuple[list[list[str]], str, bool]:
    """Return the rows of such a file, what parts their cells, and whether it begins with a mark of its encoding."""
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    first = text.partition("\n")[0]
    delimiter = first[first.rfind(REASONS[1]) - 1 : first.rfind(REASONS[1])] if REASONS[1] in first else ","
    delimiter = delimiter or ","
    rows = list(csv.reader(StringIO(text.removeprefix(BOM), newline=""), delimiter=delimiter))
    return rows, delimiter, text.startswith(BOM)


def documents_of(connection: sa.Connection, persons: Sequence[Person], kept: Sequence[str]) -> list[Any]:
    """Return the documents of these customers whose files go: those in drawers that are not kept."""
    found: list[Any] = []
    for part in batches(person.id for person in persons if person.entity == "customer"):
        query = sa.select(_documents).where(
            _documents.c.customer_id.in_(part), _documents.c.drawer.not_in(kept), _documents.c.sha256 != ""
        )
        found += connection.execute(query.order_by(_documents.c.id)).all()
    return found


def remove_documents(app: App, persons: Sequence[Person], kept: Sequence[str]) -> int:
    """Delete the files of documents, but those that are another document's too; returns how many are gone.

    What killed processes left in the store goes, too: it may be about these persons.
    """
    with store_alone(app.config.folder):
        with app.read("privacy") as ctx:
            documents = documents_of(ctx.connection, persons, kept)
            ids, digests = {row.id for row in documents}, {row.sha256 for row in documents}
            for part in batches(digests):
                query = sa.select(_documents.c.id, _documents.c.sha256).where(_documents.c.sha256.in_(part))
                digests -= {row.sha256 for row in ctx.connection.execute(query) if row.id not in ids}
        for digest in sorted(digests):
            path = stored_at(app.config.folder, digest)
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                sync_folder(path.parent)
    remove_unnamed(app)
    return len(digests)
