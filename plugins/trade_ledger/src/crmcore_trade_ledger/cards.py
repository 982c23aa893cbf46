"""The ledger's part of customer cards: what is owed, and what was bought."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from crmcore.api import CardSection, Context, translator
from crmcore_trade_ledger import facts, past, queries, rules
from crmcore_trade_ledger.claims import CLAIMS, open_documents

_ = translator("crmcore_trade_ledger")


def sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    """Yield for each customer one section of receivables and one of purchases per currency that it has any in.

    `as_of`: as the ledger knew them at the end of that day, whatever was loaded, changed or taken back since.
    """
    yield from _receivables(customer_ids, as_of, ctx)
    yield from _purchases(customer_ids, as_of, ctx)


def _receivables(customer_ids: Collection[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    day = as_of or ctx.today
    balances: dict[tuple[int, str], dict[str, Any]] = {}
    kinds = (*CLAIMS, "payment")
    claims = (
        open_documents(ctx.connection, kinds, customer_ids)
        if as_of is None
        else past.open_documents(ctx, kinds, customer_ids, as_of)
    )
    for claim in claims:
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
    labels = {
        "currency": _("Currency"),
        "amount_minor": _("Purchases of twelve months"),
        "since": _("From"),
        "last_on": _("Last purchase"),
    }
    found = (
        _bought(customer_ids, since, ctx) if as_of is None else past.bought(ctx, customer_ids, since, as_of)
    )
    for customer_id, currency, amount, last_on in found:
        figures = {
            "currency": currency,
            "amount_minor": int(amount),
            "since": since.isoformat(),
            "last_on": last_on.isoformat(),
        }
        yield CardSection(customer_id, "purchases", _("Purchases"), figures, labels)


def _bought(customer_ids: Collection[int], since: date, ctx: Context) -> Iterator[past.Bought]:
    fact = facts.purchases(ctx.settings).subquery()
    recent = sa.case((fact.c.occurred_on >= since, fact.c.amount_minor), else_=0)
    for part in queries.parts(set(customer_ids)):
        query = (
            sa.select(
                fact.c.customer_id, fact.c.currency, sa.func.sum(recent), sa.func.max(fact.c.occurred_on)
            )
            .where(fact.c.customer_id.in_(part), fact.c.occurred_on <= ctx.today)
            .group_by(fact.c.customer_id, fact.c.currency)
            .order_by(fact.c.customer_id, fact.c.currency)
        )
        yield from map(past.Bought._make, ctx.connection.execute(query))
