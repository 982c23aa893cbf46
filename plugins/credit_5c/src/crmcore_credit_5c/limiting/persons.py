"""What becomes of limits as customers are merged, or as persons ask for their data or their erasure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from crmcore.api import erase_person_rows, keep_rows, person_rows
from crmcore_credit_5c.limiting.current import counting_rows
from crmcore_credit_5c.tables.limits import CreditLimit

if TYPE_CHECKING:
    from crmcore.api import Context, ErasedData, Move, Moved, Person, PersonData, Tx

_HANDED_ON = (
    *("limit_minor", "currency", "ends_on", "payment_days", "grade", "assessment_id", "workings", "reason"),
    *("proposed_by", "decided_by", "single_person", "decided_at"),
)


def move(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Leave decisions where they are, since they tell what was; the limit that counts is handed on where there is none.

    Two limits are never added up: what both owe counts against the one that remains.
    """
    for one in moves:
        if not one.undo:
            _hand_on(one, tx)
    yield keep_rows(tx, CreditLimit, "customer_id", moves)


def _hand_on(one: Move, tx: Tx) -> None:
    held = counting_rows(tx.ctx, [one.from_id, one.into_id], tx.ctx.today)
    if one.from_id in held and one.into_id not in held:
        row = held[one.from_id]
        anew = {name: row[name] for name in _HANDED_ON}
        tx.insert(CreditLimit, [{"customer_id": one.into_id, "valid_from": tx.ctx.today, **anew}])


def export(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give what was decided on a person's limit, and why."""
    yield from person_rows(ctx, CreditLimit, persons, "To decide how much is delivered on credit")


def erase(persons: Sequence[Person], tx: Tx) -> Iterable[ErasedData]:
    """Take away what people wrote and how limits were worked out; amounts and days stay under the pseudonym."""
    yield erase_person_rows(tx, CreditLimit, persons, {"reason": None, "grade": None, "workings": []})
