"""Use cases: redeem points, and book those for purchases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import App, Context, NotFound, Refused, call_hook, find_customer, minor_digits, translator

from .api import PointsRule
from .balances import NOTHING, Standing, standings
from .rules import earned, percent_of
from .tables import Entry, entries, rewards

_ = translator("crmcore_loyalty_club")
PLUGIN = "loyalty_club"
REDEEM = "loyalty.redeem"
_CHUNK = 500
"""Documents booked in one transaction."""


def redeem(app: App, actor: str, code: str, reward: str) -> Standing:
    """Spend a customer's points on a reward and return what is left; Refused where there are not enough."""
    with app.write(actor, "points redeemed", plugin=PLUGIN, permission=REDEEM) as tx:
        customer_id = find_customer(tx.connection, code)
        wanted = tx.connection.execute(sa.select(rewards).where(rewards.c.code == reward)).first()
        if wanted is None:
            raise NotFound(
                _("there is no reward {code!r}; import some with: crm import rewards").format(code=reward)
            )
        left = standings(tx.ctx, [customer_id]).get(customer_id, NOTHING).points - wanted.points
        if left < 0:
            message = _("{code} has {points} points, {reward} costs {price}; choose another reward")
            raise Refused(
                message.format(code=code, points=left + wanted.points, reward=reward, price=wanted.points)
            )
        entry = {"customer_id": customer_id, "reward_id": wanted.id, "booked_on": tx.ctx.today}
        tx.insert(Entry, [{**entry, "points": -wanted.points, "reference": f"redeemed {tx.id}"}])
        return Standing(left, tx.ctx.today)


def book_purchases(app: App, actor: str) -> Mapping[str, Any]:
    """Give points for each document that has none yet; may be killed and run again at any time.

    What is booked stands in the entries themselves, so nothing else has to be remembered.
    """
    booked, points, last = 0, 0, 0
    while documents := _unbooked(app, actor, last):
        with app.read(PLUGIN, actor) as ctx:
            rows = list(_rows(ctx, documents))
        if rows:
            with app.write(actor, "points for purchases", "job:loyalty_book", plugin=PLUGIN, bulk=True) as tx:
                tx.insert(Entry, rows)
        booked, points = booked + len(rows), points + sum(row["points"] for row in rows)
        last = documents[-1].document_id
    return {"booked": booked, "points": points}


def _unbooked(app: App, actor: str, last: int) -> Sequence[Any]:
    """Read the next documents, with what each customer bought on them; whoever provides purchases gives them."""
    with app.read(PLUGIN, actor) as ctx:
        bought = ctx.facts.select("purchases").subquery()
        keys = (bought.c.document_id, bought.c.customer_id)
        reference = _reference(*(sa.cast(key, sa.String) for key in keys))
        query = (
            sa.select(
                *keys,
                sa.func.max(bought.c.occurred_on).label("day"),
                sa.func.sum(bought.c.amount_minor).label("amount_minor"),
            )
            .where(bought.c.document_id > last, bought.c.currency == ctx.currency)
            .where(sa.not_(sa.exists().where(entries.c.reference == reference)))
            .group_by(*keys)
            .order_by(*keys)
            .limit(_CHUNK)
        )
        return ctx.connection.execute(query).all()


def _rows(ctx: Context, documents: Sequence[Any]) -> list[dict[str, Any]]:
    extras: dict[int, list[int]] = defaultdict(list)
    customers = sorted({document.customer_id for document in documents})
    rules: list[PointsRule] = call_hook(ctx, "points_rules", customer_ids=customers)
    for rule in rules:
        extras[rule.customer_id].append(rule.extra_percent)
    per_point = ctx.settings["amount_per_point"] * 10 ** minor_digits(ctx.currency)
    rows = [
        {
            "customer_id": document.customer_id,
            "booked_on": document.day,
            "points": earned(int(document.amount_minor), per_point, percent_of(extras[document.customer_id])),
            "reference": _reference(str(document.document_id), str(document.customer_id)),
        }
        for document in documents
    ]
    return [row for row in rows if row["points"]]


def _reference(document: Any, customer: Any) -> Any:
    """Return what an entry for a purchase is known by; texts or SQL."""
    return "purchase " + document + "/" + customer
