"""What waits for an actor: papers to fetch, to bring back, to have brought back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.approvals.queries import approval_table
from crmcore.builtin.approvals.standing import standing, stood_in_for
from crmcore.builtin.documents.loan_reading import as_json, in_state, loan_table
from crmcore.builtin.documents.plugin import LOAN, MAY_LEND
from crmcore.builtin.documents.rules import is_reminded
from crmcore.config import load_config
from crmcore.i18n import _
from crmcore.plugins.types import WorkItem

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_c, _a = loan_table.c, approval_table.c
_MOST = 1_000


def work(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Return the loans of an actor, and of whom they stand in for, that want doing; and those that they approved."""
    config = load_config(ctx.workspace)
    own = standing(ctx.connection, config, actor)
    people = [own, *stood_in_for(ctx.connection, config, actor, ctx.today)]
    codes = [one.code for one in people]
    lends = any(one.has(MAY_LEND) for one in people)
    rows = ctx.connection.execute(_query(codes, since, ctx, lends=lends)).mappings().all()
    told = zip(rows, as_json(ctx, rows), strict=True)
    return [item for row, loan in told for item in _items(row, loan, codes, ctx.today)]


def _query(codes: Sequence[str], since: date | None, ctx: Context, *, lends: bool) -> sa.Select[Any]:
    """Choose what is to be fetched, and what is out and due soon; approved by rule = whoever may lend looks after it."""
    reminded = ctx.today + timedelta(days=ctx.settings["reminder_days"])
    out = sa.and_(_c.state == "lent", _c.due_on <= reminded)
    by_rule = _a.decided_by.startswith("plugin:") if lends else sa.false()
    approved = sa.or_(_a.decided_by.in_(codes), _a.decided_for.in_(codes), by_rule)
    theirs = sa.select(_a.key).where(_a.kind == LOAN, approved)
    query = sa.select(loan_table).where(
        sa.or_(
            sa.and_(_c.borrower.in_(codes), sa.or_(in_state("approved", ctx.today), out)),
            sa.and_(out, _c.uid.in_(theirs)),
        )
    )
    if since is not None:
        zone = load_config(ctx.workspace).timezone
        query = query.where(_c.requested_at >= datetime.combine(since, time.min, zone).astimezone(UTC))
    return query.order_by(_c.due_on, _c.id).limit(_MOST)


def _items(row: sa.RowMapping, loan: dict[str, Any], codes: Sequence[str], today: date) -> Iterator[WorkItem]:
    values = {"code": loan["document"], "title": loan["title"], "who": loan["borrower"]}
    mine = loan["borrower"] in codes
    if loan["state"] == "approved":
        title, command = _("Fetch {code} {title}"), f"crm document fetch {loan['document']}"
    elif mine:
        title, command = _("Bring back {code} {title}"), f"crm document return {loan['document']}"
    else:
        title, command = _("Have {code} {title} back from {who}"), f"crm document show {loan['document']}"
    yield WorkItem(
        key=f"loan:{row['id']}",
        customer_id=row["customer_id"],
        due=loan["due_on"],
        title=title.format(**values),
        severity="warning" if is_reminded(loan["due_on"], today, 0) else "info",
        command=command,
    )
