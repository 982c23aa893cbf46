"""Keeping what is worked out in step with what was written: totals, what is open, what counts, orders' progress.

Each function takes the ids concerned, reads in batches, and writes through the gate only what has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.api import Tx

_SIZES = ("quantity_micro", "net_minor", "tax_minor", "cost_minor")


def settled(document: Mapping[str, Any]) -> int:
    """Return how much of a document allocations, or of an order deliveries, have settled."""
    if (
        document["cash"]
        or document["kind"] == "delivery"
        or not rules.in_force(document["kind"], document["state"])
    ):
        return 0
    amount: int = document["gross_minor"] - document["open_minor"]
    return amount


def opened(document: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """Return what is open of a document after changes to its columns; what settled it stays."""
    after = {**document, **changes}
    return rules.open_amount(
        after["kind"], after["state"], after["gross_minor"], settled(document), cash=after["cash"]
    )


def recount_totals(tx: Tx, document_ids: Collection[int]) -> None:
    """Make documents' totals, and what is open of them, those of their lines."""
    sums = queries.sums_of_lines(tx.connection, document_ids)
    edits = []
    for number, row in queries.documents_by_id(tx.connection, document_ids).items():
        net, tax = sums.get(number, (0, 0))
        changes = {"net_minor": net, "tax_minor": tax, "gross_minor": net + tax}
        edits.append((number, {**changes, "open_minor": opened(row, changes)}))
    tx.update(LedgerDocument, sorted(edits, key=lambda edit: edit[0]))


def recount_lines(tx: Tx, line_ids: Iterable[int]) -> None:
    """Work out again in which bases lines count, and all that was made from them."""
    ids = set(line_ids)
    ids |= queries.results_of(tx.connection, ids)
    rows = queries.lines_by_id(tx.connection, ids)
    documents = queries.documents_by_id(tx.connection, {row["document_id"] for row in rows.values()})
    before = queries.kinds_before(tx.connection, ids)
    edits = []
    for number in sorted(rows):
        row = rows[number]
        counts = rules.counts_in(row["kind"], documents[row["document_id"]]["state"], before.get(number, ()))
        if counts != row["counts"]:
            edits.append((number, {"counts": counts}))
    tx.update(LedgerLine, edits)


def orders_behind(connection: sa.Connection, line_ids: Iterable[int]) -> set[int]:
    """Return the ids of the orders that lines were made from, directly or through deliveries."""
    orders: set[int] = set()
    seen: set[int] = set()
    asked = set(line_ids)
    while asked:
        seen |= asked
        found = [row for links in queries.links_to(connection, asked).values() for row in links]
        orders |= {row["document_id"] for row in found if row["kind"] == "order"}
        asked = {row["other"] for row in found} - seen
    return orders


def orders_of(connection: sa.Connection, line_ids: Iterable[int]) -> set[int]:
    """Return the ids of the orders that lines are of, or come from."""
    lines = queries.lines_by_id(connection, line_ids)
    return orders_behind(connection, lines) | {
        row["document_id"] for row in lines.values() if row["kind"] == "order"
    }


def refresh_orders(tx: Tx, order_ids: Collection[int], *, back: bool = False) -> None:
    """Bring orders up to what was delivered and invoiced of them: their state, and what is open.

    `back`: something was taken back, so an order may fall behind the state that it had reached.
    """
    if not order_ids:
        return
    # Locked first: who else delivers from the same order waits here, and then sees what was delivered.
    orders = queries.documents_by_id(tx.connection, order_ids, lock=True)
    lines = queries.lines_of(tx.connection, order_ids)
    done = _done(tx.connection, [row["id"] for row in queries.in_order(lines)])
    edits = []
    for number, order in sorted(orders.items()):
        if not rules.in_force("order", order["state"]):
            continue
        shares = [(row, *done.get(row["id"], _NOTHING).shares(row)) for row in lines.get(number, ())]
        state = rules.reached(
            min((delivered for _row, delivered, _invoiced in shares), default=Fraction(0)),
            min((invoiced for _row, _delivered, invoiced in shares), default=Fraction(0)),
        )
        if not back:
            state = rules.later_state(order["state"], state)
        fulfilled = sum(
            rules.fulfilled_amount(row["net_minor"] + row["tax_minor"], delivered)
            for row, delivered, _i in shares
        )
        left = rules.open_amount("order", state, order["gross_minor"], fulfilled)
        edits.append((number, {"state": state, "open_minor": left}))
    tx.update(LedgerDocument, edits)


def cut_to_delivered(tx: Tx, order_id: int) -> None:
    """Make the lines of an order what is delivered of them: quantities, amounts and cost, and the order's own with them."""
    lines = queries.lines_of(tx.connection, [order_id]).get(order_id, [])
    done = _done(tx.connection, [row["id"] for row in lines])
    edits = []
    for row in lines:
        share, _invoiced = done.get(row["id"], _NOTHING).shares(row)
        sizes = {name: row[name] for name in _SIZES if row[name] is not None}
        edits.append((row["id"], {name: rules.fulfilled_amount(n, share) for name, n in sizes.items()}))
    tx.update(LedgerLine, edits)
    recount_totals(tx, [order_id])
    refresh_orders(tx, [order_id])


@dataclass(slots=True)
class _Done:
    """What came of one order line: millionths and net amounts delivered and invoiced."""

    delivered: int = 0
    delivered_net: int = 0
    invoiced: int = 0
    invoiced_net: int = 0

    def add(self, row: Mapping[str, Any], *, delivered: bool, invoiced: bool) -> None:
        """Add what a link took over."""
        quantity, net = row["quantity_micro"] or 0, row["net_minor"]
        if delivered:
            self.delivered += quantity
            self.delivered_net += net
        if invoiced:
            self.invoiced += quantity
            self.invoiced_net += net

    def shares(self, ordered: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
        """Return the shares of the order line that are delivered and invoiced."""
        quantity, net = ordered["quantity_micro"], ordered["net_minor"]
        return (
            rules.fulfilled_share(quantity, self.delivered, net, self.delivered_net),
            rules.fulfilled_share(quantity, self.invoiced, net, self.invoiced_net),
        )


_NOTHING = _Done()


def _done(connection: sa.Connection, order_lines: Collection[int]) -> dict[int, _Done]:
    """Follow what was made from order lines; an invoice without a delivery before it delivers too."""
    done: dict[int, _Done] = {}
    # Line asked for → the order line it comes from, and whether a delivery in force lies between.
    asked = {number: (number, False) for number in order_lines}
    while asked:
        following: dict[int, tuple[int, bool]] = {}
        for near, links in queries.links_from(connection, asked).items():
            origin, was_delivered = asked[near]
            for row in links:
                counts = rules.in_force(row["kind"], row["state"])
                delivers = counts and row["kind"] == "delivery"
                if row["kind"] in ("delivery", "invoice"):
                    following[row["other"]] = (origin, was_delivered or delivers)
                if counts and row["kind"] in ("delivery", "invoice"):
                    done.setdefault(origin, _Done()).add(
                        row, delivered=not was_delivered, invoiced=row["kind"] == "invoice"
                    )
        asked = following
    return done


def is_begun(connection: sa.Connection, order_lines: Collection[int]) -> bool:
    """Tell whether anything of an order, given by its lines, is delivered or invoiced."""
    return bool(_done(connection, order_lines))
