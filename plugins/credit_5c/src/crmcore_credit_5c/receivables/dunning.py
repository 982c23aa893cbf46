"""Dunning (催款): which step is next for whom, and what was done."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    BadConfig,
    Context,
    Refused,
    WorkItem,
    format_minor,
    language,
    lock_customers,
    translator,
    unrestricted,
)
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.money import LeftOut, amounts_text
from crmcore_credit_5c.receivables.claims import customers
from crmcore_credit_5c.receivables.overdue import Late, PastDue, late_customers, past_due
from crmcore_credit_5c.rules.ageing import days_past_due
from crmcore_credit_5c.rules.dunning import Next, Step, Taken, last_step, next_step, steps_increase
from crmcore_credit_5c.tables.receivables import CreditDunning

if TYPE_CHECKING:
    from crmcore.api import App

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
_MOST_ITEMS = 100
"""More work items than these nobody reads; `crm credit dunning list` has them all."""
steps_taken: sa.Table = CreditDunning.__table__  # type: ignore[attr-defined]


def steps_of(ctx: Context) -> list[Step]:
    """Return the company's steps in the reader's language; BadConfig where their days do not increase."""
    stated = ctx.settings["dunning"]
    days = [one["days"] for one in stated]
    if not steps_increase(days):
        message = _("setting credit_5c.dunning: the days must increase from step to step, not {days}")
        raise BadConfig(message.format(days=", ".join(map(str, days))))
    chinese = language().startswith("zh")
    return [
        Step(number, one["days"], (one.get("title_zh") if chinese else None) or one["title"])
        for number, one in enumerate(stated, 1)
    ]


def dunning_list(ctx: Context, late: Late, *, due_only: bool = False) -> Iterator[dict[str, Any]]:
    """Yield each overdue customer with its last and next step, the largest amounts first: schemas/dunning.schema.json.

    due_only: only those whose next step is due today. Restricted persons are left out, and who is in `late.left_out`.
    """
    for _number, line in _whole_list(ctx, late):
        if not due_only or line["is_due"]:
            yield line


def _whole_list(ctx: Context, late: Late) -> Iterator[tuple[int, dict[str, Any]]]:
    steps = steps_of(ctx)
    found = sorted(late.known.items(), key=lambda item: (-item[1].amount_minor, item[0]))
    for start in range(0, len(found), 500):
        yield from _lines(ctx, steps, dict(found[start : start + 500]))


def _lines(
    ctx: Context, steps: Sequence[Step], found: dict[int, PastDue]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each of these customers, at most 500, with its line."""
    taken = _taken(ctx.connection, found)
    known = _usable(ctx, found)
    for number, past in found.items():
        if number not in known:
            continue
        last = last_step(taken.get(number, ()), past.since)
        coming = next_step(steps, taken.get(number, ()), past.since)
        yield number, _line(ctx, known[number], past, last, coming)


def _usable(ctx: Context, customer_ids: Collection[int]) -> dict[int, Any]:
    """Return the cards of these customers, restricted persons left out."""
    query = sa.select(customers.c.id, customers.c.code, customers.c.name, customers.c.owner)
    query = query.where(*unrestricted(ctx.connection, customers.c.id))
    return {
        row.id: row
        for part in parts(customer_ids)
        for row in ctx.connection.execute(query.where(customers.c.id.in_(part)))
    }


def _line(ctx: Context, who: Any, past: PastDue, last: Taken | None, coming: Next | None) -> dict[str, Any]:
    return {
        "customer": who.code,
        "name": who.name,
        "owner": who.owner,
        "days": days_past_due(ctx.today, past.since),
        "since": past.since.isoformat(),
        "amount_minor": past.amount_minor,
        "currency": ctx.currency,
        "last_step": last.number if last else None,
        "last_on": last.on.isoformat() if last else None,
        "next_step": coming.step.number if coming else None,
        "next_title": coming.step.title if coming else None,
        "next_on": coming.due_on.isoformat() if coming else None,
        "is_due": coming is not None and coming.due_on <= ctx.today,
    }


def _taken(connection: sa.Connection, ids: Collection[int]) -> dict[int, list[Taken]]:
    c = steps_taken.c
    found: dict[int, list[Taken]] = {}
    for part in parts(ids):
        query = sa.select(c.customer_id, c.step, c.done_on).where(c.customer_id.in_(part)).order_by(c.id)
        for customer, step, done_on in connection.execute(query):
            found.setdefault(customer, []).append(Taken(step, done_on))
    return found


