"""Classes that people set by hand (手工定级): use cases, lists, and the effective class on any day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Context, CrmError, UsageProblem, WorkItem, find_customer, translator, unrestricted

from .policies.checks import reason_of, require_grade
from .rules.manual import HandSet, Published, Span, State, history, state_on, warned_from
from .runs import (
    code_order,
    customers,
    grades,
    group_members,
    heads_of,
    members,
    parts_of,
    publications,
    runs,
)
from .tables import GROUP, AbcManual

if TYPE_CHECKING:
    from crmcore.api import App, Tx

_ = translator("crmcore_abc_analysis")

PLUGIN = "abc_analysis"

manual: sa.Table = AbcManual.__table__  # type: ignore[attr-defined]


# -- deciding ------------------------------------------------------------------------------------------------


def set_grade(  # noqa: PLR0913  (who, whom, what, why, how long, from where)
    app: App, actor: str, code: str, grade: str, reason: str, until: date, *, source: str = "cli"
) -> dict[str, Any]:
    """Set a customer's class by hand from today through `until`; it takes the place of one that was set before.

    Returns it as `list_manual` does, with `replaced`: the one that it ended, or None. NotFound for an unknown customer,
    UsageProblem for an unknown class, an empty reason or a last day that is past.
    """
    with app.write(actor, reason="crm abc set", source=source, plugin=PLUGIN) as tx:
        ctx = tx.ctx
        customer_id = find_customer(ctx.connection, code)
        require_grade(ctx, grade)
        why = reason_of(reason)
        if until < ctx.today:
            raise UsageProblem(
                _("the last day is past: --until {until} is before today, {today}").format(
                    until=until, today=ctx.today
                )
            )
        before = _end_open(tx, customer_id, why)
        row = {"customer_id": customer_id, "grade": grade, "reason": why, "author": actor}
        (number,) = tx.insert(AbcManual, [{**row, "set_on": ctx.today, "until": until}])
        return {**_line_of(ctx, number), "replaced": _line(before, ctx.today) if before is not None else None}


def end_grade(app: App, actor: str, code: str, reason: str, *, source: str = "cli") -> dict[str, Any]:
    """End a customer's hand-set class: from today on the run's holds again.

    Returns the one that was ended as `list_manual` does. NotFound for an unknown
    customer, UsageProblem for an empty reason, CrmError where no class was set by hand.
    """
    why = reason_of(reason)
    with app.write(actor, reason="crm abc unset", source=source, plugin=PLUGIN) as tx:
        ended = _end_open(tx, find_customer(tx.connection, code), why)
        if ended is None:
            raise CrmError(
                _("customer {code} has no class that was set by hand; list them with: crm abc manual").format(
                    code=code
                )
            )
        return _line_of(tx.ctx, ended.id)


def _end_open(tx: Tx, customer_id: int, reason: str) -> sa.Row[Any] | None:
    """End what was set by hand for a customer and holds today; returns the one that counted, as it was."""
    today = tx.ctx.today
    query = _listed().where(manual.c.customer_id == customer_id, holding_on(today))
    rows = tx.connection.execute(query.order_by(manual.c.set_on, manual.c.id)).all()
    ended = {"ended_on": today, "ended_by": tx.actor, "end_reason": reason}
    tx.update(AbcManual, [(row.id, ended) for row in rows])
    return rows[-1] if rows else None


def _line_of(ctx: Context, number: int) -> dict[str, Any]:
    return _line(ctx.connection.execute(_listed().where(manual.c.id == number)).one(), ctx.today)


# -- reading -------------------------------------------------------------------------------------------------


def holding_on(day: date | sa.BindParameter[date]) -> sa.ColumnElement[bool]:
    """Return the condition that a row of abc_manual holds on a day: rule 1 of rules/manual.py as SQL."""
    c = manual.c
    return sa.and_(c.set_on <= day, c.until >= day, sa.or_(c.ended_on.is_(None), c.ended_on > day))


def manual_grades(
    ctx: Context, customer_ids: Sequence[int] | None, on: date, heads: Mapping[int, int] | None = None
) -> dict[int, sa.Row[Any]]:
    """Return customer id → the row of abc_manual that counts on a day; None = of all customers.

    Where the company classes by groups, a class set for the head of a group holds for its members too; `heads`:
    customer id → head of its group, if not those of now.
    """
    by_group = ctx.settings["level"] == GROUP
    if customer_ids is None:
        found = {row.customer_id: row for row in ctx.connection.execute(_set_on(), {"day": on})}
        heads = _members_of(ctx.connection, list(found)) if by_group else {}
        return {member: found[head] for member, head in heads.items()} | found
    if not by_group:
        heads = {}
    elif heads is None:
        heads = heads_of(ctx.connection, customer_ids)
    found = {
        row.customer_id: row
        for part in parts_of({*customer_ids, *heads.values()})
        for row in ctx.connection.execute(_set_for(), {"day": on, "ids": part})
    }
    counting = ((number, found.get(number) or found.get(heads.get(number, 0))) for number in customer_ids)
    return {number: row for number, row in counting if row is not None}


@cache
def _set_on() -> sa.Select[Any]:
    """Select the classes set by hand that hold on `day`, the one that counts last; built once, as it is asked often."""
    query = sa.select(manual).where(holding_on(sa.bindparam("day")))
    return query.order_by(manual.c.set_on, manual.c.id)


@cache
def _set_for() -> sa.Select[Any]:
    return _set_on().where(manual.c.customer_id.in_(sa.bindparam("ids", expanding=True)))


def _members_of(connection: sa.Connection, heads: Iterable[int]) -> dict[int, int]:
    """Return member → head of the groups of some heads."""
    members = group_members().subquery("members")
    query = sa.select(members.c.customer_id, members.c.head_id)
    found: dict[int, int] = {}
    for part in parts_of(heads):
        rows = connection.execute(query.where(members.c.head_id.in_(part)))
        found |= {row.customer_id: row.head_id for row in rows}
    return found


def list_manual(
    ctx: Context, *, everything: bool = False, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the classes set by hand that hold, the first to end first, as `crm abc manual --json` prints them.

    everything: also those that have ended. Shape: schemas/manual.schema.json.
    """
    query = _listed().where(*unrestricted(ctx.connection, customers.c.id))
    query = query.order_by(manual.c.until, code_order(ctx.connection), manual.c.id).limit(limit)
    rows = ctx.connection.execute(query if everything else query.where(holding_on(ctx.today)))
    return (_line(row, ctx.today) for row in rows)


