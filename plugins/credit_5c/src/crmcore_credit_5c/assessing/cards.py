"""The grade on the customer card, in lists of customers, and among the work that waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import CardSection, WorkItem, customer_ids, has_permission, rows_as_of, translator
from crmcore_credit_5c.tables.assessments import RELEASED, CreditAssessment

from .current import current_grades, latest_released, score_of
from .due import due
from .entering import PERMISSION

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_SHOWN = 20
"""So many customers are named one by one; who is due beyond them is told as a number."""


def card_sections(ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    """Yield the grade that holds of each customer, now or on a past day."""
    labels = {
        "grade": _("Credit grade"),
        "score": _("Points"),
        "until": _("Until"),
        "model": _("Model"),
        "since": _("Since"),
    }
    for customer, figures in (_now(ctx, ids) if as_of is None else _then(ctx, ids, as_of)).items():
        yield CardSection(customer, "credit", _("Credit"), figures, labels, sensitive=True)


def _now(ctx: Context, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    return {
        customer: _figures(one.grade, str(one.score), one.expires, one.model, one.assessed_on)
        for customer, one in current_grades(ctx, ids).items()
    }


def _then(ctx: Context, ids: Sequence[int], day: date) -> dict[int, dict[str, Any]]:
    """Return what held at the end of a past day."""
    known = [r for r in rows_as_of(ctx, CreditAssessment, "customer_id", ids, day) if r["state"] == RELEASED]
    latest = {row["customer_id"]: row for row in sorted(known, key=lambda row: row["id"])}
    return {
        customer: _figures(
            row["grade"],
            str(score_of(row["score_centi"])),
            row["expires_on"],
            row["model"],
            row["assessed_on"],
        )
        for customer, row in latest.items()
        if row["expires_on"] is None or row["expires_on"] >= day
    }


def _figures(grade: str, score: str, until: date | None, model: str, since: date) -> dict[str, Any]:
    return {
        "grade": grade,
        "score": score,
        "until": until.isoformat() if until else None,
        "model": model,
        "since": since.isoformat(),
    }


def select_grades(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each column)
    """Select the grade of each customer that was released last; the column beside it says until when it counts."""
    return _column("grade")


def select_expiry(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select until when each customer's grade counts."""
    return _column("expires_on")


def _column(name: str) -> sa.Select[Any]:
    found = latest_released().subquery("graded")
    return sa.select(found.c.customer_id, found.c[name].label("value"))


def work_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:  # noqa: ARG001
    """Yield an item for each customer who is due, to those who may assess."""
    if not has_permission(ctx, PERMISSION):
        return
    listed = list(islice(due(ctx, _SHOWN + 1), _SHOWN + 1))
    ids = customer_ids(ctx.connection, [one["customer"] for one in listed])
    for one in listed[:_SHOWN]:
        if since is None or one["due"] is None or one["due"] >= since.isoformat():
            yield _item(one, ids[one["customer"]])
    if len(listed) > _SHOWN:
        title = _("More customers are due for a credit assessment; see the list")
        yield WorkItem("credit:due", None, ctx.today, title, "info", "crm credit due")


def _item(one: Mapping[str, Any], customer_id: int) -> WorkItem:
    titles = {
        "never": _("Assess the credit of {name} for the first time"),
        "expired": _("Assess the credit of {name} again: grade {grade} has expired"),
        "review": _("Assess the credit of {name} again: {reason}"),
    }
    on = date.fromisoformat(one["due"]) if one["due"] else None
    severity: Any = "info" if one["why"] == "never" else "warning"
    key = f"credit:due:{customer_id}"
    return WorkItem(
        key,
        customer_id,
        on,
        titles[one["why"]].format(**one),
        severity,
        f"crm credit assess {one['customer']}",
    )
