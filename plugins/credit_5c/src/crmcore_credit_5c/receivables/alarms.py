"""Alarms (信用预警): raised once for each matter, told, and closed by people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import N_, Alert, Context, NotFound, Refused, format_minor, translator, unrestricted
from crmcore_credit_5c.assessing.reads import refuse_restricted
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.receivables.claims import customers
from crmcore_credit_5c.receivables.open_alarms import alarms
from crmcore_credit_5c.rules import alarms as rule
from crmcore_credit_5c.tables.receivables import CLOSED, OPEN, CreditAlarm

if TYPE_CHECKING:
    from crmcore.api import App
    from crmcore_credit_5c.receivables.watching import Found

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
_MOST_ALERTS = 100
_CHUNK = 500
_GONE = {
    rule.GRADE_DROP: N_("the credit grade fell"),
    rule.PAYING_SLOWER: N_("the last invoices were paid later than those before"),
    rule.LARGE_ORDER: N_("an order is far above the usual"),
}
_SEVERE = frozenset({rule.GRADE_DROP, rule.PAYING_SLOWER})


def raise_alarms(app: App, actor: str) -> dict[str, Any]:
    """Look for all that gives alarm and record what is new; returns how many of which kind were raised.

    Done again, it raises nothing anew. Each customer concerned is due for an assessment.
    """
    from crmcore_credit_5c.receivables.watching import find_alarms

    with app.read(PLUGIN, actor) as ctx:
        found = list(find_alarms(app, ctx))
    raised: Counter[str] = Counter()
    for start in range(0, len(found), _CHUNK):
        raised += _record(app, actor, found[start : start + _CHUNK])
    return {"raised": raised.total(), "by_kind": {kind: raised[kind] for kind in rule.KINDS}}


def _record(app: App, actor: str, found: Iterable[Found]) -> Counter[str]:
    from crmcore_credit_5c.assessing.reviews import ask_reviews

    with app.write(actor, _("credit alarms"), plugin=PLUGIN) as tx:
        fresh = _unknown(tx.connection, list(found))
        rows = [
            {
                "customer_id": one.customer_id,
                "kind": one.kind,
                "matter": one.matter,
                "details": one.details,
                "raised_on": tx.ctx.today,
                "raised_at": tx.now,
            }
            for one in fresh
        ]
        tx.insert(CreditAlarm, rows)
        ask_reviews(tx, [(one.customer_id, sentence(one.kind, one.details)) for one in fresh])
    return Counter(one.kind for one in fresh)


def _unknown(connection: sa.Connection, found: list[Found]) -> list[Found]:
    """Return what is new: no alarm of the same matter, and for paying slower no open one at all."""
    c = alarms.c
    known: set[tuple[int, str, str]] = set()
    slow: set[int] = set()
    for part in parts(one.customer_id for one in found):
        query = sa.select(c.customer_id, c.kind, c.matter, c.state).where(c.customer_id.in_(part))
        for customer, kind, matter, state in connection.execute(query):
            known.add((customer, kind, matter))
            if kind == rule.PAYING_SLOWER and state == OPEN:
                slow.add(customer)
    fresh = {
        (one.customer_id, one.kind, one.matter): one
        for one in found
        if not (one.kind == rule.PAYING_SLOWER and one.customer_id in slow)
    }
    return [one for key, one in fresh.items() if key not in known]


def sentence(kind: str, details: Mapping[str, Any]) -> str:
    """Say what an alarm is about; once its figures are erased, only of which kind it is."""
    if not details and kind != rule.REPRESENTATIVE:
        return _(_GONE[kind])
    if kind == rule.GRADE_DROP:
        return _("the credit grade fell from {before} to {now}").format(**details)
    if kind == rule.PAYING_SLOWER:
        words = _(
            "the last {invoices} invoices were paid {days} days after they were due, those before {before}"
        )
        return words.format(**details)
    if kind == rule.LARGE_ORDER:
        amounts = {
            name: format_minor(details[f"{name}_minor"], details["currency"]) for name in ("amount", "usual")
        }
        words = _("order {order} of {amount} {currency} is far above the usual {usual}")
        return words.format(order=details["order"], currency=details["currency"], **amounts)
    return _("the legal representative has changed")


def list_alarms(
    ctx: Context, *, open_only: bool = False, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the alarms, the latest first, as `crm credit alarms --json` prints them: schemas/alarm.schema.json.

    Restricted persons are left out.
    """
    query = (
        sa.select(alarms, customers.c.code, customers.c.name)
        .join(customers, customers.c.id == alarms.c.customer_id)
        .where(*unrestricted(ctx.connection, alarms.c.customer_id))
        .order_by(alarms.c.id.desc())
        .limit(limit)
    )
    if open_only:
        query = query.where(alarms.c.state == OPEN)
    for row in ctx.connection.execute(query).mappings():
        yield _json(dict(row))


def close_alarm(app: App, actor: str, number: int, note: str) -> dict[str, Any]:
    """Close an alarm with what came of it; NotFound for an unknown one, Refused for one that is closed."""
    with app.write(actor, "close a credit alarm", plugin=PLUGIN) as tx:
        row = _alarm(tx.connection, number)
        refuse_restricted(tx.ctx, row["customer_id"])
        if row["state"] == CLOSED:
            message = _("alarm {number} was closed by {who} on {day} already")
            raise Refused(message.format(number=number, who=row["closed_by"], day=row["closed_on"]))
        closed = {"state": CLOSED, "closed_on": tx.ctx.today, "closed_by": tx.actor, "close_note": note}
        tx.update(CreditAlarm, [(number, closed)], expect_version={number: row["version"]})
        return _json({**row, **closed})


def _alarm(connection: sa.Connection, number: int) -> Mapping[str, Any]:
    query = sa.select(alarms, customers.c.code, customers.c.name).join(
        customers, customers.c.id == alarms.c.customer_id
    )
    row = connection.execute(query.where(alarms.c.id == number)).mappings().first()
    if row is None:
        message = _("there is no alarm {number}; see crm credit alarms")
        raise NotFound(message.format(number=number))
    return dict(row)


def _json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "alarm": row["id"],
        "customer": row["code"],
        "name": row["name"],
        "kind": row["kind"],
        "what": sentence(row["kind"], row["details"]),
        "details": row["details"],
        "state": row["state"],
        "raised_on": row["raised_on"].isoformat(),
        "closed_on": row["closed_on"].isoformat() if row["closed_on"] else None,
        "closed_by": row["closed_by"],
        "note": row["close_note"],
    }


def alarm_alerts(run: str | None, ctx: Context) -> Iterator[Alert]:
    """Yield an alert for each open alarm, the latest first; of a run of an analysis there is none."""
    if run is not None:
        return
    c = alarms.c
    query = (
        sa.select(c.id, c.customer_id, c.kind, c.details, c.raised_at, customers.c.name)
        .join(customers, customers.c.id == c.customer_id)
        .where(c.state == OPEN, *unrestricted(ctx.connection, c.customer_id))
        .order_by(c.id.desc())
        .limit(_MOST_ALERTS)
    )
    for row in ctx.connection.execute(query):
        title = _("{name}: {what}").format(name=row.name, what=sentence(row.kind, row.details))
        yield Alert(
            f"credit:alarm:{row.id}",
            row.customer_id,
            row.raised_at,
            title,
            "critical" if row.kind in _SEVERE else "warning",
        )
