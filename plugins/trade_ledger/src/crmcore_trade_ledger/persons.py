"""What the ledger holds of natural persons: given to them, and kept by law when they are erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import (
    Context,
    ErasedData,
    Person,
    PersonData,
    erase_person_rows,
    person_rows,
    translator,
)
from crmcore_trade_ledger.rules import kept_until
from crmcore_trade_ledger.tables import LedgerDocument, LedgerHold, LedgerLine, LedgerStep

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_trade_ledger")
_PURPOSE = "To know what was bought and what is owed"
_OF_ORDERS = (LedgerHold, LedgerStep)
_documents: sa.Table = LedgerDocument.__table__  # type: ignore[attr-defined]


def export(ctx: Context, persons: Sequence[Person]) -> list[PersonData]:
    """Return documents and lines of persons, and the documents of others that they pay or receive."""
    found = person_rows(ctx, LedgerDocument, persons, _PURPOSE)
    found += _of_others(ctx, persons)
    found += person_rows(ctx, LedgerLine, persons, _PURPOSE)
    for table in _OF_ORDERS:
        found += person_rows(ctx, table, persons, _PURPOSE)
    return found


def blank(tx: Tx, persons: Sequence[Person]) -> list[ErasedData]:
    """Take away why orders of persons were held, released or cancelled; that they were, stays."""
    return [erase_person_rows(tx, table, persons, {"reason": None}) for table in _OF_ORDERS]


def _of_others(ctx: Context, persons: Sequence[Person]) -> Iterator[PersonData]:
    c = _documents.c
    for person in persons:
        named = sa.or_(c.bill_to_id == person.id, c.ship_to_id == person.id)
        query = sa.select(c.kind, c.number, c.occurred_on, c.currency, c.gross_minor, c.open_minor)
        query = query.where(named, c.customer_id != person.id).order_by(c.id)
        if person.entity == "customer" and (rows := ctx.connection.execute(query).mappings().all()):
            yield PersonData(person.uid, _documents.name, tuple(map(dict, rows)), _PURPOSE)


def keep(tx: Tx, persons: Sequence[Person], ctx: Context) -> list[ErasedData]:
    """Say which documents stay, and until when; their customer's name is a pseudonym by now."""
    ids = [person.id for person in persons if person.entity == "customer"]
    count, last = 0, date.min
    for start in range(0, len(ids), 500):
        query = sa.select(sa.func.count(), sa.func.max(_documents.c.occurred_on))
        part = query.where(_documents.c.customer_id.in_(ids[start : start + 500]))
        more, newest = tx.connection.execute(part).one()
        count, last = count + more, max(last, newest or date.min)
    if not count:
        return []
    until = kept_until(last, ctx.settings["keep_years"])
    why = _("accounting law: documents stay under the pseudonym of the customer")
    return [ErasedData(_documents.name, 0, count, why, until)]
