"""What becomes of dunning, alarms and marks as customers are merged, or as persons ask for their data or their erasure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.api import erase_person_rows, move_rows, person_rows
from crmcore_credit_5c.tables.receivables import CreditAlarm, CreditDunning, CreditUnlikely

if TYPE_CHECKING:
    from crmcore.api import Context, ErasedData, Move, Moved, Person, PersonData, Tx

_PURPOSES: dict[Any, str] = {
    CreditDunning: "What was done about invoices past due",
    CreditAlarm: "What made the credit of a customer worth another look",
    CreditUnlikely: "Why somebody held a customer to be unlikely to pay",
}
_ERASED: dict[Any, dict[str, Any]] = {
    CreditDunning: {"note": "(erased)"},
    CreditAlarm: {"details": {}, "close_note": None},
    CreditUnlikely: {"reason": "(erased)", "end_reason": None},
}


def move(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let all go along; of two alarms about one matter the remaining customer's own stays."""
    yield move_rows(tx, CreditDunning, "customer_id", moves)
    yield move_rows(tx, CreditAlarm, "customer_id", moves, twice="remove")
    yield move_rows(tx, CreditUnlikely, "customer_id", moves)


def export(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give what was done, told and decided about a person."""
    for table, purpose in _PURPOSES.items():
        yield from person_rows(ctx, table, persons, purpose)


def erase(persons: Sequence[Person], tx: Tx) -> Iterable[ErasedData]:
    """Take away what people wrote and the figures of alarms; that there was something stays under the pseudonym."""
    for table, values in _ERASED.items():
        yield erase_person_rows(tx, table, persons, values)
