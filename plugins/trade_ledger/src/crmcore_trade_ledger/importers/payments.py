"""Loading payments: documents without lines, whose gross amount is the money received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crmcore.api import LoadContext, Loaded, Row, translator
from crmcore_trade_ledger import books, queries, rules
from crmcore_trade_ledger.importers.entries import Entry, EntryReader, Refusals
from crmcore_trade_ledger.importers.headings import Headings
from crmcore_trade_ledger.importers.parties import find_customers
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.tables import LedgerDocument

if TYPE_CHECKING:
    from crmcore.api import Refusal, Tx

_ = translator("crmcore_trade_ledger")


def load_payments(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Create payments, or change what their rows say of them; a negative amount is money paid back."""
    loaded, refusals = Loaded(), Refusals()
    entries = EntryReader("payment", ctx).read(rows, refusals)
    entries, customers = find_customers(tx, ctx, entries, refusals)
    present = queries.documents_by_number(tx.connection, "payment", (entry.number for entry in entries))
    headings = Headings("payment", customers, f"import:{ctx.import_id}")
    clear = ctx.columns if ctx.clear_empty else frozenset()
    fresh: list[tuple[Entry, dict[str, Any]]] = []
    edits: list[tuple[Entry, Record, dict[str, Any]]] = []
    seen: set[str] = set()
    for entry in sorted(entries, key=lambda entry: (entry.number, entry.row.number)):
        known = present.get(entry.number)
        if entry.number in seen:
            refusals.add(
                entry.row,
                "document",
                _("payment {number} stands twice in the file").format(number=entry.number),
            )
        elif known is None:
            fresh.append((entry, _new(entry, headings)))
        else:
            edited = _edited(entry, known, headings, clear)
            if refusal := headings.obstacle(known, {**known, **edited}):
                refusals.add(entry.row, *refusal)
            else:
                edits.append((entry, known, edited))
        seen.add(entry.number)
    _write(tx, fresh, edits, loaded, refusals)
    return refusals.report(loaded)


def _new(entry: Entry, headings: Headings) -> dict[str, Any]:
    heading = headings.new(entry)
    left = rules.open_amount("payment", heading["state"], entry.net, 0)
    return {**heading, "net_minor": entry.net, "tax_minor": 0, "gross_minor": entry.net, "open_minor": left}


def _edited(entry: Entry, known: Record, headings: Headings, clear: frozenset[str]) -> dict[str, Any]:
    after = headings.edits(entry, known, clear=clear) | {"net_minor": entry.net, "gross_minor": entry.net}
    after["open_minor"] = books.opened(known, after)
    return {name: value for name, value in after.items() if known[name] != value}


def _write(
    tx: Tx,
    fresh: Sequence[tuple[Entry, dict[str, Any]]],
    edits: Sequence[tuple[Entry, Record, dict[str, Any]]],
    loaded: Loaded,
    refusals: Refusals,
) -> None:
    changed = [edit for edit in edits if edit[2]]

    def not_new(index: int, refusal: Refusal) -> None:
        refusals.add(fresh[index][0].row, refusal.field or "document", refusal.message)

    def not_changed(index: int, refusal: Refusal) -> None:
        refusals.add(changed[index][0].row, refusal.field or "document", refusal.message)

    loaded.created += sum(
        map(bool, tx.insert(LedgerDocument, [heading for _e, heading in fresh], refused=not_new))
    )
    # As of invoices: what is open was worked out from the version read.
    loaded.updated += tx.update(
        LedgerDocument,
        [(known["id"], after) for _entry, known, after in changed],
        expect_version={known["id"]: known["version"] for _entry, known, _after in changed},
        refused=not_changed,
    )
    loaded.unchanged += len(edits) - len(changed)
