"""What `crm ledger` shows: products, documents, and one document with all that hangs on it, as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from crmcore.api import CrmError, Customer, NotFound, UsageProblem, find_customer, translator
from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.queries import document, line, product
from crmcore_trade_ledger.tables import LedgerAllocation

_ = translator("crmcore_trade_ledger")
_customer: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_allocation: sa.Table = LedgerAllocation.__table__  # type: ignore[attr-defined]
_LONGEST_ID = 18


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which documents are listed."""

    kind: str | None = None
    customer: str | None = None
    state: str | None = None
    start: date | None = None
    end: date | None = None
    only_open: bool = False


def list_products(
    connection: sa.Connection, limit: int, after: str | None, line_name: str | None, *, archived: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield products by code, from the one after `after` on."""
    query = sa.select(product).order_by(product.c.code).limit(limit)
    if after is not None:
        query = query.where(product.c.code > after)
    if line_name is not None:
        query = query.where(product.c.line == line_name)
    if not archived:
        query = query.where(product.c.archived_at.is_(None))
    for row in queries.records(connection, query):
        shown = {name: row[name] for name in ("code", "name", "model", "line", "unit", "currency")}
        shown |= {name: row[name] for name in ("list_price_minor", "standard_cost_minor", "attributes")}
        yield shown | {"archived": row["archived_at"] is not None, "version": row["version"]}


def list_documents(
    connection: sa.Connection, wanted: Wanted, limit: int, after: str | None
) -> Iterator[dict[str, Any]]:
    """Yield documents, the latest first, from the one after the cursor on; NotFound for an unknown customer."""
    query = select_documents(connection, wanted, after).limit(limit)
    yield from map(shown_document, queries.records(connection, query))


def select_documents(connection: sa.Connection, wanted: Wanted, after: str | None) -> sa.Select[Any]:
    """Return the query for the documents wanted, as `list_documents`; its rows are for `shown_document`."""
    c = document.c
    query = _documents().order_by(c.occurred_on.desc(), c.id.desc())
    if wanted.customer is not None:
        owner = c.bill_to_id if wanted.only_open else c.customer_id
        query = query.where(owner == find_customer(connection, wanted.customer))
    if wanted.kind is not None:
        query = query.where(c.kind == wanted.kind)
    if wanted.state is not None:
        query = query.where(c.state == wanted.state)
    if wanted.start is not None:
        query = query.where(c.occurred_on >= wanted.start)
    if wanted.end is not None:
        query = query.where(c.occurred_on <= wanted.end)
    if wanted.only_open:
        query = query.where(c.open_minor != sa.literal_column("0"))
    if after is not None:
        query = query.where(sa.tuple_(c.occurred_on, c.id) < sa.tuple_(*map(sa.literal, _read_cursor(after))))
    return query


def shown_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document of a list, with the cursor behind which the next page begins."""
    return _shown(row) | {"cursor": f"{row['occurred_on']}:{row['id']}"}


def show_document(connection: sa.Connection, number: str, kind: str | None) -> dict[str, Any]:
    """Return a document with lines, links and allocations; NotFound, or UsageProblem where the kind must be told.

    Where no document bears the number it may be an id, as other plugins show it.
    """
    query = _documents().where(document.c.kind.in_([kind] if kind else rules.KINDS))
    found = list(queries.records(connection, query.where(document.c.number == number)))
    if not found and number.isdecimal() and len(number) <= _LONGEST_ID:
        found = list(queries.records(connection, query.where(document.c.id == int(number))))
    if not found:
        raise NotFound(_("there is no document {number!r}").format(number=number))
    if len(found) > 1:
        message = _("{number!r} is the number of several documents; choose with --kind: {kinds}")
        raise UsageProblem(
            message.format(number=number, kinds=", ".join(sorted(row["kind"] for row in found)))
        )
    row = found[0]
    lines = queries.lines_of(connection, [row["id"]]).get(row["id"], [])
    before = queries.links_to(connection, [one["id"] for one in lines])
    later = queries.links_from(connection, [one["id"] for one in lines])
    names = _names(
        connection, [other["other"] for links in (before, later) for other in queries.in_order(links)]
    )
    codes = _product_codes(connection, [one["product_id"] for one in lines if one["product_id"]])
    return _shown(row) | {
        "version": row["version"],
        "lines": [
            _shown_line(one, codes)
            | {
                "from": [names[link["other"]] for link in before.get(one["id"], ())],
                "to": [names[link["other"]] for link in later.get(one["id"], ())],
            }
            for one in lines
        ],
        "allocations": list(_allocations(connection, row["id"])),
    }


def _documents() -> sa.Select[Any]:
    bill_to, ship_to = _customer.alias("bill_to"), _customer.alias("ship_to")
    return (
        sa.select(
            document,
            _customer.c.code.label("customer"),
            bill_to.c.code.label("bill_to"),
            ship_to.c.code.label("ship_to"),
        )
        .join(_customer, _customer.c.id == document.c.customer_id)
        .join(bill_to, bill_to.c.id == document.c.bill_to_id)
        .outerjoin(ship_to, ship_to.c.id == document.c.ship_to_id)
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("kind", "number", "state", "customer", "bill_to", "ship_to")},
        "date": row["occurred_on"].isoformat(),
        "due": row["due_on"].isoformat() if row["due_on"] else None,
        **{name: row[name] for name in ("currency", "net_minor", "tax_minor", "gross_minor", "open_minor")},
        "cash": row["cash"],
        "origin": row["origin"],
    }


