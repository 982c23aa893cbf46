"""What becomes of credit data as customers are merged, and as persons ask for theirs or for its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import erase_person_rows, keep_rows, move_rows, person_rows, translator
from crmcore_credit_5c.tables.assessments import CreditAssessment, CreditReview
from crmcore_credit_5c.tables.evidence import CreditEvidence, CreditStatement

from .current import assessments
from .reviews import ask_reviews

if TYPE_CHECKING:
    from crmcore.api import Context, ErasedData, Move, Moved, Person, PersonData, Tx

_ = translator("crmcore_credit_5c")


def move_all(moves: Sequence[Move], tx: Tx) -> Iterator[Moved]:
    """Let evidence go along; assessments tell what was, so that who remains is due for a new one."""
    for move in moves:
        if not move.undo and _was_assessed(tx, move):
            ask_reviews(tx, [(move.into_id, _("merged with another customer"))])
    yield move_rows(tx, CreditEvidence, "customer_id", moves)
    yield move_rows(tx, CreditStatement, "customer_id", moves)
    yield keep_rows(tx, CreditAssessment, "customer_id", moves)
    yield move_rows(tx, CreditReview, "customer_id", moves)


def _was_assessed(tx: Tx, move: Move) -> bool:
    both = assessments.c.customer_id.in_((move.from_id, move.into_id))
    return tx.connection.scalar(sa.select(assessments.c.id).where(both).limit(1)) is not None


def persons_data(persons: Sequence[Person], ctx: Context) -> Iterator[PersonData]:
    """Give all that is kept of persons' credit."""
    purpose = "To judge how much credit can be given"
    for table in (CreditEvidence, CreditStatement, CreditAssessment, CreditReview):
        yield from person_rows(ctx, table, persons, purpose)


def erase(persons: Sequence[Person], tx: Tx) -> Iterator[ErasedData]:
    """Delete what was found out; assessments stay as numbers without grade, points or reasons."""
    yield erase_person_rows(tx, CreditEvidence, persons)
    yield erase_person_rows(tx, CreditStatement, persons)
    yield erase_person_rows(tx, CreditReview, persons)
    empty: dict[str, Any] = {
        "score_centi": None,
        "grade": None,
        "scale": None,
        "factors": {},
        "inputs": {},
        "missing": [],
        "state": "erased",
    }
    yield erase_person_rows(tx, CreditAssessment, persons, empty)
