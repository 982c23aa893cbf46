"""What the plugin gives to the kernel. Light: whatever is heavy is imported where it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.api import (
    Alert,
    ApprovalKind,
    ApprovalRequest,
    Change,
    Context,
    Refusal,
    TableSpec,
    Verdict,
    WorkItem,
    hookimpl,
)

if TYPE_CHECKING:
    from crmcore_loyalty_club.api import PointsRule


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep gifts; why somebody was given just this is personal."""
    from .tables import Gift

    about: tuple[str, ...] = ("customer_id",)
    return [TableSpec(Gift, customer_references=about, personal=("note",), person="customer_id")]


@hookimpl
def validate_changes(changes: Sequence[Change], ctx: Context) -> Iterable[Refusal]:
    """Refuse gifts that cost too much, and a second one in a year."""
    if not any(change.entity == "gift_given" for change in changes):
        return []
    from .checking import refusals

    return list(refusals(changes, ctx))


@hookimpl
def approval_kinds() -> Iterable[ApprovalKind]:
    """Have gifts approved."""
    from .approving import kinds

    return kinds()


@hookimpl
def approve_requests(requests: Sequence[ApprovalRequest], ctx: Context) -> Iterable[Verdict]:
    """Approve small gifts at once."""
    from .approving import verdicts

    return list(verdicts(requests, ctx))


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> Iterable[WorkItem]:
    """Ask for a gift before each birthday."""
    from .birthdays import work

    return list(work(actor, since, ctx))


@hookimpl
def alerts(ctx: Context) -> Iterable[Alert]:
    """Tell of birthdays that passed without a gift."""
    from .birthdays import passed

    return list(passed(ctx))


@hookimpl
def observe_changes(changes: Sequence[Change], ctx: Context) -> None:
    """Order a card for each gift."""
    from .cards import order_cards

    order_cards(changes, ctx)


@hookimpl
def points_rules(customer_ids: Sequence[int], ctx: Context) -> Iterable[PointsRule]:
    """Give more points in the month of the birthday; the hook is loyalty_club's own."""
    from .birthdays import more_points

    return list(more_points(customer_ids, ctx))
