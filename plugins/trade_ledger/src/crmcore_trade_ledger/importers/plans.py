"""What is to become of the documents of a chunk: which lines are new, which change, which stay, which are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmcore.api import translator
from crmcore_trade_ledger import books
from crmcore_trade_ledger.importers.entries import LARGEST, Entry, Refusals
from crmcore_trade_ledger.importers.headings import Headings
from crmcore_trade_ledger.queries import Record

_ = translator("crmcore_trade_ledger")


@dataclass(slots=True)
class Plan:
    """What is to become of one document."""

    number: str
    heading: dict[str, Any]
    """All columns of a new document, or those of a known one that change."""
    present: Record | None = None
    new: list[Entry] = field(default_factory=list)
    changed: list[tuple[Entry, int, dict[str, Any]]] = field(default_factory=list)
    """Entry, id of its line, columns that change."""
    same: list[tuple[Entry, int]] = field(default_factory=list)
    """Entry, id of its line."""
    restated: bool = False
    """The heading of a known document changes by what its row says."""
    net: int = 0
    tax: int = 0
    """By how much the document's totals grow."""
    id: int = 0
    """0 while it does not exist."""

    def lines(self) -> list[tuple[Entry, int]]:
        """Return each row taken so far with the id of its line, 0 for a new one."""
        return [*((e, 0) for e in self.new), *((e, i) for e, i, _edits in self.changed), *self.same]


class Planner:
    """Compares the rows of a chunk with the documents that are there."""

    def __init__(self, headings: Headings, refusals: Refusals, clear: frozenset[str]) -> None:
        """`clear`: fields of the file whose empty cells erase what is there."""
        self._headings = headings
        self._refusals = refusals
        self._clear = clear

    def plan(
        self,
        entries: Iterable[Entry],
        documents: Mapping[str, Record],
        lines: Mapping[int, Sequence[Record]],
        is_open: Callable[[Record], bool],
    ) -> list[Plan]:
        """Return a plan per document that rows can be taken of, by number.

        `is_open`: whether earlier rows of this file already stated a known document's heading.
        """
        grouped: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.number in grouped:
                grouped[entry.number].append(entry)
            else:
                grouped[entry.number] = [entry]
        plans = []
        for number in sorted(grouped):
            present = documents.get(number)
            if present is None:
                plan = self._new_document(number, grouped[number])
            else:
                known = lines.get(present["id"], ())
                plan = self._known_document(grouped[number], present, known, is_open=is_open(present))
            if plan.new or plan.changed or plan.same:
                plans.append(plan)
        return plans

    def _new_document(self, number: str, entries: Sequence[Entry]) -> Plan:
        plan = Plan(number, self._headings.new(entries[0]))
        if len(entries) == 1:
            # By far the most frequent, where a million rows of purchases are a million invoices.
            entries[0].line = entries[0].line or 1
            _add_new(plan, entries[0])
            return plan
        self._plan_lines(plan, plan.heading, entries, ())
        too_much = too_large(plan.net, plan.tax)
        return self._refuse(plan, "amount", _("the amount is too large")) if too_much else plan

    def _known_document(
        self, entries: Sequence[Entry], present: Record, known: Sequence[Record], *, is_open: bool
    ) -> Plan:
        heading = {} if is_open else self._headings.edits(entries[0], present, clear=self._clear)
        plan = Plan(present["number"], heading, present, restated=bool(heading), id=present["id"])
        self._plan_lines(plan, {**present, **heading}, entries, known)
        if refusal := self._add_totals(plan, present):
            return self._refuse(plan, *refusal)
        return plan

    def _refuse(self, plan: Plan, column: str, reason: str) -> Plan:
        """Refuse all rows of a document; returns a plan to do nothing."""
        for entry, _line in plan.lines():
            self._refusals.add(entry.row, column, reason)
        return Plan(plan.number, {}, plan.present)

    def _plan_lines(
        self, plan: Plan, heading: Record, entries: Sequence[Entry], known: Sequence[Record]
    ) -> None:
        by_line = {row["line"]: row for row in known}
        seen: set[int] = set()
        for entry in entries:
            refusal = self._headings.contradiction(entry, heading)
            if entry.line is None:
                entry.line = further_line(entry, by_line, seen)
            if refusal is None and entry.line in seen:
                sentence = _("line {line} of document {number} stands twice in the file")
                refusal = "line", sentence.format(line=entry.line, number=plan.number)
            if refusal is not None:
                self._refusals.add(entry.row, *refusal)
                continue
            seen.add(entry.line)
            if entry.line in by_line:
                self._add_known(plan, entry, by_line[entry.line])
            else:
                _add_new(plan, entry)

    def _add_known(self, plan: Plan, entry: Entry, row: Record) -> None:
        values, clear = entry.row.values, self._clear
        # A file that is silent on tax leaves the tax of an unchanged amount alone.
        silent = not entry.says_tax and entry.net == row["net_minor"]
        stated = {"net_minor": entry.net, "tax_minor": row["tax_minor"] if silent else entry.tax}
        columns = (
            ("product", "product_id", entry.product_id),
            ("quantity", "quantity_micro", entry.quantity),
            ("unit", "unit", values.get("unit")),
            ("cost", "cost_minor", entry.cost),
        )
        stated |= {column: value for name, column, value in columns if name in values or name in clear}
        edits = {column: value for column, value in stated.items() if row[column] != value}
        if edits:
            plan.changed.append((entry, row["id"], edits))
            plan.net += stated["net_minor"] - row["net_minor"]
            plan.tax += stated["tax_minor"] - row["tax_minor"]
        else:
            plan.same.append((entry, row["id"]))

    def _add_totals(self, plan: Plan, present: Record) -> tuple[str, str] | None:
        """Let a known document's totals follow its lines; returns column and reason where that may not be."""
        net, tax = present["net_minor"] + plan.net, present["tax_minor"] + plan.tax
        after = {**plan.heading, "net_minor": net, "tax_minor": tax, "gross_minor": net + tax}
        if refusal := self._headings.obstacle(present, {**present, **after}):
            return refusal
        if too_large(net, tax):
            return "amount", _("the amount is too large")
        after["open_minor"] = books.opened(present, after)
        plan.heading = {name: value for name, value in after.items() if present[name] != value}
        return None


def too_large(net: int, tax: int) -> bool:
    """Tell whether a document's totals are beyond all reason."""
    return max(abs(net), abs(tax), abs(net + tax)) > LARGEST


def further_line(entry: Entry, by_line: Mapping[int, Record], seen: set[int]) -> int:
    """Return the number of a row that comes late, out of a corrected rejects file.

    It is the line that says the same already, else the next one.
    """
    for line, row in by_line.items():
        like = (row["net_minor"], row["product_id"], row["quantity_micro"])
        if line not in seen and like == (entry.net, entry.product_id, entry.quantity):
            return line
    return max((*by_line, *seen), default=0) + 1


def _add_new(plan: Plan, entry: Entry) -> None:
    plan.new.append(entry)
    plan.net += entry.net
    plan.tax += entry.tax
