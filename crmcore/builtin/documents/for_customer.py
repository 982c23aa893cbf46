"""The documents of customers, for renderers: with or without what the customer may not see; and the card's section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.documents.rules import OUT
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.services.documents import as_json
from crmcore.builtin.records.words import DRAWERS, shown
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Document
from crmcore.i18n import _
from crmcore.plugins.types import CardSection

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_table = table_of(Document)


def documents_for(
    ctx: Context, customer_ids: Iterable[int], *, for_customer: bool
) -> dict[int, list[dict[str, Any]]]:
    """Return customer → its documents as `crm document list --json` prints them, by code; without any it is left out.

    for_customer: leave out what is confidential, and who of us holds the paper. Whatever goes onto a sheet or page for
    a customer asks with True.
    """
    rows: list[sa.RowMapping] = []
    for part in batches(customer_ids):
        query = sa.select(_table).where(_table.c.customer_id.in_(part), _table.c.archived_at.is_(None))
        if for_customer:
            query = query.where(
                _table.c.confidential.is_(False), *hidden(ctx.connection, (_table.c.customer_id, "customer"))
            )
        rows += ctx.connection.execute(query.order_by(_table.c.code)).mappings().all()
    found: dict[int, list[dict[str, Any]]] = {}
    for row, told in zip(rows, as_json(ctx, rows), strict=True):
        if for_customer:
            told["loan"] = None
        found.setdefault(row["customer_id"], []).append(told)
    return found


def sections(customer_ids: Sequence[int], ctx: Context) -> list[CardSection]:
    """Return the section of the card: what each drawer holds, and who holds papers."""
    labels = {drawer: shown(drawer).capitalize() for drawer in DRAWERS}
    labels |= {"confidential": _("Confidential"), "out": _("Papers out")}
    made = []
    for customer, documents in sorted(documents_for(ctx, customer_ids, for_customer=False).items()):
        counts = {drawer: sum(one["drawer"] == drawer for one in documents) for drawer in DRAWERS}
        told = _("{code} with {who} until {day}")
        figures = {drawer: count for drawer, count in counts.items() if count}
        figures["confidential"] = sum(one["confidential"] for one in documents)
        out = [
            told.format(code=one["code"], who=one["loan"]["borrower"], day=one["loan"]["due_on"])
            for one in documents
            if one["loan"] and one["loan"]["state"] in OUT
        ]
        data: dict[str, Any] = {**figures, **({"out": out} if out else {})}
        made.append(CardSection(customer, "documents", _("Documents"), data, labels))
    return made
