"""What duplicates hold of natural persons: why they were merged or held apart, and the keys that were made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.duplicates.merge_tables import CustomerMerge
from crmcore.builtin.duplicates.tables import DuplicatePair, keys
from crmcore.builtin.privacy.rows import erase_person_rows, person_rows, rows_in
from crmcore.entities.lookup import batches, table_of
from crmcore.plugins.types import ErasedData, PersonData

if TYPE_CHECKING:
    from crmcore.plugins.types import Context, Person
    from crmcore.tx import Tx

_pairs = table_of(DuplicatePair)
_PURPOSE = "To have each customer once"


def export(ctx: Context, persons: Sequence[Person]) -> list[PersonData]:
    """Return merges and judged pairs."""
    found = person_rows(ctx, CustomerMerge, persons, _PURPOSE)
    for column in ("low_id", "high_id"):
        found += rows_in(ctx.connection, _pairs, persons, _PURPOSE, {"customer": column})
    return found


def erase(tx: Tx, persons: Sequence[Person]) -> list[ErasedData]:
    """Take away reasons, which may tell of the person, and the keys."""
    ids = [person.id for person in persons if person.entity == "customer"]
    pairs: set[int] = set()
    for part in batches(ids):
        theirs = sa.or_(_pairs.c.low_id.in_(part), _pairs.c.high_id.in_(part))
        pairs.update(tx.connection.scalars(sa.select(_pairs.c.id).where(theirs)))
        with tx._app.unguarded(tx.connection):  # noqa: SLF001  (keys are made of rows; no gate logs them)
            tx.connection.execute(sa.delete(keys).where(keys.c.customer_id.in_(part)))
    tx.update(DuplicatePair, [(number, {"reason": None}) for number in sorted(pairs)])
    return [
        erase_person_rows(tx, CustomerMerge, persons, {"reason": None}),
        ErasedData(str(_pairs.name), len(pairs)),
    ]
