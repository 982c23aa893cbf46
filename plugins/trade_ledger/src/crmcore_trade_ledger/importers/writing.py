"""Writing the plans of a chunk through the gate, and keeping in step what is worked out from documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore.api import Loaded, Refusal
from crmcore_trade_ledger import books, queries, rules
from crmcore_trade_ledger.importers.entries import Entry, Refusals
from crmcore_trade_ledger.importers.plans import Plan
from crmcore_trade_ledger.importers.sources import keep_links
from crmcore_trade_ledger.ordering.steps import end_holds, holds_of
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.rules_orders import Ended
from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine

if TYPE_CHECKING:
    from crmcore.api import Tx

_REPEATED = ("customer_id", "occurred_on", "currency")
"""Columns of a document that its lines repeat."""


class Writer:
    """Writes one chunk of one kind of document."""

    def __init__(self, kind: str, tx: Tx, refusals: Refusals, loaded: Loaded) -> None:
        """`refusals` and `loaded` take in what becomes of the rows."""
        self._kind, self._tx = kind, tx
        self._refusals, self._loaded = refusals, loaded

    def write(self, plans: Sequence[Plan]) -> None:
        """Write documents, lines and links; a plan whose document a decision plugin refuses keeps or gets id 0."""
        self._insert_documents([plan for plan in plans if plan.present is None])
        self._update_documents([plan for plan in plans if plan.present is not None and plan.heading])
        kept = [plan for plan in plans if plan.id]
        written = self._insert_lines(kept)
        written += self._update_lines(kept)
        relinked = self._follow(kept, written)
        for plan in kept:
            for _entry, line in plan.same:
                moved = plan.restated or line in relinked
                self._loaded.updated += moved
                self._loaded.unchanged += not moved

    # -- documents -------------------------------------------------------------------------------------------

    def _insert_documents(self, plans: Sequence[Plan]) -> None:
        rows = []
        for plan in plans:
            gross = plan.net + plan.tax
            left = rules.open_amount(self._kind, plan.heading["state"], gross, 0, cash=plan.heading["cash"])
            totals = {"net_minor": plan.net, "tax_minor": plan.tax, "gross_minor": gross, "open_minor": left}
            rows.append(plan.heading | totals)
        why: dict[int, Refusal] = {}
        for plan, number in zip(
            plans, self._tx.insert(LedgerDocument, rows, refused=why.__setitem__), strict=True
        ):
            plan.id = number
        for position, refusal in why.items():
            self._refuse(plans[position], refusal)

    def _update_documents(self, plans: Sequence[Plan]) -> None:
        why: dict[int, Refusal] = {}
        # What is open was worked out from the version read: if somebody settled it since, the chunk must start again.
        versions = {plan.id: plan.present["version"] for plan in plans if plan.present is not None}
        edits = [(plan.id, plan.heading) for plan in plans]
        self._tx.update(LedgerDocument, edits, expect_version=versions, refused=why.__setitem__)
        for position, refusal in why.items():
            self._refuse(plans[position], refusal)
        moved = {p.id: p.heading for p in plans if p.id and not p.heading.keys().isdisjoint(_REPEATED)}
        repeated = [
            (row["id"], {name: moved[number][name] for name in _REPEATED if name in moved[number]})
            for number, rows in queries.lines_of(self._tx.connection, moved).items()
            for row in rows
        ]
        self._tx.update(LedgerLine, repeated)
        if self._kind == "order":
            self._let_go([plan for plan in plans if plan.id])

    def _let_go(self, plans: Sequence[Plan]) -> None:
        """End what held drafts that the file has released or cancelled."""
        states = {
            plan.id: plan.heading.get("state", "draft")
            for plan in plans
            if plan.present is not None and plan.present["state"] == "draft"
        }
        moved = {number: state for number, state in states.items() if state != "draft"}
        for number in holds_of(self._tx.connection, moved, only_open=True):
            how = Ended.CANCELLED if moved[number] == "cancelled" else Ended.GONE
            end_holds(self._tx, number, how)

    def _refuse(self, plan: Plan, refusal: Refusal) -> None:
        plan.id = 0
        for entry, _line in plan.lines():
            self._refusals.add(entry.row, refusal.field or "document", refusal.message)

    # -- lines -----------------------------------------------------------------------------------------------

    def _insert_lines(self, plans: Sequence[Plan]) -> list[tuple[Entry, int]]:
        before = self._kinds_before(plans)
        entries, owners, rows = [], [], []
        for plan in plans:
            heading = plan.heading if plan.present is None else {**plan.present, **plan.heading}
            counts = rules.counts_in(self._kind, heading["state"])
            for entry in sorted(plan.new, key=_line_of) if len(plan.new) > 1 else plan.new:
                entries.append(entry)
                owners.append(plan.id)
                source = entry.source_line
                rows.append(
                    {
                        "document_id": plan.id,
                        "line": entry.line,
                        "kind": self._kind,
                        "customer_id": heading["customer_id"],
                        "occurred_on": heading["occurred_on"],
                        "currency": heading["currency"],
                        "product_id": entry.product_id,
                        "quantity_micro": entry.quantity,
                        "unit": entry.row.values.get("unit"),
                        "net_minor": entry.net,
                        "tax_minor": entry.tax,
                        "cost_minor": entry.cost,
                        "counts": counts
                        if source is None
                        else rules.counts_in(self._kind, heading["state"], before[source]),
                    }
                )
        why: dict[int, Refusal] = {}
        ids = self._tx.insert(LedgerLine, rows, refused=why.__setitem__)
        self._loaded.created += len(ids) - len(why)
        for position, refusal in why.items():
            self._refusals.add(entries[position].row, refusal.field or "line", refusal.message)
        books.recount_totals(self._tx, {owners[position] for position in why})
        return [(entry, number) for entry, number in zip(entries, ids, strict=True) if number]

    def _kinds_before(self, plans: Sequence[Plan]) -> dict[int, set[str]]:
        """Return line id → kinds in force, its own and those behind it, for each line that new ones are made from."""
        ids = {entry.source_line for plan in plans for entry in plan.new if entry.source_line is not None}
        if not ids:
            return {}
        lines = queries.lines_by_id(self._tx.connection, ids)
        documents = queries.documents_by_id(
            self._tx.connection, {row["document_id"] for row in lines.values()}
        )
        behind = queries.kinds_before(self._tx.connection, ids)
        kinds = {}
        for number, row in lines.items():
            in_force = rules.in_force(row["kind"], documents[row["document_id"]]["state"])
            kinds[number] = behind.get(number, set()) | ({row["kind"]} if in_force else set())
        return kinds

    def _update_lines(self, plans: Sequence[Plan]) -> list[tuple[Entry, int]]:
        changed = [(plan.id, *change) for plan in plans for change in plan.changed]
        why: dict[int, Refusal] = {}
        edits = [(line, columns) for _id, _entry, line, columns in changed]
        self._loaded.updated += self._tx.update(LedgerLine, edits, refused=why.__setitem__)
        for position, refusal in why.items():
            self._refusals.add(changed[position][1].row, refusal.field or "line", refusal.message)
        books.recount_totals(self._tx, {changed[position][0] for position in why})
        return [(entry, line) for i, (_id, entry, line, _columns) in enumerate(changed) if i not in why]

    # -- what follows ----------------------------------------------------------------------------------------

    def _follow(self, plans: Sequence[Plan], written: Sequence[tuple[Entry, int]]) -> set[int]:
        """Bring links, what counts, and orders' progress up to date; returns the ids of lines linked anew."""
        linked = [pair for plan in plans for pair in plan.same if pair[0].source_line is not None]
        linked += [pair for pair in written if pair[0].source_line is not None]
        touched = {line for _entry, line in linked}
        restated = [plan.id for plan in plans if plan.present is not None and "state" in plan.heading]
        touched |= self._lines_of(restated)
        connection = self._tx.connection
        orders = self._orders_edited(plans) | books.orders_behind(connection, touched)
        added, altered, lost = keep_links(self._tx, linked)
        if restated or altered or added.difference(line for _entry, line in written):
            books.recount_lines(self._tx, touched)
        orders |= books.orders_behind(connection, added)
        fallen = [plan.id for plan in plans if plan.present is not None and _falls(plan, plan.present)]
        back = books.orders_behind(connection, self._lines_of(fallen) | altered) | books.orders_of(
            connection, lost
        )
        books.refresh_orders(self._tx, orders - back)
        books.refresh_orders(self._tx, back, back=True)
        return (added | altered).intersection(line for plan in plans for _entry, line in plan.same)

    def _lines_of(self, document_ids: Sequence[int]) -> set[int]:
        return {row["id"] for row in queries.in_order(queries.lines_of(self._tx.connection, document_ids))}

    def _orders_edited(self, plans: Sequence[Plan]) -> set[int]:
        if self._kind != "order":
            return set()
        return {
            plan.id
            for plan in plans
            if plan.present is not None and (plan.heading or plan.changed or plan.new)
        }


def _line_of(entry: Entry) -> int:
    return entry.line or 0


def _falls(plan: Plan, present: Record) -> bool:
    """Tell whether a document that was in force no longer is."""
    kind: str = present["kind"]
    state: str = present["state"]
    return rules.in_force(kind, state) and not rules.in_force(kind, plan.heading.get("state") or state)
