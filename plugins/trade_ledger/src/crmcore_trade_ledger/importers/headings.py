"""What a document says once, above its lines: whose it is, of which day, in which currency and state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmcore.api import translator
from crmcore_trade_ledger import books, rules
from crmcore_trade_ledger.rules_orders import ENTERED, file_obstacle

if TYPE_CHECKING:
    from crmcore_trade_ledger.importers.entries import Entry

_ = translator("crmcore_trade_ledger")


class Headings:
    """Makes and compares the headings of one kind of document."""

    def __init__(self, kind: str, customers: Mapping[str, int], origin: str, *, cash: bool = False) -> None:
        """Take the customers by code, and whether documents are paid at once unless their row says otherwise."""
        self._kind = kind
        self._customers = customers
        self._origin = origin
        self._cash = cash

    def new(self, entry: Entry) -> dict[str, Any]:
        """Return the heading of a document that its first row opens."""
        values = entry.row.values
        customer = self._customers[entry.customer]
        return {
            "kind": self._kind,
            "number": entry.number,
            "customer_id": customer,
            "bill_to_id": self._customers[values["bill_to"]] if "bill_to" in values else customer,
            "ship_to_id": self._customers[values["ship_to"]] if "ship_to" in values else None,
            "occurred_on": entry.day,
            "due_on": values.get("due"),
            "currency": entry.currency,
            "cash": values.get("cash", self._cash),
            "state": values.get("state") or rules.USUAL_STATE[self._kind],
            "origin": self._origin,
        }

    def contradiction(self, entry: Entry, heading: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return column and reason where a row cannot belong to the document that earlier rows opened."""
        if self._customers[entry.customer] != heading["customer_id"]:
            return "customer", _("document {number} is another customer's on an earlier row").format(
                number=entry.number
            )
        if entry.day != heading["occurred_on"]:
            return "date", _("document {number} is of {date} on an earlier row").format(
                number=entry.number, date=heading["occurred_on"]
            )
        if entry.currency != heading["currency"]:
            return "currency", _("document {number} is in {currency} on an earlier row").format(
                number=entry.number, currency=heading["currency"]
            )
        return None

    def edits(self, entry: Entry, present: Mapping[str, Any], *, clear: frozenset[str]) -> dict[str, Any]:
        """Return the columns of a document that its first row in a file changes; what it does not say stays.

        `clear`: fields of the file whose empty cells erase what is there.
        """
        values = entry.row.values
        stated = {
            "customer_id": self._customers[entry.customer],
            "occurred_on": entry.day,
            "currency": entry.currency,
        }
        if "bill_to" in values:
            stated["bill_to_id"] = self._customers[values["bill_to"]]
        elif present["bill_to_id"] == present["customer_id"] or "bill_to" in clear:
            stated["bill_to_id"] = stated["customer_id"]
        if "ship_to" in values or "ship_to" in clear:
            stated["ship_to_id"] = self._customers.get(values.get("ship_to", ""))
        if "due" in values or "due" in clear:
            stated["due_on"] = values.get("due")
        if "cash" in values:
            stated["cash"] = values["cash"]
        if "state" in values:
            stated["state"] = rules.restated(self._kind, present["state"], values["state"])
        return {name: value for name, value in stated.items() if present[name] != value}

    def obstacle(self, present: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return column and reason where a document may not change so.

        What was allocated to it would be more than it is; or an order that was entered here is not the file's to release.
        """
        if self._kind == "order":
            return _of_order(present, after)
        done = books.settled(present)
        if not done:
            return None
        whole = (
            after["gross_minor"] if rules.in_force(self._kind, after["state"]) and not after["cash"] else 0
        )
        if present["currency"] != after["currency"] or not (0 < done <= whole or whole <= done < 0):
            message = _("more is allocated to document {number} than would be left of it")
            return "amount", message.format(number=present["number"])
        return None


def _of_order(present: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str] | None:
    if present["origin"] != ENTERED:
        return None
    was, is_now = (rules.in_force("order", one["state"]) for one in (present, after))
    moved = any(present[name] != after[name] for name in ("bill_to_id", "currency"))
    reason = file_obstacle(
        before=was, after=is_now, more=moved or after["gross_minor"] > present["gross_minor"]
    )
    column = "amount" if was else "state"
    return None if reason is None else (column, _(reason).format(number=present["number"]))