def _listed() -> sa.Select[Any]:
    of_customer = (customers.c.code, customers.c.name)
    return sa.select(manual, *of_customer).join(customers, customers.c.id == manual.c.customer_id)


def _line(row: sa.Row[Any], today: date) -> dict[str, Any]:
    return {
        "customer": row.code,
        "name": row.name,
        "grade": row.grade,
        "reason": row.reason,
        "author": row.author,
        "set_on": row.set_on.isoformat(),
        "until": row.until.isoformat(),
        "ended_on": row.ended_on.isoformat() if row.ended_on else None,
        "ended_by": row.ended_by,
        "state": _state_of(row, today),
    }


def _state_of(row: sa.Row[Any], today: date) -> str:
    if row.ended_on is not None:
        return "ended"
    return "expired" if row.until < today else "holds"


def manual_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Yield a work item for each hand-set class that soon ends, to the customer's owner and to who set it."""
    days: int = ctx.settings["manual_notice_days"]
    last = ctx.today + timedelta(days=days)
    query = (
        _listed()
        .where(holding_on(ctx.today), manual.c.until <= last, customers.c.archived_at.is_(None))
        .where(*unrestricted(ctx.connection, customers.c.id))
        .where(sa.or_(manual.c.author == actor, customers.c.owner == actor))
        .order_by(manual.c.until, manual.c.id)
    )
    for row in ctx.connection.execute(query):
        if since is None or warned_from(_hand_of(row), days) >= since:
            yield WorkItem(
                key=f"abc:manual:{row.id}",
                customer_id=row.customer_id,
                due=row.until,
                title=_("class {grade} of {name}, set by hand by {author}, holds until {until}").format(
                    grade=row.grade, name=row.name, author=row.author, until=row.until
                ),
                command=f"crm abc grade {row.code}",
            )


