"""What the plugin gives to the kernel. Light: whatever is heavy is imported where it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.api import (
    N_,
    Alert,
    ApprovalKind,
    ApprovalRequest,
    Change,
    Context,
    ErasedData,
    Move,
    Moved,
    Parameter,
    Person,
    PersonData,
    Refusal,
    Report,
    ReportSpec,
    TableSpec,
    Verdict,
    WorkItem,
    hookimpl,
)

if TYPE_CHECKING:
    from crmcore.api import Tx
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


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give the gifts of persons who ask what is held of them."""
    from crmcore.api import person_rows

    from .tables import Gift

    return person_rows(ctx, Gift, persons, "To know what a customer was given, and why")


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> Iterable[ErasedData]:
    """Keep that there was a gift and what it cost; not what it was, nor why."""
    from crmcore.api import erase_person_rows

    from .tables import Gift

    return [erase_person_rows(tx, Gift, persons, {"title": "(erased)", "note": None})]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let gifts go along as customers are merged."""
    from crmcore.api import move_rows

    from .tables import Gift

    return [move_rows(tx, Gift, "customer_id", moves)]


@hookimpl
def reports() -> Iterable[ReportSpec]:
    """Offer receipts: forms for paper, which whoever got a gift signs."""
    whose = Parameter("customer", N_("Customer"), "text", "")
    return [ReportSpec("gift_receipts", N_("Receipts for gifts"), _receipts, (whose,))]


def _receipts(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from .receipts import receipts_report

    return receipts_report(ctx, parameters)
