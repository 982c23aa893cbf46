"""Any merges, unmerges and edits, in any order, beside a model that keeps everything in plain dicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.api import App, Customer, Interaction
from crmcore.errors import CrmError
from crmcore.testing import ACTOR
from tests.merging.conftest import merged, unmerged

CUSTOMERS, TALKS = 5, 4
one = st.integers(0, CUSTOMERS - 1)
talk = st.integers(0, TALKS - 1)
STEP = st.one_of(
    st.tuples(st.just("merge"), one, one),
    st.tuples(st.just("merge"), one, one),
    st.tuples(st.just("unmerge"), one, one),
    st.tuples(st.just("phone"), one, st.sampled_from(["", "1", "2"])),
    st.tuples(st.just("talk"), talk, one),
)
_examples = count()
Cell = tuple[str, int, str]


@dataclass
class Model:
    """What must be: each field with who wrote it and what it was before, newest last; who is merged into whom."""

    phones: list[str | None]
    heads: list[int | None]
    owners: list[int]
    merged: dict[int, int] = field(default_factory=dict)
    """Customer → whom it was merged into, as it was said then."""
    cells: dict[Cell, list[tuple[int, Any]]] = field(default_factory=dict)
    merges: dict[int, int] = field(default_factory=dict)
    """Customer → number of the merge that holds."""
    number: int = 0

    def holder(self, customer: int) -> int:
        while customer in self.merged:
            customer = self.merged[customer]
        return customer

    def above(self, customer: int) -> list[int]:
        found: list[int] = []
        while (head := self.heads[customer]) is not None:
            found.append(head)
            customer = head
        return found

    def _list(self, kind: str) -> list[Any]:
        lists: dict[str, list[Any]] = {"phone": self.phones, "head": self.heads, "owner": self.owners}
        return lists[kind]

    def write(self, writer: int, kind: str, place: int, value: Any) -> None:
        values = self._list(kind)
        if values[place] != value:
            self.cells.setdefault((kind, place, ""), []).append((writer, values[place]))
            values[place] = value

    def merge(self, gone: int, remaining: int) -> bool:
        if gone == remaining or gone in self.merged or remaining in self.merged:
            return False
        self.number += 1
        if self.phones[remaining] is None:
            self.write(self.number, "phone", remaining, self.phones[gone])
        if gone in self.above(remaining) or (
            self.heads[remaining] is None and remaining not in self.above(gone)
        ):
            self.write(self.number, "head", remaining, self.heads[gone])
        for kind in ("head", "owner"):
            for place, value in enumerate(self._list(kind)):
                if value == gone:
                    self.write(self.number, kind, place, remaining)
        self.merged[gone], self.merges[gone] = remaining, self.number
        return True

    def unmerge(self, gone: int) -> set[tuple[str, int]] | None:
        """Return the fields that are conflicts; None where it must be refused."""
        if gone not in self.merged or self.merged[gone] in self.merged:
            return None
        del self.merged[gone]
        number, conflicts = self.merges.pop(gone), set()
        for (kind, place, _), writes in self.cells.items():
            if writes and writes[-1][0] == number:
                value = writes.pop()[1]
                if kind != "phone" and value is not None:
                    value = self.holder(value)
                self._list(kind)[place] = None if kind == "head" and value == place else value
            elif number in [writer for writer, _ in writes]:
                conflicts.add((kind, place))
        return conflicts


@dataclass
class Beside:
    """A company beside its model."""

    app: App
    prefix: str
    customers: list[int]
    talks: list[int]
    model: Model

    def code(self, customer: int) -> str:
        return f"{self.prefix}{customer}"

    def do(self, kind: str, first: int, second: Any) -> None:
        if kind == "merge":
            possible = self.model.merge(first, second)
            self.attempt(lambda: merged(self.app, self.code(first), self.code(second)), expected=possible)
        elif kind == "unmerge":
            expected = self.model.unmerge(first)
            result = self.attempt(lambda: unmerged(self.app, self.code(first)), expected=expected is not None)
            if result:
                assert self.conflicts(result) == expected
        elif kind == "phone":
            if first not in self.model.merged:
                self.model.write(0, "phone", first, second or None)
                self.write(Customer, self.customers[first], phone=second or None)
        else:
            owner = self.model.holder(second)
            self.model.write(0, "owner", first, owner)
            self.write(Interaction, self.talks[first], customer_id=self.customers[owner])

    def attempt(self, call: Callable[[], Any], *, expected: bool) -> Any:
        if expected:
            return call()
        with pytest.raises(CrmError):
            call()
        return None

    def write(self, model: Any, number: int, **values: Any) -> None:
        with self.app.write(ACTOR) as tx:
            tx.update(model, [(number, values)])

    def conflicts(self, result: dict[str, Any]) -> set[tuple[str, int]]:
        names = {"phone": "phone", "parent": "head", "customer": "owner"}
        return {
            (names[c["field"]], int(c["key"].removeprefix(self.prefix).removeprefix("T")))
            for c in result["conflicts"]
        }

    def check(self) -> None:
        customers, talks = Customer.__table__, Interaction.__table__  # type: ignore[attr-defined]
        places = {number: place for place, number in enumerate(self.customers)}
        with self.app.read() as ctx:
            rows = ctx.connection.execute(
                sa.select(customers).where(customers.c.id.in_(self.customers)).order_by(customers.c.id)
            ).all()
            owners = ctx.connection.scalars(
                sa.select(talks.c.customer_id).where(talks.c.id.in_(self.talks)).order_by(talks.c.id)
            ).all()
        assert [row.phone for row in rows] == self.model.phones
        assert [row.parent_id and places[row.parent_id] for row in rows] == self.model.heads
        assert [row.archived_at is not None for row in rows] == [
            n in self.model.merged for n in range(CUSTOMERS)
        ]
        assert [places[owner] for owner in owners] == self.model.owners


def begin(app: App, phones: list[str], heads: list[int]) -> Beside:
    prefix = f"E{next(_examples)}x"
    tree = [head if head < place else None for place, head in enumerate(heads)]
    held: list[str | None] = [phone or None for phone in phones]
    owners = [number % CUSTOMERS for number in range(TALKS)]
    with app.write(ACTOR) as tx:
        rows = [{"code": f"{prefix}{n}", "name": "n", "phone": held[n]} for n in range(CUSTOMERS)]
        ids = tx.insert(Customer, rows)
        tx.update(
            Customer, [(ids[n], {"parent_id": ids[head]}) for n, head in enumerate(tree) if head is not None]
        )
        common = {"channel": "phone", "subject": "s", "at": tx.now}
        talks = [{"code": f"{prefix}T{n}", "customer_id": ids[owners[n]], **common} for n in range(TALKS)]
        return Beside(app, prefix, ids, tx.insert(Interaction, talks), Model(held, list(tree), owners))


SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
GIVEN = given(
    phones=st.lists(st.sampled_from(["", "1", "2"]), min_size=CUSTOMERS, max_size=CUSTOMERS),
    heads=st.lists(st.integers(0, CUSTOMERS), min_size=CUSTOMERS, max_size=CUSTOMERS),
    steps=st.lists(STEP, max_size=12),
)


@settings(SETTINGS, max_examples=12)
@GIVEN
def test_any_life_is_as_the_model_says(app: App, phones, heads, steps):
    live(app, phones, heads, steps)


@pytest.mark.slow
@settings(SETTINGS, max_examples=200)
@GIVEN
def test_many_lives_are_as_the_model_says(app: App, phones, heads, steps):
    live(app, phones, heads, steps)


def live(app: App, phones: list[str], heads: list[int], steps: list[Any]) -> None:
    beside = begin(app, phones, heads)
    beside.check()
    for step in steps:
        beside.do(*step)
        beside.check()


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    """Return a company without customers."""
    return make_app((), database)
