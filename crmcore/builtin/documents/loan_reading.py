"""Loans read: of one document, lists, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.approvals import rules as approval_rules
from crmcore.builtin.approvals.queries import approval_table, is_late, is_open
from crmcore.builtin.documents.plugin import LOAN
from crmcore.builtin.documents.rules import OPEN, State, state_on
from crmcore.builtin.documents.tables import DocumentLoan
from crmcore.builtin.privacy.restricted import hidden
from crmcore.entities.lookup import batches, customer_codes, find_customer, find_row, table_of
from crmcore.entities.tables import Document

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

loan_table = table_of(DocumentLoan)
_document = table_of(Document)
_c = loan_table.c
_a = approval_table.c
_request = sa.and_(_a.kind == LOAN, _a.key == _c.uid)


def in_state(state: State, today: date) -> sa.ColumnElement[bool]:
    """Choose the loans that are in a state on a day, as `rules.state_on` says of each."""
    if state == "requested":
        return _waiting(is_open(today))
    if state in {"rejected", "withdrawn"}:
        return sa.or_(_c.state == state, _waiting(_a.state == state))
    if state == "expired":
        unfetched = sa.and_(_c.state == "approved", _c.due_on < today)
        return sa.or_(
            _c.state == "expired", unfetched, _waiting(sa.or_(_a.state == "expired", is_late(today)))
        )
    if state == "overdue":
        return sa.and_(_c.state == "lent", _c.due_on < today)
    if state in {"lent", "approved"}:
        return sa.and_(_c.state == state, _c.due_on >= today)
    return _c.state == state


def _waiting(what: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    found = sa.select(sa.literal(1)).select_from(approval_table).where(_request, what).correlate(loan_table)
    return sa.and_(_c.state == "requested", found.exists())


def is_going_on(today: date) -> sa.ColumnElement[bool]:
    """Choose the loans that are open on a day."""
    return sa.or_(*(in_state(state, today) for state in sorted(OPEN)))


def select(  # noqa: PLR0913  (the options of the list)
    ctx: Context,
    *,
    state: State | None = None,
    everything: bool = False,
    borrower: str | None = None,
    document: str | None = None,
    customer: str | None = None,
    after: int | None = None,
) -> sa.Select[Any]:
    """Build a list of loans by number; those that are over only where all, or their state, is asked for."""
    connection, today = ctx.connection, ctx.today
    query = sa.select(loan_table).where(*hidden(connection, (_c.customer_id, "customer"))).order_by(_c.id)
    if state is not None:
        query = query.where(in_state(state, today))
    elif not everything:
        query = query.where(is_going_on(today))
    if borrower is not None:
        query = query.where(_c.borrower == borrower)
    if document is not None:
        query = query.where(_c.document_id == find_row(connection, Document, document)["id"])
    if customer is not None:
        query = query.where(_c.customer_id == find_customer(connection, customer))
    return query if after is None else query.where(_c.id > after)


def requests_of(connection: sa.Connection, uids: Iterable[str]) -> dict[str, sa.RowMapping]:
    """Return uid of a loan → its request for approval."""
    found: dict[str, sa.RowMapping] = {}
    for part in batches(uids):
        query = sa.select(approval_table).where(_a.kind == LOAN, _a.key.in_(part)).order_by(_a.id)
        found.update((row["key"], row) for row in connection.execute(query).mappings())
    return found


def state_of(row: sa.RowMapping, request: sa.RowMapping, today: date) -> State:
    """Return what a stored loan is today."""
    decision = approval_rules.state_on(request["state"], request["expires_on"], today)
    return state_on(row["state"], decision, row["due_on"], today)


def open_loans(ctx: Context, document_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return id of a document → its loan as JSON, of those that are asked for or lent today."""
    rows: list[sa.RowMapping] = []
    for part in batches(document_ids):
        query = sa.select(loan_table).where(_c.document_id.in_(part), is_going_on(ctx.today))
        rows += ctx.connection.execute(query.order_by(_c.id)).mappings().all()
    return {row["document_id"]: told for row, told in zip(rows, as_json(ctx, rows), strict=True)}


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of loans."""
    if not rows:
        return []
    firms = customer_codes(ctx.connection, [row["customer_id"] for row in rows])
    papers = papers_of(ctx.connection, [row["document_id"] for row in rows])
    requests = requests_of(ctx.connection, [row["uid"] for row in rows])
    return [
        {
            "number": row["id"],
            "uid": row["uid"],
            "document": papers[row["document_id"]]["code"],
            "title": papers[row["document_id"]]["title"],
            "customer": firms[row["customer_id"]],
            "state": state_of(row, requests[row["uid"]], ctx.today),
            "borrower": row["borrower"],
            "purpose": row["purpose"],
            "requested_at": row["requested_at"],
            "request": requests[row["uid"]]["id"],
            "decided_by": requests[row["uid"]]["decided_by"],
            "decided_for": requests[row["uid"]]["decided_for"],
            "due_on": row["due_on"],
            "lent_at": row["lent_at"],
            "returned_at": row["returned_at"],
            "returned_to": row["returned_to"],
            "version": row["version"],
        }
        for row in rows
    ]


def papers_of(connection: sa.Connection, ids: Iterable[int]) -> dict[int, sa.RowMapping]:
    """Return id → code and title of documents."""
    found: dict[int, sa.RowMapping] = {}
    for part in batches(ids):
        query = sa.select(_document.c.id, _document.c.code, _document.c.title).where(_document.c.id.in_(part))
        found.update((row["id"], row) for row in connection.execute(query).mappings())
    return found
