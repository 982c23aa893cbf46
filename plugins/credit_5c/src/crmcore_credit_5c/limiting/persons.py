"""What becomes of limits as customers are merged, or as persons ask for their data or their erasure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.api import erase_person_rows, keep_rows, person_rows
from crmcore_credit_5c.limiting.current import Record, decisions_of
from crmcore_credit_5c.tables.imports import CreditLimitImportRow
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
    yield keep_rows(tx, CreditLimitImportRow, "customer_id", moves)


def _hand_on(one: Move, tx: Tx) -> None:
    """Give what stands of the one, raises that end and what stands after them, for the time in which the other has none."""
    begins: date | None = tx.ctx.today
    for row in _standing(tx.ctx, one.into_id):
        begins = None if begins is None or row["ends_on"] is None else max(begins, row["ends_on"])
    if begins is None:
        return
    theirs = [
        row for row in _standing(tx.ctx, one.from_id) if row["ends_on"] is None or row["ends_on"] > begins
    ]
    rows = [
        {
            "customer_id": one.into_id,
            "valid_from": max(begins, row["valid_from"]),
            **{name: row[name] for name in _HANDED_ON},
        }
        for row in reversed(theirs)
    ]
    tx.insert(CreditLimit, rows)


def _standing(ctx: Context, customer_id: int) -> list[Record]:
    """Return the decisions that count today or will, the newest first: down to the one that has no end."""
    found: list[Record] = []
    for row in decisions_of(ctx, customer_id):
        if row["ends_on"] is None or row["ends_on"] > ctx.today:
            found.append(row)
        if row["ends_on"] is None:
            break
    return found


def export(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give what was decided on a person's limit, and why."""
    for table in (CreditLimit, CreditLimitImportRow):
        yield from person_rows(ctx, table, persons, "To decide how much is delivered on credit")


def erase(persons: Sequence[Person], tx: Tx) -> Iterable[ErasedData]:
    """Take away what people wrote and how limits were worked out; amounts and days stay under the pseudonym.

    What files ask for is taken out of them, whether they wait or not.
    """
    yield erase_person_rows(tx, CreditLimit, persons, {"reason": None, "grade": None, "workings": []})
    yield erase_person_rows(tx, CreditLimitImportRow, persons)
