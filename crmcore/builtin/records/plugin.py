"""Built-in plugin `records`: customers, contacts, interactions, documents, actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.hookspecs import hookimpl

if TYPE_CHECKING:
    from datetime import date

    from crmcore.plugins.types import Context, WorkItem


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Tell an actor of the interactions that they, or whom they stand in for, should have followed up by today."""
    from crmcore.builtin.records.services.follow_ups import follow_ups

    return follow_ups(actor, since, ctx)
