"""Tables of documents as the terminal shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from crmcore.api import Column, Table, from_minor, translator

_ = translator("crmcore_trade_ledger")


def kind_title(kind: str) -> str:
    """Name a kind of documents."""
    return {
        "order": _("Order"),
        "delivery": _("Delivery"),
        "invoice": _("Invoice"),
        "return": _("Return"),
        "payment": _("Payment"),
    }[kind]


def state_title(state: str) -> str:
    """Name a state of a document."""
    return {
        "draft": _("draft"),
        "released": _("released"),
        "delivered": _("delivered"),
        "invoiced": _("invoiced"),
        "posted": _("posted"),
        "cancelled": _("cancelled"),
    }[state]


def document_columns() -> tuple[Column, ...]:
    """Return the columns of lists of documents."""
    return (
        Column("kind", _("Kind")),
        Column("number", _("Number")),
        Column("date", _("Date")),
        Column("due", _("Due on")),
        Column("customer", _("Customer")),
        Column("state", _("State")),
        Column("gross", _("Amount with tax"), "decimal"),
        Column("open", _("Open"), "decimal"),
        Column("currency", _("Currency")),
    )


def document_row(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return a document as a row of these columns."""
    currency = row["currency"]
    return (
        kind_title(row["kind"]),
        row["number"],
        row["date"],
        row["due"],
        row["customer"],
        state_title(row["state"]),
        decimal_of(row["gross_minor"], currency),
        decimal_of(row["open_minor"], currency),
        currency,
    )


def lines_table(found: dict[str, Any]) -> Table:
    """Return the lines of a document, with what they were made from."""
    columns = (
        Column("line", _("Line"), "integer"),
        Column("product", _("Product")),
        Column("quantity", _("Quantity"), "decimal"),
        Column("unit", _("Unit")),
        Column("net", _("Net amount"), "amount"),
        Column("tax", _("Tax"), "amount"),
        Column("cost", _("Cost"), "amount"),
        Column("from", _("Made from")),
    )
    rows = [
        (
            line["line"],
            line["product"],
            quantity_of(line["quantity_micro"]),
            line["unit"],
            line["net_minor"],
            line["tax_minor"],
            line["cost_minor"],
            ", ".join(f"{kind_title(one['kind'])} {one['number']}/{one['line']}" for one in line["from"]),
        )
        for line in found["lines"]
    ]
    return Table("lines", _("Lines"), columns, rows, found["currency"])


def allocations_table(found: dict[str, Any]) -> Table:
    """Return what settled a document, or what it settled."""
    columns = (
        Column("date", _("Date")),
        Column("payment", _("Payment")),
        Column("document", _("Settled document")),
        Column("amount", _("Amount"), "amount"),
    )
    rows = [
        (
            one["date"],
            f"{kind_title(one['payment_kind'])} {one['payment']}",
            f"{kind_title(one['document_kind'])} {one['document']}",
            one["amount_minor"],
        )
        for one in found["allocations"]
    ]
    return Table("allocations", _("Allocations"), columns, rows, found["currency"])


def decimal_of(minor: int | None, currency: str) -> Any:
    """Return an amount in the currency's main unit."""
    return None if minor is None else from_minor(minor, currency)


def quantity_of(micro: int | None) -> Any:
    """Return a quantity out of millionths."""
    from decimal import Decimal

    return None if micro is None else Decimal(micro).scaleb(-6).normalize()


def orders_table(rows: Sequence[dict[str, Any]], title: str = "") -> Table:
    """Return orders, one a row; a held one says so."""
    columns = (
        Column("number", _("Number")),
        Column("date", _("Date")),
        Column("due", _("Due on")),
        Column("customer", _("Customer")),
        Column("state", _("State")),
        Column("gross", _("Amount with tax"), "decimal"),
        Column("open", _("Open"), "decimal"),
        Column("currency", _("Currency")),
    )
    shown = [
        (
            *(row[name] for name in ("number", "date", "due", "customer")),
            _("held") if row["held"] else state_title(row["state"]),
            decimal_of(row["gross_minor"], row["currency"]),
            decimal_of(row["open_minor"], row["currency"]),
            row["currency"],
        )
        for row in rows
    ]
    return Table("orders", title or _("Orders"), columns, shown)


def holds_table(found: dict[str, Any], zone: tzinfo) -> Table:
    """Return what holds an order, or once held it."""
    columns = (
        Column("since", _("Since")),
        Column("rule", _("Rule")),
        Column("reason", _("Reason")),
        Column("plugin", _("Plugin")),
        Column("ended", _("Ended")),
        Column("how", _("How")),
    )
    rows = [
        (
            _moment(hold["since"], zone),
            *(hold[name] for name in ("rule", "reason", "plugin")),
            _moment(hold["ended_at"], zone),
            hold["how"] and _how_title(hold["how"]),
        )
        for hold in found["holds"]
    ]
    return Table("holds", _("Holds"), columns, rows)


def steps_table(found: dict[str, Any], zone: tzinfo) -> Table:
    """Return what was done with an order."""
    columns = (
        Column("at", _("When")),
        Column("step", _("Step")),
        Column("actor", _("By")),
        Column("reason", _("Reason")),
    )
    rows = [
        (_moment(step["at"], zone), _step_title(step["step"]), step["actor"], step["reason"])
        for step in found["steps"]
    ]
    return Table("steps", _("Steps"), columns, rows)


def _how_title(how: str) -> str:
    return {
        "gone": _("no longer held"),
        "overridden": _("released over it"),
        "cancelled": _("order cancelled"),
    }[how]


def _step_title(step: str) -> str:
    return {
        "add": _("added"),
        "release": _("released"),
        "release_over_hold": _("released over a hold"),
        "cancel": _("cancelled"),
        "cancel_rest": _("rest cancelled"),
    }[step]


def _moment(text: str | None, zone: tzinfo) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")