def record_step(app: App, actor: str, code: str, number: int, note: str) -> dict[str, Any]:
    """Record that a step was taken today; returns the customer's line of `dunning_list`.

    Refused where nothing is past due, or another step comes next; NotFound for an unknown customer.
    """
    with app.write(actor, "record a step of dunning", plugin=PLUGIN) as tx:
        ctx = tx.ctx
        customer = find_usable(ctx, code)
        lock_customers(tx, [customer])
        found = past_due(ctx, [customer])
        if customer not in found:
            message = _("{customer} owes nothing past due, so there is nothing to dun for")
            raise Refused(message.format(customer=code))
        past = found[customer]
        coming = next_step(steps_of(ctx), _taken(tx.connection, found).get(customer, ()), past.since)
        _require_next(code, number, coming.step.number if coming else None)
        row = {
            "customer_id": customer,
            "step": number,
            "title": coming.step.title if coming else "",
            "since": past.since,
            "amount_minor": past.amount_minor,
            "currency": ctx.currency,
            "note": note,
            "done_on": ctx.today,
            "author": tx.actor,
        }
        tx.insert(CreditDunning, [row])
        return next(_lines(ctx, steps_of(ctx), found))[1]


def _require_next(code: str, number: int, coming: int | None) -> None:
    if coming is None:
        message = _("all steps of dunning were taken for {customer}; there is no step {step}")
        raise Refused(message.format(customer=code, step=number))
    if number != coming:
        message = _("step {step} is not the next one for {customer}; that is step {coming}")
        raise Refused(message.format(customer=code, step=number, coming=coming))


def dunning_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Yield a work item for each step that is due, the largest amounts first.

    A step that the settings give to somebody is theirs alone. Who owns customers sees theirs and those of nobody; who
    owns none, as a manager, sees all.
    """
    if "receivables" not in ctx.facts.available() or not ctx.settings["dunning"]:
        return
    who = {number: one.get("who") or None for number, one in enumerate(ctx.settings["dunning"], 1)}
    owns = bool(ctx.connection.scalar(sa.select(sa.exists().where(customers.c.owner == actor))))
    found = late_customers(ctx)
    yield from _unknown_items(ctx, found.left_out, {actor, None} if owns else None)
    count = 0
    for number, line in _whole_list(ctx, found):
        if not line["is_due"]:
            continue
        given = who[line["next_step"]]
        mine = given == actor if given else (not owns or line["owner"] in {actor, None})
        due_on = date.fromisoformat(line["next_on"])
        if not mine or (since is not None and due_on < since):
            continue
        yield _item(ctx, number, line, due_on)
        count += 1
        if count >= _MOST_ITEMS:
            return


def _unknown_items(
    ctx: Context, left_out: LeftOut, owners: Collection[str | None] | None
) -> Iterator[WorkItem]:
    """Yield an item for each customer, of these owners or of all, whose money past due cannot be converted."""
    usable = _usable(ctx, left_out.problems)
    mine = [row for number, row in sorted(usable.items()) if owners is None or row.owner in owners]
    for row in mine[:_MOST_ITEMS]:
        title = _("{name} is left out of dunning, with {amounts} past due: {problem}").format(
            name=row.name, amounts=amounts_text(left_out.amounts[row.id]), problem=left_out.problem(row.id)
        )
        key = f"credit:no_rate:{row.id}"
        yield WorkItem(key, row.id, ctx.today, title, "warning", f"crm credit exposure {row.code}")


def _item(ctx: Context, number: int, line: dict[str, Any], due_on: date) -> WorkItem:
    title = _("{step}: {name} owes {amount} {currency} past due for {days} days").format(
        step=line["next_title"],
        name=line["name"],
        amount=format_minor(line["amount_minor"], line["currency"]),
        currency=line["currency"],
        days=line["days"],
    )
    return WorkItem(
        f"credit:dunning:{number}:{line['since']}:{line['next_step']}",
        number,
        due_on,
        title,
        "critical" if line["next_step"] == len(ctx.settings["dunning"]) else "warning",
        f"crm credit dunning done {line['customer']} --step {line['next_step']} --note TEXT",
    )
