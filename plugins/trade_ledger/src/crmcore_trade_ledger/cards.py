"""The ledger's part of customer cards: what is owed, and what was bought."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from crmcore.api import CardSection, Context, translator
from crmcore_trade_ledger import facts, queries, rules
from crmcore_trade_ledger.claims import CLAIMS, open_documents

_ = translator("crmcore_trade_ledger")


def sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    """Yield for each customer one section of receivables and one of purchases per currency that it has any in."""
    yield from _receivables(customer_ids, as_of, ctx)
    yield from _purchases(customer_ids, as_of, ctx)


def _receivables(customer_ids: Collection[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    day = as_of or ctx.today
    balances: dict[tuple[int, str], dict[str, Any]] = {}
    # Without a day the ledger's own figures hold, which is one narrow index.
    for claim in open_documents(ctx.connection, (*CLAIMS, "payment"), customer_ids, as_of):
        nothing = {
            "open_minor": 0,
            "overdue_minor": 0,
            "unallocated_minor": 0,
            "documents": 0,
            "oldest_due": None,
        }
        balance = balances.setdefault((claim.customer_id, claim.currency), nothing)
        if claim.kind == "payment":
            balance["unallocated_minor"] += claim.open_minor
            continue
        balance["open_minor"] += claim.open_minor
        balance["documents"] += 1
        if claim.due_on and claim.open_minor > 0 and rules.days_late(day, claim.due_on) > 0:
            balance["overdue_minor"] += claim.open_minor
            balance["oldest_due"] = balance["oldest_due"] or claim.due_on.isoformat()
    labels = {
        "currency": _("Currency"),
        "open_minor": _("Open"),
        "overdue_minor": _("Overdue"),
        "unallocated_minor": _("Payments not allocated"),
        "documents": _("Open documents"),
        "oldest_due": _("Due longest ago"),
    }
    for (customer_id, currency), balance in sorted(balances.items()):
        figures = {"currency": currency, **balance}
        yield CardSection(customer_id, "receivables", _("Receivables"), figures, labels)


def _purchases(customer_ids: Collection[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    day = as_of or ctx.today
    since = rules.year_before(day)
    fact = facts.purchases(ctx.settings).subquery()
    recent = sa.case((fact.c.occurred_on >= since, fact.c.amount_minor), else_=0)
    labels = {
        "currency": _("Currency"),
        "amount_minor": _("Purchases of twelve months"),
        "since": _("From"),
        "last_on": _("Last purchase"),
    }
    for part in queries.parts(set(customer_ids)):
        query = (
            sa.select(
                fact.c.customer_id, fact.c.currency, sa.func.sum(recent), sa.func.max(fact.c.occurred_on)
            )
            .where(fact.c.customer_id.in_(part), fact.c.occurred_on <= day)
            .group_by(fact.c.customer_id, fact.c.currency)
            .order_by(fact.c.customer_id, fact.c.currency)
        )
        for customer_id, currency, amount, last_on in ctx.connection.execute(query):
            figures = {
                "currency": currency,
                "amount_minor": int(amount),
                "since": since.isoformat(),
                "last_on": last_on.isoformat(),
            }
            yield CardSection(customer_id, "purchases", _("Purchases"), figures, labels)