# -- the effective class -------------------------------------------------------------------------------------


def grade_on(ctx: Context, code: str, on: date | None = None) -> dict[str, Any]:
    """Return a customer's effective class at the end of a day, by default today, and all changes of it.

    Shape: schemas/grade_on.schema.json. NotFound for an unknown customer.
    """
    day = on or ctx.today
    customer_id = find_customer(ctx.connection, code)
    head = customer_id
    if ctx.settings["level"] == GROUP:
        head = heads_of(ctx.connection, [customer_id]).get(customer_id, customer_id)
    rows = _manual_rows(ctx.connection, customer_id, head)
    hands = [_hand_of(row, own=row.customer_id == customer_id) for row in rows.values()]
    published = _published(ctx, customer_id)
    default = ctx.settings["default_grade"] or None
    state = state_on(published, hands, default, day)
    spans = history(published, hands, default, max(day, ctx.today))
    since = next((s.start for s in reversed(spans) if s.start <= day), None)
    return {
        "customer": code,
        "on": day.isoformat(),
        "grade": state.grade,
        "source": state.source,
        "run": state.run,
        "since": since.isoformat() if since and state.source in {"run", "hand"} else None,
        "computed_grade": state.computed,
        **_decision(state, rows),
        "history": [_span_json(span, rows) for span in spans],
    }


def _span_json(span: Span, rows: Mapping[int, sa.Row[Any]]) -> dict[str, Any]:
    state = span.state
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat() if span.end is not None else None,
        "grade": state.grade,
        "source": state.source,
        "run": state.run if state.source == "run" else None,
        **_decision(state, rows),
    }


def _decision(state: State, rows: Mapping[int, sa.Row[Any]]) -> dict[str, Any]:
    """Return why, by whom and through which day a class was set by hand; None where it was not."""
    row = rows[state.hand.number] if state.hand is not None else None
    return {
        "reason": row.reason if row is not None else None,
        "author": row.author if row is not None else None,
        "until": row.until.isoformat() if row is not None else None,
    }


def _manual_rows(connection: sa.Connection, customer_id: int, head: int) -> dict[int, sa.Row[Any]]:
    query = sa.select(manual).where(manual.c.customer_id.in_([customer_id, head])).order_by(manual.c.id)
    return {row.id: row for row in connection.execute(query)}


def _hand_of(row: sa.Row[Any], *, own: bool = True) -> HandSet:
    return HandSet(row.id, row.grade, row.set_on, row.until, row.ended_on, own)


def _published(ctx: Context, customer_id: int) -> list[Published]:
    """Return each publication of the company's usual kind of run with the customer's class in it, in one statement.

    In a run by groups that of the head that it counted for then.
    """
    member = sa.and_(members.c.run_id == runs.c.id, members.c.customer_id == customer_id)
    grade_row = sa.and_(
        grades.c.customer_id == sa.func.coalesce(members.c.head_id, customer_id),
        grades.c.snapshot_id == sa.func.coalesce(runs.c.snapshot_id, runs.c.id),
        grades.c.run_id <= runs.c.id,
        sa.or_(grades.c.until_run.is_(None), grades.c.until_run > runs.c.id),
    )
    query = (
        sa.select(publications.c.published_on, runs.c.id, grades.c.grade)
        .join(runs, runs.c.id == publications.c.run_id)
        .outerjoin(members, member)
        .outerjoin(grades, grade_row)
        .where(runs.c.basis == ctx.settings["basis"], runs.c.level == ctx.settings["level"])
        .order_by(publications.c.id)
    )
    return [Published(*row) for row in ctx.connection.execute(query)]