def _shown_line(row: Mapping[str, Any], codes: Mapping[int, str]) -> dict[str, Any]:
    return {
        "line": row["line"],
        "product": codes.get(row["product_id"]),
        **{name: row[name] for name in ("quantity_micro", "unit", "net_minor", "tax_minor", "cost_minor")},
        "counts": [basis for basis, bit in rules.BASIS.items() if row["counts"] & bit],
    }


def _names(connection: sa.Connection, line_ids: list[int]) -> dict[int, dict[str, Any]]:
    """Return line id → what to call it: kind and number of its document, and its line."""
    names: dict[int, dict[str, Any]] = {}
    for part in queries.parts(set(line_ids)):
        query = (
            sa.select(line.c.id, document.c.kind, document.c.number, line.c.line)
            .join(document, document.c.id == line.c.document_id)
            .where(line.c.id.in_(part))
        )
        for line_id, kind, number, place in connection.execute(query):
            names[line_id] = {"kind": kind, "number": number, "line": place}
    return names


def _product_codes(connection: sa.Connection, product_ids: list[int]) -> dict[int, str]:
    codes: dict[int, str] = {}
    for part in queries.parts(set(product_ids)):
        query = sa.select(product.c.id, product.c.code).where(product.c.id.in_(part))
        codes.update((row.id, row.code) for row in connection.execute(query))
    return codes


def _allocations(connection: sa.Connection, document_id: int) -> Iterator[dict[str, Any]]:
    payment, settled = document.alias("payment"), document.alias("settled")
    query = (
        sa.select(
            payment.c.kind.label("payment_kind"),
            payment.c.number.label("payment"),
            settled.c.kind.label("document_kind"),
            settled.c.number.label("document"),
            _allocation.c.allocated_on,
            _allocation.c.amount_minor,
        )
        .join(payment, payment.c.id == _allocation.c.payment_id)
        .join(settled, settled.c.id == _allocation.c.document_id)
        .where(sa.or_(_allocation.c.payment_id == document_id, _allocation.c.document_id == document_id))
        .order_by(_allocation.c.allocated_on, _allocation.c.id)
    )
    for row in queries.records(connection, query):
        shown = {name: row[name] for name in ("payment", "payment_kind", "document", "document_kind")}
        yield shown | {"date": row["allocated_on"].isoformat(), "amount_minor": row["amount_minor"]}


def _read_cursor(cursor: str) -> tuple[date, int]:
    try:
        day, number = cursor.split(":")
        return date.fromisoformat(day), int(number)
    except ValueError:
        message = _("{cursor!r} is no cursor; use the one of the last document that you were shown")
        raise CrmError(message.format(cursor=cursor)) from None
