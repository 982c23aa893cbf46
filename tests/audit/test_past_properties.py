"""The view of any past moment equals a snapshot that was taken at that moment, whatever was done since.

The oracle reads the tables with SQL alone after each step and keeps what it saw.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.api import Contact, Customer
from crmcore.app import App
from crmcore.builtin.audit.past import past_rows
from crmcore.builtin.audit.verify import verify
from crmcore.entities.tables import ContactFirm
from crmcore.testing import ACTOR

MODELS: dict[str, Any] = {"customer": Customer, "contact": Contact, "contact_firm": ContactFirm}
TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4))
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["fax", "address", "own"]),
    st.one_of(st.none(), st.integers(-5, 5), st.text("ab", max_size=2)),
)
CUSTOMER = st.fixed_dictionaries(
    {},
    optional={
        "phone": TEXTS,
        "region": TEXTS,
        "since": st.none() | st.dates(),
        "kind": st.sampled_from(["organisation", "person"]),
        "name": st.text("甲乙丙", min_size=1, max_size=3),
        "attributes": ATTRIBUTES,
    },
)
CONTACT = st.fixed_dictionaries({}, optional={"phone": TEXTS, "mobile": TEXTS, "attributes": ATTRIBUTES})
LINK = st.fixed_dictionaries(
    {},
    optional={
        "roles": st.lists(st.sampled_from(["uses", "owner"]), max_size=2),
        "until": st.none() | st.dates(),
    },
)
EDITS = {"customer": CUSTOMER, "contact": CONTACT, "contact_firm": LINK}
STEP = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(sorted(MODELS)), st.integers(0, 9), CUSTOMER),
    *(st.tuples(st.just("update"), st.just(name), st.integers(0, 9), edit) for name, edit in EDITS.items()),
    st.tuples(
        st.sampled_from(["archive", "restore"]),
        st.sampled_from(["customer", "contact"]),
        st.integers(0, 9),
        st.none(),
    ),
    st.tuples(st.just("delete"), st.sampled_from(sorted(MODELS)), st.integers(0, 9), st.none()),
)
TRANSACTIONS = st.lists(st.lists(STEP, min_size=1, max_size=3), min_size=1, max_size=12)


class Company:
    """Does as it is told, as far as that makes sense."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.number = 0

    def ids(self, connection: sa.Connection, entity: str) -> list[int]:
        return list(connection.scalars(sa.text(f"SELECT id FROM {entity} ORDER BY id")))  # noqa: S608

    def do(self, tx: Any, what: str, entity: str, which: int, values: Any) -> None:
        ids = self.ids(tx.connection, entity)
        if what == "create":
            self.create(tx, entity, which, values)
        elif ids:
            number, model = ids[which % len(ids)], MODELS[entity]
            if what == "update":
                tx.update(model, [(number, values)])
            elif what == "archive":
                tx.archive(model, [number])
            elif what == "restore":
                tx.restore(model, [number])
            elif not self.referred_to(tx.connection, entity, number):
                tx.delete(model, [number])

    def create(self, tx: Any, entity: str, which: int, values: Any) -> None:
        self.number += 1
        row: dict[str, Any] = {"code": f"X{self.number}", "name": "新"}
        if entity == "customer":
            set_ones = {k: v for k, v in values.items() if k != "attributes"}
            attributes = {k: v for k, v in values.get("attributes", {}).items() if v is not None}
            row |= {**set_ones, "attributes": attributes}
        elif entity == "contact_firm":
            customers, people = self.ids(tx.connection, "customer"), self.ids(tx.connection, "contact")
            if not customers or not people:
                return
            row = {
                "customer_id": customers[which % len(customers)],
                "contact_id": people[which % len(people)],
                "roles": ["uses"],
            }
        tx.insert(MODELS[entity], [row])

    def referred_to(self, connection: sa.Connection, entity: str, number: int) -> bool:
        column = {"customer": "customer_id", "contact": "contact_id"}.get(entity)
        query = f"SELECT count(*) FROM contact_firm WHERE {column} = {number}"  # noqa: S608
        return bool(column and connection.scalar(sa.text(query)))

    def snapshot(self) -> dict[str, dict[int, dict[str, Any]]]:
        with self.app.read() as ctx:
            return {
                entity: {
                    row["id"]: dict(row)
                    for row in ctx.connection.execute(sa.select(MODELS[entity].__table__)).mappings()
                }
                for entity in MODELS
            }


@pytest.fixture
def empty_app(make_app: Callable[..., App]) -> Callable[[], App]:
    """Return the same workspace again and again, with nothing in it: to make one takes longer than an example."""
    app = make_app()
    logs = ("change_seal", "change_log", "change_tx", "person_key", "sqlite_sequence")

    def emptied() -> App:
        with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
            for table in ("contact_firm", "contact", "customer", *logs):
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        return app

    return emptied


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(TRANSACTIONS)
def test_every_past_moment_is_as_it_was_seen(
    empty_app: Callable[[], App], clock: Any, transactions: list[list[Any]]
) -> None:
    app = empty_app()
    company = Company(app)
    seen: list[tuple[datetime, Any]] = [(clock.now, company.snapshot())]
    for steps in transactions:
        with app.write(ACTOR, bulk=True) as tx:
            for step in steps:
                company.do(tx, *step)
        clock.move(seconds=1)
        seen.append((clock.now, company.snapshot()))
    ever = {entity: {n for _at, shot in seen for n in shot[entity]} for entity in MODELS}
    with app.read() as ctx:
        for moment, shot in seen:
            for entity, rows in shot.items():
                past = past_rows(ctx.connection, app.core_tables[entity], ever[entity], moment)
                assert past == rows
    assert verify(app).ok


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(TRANSACTIONS)
def test_the_card_of_every_past_day_is_the_one_that_was_shown(
    empty_app: Callable[[], App], clock: Any, transactions: list[list[Any]]
) -> None:
    from crmcore.builtin.audit.as_of import card_as_of
    from crmcore.builtin.records.services.customers import cards
    from crmcore.errors import CrmError

    app = empty_app()
    company = Company(app)
    table = app.core_tables["customer"].table
    seen: dict[Any, dict[int, Any]] = {}
    codes: dict[int, str] = {}
    for steps in transactions:
        with app.write(ACTOR, bulk=True) as tx:
            for step in steps:
                company.do(tx, *step)
        with app.read() as ctx:
            rows = ctx.connection.execute(sa.select(table)).mappings().all()
            seen[ctx.today] = dict(
                zip([r["id"] for r in rows], (c for c, _s in cards(app, ctx, rows)), strict=True)
            )
        codes |= {number: shown["code"] for number, shown in seen[ctx.today].items()}
        clock.move(days=1)
    with app.read() as ctx:
        for day, shown in seen.items():
            for number, code in codes.items():
                try:
                    past = card_as_of(app, ctx, code, day)[0]
                except CrmError:
                    past = None
                assert past == shown.get(number)
