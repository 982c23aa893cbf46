"""What waits for an actor: requests to decide on, and what became of the own ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.approvals.company import is_single_person
from crmcore.builtin.approvals.queries import approval_table, as_matter, in_inbox
from crmcore.builtin.approvals.rules import TOLD_DAYS, Standing, decides_for, is_urgent, state_on
from crmcore.builtin.approvals.standing import standing, stood_in_for
from crmcore.builtin.approvals.telling import subjects
from crmcore.config import load_config
from crmcore.i18n import N_, _
from crmcore.plugins.types import WorkItem

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_c = approval_table.c
_MOST = 1_000
_TOLD = {
    "approved": N_("Approved by {who}: {subject}"),
    "rejected": N_("Rejected by {who}: {subject}"),
    "withdrawn": N_("Withdrawn by {who}: {subject}"),
    "expired": N_("Nobody decided in time: {subject}"),
}


def work(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Return an actor's inbox, and for a week the decisions on what they asked for."""
    config = load_config(ctx.workspace)
    own = standing(ctx.connection, config, actor)
    absent = stood_in_for(ctx.connection, config, actor, ctx.today)
    zone = config.timezone
    return [*_inbox(own, absent, since, ctx, zone), *_answers(actor, since, ctx, zone)]


def _inbox(
    own: Standing, absent: Sequence[Standing], since: date | None, ctx: Context, zone: tzinfo
) -> Iterator[WorkItem]:
    app = ctx._app  # noqa: SLF001  (the kernel's own way back)
    single_person = is_single_person(app)
    chosen = in_inbox(own, absent, ctx.today, single_person=single_person)
    if since is not None:
        chosen = sa.and_(chosen, _c.requested_at >= _midnight(since, zone))
    query = sa.select(approval_table).where(chosen).order_by(_c.expires_on, _c.id).limit(_MOST)
    rows = ctx.connection.execute(query).mappings().all()
    told = subjects(app, rows, ctx.today)
    for row in rows:
        matter = as_matter(row, ctx.today, single_person=single_person)
        name = decides_for(matter, own, absent)
        title = _("Decide: {subject}") if name == own.code else _("Decide for {absent}: {subject}")
        yield WorkItem(
            key=f"approval:{row['id']}",
            customer_id=row["customer_id"],
            due=row["expires_on"],
            title=title.format(subject=told[row["id"]], absent=name),
            severity="warning" if is_urgent(row["expires_on"], ctx.today) else "info",
            command=f"crm approvals show {row['id']}",
        )


def _answers(actor: str, since: date | None, ctx: Context, zone: tzinfo) -> Iterator[WorkItem]:
    rows = ctx.connection.execute(_answered(actor, since, ctx.today, zone)).mappings().all()
    told = subjects(ctx._app, rows, ctx.today)  # noqa: SLF001  (the kernel's own way back)
    for row in rows:
        state = state_on(row["state"], row["expires_on"], ctx.today)
        yield WorkItem(
            key=f"approval:{row['id']}:answer",
            customer_id=row["customer_id"],
            due=None,
            title=_(_TOLD[state]).format(who=row["decided_by"], subject=told[row["id"]]),
            severity="info",
            command=f"crm approvals show {row['id']}",
        )


def _answered(actor: str, since: date | None, today: date, zone: tzinfo) -> sa.Select[Any]:
    """Choose what others decided, or nobody; what was settled as it was asked for, who asked has seen."""
    first = max(today - timedelta(days=TOLD_DAYS), since or date.min)
    decided = sa.and_(
        _c.state.in_(("approved", "rejected", "withdrawn")),  # withdrawn by another: its plugin went for good
        _c.decided_by != actor,
        _c.decided_at >= _midnight(first, zone),
        sa.not_(_c.decided_by.startswith("plugin:")),
    )
    # It expires on the day after its last one.
    lapsed = sa.and_(
        _c.state.in_(("requested", "expired")),
        _c.expires_on < today,
        _c.expires_on >= first - timedelta(days=1),
    )
    query = sa.select(approval_table).where(_c.requested_by == actor, sa.or_(decided, lapsed))
    return query.order_by(_c.id.desc()).limit(_MOST)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day of the company begins."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
