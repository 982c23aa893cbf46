"""Copies given to somebody outside: allowed or not, written down, listed (外发登记)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.approvals.values import cleaned_reason
from crmcore.builtin.documents.loan_reading import papers_of
from crmcore.builtin.documents.restricted import require_unrestricted
from crmcore.builtin.documents.rules import told_names
from crmcore.builtin.documents.tables import DocumentHandOut
from crmcore.builtin.duplicates.heirs import old_codes
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.services.values import cleaned
from crmcore.entities.lookup import customer_codes, find_customer, find_row, table_of
from crmcore.entities.tables import Contact, ContactFirm, Customer, Document
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context
    from crmcore.tx import Tx

hand_out_table = table_of(DocumentHandOut)
_c = hand_out_table.c


@again
def hand_out(app: App, actor: str, code: str, whom: str, reason: str) -> int:
    """Write down that a copy goes to somebody outside; returns the number. Refused where it may not go there."""
    reason = cleaned_reason(reason)
    if not reason:
        raise CrmError(_("say with --reason why a copy is handed out"))
    recipient = cleaned(DocumentHandOut, {"recipient": whom})
    # Whom and why may be personal: they stand in the row, never in the log's header.
    with app.write(actor, f"hand out document {code}", plugin="documents") as tx:
        paper = find_row(tx.connection, Document, code)
        if not paper["sha256"]:
            raise Refused(_("the file of document {code!r} was erased with its person").format(code=code))
        require_unrestricted(tx, paper["customer_id"])
        if paper["confidential"]:
            _require_no_customer(tx, paper, recipient["recipient"])
        row = {"document_id": paper["id"], "customer_id": paper["customer_id"], "reason": reason, **recipient}
        row |= {"handed_out_by": actor, "handed_out_at": tx.now}
        row |= {"sha256": paper["sha256"], "confidential": paper["confidential"]}
        return tx.insert(DocumentHandOut, [row])[0]


def _require_no_customer(tx: Tx, paper: sa.RowMapping, whom: str) -> None:
    """Raise Refused where a confidential paper would go to the customer whom it is about, or to people there."""
    if found := told_names(whom, _names(tx, paper["customer_id"])):
        message = _(
            "document {code} is confidential: what is confidential never goes to its own customer, and {whom!r} names {name!r}"
        )
        raise Refused(message.format(code=paper["code"], whom=whom, name=found[0]))


def _names(tx: Tx, customer_id: int) -> list[str]:
    """Return by which codes and names people may call a customer, those merged into it, and who works there or did."""
    customer, contact, firm = table_of(Customer).c, table_of(Contact).c, table_of(ContactFirm).c
    merged = old_codes(tx.connection, [customer_id]).get(customer_id, [])
    own = sa.select(customer.name, customer.short_name, customer.code).where(
        sa.or_(customer.id == customer_id, customer.code.in_(merged))
    )
    there = (
        sa.select(contact.name, contact.code)
        .join(ContactFirm, firm.contact_id == contact.id)
        .where(firm.customer_id == customer_id)
    )
    rows = [*tx.connection.execute(own), *tx.connection.execute(there)]
    return [name for row in rows for name in row if name]


# -- reading -----------------------------------------------------------------------------------------------------


def select(
    ctx: Context, *, document: str | None = None, customer: str | None = None, after: int | None = None
) -> sa.Select[Any]:
    """Build the list of copies handed out, by number."""
    connection = ctx.connection
    query = sa.select(hand_out_table).where(*hidden(connection, (_c.customer_id, "customer"))).order_by(_c.id)
    if document is not None:
        query = query.where(_c.document_id == find_row(connection, Document, document)["id"])
    if customer is not None:
        query = query.where(_c.customer_id == find_customer(connection, customer))
    return query if after is None else query.where(_c.id > after)


def read_hand_out(ctx: Context, number: int) -> dict[str, Any]:
    """Return the published JSON of one."""
    rows = ctx.connection.execute(sa.select(hand_out_table).where(_c.id == number)).mappings().all()
    return as_json(ctx, rows)[0]


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of copies handed out."""
    firms = customer_codes(ctx.connection, [row["customer_id"] for row in rows])
    papers = papers_of(ctx.connection, [row["document_id"] for row in rows])
    names = ("recipient", "reason", "handed_out_by", "handed_out_at", "sha256", "confidential")
    return [
        {
            "number": row["id"],
            "uid": row["uid"],
            "document": papers[row["document_id"]]["code"],
            "title": papers[row["document_id"]]["title"],
            "customer": firms[row["customer_id"]],
            **{name: row[name] for name in names},
        }
        for row in rows
    ]
