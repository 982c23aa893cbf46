"""Figures of plugins on past cards: what the ledger and the classification knew then, whatever was done since.

The oracle keeps at the end of each day what the tables held, read with SQL alone, and the cards that people saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmcore.api import Customer, rows_as_of
from crmcore.app import App
from crmcore.builtin.audit.as_of import card_as_of
from crmcore.builtin.audit.verify import verify
from crmcore.builtin.records.services.customers import cards
from crmcore.testing import ACTOR, CommandLine

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None or find_spec("crmcore_abc_analysis") is None,
    reason="trade_ledger or abc_analysis is not installed",
)
CODES = ("K0", "K1", "K2")
BILLED = st.one_of(st.none(), st.integers(0, 2))
DAYS_AGO = st.one_of(st.integers(-3, 3), st.integers(0, 500))
INVOICE = st.tuples(
    st.integers(0, 4), st.integers(1, 2), st.integers(0, 2), BILLED, st.integers(1, 200), DAYS_AGO
)
STEP = st.one_of(
    st.tuples(st.just("invoices"), st.lists(INVOICE, min_size=1, max_size=4)),
    st.tuples(st.just("payments"), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=2)),
    st.tuples(st.just("allocations"), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=2)),
    st.tuples(st.just("potentials"), st.lists(st.tuples(st.integers(0, 2), DAYS_AGO), max_size=2)),
    st.tuples(st.just("undo"), st.integers(0, 5)),
    st.tuples(st.just("run"), st.none()),
    st.tuples(st.just("set"), st.integers(0, 2)),
    st.tuples(st.just("unset"), st.integers(0, 2)),
    st.tuples(st.just("parent"), st.tuples(st.integers(0, 2), BILLED)),
    st.tuples(st.just("edit"), st.integers(0, 2)),
)
DAYS = st.lists(st.lists(STEP, max_size=4), min_size=2, max_size=6)
TABLES = {
    "ledger_document": ("customer_id", "bill_to_id", "ship_to_id", "id"),
    "ledger_line": ("customer_id", "document_id"),
    "ledger_allocation": ("payment_id", "document_id"),
    "abc_potential": ("customer_id",),
    "abc_manual": ("customer_id",),
    "customer": ("id", "parent_id"),
}


class Company:
    """A company with the ledger and the classification, and what was seen of it each evening."""

    def __init__(self, app: App, crm: CommandLine, clock: Any, folder: Path) -> None:
        self.app, self.crm, self.clock, self.folder = app, crm, clock, folder
        self.files = 0
        self.imports: list[int] = []
        self.seen: dict[date, tuple[Any, Any]] = {}

    @property
    def today(self) -> date:
        with self.app.read() as ctx:
            return ctx.today

    def do(self, what: str, given: Any) -> None:
        if what in {"invoices", "payments", "allocations", "potentials"}:
            self.load(what, [getattr(self, what)(*row) for row in given])
        elif what == "undo" and self.imports:
            self.crm("imports", "undo", self.imports[given % len(self.imports)])
        elif what == "run":
            self.crm("abc", "run", "--from", self.today - timedelta(days=400), "--to", self.today)
        elif what == "set":
            until = self.today + timedelta(days=given)
            self.crm("abc", "set", CODES[given], "A", "--reason", "big", "--until", until)
        elif what == "unset":
            self.crm("abc", "unset", CODES[given], "--reason", "small")
        elif what == "parent":
            of, above = given
            value = "" if above is None else CODES[above]
            self.crm("customer", "edit", CODES[of], "--set", f"parent={value}")
        elif what == "edit":
            self.crm("customer", "edit", CODES[given], "--set", f"region=R{self.files}")

    def load(self, entity: str, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        self.files += 1
        path = self.folder / f"{entity}{self.files}.csv"
        text = [",".join(rows[0]), *(",".join("" if v is None else str(v) for v in r.values()) for r in rows)]
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        done = self.crm("import", entity, path, "--json")  # rows that make no sense are refused
        assert done.stdout, done.stderr
        self.imports.append(done.json()["import"])

    def invoices(self, number: int, line: int, of: int, billed: int | None, amount: int, ago: int) -> Any:
        return {
            "document": f"F{number}",
            "line": line,
            "customer": CODES[of],
            "bill_to": None if billed is None else CODES[billed],
            "date": self.today - timedelta(days=ago),
            "due": self.today + timedelta(days=amount - 100),
            "amount": amount,
        }

    def payments(self, number: int, of: int) -> Any:
        return {"document": f"Z{number}", "customer": CODES[of], "date": self.today, "amount": 60}

    def allocations(self, payment: int, invoice: int) -> Any:
        return {"payment": f"Z{payment}", "document": f"F{invoice}", "amount": 10, "date": self.today}

    def potentials(self, of: int, ago: int) -> Any:
        day = self.today - timedelta(days=ago)
        return {
            "customer": CODES[of],
            "date": day,
            "amount": 1000 + self.files,
            "estimator": "me",
            "basis": "x",
        }

    def evening(self) -> None:
        """Keep what is there, and sleep."""
        self.seen[self.today] = (self.shown(), self.rows())
        self.clock.move(days=1)

    def shown(self) -> dict[str, Any]:
        with self.app.read("records", ACTOR) as ctx:
            found = ctx.connection.execute(sa.select(Customer.__table__)).mappings().all()  # type: ignore[attr-defined]
            return {row["code"]: cards(self.app, ctx, [row])[0][0] for row in found}

    def rows(self) -> dict[str, list[Mapping[str, Any]]]:
        with self.app.read() as ctx:
            return {
                name: [
                    dict(row)
                    for row in ctx.connection.execute(
                        sa.select(self.app.tables[name].table).order_by(sa.column("id"))
                    ).mappings()
                ]
                for name in TABLES
            }


@pytest.fixture
def company(
    make_app: Callable[..., App], crm: CommandLine, clock: Any, database: str, tmp_path: Path
) -> Company:
    app = make_app(
        ["trade_ledger", "abc_analysis"], database, settings='[plugins.abc_analysis]\nlevel = "group"\n'
    )
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": code} for code in CODES])
    clock.move(days=1)
    return Company(app, crm, clock, tmp_path)


def compare(company: Company) -> None:
    """Hold every past day against what was seen on it."""
    app = company.app
    for day, (shown, tables) in company.seen.items():
        with app.read("records", ACTOR) as ctx:
            for code, card in shown.items():
                assert card_as_of(app, ctx, code, day)[0] == card, (day, code)
            for name, columns in TABLES.items():
                model = app.tables[name].spec.table
                for column in columns:
                    there = {row[column] for row in tables[name]} - {None}
                    for ids in [*({number} for number in there | {1, 2, 3}), there]:
                        expected = [row for row in tables[name] if row[column] in ids]
                        found = rows_as_of(ctx, model, column, ids, day)
                        assert found == expected, (day, name, column, ids)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],  # to make a failure smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(DAYS)
def test_every_past_card_is_the_one_that_was_seen(company: Company, days: list[list[Any]]) -> None:
    company.seen.clear()
    for steps in days:
        for step in steps:
            company.do(*step)
        company.evening()
    compare(company)
    assert verify(company.app, rows=True).problem is None
