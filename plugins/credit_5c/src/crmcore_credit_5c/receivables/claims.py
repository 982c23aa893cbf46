"""What customers owe on a day, as SQL: from the facts alone, so that any ledger will do.

Today's open amounts stand in the fact `receivables` itself. On a past day they are what is open today and whatever was
settled since (核销), which comes to the amount less what was settled until then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, Customer

customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_NOTHING = sa.literal_column("0", sa.BigInteger)
"""In the text of the query: only so do the databases see that the index of open documents holds all that is asked for."""


class Claims(NamedTuple):
    """The documents that are open on a day, and the columns that are asked for most."""

    rows: sa.Subquery
    open_minor: sa.ColumnElement[int]
    due_on: sa.ColumnElement[date]
    """The day it is due; that of the document where none is agreed."""

    def select(self, *columns: Any) -> sa.Select[Any]:
        """Select columns of the open documents."""
        return sa.select(*columns).select_from(self.rows)


def claims_on(ctx: Context, day: date, customer_ids: Collection[int] | None = None) -> Claims:
    """Return what was open at the end of a day, of these customers (at most 500) or of all.

    Columns: customer_id, document_id, document, occurred_on, due_on, currency, amount_minor, open_minor.
    MissingFact where no plugin provides `receivables`, or `settlements` for a past day.
    """
    fact = ctx.facts.select("receivables").subquery("receivable")
    due_on = sa.func.coalesce(fact.c.due_on, fact.c.occurred_on)
    # Nearly all documents are from before the day. Said so that an index of days is no temptation: SQLite would read
    # the documents by it, one by one, instead of the index of open ones.
    known = sa.func.coalesce(fact.c.occurred_on, fact.c.due_on) <= day
    if day >= ctx.today:
        was_open: sa.ColumnElement[int] = fact.c.open_minor
        found = sa.select(fact).where(was_open != _NOTHING, known)
    else:
        later = _settled_after(ctx, day, customer_ids)
        was_open = fact.c.open_minor + sa.func.coalesce(later.c.settled_minor, _NOTHING)
        columns = [column for column in fact.c if column.name != "open_minor"]
        found = (
            sa.select(*columns, was_open.label("open_minor"))
            .outerjoin(later, later.c.document_id == fact.c.document_id)
            .where(was_open != _NOTHING, known)
        )
    if customer_ids is not None:
        found = found.where(fact.c.customer_id.in_(sorted(customer_ids)))
    rows = found.add_columns(due_on.label("due_by")).subquery("claim")
    return Claims(rows, rows.c.open_minor, rows.c.due_by)


def _settled_after(ctx: Context, day: date, customer_ids: Collection[int] | None) -> sa.Subquery:
    """Select what was settled after a day, one row per document."""
    fact = ctx.facts.select("settlements").subquery("settlement")
    total = sa.cast(sa.func.sum(fact.c.amount_minor), sa.BigInteger)
    query = sa.select(fact.c.document_id, total.label("settled_minor")).where(fact.c.settled_on > day)
    if customer_ids is not None:
        query = query.where(fact.c.customer_id.in_(sorted(customer_ids)))
    return query.group_by(fact.c.document_id).subquery("later")


def has_fact(ctx: Context, fact: str) -> bool:
    """Tell whether a fact has a provider; MissingFact where two wait for the company's choice."""
    if fact not in ctx.facts.available():
        return False
    ctx.facts.provider(fact)
    return True


def whole(amount: Fraction | int) -> int:
    """Round an amount to minor units, half up (away from zero)."""
    exact = Fraction(amount)
    size = int(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def require_facts(ctx: Context, *facts: str) -> None:
    """Raise MissingFact, which names the fact and what provides it, unless all of these have a provider."""
    for fact in facts:
        ctx.facts.provider(fact)
