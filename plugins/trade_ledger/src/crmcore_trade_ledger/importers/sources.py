"""Finding the lines that a row was made from, and keeping the links between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.api import translator
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.tables import LedgerLink

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.api import Tx
    from crmcore_trade_ledger.importers.entries import Entry, Source

_ = translator("crmcore_trade_ledger")


def find_sources(connection: sa.Connection, entries: Sequence[tuple[Entry, int]]) -> list[str]:
    """Give entries the id of the line that they were made from; returns a warning where there is none.

    Each entry comes with the id of the line that it is already, 0 for a new one. What a line was made from once
    stays, unless the row names another document.
    """
    wanted = [(entry, line, entry.source) for entry, line in entries if entry.source]
    if not wanted:
        return []
    lines = _lines_named(connection, [source for _entry, _line, source in wanted])
    present = queries.links_to(connection, [line for _entry, line, _source in wanted if line])
    taken: set[tuple[str, int]] = set()
    lost: list[str] = []
    for entry, line, source in wanted:
        candidates = lines.get((source.kind, source.number), [])
        before = {row["from_line_id"] for row in present.get(line, ())}
        chosen = _choose(entry, source, candidates, before, taken)
        if chosen is None:
            lost.append(source.number)
        else:
            entry.source_line = chosen
            taken.add((entry.number, chosen))
    if not lost:
        return []
    sentence = _(
        "rows that name an order, delivery or invoice that the ledger does not hold, such as {number}: {count}"
    )
    return [sentence.format(count=len(lost), number=lost[0])]


def _lines_named(connection: sa.Connection, sources: Sequence[Source]) -> dict[tuple[str, str], list[Record]]:
    """Return (kind, number) → lines of the documents named."""
    numbers: dict[str, set[str]] = {}
    for source in sources:
        numbers.setdefault(source.kind, set()).add(source.number)
    found: dict[tuple[str, str], list[Record]] = {}
    for kind, named in numbers.items():
        documents = queries.documents_by_number(connection, kind, named)
        lines = queries.lines_of(connection, [row["id"] for row in documents.values()])
        found.update({(kind, number): lines.get(row["id"], []) for number, row in documents.items()})
    return found


def _choose(
    entry: Entry,
    source: Source,
    candidates: Sequence[Record],
    before: set[int],
    taken: set[tuple[str, int]],
) -> int | None:
    """Choose a line of the document named: as numbered; else as before; else of the same product, a free one first."""
    if source.line is not None:
        return next((row["id"] for row in candidates if row["line"] == source.line), None)
    ids: list[int] = [row["id"] for row in candidates if row["product_id"] == entry.product_id]
    if not ids and len(candidates) == 1:
        ids = [candidates[0]["id"]]
    for number in ids:
        if number in before:
            return number
    return next((i for i in ids if (entry.number, i) not in taken), ids[0] if ids else None)


class Relinked(NamedTuple):
    """Ids of lines whose links were made or altered."""

    added: set[int]
    altered: set[int]
    lost: set[int]
    """Lines that something is no longer made from."""


def keep_links(tx: Tx, entries: Sequence[tuple[Entry, int]]) -> Relinked:
    """Link lines, given with their ids, to what they were made from."""
    linked = sorted(
        ((e, number) for e, number in entries if e.source_line is not None), key=lambda pair: pair[1]
    )
    present = queries.links_to(tx.connection, [number for _entry, number in linked])
    fresh: list[dict[str, Any]] = []
    edits: list[tuple[int, dict[str, Any]]] = []
    gone: list[Record] = []
    altered: set[int] = set()
    for entry, number in linked:
        wanted = {
            "from_line_id": entry.source_line,
            "to_line_id": number,
            "quantity_micro": entry.quantity,
            "net_minor": entry.net,
        }
        old = present.get(number, [])
        same = [row for row in old if row["from_line_id"] == entry.source_line]
        other = [row for row in old if row["from_line_id"] != entry.source_line]
        gone += other
        if not same:
            fresh.append(wanted)
        elif any(same[0][name] != value for name, value in wanted.items()):
            edits.append((same[0]["id"], wanted))
            altered.add(number)
        if other:
            altered.add(number)
    tx.insert(LedgerLink, sorted(fresh, key=lambda row: (row["from_line_id"], row["to_line_id"])))
    tx.update(LedgerLink, edits)
    tx.delete(LedgerLink, [row["id"] for row in gone])
    added = {number for row in fresh if (number := row["to_line_id"]) not in altered}
    return Relinked(added, altered, {row["from_line_id"] for row in gone})
