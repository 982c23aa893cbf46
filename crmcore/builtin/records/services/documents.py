"""Documents about customers in five drawers; each file lies once in the store, under its hash (资料)."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.privacy.restricted import hidden, require_about_shown
from crmcore.builtin.records.services.values import By, at_version, cleaned, contains, require_one_of
from crmcore.builtin.records.words import DRAWERS
from crmcore.db.engine import sqlite_path
from crmcore.entities.lookup import customer_codes, find_customer, find_row, table_of
from crmcore.entities.tables import Document
from crmcore.errors import CrmError, Guarded, Refused
from crmcore.files import alone_in, sync_folder
from crmcore.i18n import _
from crmcore.text import one_line

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_BLOCK = 1 << 20
_table = table_of(Document)


@again
def add(app: App, by: By, customer: str, file: Path, values: Mapping[str, Any], limit: int) -> str:
    """Store a file of at most `limit` bytes and put it in a customer's drawer; returns the document's code.

    values: drawer, title, confidential. Symbolic links are refused, and the files of the company's own database.
    """
    _refuse_own(app, file)
    name = one_line(file.name.replace("/", "_").replace("\\", "_"))[-200:] or "file"
    row = cleaned(
        Document, {"drawer": None, **values, "title": values.get("title") or name, "file_name": name}
    )
    require_one_of("drawer", row["drawer"], DRAWERS)
    with app.read("records", by.actor) as ctx:
        find_customer(ctx.connection, customer)
    with store_alone(app.config.folder) as folder:
        digest, size = _store(folder, file, limit)
        try:
            with app.write(*by) as tx:
                row |= {"customer_id": find_customer(tx.connection, customer), "sha256": digest, "size": size}
                row["code"] = tx.new_codes("document", 1)[0]
                tx.insert(Document, [row])
        except BaseException:
            with suppress(sa.exc.SQLAlchemyError):  # that the database is gone is said by what failed before
                _forget(app, digest)
            raise
    return str(row["code"])


def edit(
    app: App, by: By, code: str, values: Mapping[str, Any], *, expect_version: int | None = None
) -> None:
    """Change a document's drawer, title or confidential mark. StaleVersion if it is not at that version."""
    row = cleaned(Document, values)
    require_one_of("drawer", row.get("drawer"), DRAWERS)
    with app.write(*by) as tx:
        number = int(find_row(tx.connection, Document, code)["id"])
        tx.update(Document, [(number, row)], expect_version=at_version(number, expect_version))


@again
def set_archived(app: App, by: By, code: str, *, archived: bool, expect_version: int | None = None) -> None:
    """Archive a document, or take it back; its file stays. StaleVersion if it is not at that version.

    Refused while its paper is asked for or lent.
    """
    from crmcore.builtin.documents.loans import require_in

    with app.write(*by) as tx:
        if archived:
            require_in(tx, code)
        number = int(find_row(tx.connection, Document, code)["id"])
        put = tx.archive if archived else tx.restore
        put(Document, [number], expect_version=at_version(number, expect_version))


def extract(app: App, by: By, code: str, target: Path, *, force: bool = False) -> Path:
    """Copy a document's file out of the store and return where to; Guarded if that exists, unless forced."""
    with app.read("records", by.actor) as ctx:
        row = find_row(ctx.connection, Document, code)
        require_about_shown(app, ctx, row)
    if not row["sha256"]:
        raise CrmError(_("the file of document {code!r} was erased with its person").format(code=code))
    if target.is_dir():
        target /= Path(row["file_name"].replace("\\", "/")).name or row["code"]
    if os.path.lexists(target) and not force:
        raise Guarded(_("{file} exists already; overwrite it with --force").format(file=target))
    app.log_read(by.actor, "extract", "document", 1, f"code={code}")
    stored = stored_at(app.config.folder, row["sha256"])
    with _open(stored) as source, _replacing(target.parent, target) as new:
        if _pump(source, new.copy, row["size"], stored)[0] != row["sha256"]:
            raise CrmError(_("the stored file {file} is damaged; take it from a backup").format(file=stored))
    return target


def stored_at(workspace: Path, digest: str) -> Path:
    """Return where the store keeps the file with a sha256."""
    return workspace / "files" / digest[:2] / digest[2:]


@contextmanager
def store_alone(workspace: Path) -> Iterator[Path]:
    """Give the folder of the store to one process at a time: nobody removes a file whose document is being added."""
    folder = workspace / "files"
    folder.mkdir(mode=0o700, exist_ok=True)
    with alone_in(folder):
        yield folder


