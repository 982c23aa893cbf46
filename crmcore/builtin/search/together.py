"""Words that stand in different rows: the name of a firm and of somebody who works there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.search.candidates import candidates
from crmcore.builtin.search.matching import SCORES, TOGETHER, Match, best_match
from crmcore.builtin.search.query import Query, some
from crmcore.builtin.search.sources import CONTACTS, CUSTOMERS, SHIFT, Source
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Contact, ContactFirm

if TYPE_CHECKING:
    from datetime import date

    from crmcore.builtin.search.terms import Values

_places, _people = table_of(ContactFirm).c, table_of(Contact).c


class Said(NamedTuple):
    """A row that speaks of a customer."""

    customer: int
    of: str
    """Empty for the customer's own row, else `contact T001`."""
    source: Source
    values: Values


class Together:
    """Looks for customers of whom one row holds some words of a question, and another row the rest."""

    def __init__(self, connection: sa.Connection, today: date, most: int, *, archived: bool) -> None:
        """Look for nothing yet; most: so many rows are looked at."""
        self._connection, self._today, self._most, self._archived = connection, today, most, archived

    def find(self, query: Query) -> Iterable[tuple[int, Match, str]]:
        """Give customer, match and whose row it is; the rarest word says at which customers the others are looked for."""
        words = [Query(word) for word in query.words]
        conditions = [some(word.exact(), word.prefix(), word.contained()) for word in words]
        if len(words) < 2 or None in conditions:  # noqa: PLR2004  (one word stands in one row)
            return
        named = [candidates(self._connection, [c], self._most) for c in conditions if c is not None]
        by_customer: dict[int, list[Said]] = {}
        for row in self._rows(self._customers(min(named, key=len))):
            by_customer.setdefault(row.customer, []).append(row)
        for customer, rows in by_customer.items():
            if len(rows) > 1 and (place := _answering(words, rows)) is not None:
                row = rows[place]
                yield customer, Match(SCORES[TOGETHER], row.source.names[0], TOGETHER), row.of

    def _customers(self, documents: Sequence[int]) -> list[int]:
        """Return the customers whose documents these are, or whose contacts'."""
        number = (1 << SHIFT) - 1
        found = {d for d in documents if d >> SHIFT == CUSTOMERS.first >> SHIFT}
        people = [d & number for d in documents if d >> SHIFT == CONTACTS.first >> SHIFT]
        for part in batches(people):
            query = sa.select(_places.customer_id).where(_places.contact_id.in_(part), self._present())
            found.update(self._connection.scalars(query))
        return sorted(found)

    def _rows(self, customers: Collection[int]) -> Iterable[Said]:
        for part in batches(customers):
            own = CUSTOMERS.query.where(CUSTOMERS.table.c.id.in_(part))
            people = (
                CONTACTS.query.add_columns(_people.code, _places.customer_id)
                .join(table_of(ContactFirm), _places.contact_id == _people.id)
                .where(_places.customer_id.in_(part), self._present())
            )
            if not self._archived:
                people = people.where(_people.archived_at.is_(None))
            for row in self._connection.execute(own):
                yield Said(row[0], "", CUSTOMERS, row[1:])
            for row in self._connection.execute(people):
                yield Said(row[-1], f"contact {row[-2]}", CONTACTS, row[1:-2])

    def _present(self) -> sa.ColumnElement[bool]:
        return sa.or_(_places.until.is_(None), _places.until >= self._today)


def _answering(words: Sequence[Query], rows: Sequence[Said]) -> int | None:
    """Return the first row that holds what the customer's own lacks, if each word stands in one of the rows."""
    left = list(words)
    place = None
    for i, row in enumerate(rows):
        found = [word for word in left if best_match(word, row.source, row.values)]
        if found and row.of and place is None:
            place = i
        left = [word for word in left if word not in found]
    return None if left else place
