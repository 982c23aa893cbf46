"""Finding customers: the index says which rows may answer, the rows say how well they do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.search.candidates import candidates
from crmcore.builtin.search.matching import PREFIX, SCORES, Match, best_match
from crmcore.builtin.search.query import Condition, Query
from crmcore.builtin.search.sources import SHIFT, Source, sources
from crmcore.builtin.search.together import Together
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Contact, ContactFirm, Customer

if TYPE_CHECKING:
    from datetime import date

    from crmcore.app import App
    from crmcore.plugins.types import Context

FEWEST_LOOKED_AT = 100
"""So many rows that may answer are looked at, at least, in each of the steps."""
_LESS_BESIDE = 3
"""A customer found by a contact, or by a row of a plugin, counts a little less than one found by itself."""


class Hit(NamedTuple):
    """A customer that was found."""

    code: str
    name: str
    why: str
    """Field, and how it answers: `phone exact`; of a contact `contact T001 name prefix`."""
    score: int
    """100 = a code, phone or tax id exactly; see docs/how-to/find-a-customer.md."""

    @property
    def order(self) -> tuple[int, str]:
        """The best first, then by code."""
        return (-self.score, self.code)


class Found(NamedTuple):
    """A customer's id with the row that answers for it."""

    customer: int
    match: Match
    of: str
    """Empty, or whose row it is: `contact T001`."""


def find(
    app: App, ctx: Context, text: str, *, phone: bool = False, limit: int = 20, archived: bool = False
) -> list[Hit]:
    """Return the customers that a text finds, the best first.

    phone: the text is the number of a caller and nothing else. archived: archived customers and contacts, too.
    """
    return Search(app, ctx, Query(text, phone), limit, archived=archived).hits()


class Search:
    """One question."""

    def __init__(self, app: App, ctx: Context, query: Query, limit: int, *, archived: bool) -> None:
        """Look for nothing yet."""
        self._connection, self._today = ctx.connection, ctx.today
        self._query, self._limit, self._archived = query, limit, archived
        self._sources = {source.first >> SHIFT: source for source in sources(app).values()}
        self._most = max(FEWEST_LOOKED_AT, 4 * limit)
        self._seen: set[int] = set()
        self._hits: dict[int, Hit] = {}

    def hits(self) -> list[Hit]:
        """Ask for the best answers first, and for lesser ones only if these are too few."""
        query = self._query
        self._step(query.exact(), query.prefix(), query.signed())
        if self._better_than(SCORES[PREFIX] - 10) < self._limit:
            self._step(query.contained())
            if len(query.words) > 1 and not query.number:
                self._take(Found(*found) for found in self._together().find(query))
        return sorted(self._hits.values(), key=lambda hit: hit.order)[: self._limit]

    def _together(self) -> Together:
        return Together(self._connection, self._today, self._most, archived=self._archived)

    def _better_than(self, score: int) -> int:
        return sum(hit.score >= score for hit in self._hits.values())

    def _step(self, *conditions: Condition | None) -> None:
        asked = [condition for condition in conditions if condition is not None]
        if not asked:
            return
        documents = set(candidates(self._connection, asked, self._most)) - self._seen
        self._seen |= documents
        by_kind: dict[int, list[int]] = {}
        for document in documents:
            by_kind.setdefault(document >> SHIFT, []).append(document & ((1 << SHIFT) - 1))
        found = [
            answer
            for kind, ids in sorted(by_kind.items())
            if kind in self._sources
            for answer in self._answers(self._sources[kind], ids)
        ]
        self._take(found)

    def _answers(self, source: Source, ids: Sequence[int]) -> list[Found]:
        """Return how rows of one table answer, each for the customers that it stands for."""
        matches: dict[int, Match] = {}
        owner: dict[int, int] = {}
        c = source.table.c
        for part in batches(ids):
            query = source.query.where(c.id.in_(part))
            query = query.add_columns(c[source.customer]) if source.customer else query
            for row in self._connection.execute(query):
                values = row[1 : len(source.columns) + 1]
                if match := best_match(self._query, source, values):
                    matches[row[0]], owner[row[0]] = match, row[-1]
        if source.entity == "customer":
            return [Found(number, match, "") for number, match in matches.items()]
        if source.entity == "contact":
            return self._of_contacts(matches)
        return [Found(owner[i], match, source.entity) for i, match in matches.items()]

    def _of_contacts(self, matches: Mapping[int, Match]) -> list[Found]:
        """Return the customers at which contacts are today."""
        places, people = table_of(ContactFirm).c, table_of(Contact).c
        found = []
        for part in batches(matches):
            query = (
                sa.select(places.customer_id, people.id, people.code)
                .join(table_of(Contact), people.id == places.contact_id)
                .where(people.id.in_(part), _present(places.until, self._today))
            )
            if not self._archived:
                query = query.where(people.archived_at.is_(None))
            query = query.where(*hidden(self._connection, (people.id, "contact")))
            found += [
                Found(row.customer_id, matches[row.id], f"contact {row.code}")
                for row in self._connection.execute(query)
            ]
        return found

    def _take(self, found: Iterable[Found]) -> None:
        """Keep the best answer of each customer, as many as are asked for; archived ones may take places before."""
        best: dict[int, Found] = {}
        for answer in sorted(found, key=lambda f: (-_score(f), f.customer, f.of)):
            best.setdefault(answer.customer, answer)
        answers, taken = list(best.values()), 0
        for start in range(0, len(answers), 2 * self._limit):
            part = {answer.customer: answer for answer in answers[start : start + 2 * self._limit]}
            for customer, (code, name) in self._customers(part).items():
                taken += 1
                self._keep(customer, code, name, part[customer])
            if taken >= self._limit:
                break

    def _keep(self, customer: int, code: str, name: str, answer: Found) -> None:
        why = " ".join(filter(None, (answer.of, answer.match.field, _how(answer.match))))
        hit = Hit(code, name, why, _score(answer))
        if customer not in self._hits or self._hits[customer].score < hit.score:
            self._hits[customer] = hit

    def _customers(self, ids: Collection[int]) -> dict[int, tuple[str, str]]:
        c = table_of(Customer).c
        found: dict[int, tuple[str, str]] = {}
        for part in batches(ids):
            query = sa.select(c.id, c.code, c.name).where(c.id.in_(part))
            query = query if self._archived else query.where(c.archived_at.is_(None))
            query = query.where(*hidden(self._connection, (c.id, "customer")))
            found.update((row.id, (row.code, row.name)) for row in self._connection.execute(query))
        return found


def _present(until: sa.ColumnElement[Any], today: date) -> sa.ColumnElement[bool]:
    return sa.or_(until.is_(None), until >= today)


def _score(found: Found) -> int:
    return found.match.score - (_LESS_BESIDE if found.of else 0)


def _how(match: Match) -> str:
    return match.how.removeprefix("key ")