def _forget(app: App, digest: str) -> None:
    """Delete a file that was to be a document's, unless it is one's."""
    with app.read("records") as ctx:
        query = sa.select(sa.exists().where(_table.c.sha256 == digest))
        if not ctx.connection.scalar(query):
            stored_at(app.config.folder, digest).unlink(missing_ok=True)


def _refuse_own(app: App, file: Path) -> None:
    """Raise Refused for a file of the company's database, which is full of others' data and never stands still.

    Before it is opened: a process that opens a SQLite file and closes it again lets go of its own locks on it.
    """
    path = sqlite_path(app.config)
    own = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")] if path else []
    if file.exists() and any(one.exists() and one.samefile(file) for one in own):
        message = _(
            "{file} is of the company's own database; name the document's file, or use: crm db backup"
        )
        raise Refused(message.format(file=file))


def _store(folder: Path, file: Path, limit: int) -> tuple[str, int]:
    with _open(file) as source, _replacing(folder) as new:
        digest, size = _pump(source, new.copy, limit, file)
        new.target = stored_at(folder.parent, digest)
        new.target.parent.mkdir(mode=0o700, exist_ok=True)
    return digest, size


class _New:
    """A file being written beside its target, which it replaces once it is whole."""

    def __init__(self, copy: BinaryIO, target: Path | None) -> None:
        self.copy = copy
        self.target = target


@contextmanager
def _replacing(folder: Path, target: Path | None = None) -> Iterator[_New]:
    descriptor, made = tempfile.mkstemp(dir=folder, prefix=".new.")
    try:
        with os.fdopen(descriptor, "wb") as copy:
            new = _New(copy, target)
            yield new
            copy.flush()
            os.fsync(descriptor)
        Path(made).replace(str(new.target))
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
    sync_folder(Path(str(new.target)).parent)


def _open(file: Path) -> BinaryIO:
    """Open a regular file for reading, never through a symbolic link, never waiting for a pipe."""
    if file.is_symlink():
        raise CrmError(_("{file} is a symbolic link; name the file itself").format(file=file))
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    descriptor = os.open(file, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CrmError(_("{file} is no file").format(file=file))
    return os.fdopen(descriptor, "rb")


def _pump(source: BinaryIO, copy: BinaryIO, limit: int, file: Path) -> tuple[str, int]:
    """Copy to the disk, counting and hashing on the way."""
    digest, size = sha256(), 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > limit:
            message = _(
                "{file} is larger than {limit} bytes; the limit is document_limit_mb in [plugins.records]"
            )
            raise CrmError(message.format(file=file, limit=f"{limit:,}"))
        digest.update(block)
        copy.write(block)
    return digest.hexdigest(), size


# -- reading -----------------------------------------------------------------------------------------------------


def select(  # noqa: PLR0913  (the options of the list)
    connection: sa.Connection,
    customer: str | None = None,
    drawer: str | None = None,
    after: str | None = None,
    text: str | None = None,
    *,
    confidential: bool | None = None,
    archived: bool = False,
) -> sa.Select[Any]:
    """Build the list of documents by code, `after` one; text: what stands in title or name of the file.

    confidential: only those that are marked so, or only those that are not. archived: those in the archive instead.
    """
    whose = hidden(connection, (_table.c.customer_id, "customer"))
    place = _table.c.archived_at.is_not(None) if archived else _table.c.archived_at.is_(None)
    query = sa.select(_table).where(place, *whose).order_by(_table.c.code)
    if confidential is not None:
        query = query.where(_table.c.confidential.is_(confidential))
    if customer is not None:
        query = query.where(_table.c.customer_id == find_customer(connection, customer))
    if drawer is not None:
        query = query.where(_table.c.drawer == drawer)
    if text is not None:
        query = query.where(contains(text, _table.c.title, _table.c.file_name))
    return (
        query if after is None else query.where(_table.c.code > find_row(connection, Document, after)["code"])
    )


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of documents, each with its loan that is going on, or null."""
    from crmcore.builtin.documents.loan_reading import open_loans

    loans = open_loans(ctx, [row["id"] for row in rows])
    firms = customer_codes(ctx.connection, [row["customer_id"] for row in rows])
    names = ("drawer", "title", "file_name", "sha256", "size", "confidential")
    return [
        {
            "code": row["code"],
            "uid": row["uid"],
            "customer": firms[row["customer_id"]],
            **{name: row[name] for name in names},
            "archived": row["archived_at"] is not None,
            "version": row["version"],
            "loan": _in_short(loans.get(row["id"])),
        }
        for row in rows
    ]


def _in_short(loan: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if loan is None else {name: loan[name] for name in ("number", "state", "borrower", "due_on")}
