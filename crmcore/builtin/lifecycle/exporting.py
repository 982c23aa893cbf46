"""Write a plugin's data into a folder: JSON Lines per table, and last a file that says what they are.

The folder holds personal values in clear: it and its files are readable by their owner alone, and the reading is logged.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore import __version__
from crmcore.app import authenticated_as
from crmcore.builtin.lifecycle.known import revision_of
from crmcore.builtin.lifecycle.rows import kinds_of, lines_of
from crmcore.builtin.lifecycle.sequences import last_id
from crmcore.db.base import canonical, text_of_time
from crmcore.db.system import observer_cursor, read_log
from crmcore.errors import CrmError
from crmcore.files import sync_folder
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from crmcore.builtin.lifecycle.known import Known
    from crmcore.tx import Tx

FILE = "export.json"
"""Says what the other files are; written last, so that half an export has none."""
REFERENCES = "references.jsonl"
FORMAT = 1


class Target:
    """The folder that an export goes to."""

    def __init__(self, folder: Path) -> None:
        """Refuse a folder that holds anything."""
        self.folder = folder
        self._written: list[Path] = []
        self._made = not folder.exists()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CrmError(
                _("{folder} is not empty; choose a new folder for the export").format(folder=folder)
            )

    def make(self) -> None:
        """Make the folder, for its owner alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def write(self, name: str, lines: Iterable[bytes]) -> dict[str, Any]:
        """Write a file through to the disk; returns its name, lines and SHA-256."""
        path = self.folder / name
        self._written.append(path)
        rows, digest = 0, sha256()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for line in lines:
                file.write(line)
                digest.update(line)
                rows += 1
            file.flush()
            os.fsync(file.fileno())
        return {"file": name, "rows": rows, "sha256": digest.hexdigest()}

    def clear(self) -> None:
        """Take away what was written, where nothing was dropped in the end."""
        for path in self._written:
            path.unlink(missing_ok=True)
        if self._made:
            self.folder.rmdir()


def export(
    tx: Tx,
    known: Known,
    tables: Sequence[str],
    target: Target,
    roles: Mapping[str, list[str]],
    card_values: Iterable[bytes],
) -> None:
    """Write the plugin's tables, settings and place in the change log, as this transaction sees them."""
    connection = tx.connection
    described = []
    for name in tables:
        kinds = kinds_of(connection, name)
        with _told(name):
            done = target.write(f"{name}.jsonl", lines_of(connection, name, kinds))
        described.append(
            {"name": name, **done, "columns": kinds, "last_id": last_id(connection, name, kinds)}
        )
    cursor = connection.execute(
        sa.select(observer_cursor).where(observer_cursor.c.plugin == known.name)
    ).first()
    content = {
        "format": FORMAT,
        "plugin": known.name,
        "distribution": known.row.distribution if known.row else "",
        "version": known.row.version if known.row else "",
        "crmcore": __version__,
        "revision": revision_of(connection, known),
        "made_at": text_of_time(tx.now),
        "actor": tx.actor,
        "tables": described,
        "references": target.write(REFERENCES, _reference_lines(connection, known, tables)),
        "card_values": target.write("card_values.jsonl", card_values),
        "settings": known.settings,
        "roles": roles,
        "cursor": {"xid": cursor.xid, "seq": cursor.seq} if cursor else None,
    }
    target.write(FILE, [canonical(content).encode() + b"\n"])
    sync_folder(target.folder)
    sync_folder(target.folder.resolve().parent)
    _log(tx, known, sum(int(table["rows"]) for table in described), target)


def _log(tx: Tx, known: Known, count: int, target: Target) -> None:
    """Record the reading in the same transaction: no other can be open beside it."""
    values = {"at": tx.now, "actor": tx.actor, "authenticated_as": authenticated_as(), "what": "export"}
    values |= {"entity": f"plugin:{known.name}"[:64], "count": count, "filter": str(target.folder)}
    tx.connection.execute(sa.insert(read_log), values)


@contextmanager
def _told(table: str) -> Iterator[None]:
    """Say in one sentence of which table a value cannot be written."""
    try:
        yield
    except (TypeError, ValueError) as error:
        message = _(
            "table {table} holds a value that cannot be exported ({error}); nothing was changed; use --keep, or --drop to lose it"
        )
        raise CrmError(message.format(table=table, error=error)) from error


def _reference_lines(connection: sa.Connection, known: Known, tables: Sequence[str]) -> Iterator[bytes]:
    for core, key, uid in references(connection, known, tables):
        yield canonical({"table": core, "id": key, "uid": uid}).encode() + b"\n"


def references(
    connection: sa.Connection, known: Known, tables: Sequence[str]
) -> Iterator[tuple[str, int, str]]:
    """Give the rows of the core that the plugin's tables point to, with their uid: ids alone could be others' elsewhere."""
    places: dict[str, list[tuple[str, str]]] = {}
    for name in tables:
        for column, core in references_of(connection, known, name).items():
            places.setdefault(core, []).append((name, column))
    for core in sorted(places):
        named: Iterator[sa.Select[Any]] = (
            sa.select(sa.column(column)).select_from(sa.table(name)) for name, column in places[core]
        )
        c = sa.table(core, sa.column("id"), sa.column("uid")).c
        query = sa.select(c.id, c.uid).where(c.id.in_(sa.union(*named))).order_by(c.id)
        for row in connection.execute(query.execution_options(yield_per=1000)):
            yield core, row.id, row.uid


REFERRED = ("actor", "contact", "customer", "document", "interaction")
"""Tables of the core whose rows have a uid and may be pointed to."""


def references_of(connection: sa.Connection, known: Known, name: str) -> dict[str, str]:
    """Return column → table of the core that it points to, by foreign key or by what the plugin says of it."""
    found = {"customer_id": "customer", "contact_id": "contact"}
    specs = [s for s in known.specs.get("models", ()) if s.table.__tablename__ == name]
    for spec in specs:
        found |= dict.fromkeys(spec.customer_references, "customer")
    inspector = sa.inspect(connection)
    for key in inspector.get_foreign_keys(name):
        if key["referred_table"] in REFERRED:
            found[key["constrained_columns"][0]] = key["referred_table"]
    columns = {column["name"] for column in inspector.get_columns(name)}
    return {column: core for column, core in found.items() if column in columns}
