"""What the ledger gives people to do: customers whose invoices are long overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from crmcore.api import Context, WorkItem, format_minor, translator
from crmcore_trade_ledger import rules
from crmcore_trade_ledger.claims import Overdue, overdue, owners, owns_customers

_ = translator("crmcore_trade_ledger")


def overdue_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Yield one item per customer, those with the largest amounts first, as many as the settings want.

    Who owns customers sees theirs and those of nobody; who owns none, as a manager, sees all.
    """
    patience = timedelta(days=ctx.settings["overdue_days"] + 1)
    by_customer: dict[int, list[Overdue]] = {}
    for found in overdue(ctx.connection, ctx.today - patience):
        by_customer.setdefault(found.customer_id, []).append(found)
    if since is not None:
        by_customer = {
            number: found
            for number, found in by_customer.items()
            if max(one.latest_due for one in found) + patience >= since
        }
    customers = owners(ctx.connection, by_customer)
    own = {actor, None} if owns_customers(ctx.connection, actor) else None
    chosen = [number for number in by_customer if own is None or customers[number][2] in own]

    def weight(number: int) -> tuple[int, date, int]:
        ours = sum(one.amount_minor for one in by_customer[number] if one.currency == ctx.currency)
        return -ours, min(one.oldest_due for one in by_customer[number]), number

    for number in sorted(chosen, key=weight)[: ctx.settings["overdue_customers"]]:
        code, name, _owner = customers[number]
        yield _item(number, code, name, by_customer[number], ctx)


def _item(customer_id: int, code: str, name: str, found: list[Overdue], ctx: Context) -> WorkItem:
    amounts = ", ".join(f"{format_minor(one.amount_minor, one.currency)} {one.currency}" for one in found)
    oldest = min(one.oldest_due for one in found)
    title = _(
        "{name} owes {amounts} overdue ({invoices} invoices, the oldest due on {oldest}): ask for payment"
    )
    last_bucket = max(ctx.settings["ageing_bounds"])
    return WorkItem(
        f"ledger:overdue:{customer_id}",
        customer_id,
        oldest,
        title.format(name=name, amounts=amounts, invoices=sum(one.invoices for one in found), oldest=oldest),
        "critical" if rules.days_late(ctx.today, oldest) > last_bucket else "warning",
        f"crm ledger documents --customer {code} --open",
    )
