"""Financial statements (财务报表) of customers: the newest one counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.rules.ratios import Statement
from crmcore_credit_5c.tables.evidence import CreditStatement

if TYPE_CHECKING:
    from crmcore.api import Context

statements: sa.Table = CreditStatement.__table__  # type: ignore[attr-defined]


class Filed(NamedTuple):
    """A statement as it was entered."""

    number: int
    period_end: date
    source: str
    document: str | None
    expires: date | None
    statement: Statement


def latest_statements(ctx: Context, customer_ids: Iterable[int]) -> dict[int, Statement]:
    """Return customer → its newest statement that has not expired; without one it is left out."""
    found = filed_statements(ctx, customer_ids)
    newest = {
        customer: [one for one in filed if not _expired(one, ctx.today)] for customer, filed in found.items()
    }
    return {customer: filed[0].statement for customer, filed in newest.items() if filed}


def filed_statements(ctx: Context, customer_ids: Iterable[int]) -> dict[int, list[Filed]]:
    """Return customer → its statements that were not withdrawn, the newest first."""
    found: dict[int, list[Filed]] = {}
    c = statements.c
    for part in parts(customer_ids):
        query = sa.select(statements).where(c.customer_id.in_(part), c.withdrawn_on.is_(None))
        for row in ctx.connection.execute(query.order_by(c.period_end.desc(), c.id.desc())):
            found.setdefault(row.customer_id, []).append(_filed(row))
    return found


def newest_period(filed: Iterable[Filed], today: date) -> list[Filed]:
    """Return the statements of the newest period that has one that counts."""
    counting = [one for one in filed if not _expired(one, today)]
    return [one for one in counting if one.period_end == counting[0].period_end]


def _expired(filed: Filed, today: date) -> bool:
    return filed.expires is not None and filed.expires < today


def _filed(row: sa.Row[Any]) -> Filed:
    figures = {name: Decimal(amount) for name, amount in row.figures.items()}
    statement = Statement(row.months, row.currency, figures)
    return Filed(row.id, row.period_end, row.source, row.document, row.expires_on, statement)
