"""Interactions whose follow-up is due, as work items."""

from __future__ import annotations

from datetime import date

from crmcore.builtin.records.services.actors import stands_in_for
from crmcore.builtin.records.services.interactions import overdue
from crmcore.i18n import _
from crmcore.plugins.types import Context, WorkItem


def follow_ups(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Return what an actor, or whom they stand in for, has due by today; what nobody owns is everybody's."""
    return [
        WorkItem(
            key=f"interaction:{row['code']}",
            customer_id=row["customer_id"],
            due=row["due_on"],
            title=_("Follow up: {subject}").format(subject=row["subject"]),
            severity="info" if row["due_on"] == ctx.today else "warning",
            command=f"crm interaction show {row['code']}",
        )
        for row in overdue(ctx, stands_in_for(ctx, actor), since)
    ]
