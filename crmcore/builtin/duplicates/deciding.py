"""Decisions on pairs: these two are never one; and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.duplicates.finding import PLUGIN, pair_table
from crmcore.builtin.duplicates.judging import judge
from crmcore.builtin.duplicates.reading import customers
from crmcore.builtin.duplicates.tables import DuplicatePair
from crmcore.entities.lookup import find_customer
from crmcore.errors import Refused, UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.tx import Tx

_c = pair_table.c


@again
def never(
    app: App, actor: str, codes: tuple[str, str], reason: str, *, expect_version: int | None = None
) -> int:
    """Note that two customers are not one, whether they were found alike or not; returns the pair's id."""
    with app.write(actor, "duplicates never", plugin=PLUGIN) as tx:
        low, high = _pair_of(tx, codes)
        row = _row_of(tx, low, high)
        decided = {
            "state": "never",
            "reason": reason,
            "customer_id": _person_of(tx, low, high),
            "decided_by": actor,
            "decided_at": tx.now,
        }
        if row is None:
            return tx.insert(
                DuplicatePair, [{"low_id": low, "high_id": high, **_judged(tx, low, high), **decided}]
            )[0]
        if row["state"] == "merged":
            message = _("{a} and {b} were merged; take that back first: crm duplicates unmerge")
            raise Refused(message.format(a=codes[0], b=codes[1]))
        expected = {row["id"]: expect_version} if expect_version is not None else None
        tx.update(DuplicatePair, [(row["id"], decided)], expect_version=expected)
        return int(row["id"])


@again
def take_back(app: App, actor: str, codes: tuple[str, str], *, expect_version: int | None = None) -> int:
    """Open a pair again of which it was said that it is never one; returns the pair's id."""
    with app.write(actor, "duplicates never --undo", plugin=PLUGIN) as tx:
        low, high = _pair_of(tx, codes)
        row = _row_of(tx, low, high)
        if row is None or row["state"] != "never":
            message = _("nobody has said that {a} and {b} are two; there is nothing to take back")
            raise Refused(message.format(a=codes[0], b=codes[1]))
        judged = _judged(tx, low, high)
        opened = {"state": "open", "reason": None, "decided_by": None, "decided_at": None, **judged}
        expected = {row["id"]: expect_version} if expect_version is not None else None
        tx.update(DuplicatePair, [(row["id"], opened)], expect_version=expected)
        return int(row["id"])


def _pair_of(tx: Tx, codes: tuple[str, str]) -> tuple[int, int]:
    one, other = (find_customer(tx.connection, code) for code in codes)
    if one == other:
        raise UsageProblem(_("{code} is one customer; name two").format(code=codes[0]))
    return min(one, other), max(one, other)


def _person_of(tx: Tx, low: int, high: int) -> int | None:
    """Return whose key the reason is kept under: that of a natural person, the first if both are."""
    c = customers.c
    query = sa.select(c.id).where(c.id.in_((low, high)), c.kind == "person").order_by(c.id).limit(1)
    number: int | None = tx.connection.scalar(query)
    return number


def _row_of(tx: Tx, low: int, high: int) -> sa.RowMapping | None:
    query = sa.select(pair_table).where(_c.low_id == low, _c.high_id == high)
    return tx.connection.execute(query.with_for_update()).mappings().first()


def _judged(tx: Tx, low: int, high: int) -> dict[str, object]:
    """Return what the rules say of the two today, however little that is."""
    found = judge(tx.ctx, [(low, high)])
    return found[0].stored if found else {"score": 0, "certainty": "possible", "why": []}
