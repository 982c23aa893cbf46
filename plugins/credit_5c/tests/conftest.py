"""What the tests of credit_5c share; each part has a section of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import App, Customer, customer_ids
from crmcore.testing import ACTOR

# -- receivables ------------------------------------------------------------------------------------------------


class Receivables:
    """A company whose customers owe: invoices, credit notes, what settled them, orders, in the plugin for tests."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._numbers = count(1)
        self._claims: dict[str, dict[str, Any]] = {}

    def add(self, *codes: str, **columns: Any) -> None:
        """Add customers; their names are their codes."""
        with self.app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": code, "name": code, **columns} for code in codes])

    def group(self, head: str, *members: str) -> None:
        """Make a customer the parent of others."""
        with self.app.write(ACTOR) as tx:
            ids = customer_ids(tx.connection, [head, *members])
            tx.update(Customer, [(ids[member], {"parent_id": ids[head]}) for member in members])

    def invoice(self, code: str, on: str, due: str | None, amount: int, currency: str = "CNY") -> str:
        """Bill a customer, or credit it with a negative amount; returns the number of the document."""
        (number,) = self.invoices([(code, on, due, amount, currency)])
        return number

    def invoices(self, rows: list[tuple[str, str, str | None, int, str]]) -> list[str]:
        """Bill customers: (code, day, due day, minor units, currency) each."""
        from fake_receivables.tables import FakeClaim

        numbers = [f"F{next(self._numbers)}" for _row in rows]
        with self.app.write(ACTOR) as tx:
            ids = customer_ids(tx.connection, [row[0] for row in rows])
            records = [
                {
                    "customer_id": ids[code],
                    "document": number,
                    "occurred_on": date.fromisoformat(on),
                    "due_on": date.fromisoformat(due) if due else None,
                    "currency": currency,
                    "amount_minor": amount,
                    "open_minor": amount,
                }
                for number, (code, on, due, amount, currency) in zip(numbers, rows, strict=True)
            ]
            for number, record, key in zip(numbers, records, tx.insert(FakeClaim, records), strict=True):
                self._claims[number] = {**record, "id": key}
        return numbers

    def settle(self, number: str, on: str, amount: int) -> None:
        """Settle a part of a document."""
        self.settlements([(number, on, amount)])

    def settlements(self, rows: list[tuple[str, str, int]]) -> None:
        """Settle parts of documents: (number, day, minor units) each."""
        from fake_receivables.tables import FakeClaim, FakeSettlement

        with self.app.write(ACTOR) as tx:
            found = [
                {
                    "claim_id": self._claims[number]["id"],
                    "settled_on": date.fromisoformat(on),
                    "amount_minor": amount,
                }
                for number, on, amount in rows
            ]
            tx.insert(FakeSettlement, found)
            for number, _on, amount in rows:
                self._claims[number]["open_minor"] -= amount
            touched = {number: self._claims[number] for number, _on, _amount in rows}
            tx.update(FakeClaim, [(c["id"], {"open_minor": c["open_minor"]}) for c in touched.values()])

    def order(self, code: str, on: str, amount: int, state: str = "released", currency: str = "CNY") -> None:
        """Let a customer order."""
        from fake_receivables.tables import FakeOrder

        with self.app.write(ACTOR) as tx:
            row = {
                "customer_id": customer_ids(tx.connection, [code])[code],
                "document": f"O{next(self._numbers)}",
                "occurred_on": date.fromisoformat(on),
                "currency": currency,
                "amount_minor": amount,
                "state": state,
            }
            tx.insert(FakeOrder, [row])

    def ids(self, *codes: str) -> list[int]:
        """Return the ids of customers."""
        with self.app.read() as ctx:
            found = customer_ids(ctx.connection, codes)
        return [found[code] for code in codes]


@pytest.fixture
def fake_receivables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the plugin of fakes/ that provides receivables, settlements and orders, as a distribution would."""
    name = "fake_receivables"
    installed = tmp_path / "site_e" / f"{name}-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-receivables\nVersion: 1.0\n", "utf-8"
    )
    (installed / "RECORD").write_text("", "utf-8")
    (installed / "entry_points.txt").write_text(f"[crmcore.plugins]\n{name} = {name}.plugin\n", "utf-8")
    for folder in (installed.parent, Path(__file__).parent / "fakes"):
        monkeypatch.syspath_prepend(folder)
    return name


@pytest.fixture
def make_receivables(make_app: Callable[..., App], fake_receivables: str) -> Callable[..., Receivables]:
    """Return a maker of companies that bill their customers; today is 2026-03-02."""

    def make(database: str = "sqlite", settings: str = "") -> Receivables:
        return Receivables(make_app([fake_receivables, "credit_5c"], database, settings=settings))

    return make


@pytest.fixture
def check_receivables_schema() -> Callable[[Any, str], None]:
    """Return a function that checks a value against one of the published schemas, formats included."""
    from jsonschema import Draft202012Validator, FormatChecker

    import crmcore_credit_5c

    folder = Path(crmcore_credit_5c.__file__).parent / "schemas"

    def check(value: Any, name: str) -> None:
        schema = json.loads((folder / f"{name}.schema.json").read_text("utf-8"))
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)

    return check


# -- limits, exposure, hold -------------------------------------------------------------------------------------


class Trade:
    """A company with grades and limits, whose trade stands in the plugin fake_trade; today is 2026-03-02."""

    def __init__(self, app: App) -> None:
        self.app = app

    def add(self, *codes: str, parent: str | None = None, **columns: Any) -> None:
        """Add customers; their names are their codes."""
        with self.app.write(ACTOR) as tx:
            if parent is not None:
                columns["parent_id"] = customer_ids(tx.connection, [parent])[parent]
            tx.insert(Customer, [{"code": code, "name": code, **columns} for code in codes])

    def id_of(self, code: str) -> int:
        with self.app.read() as ctx:
            return customer_ids(ctx.connection, [code])[code]

    def row(
        self,
        kind: str,
        code: str,
        amount: int,
        *,
        left: int | None = None,
        currency: str = "CNY",
        on: str = "2026-02-01",
        due: str | None = None,
    ) -> int:
        """Add a row of a fact; `left`: what of the amount is still open, by default all. Returns its id."""
        from fake_trade.tables import FakeTrade

        with self.app.write(ACTOR) as tx:
            row = {
                "kind": kind,
                "customer_id": customer_ids(tx.connection, [code])[code],
                "occurred_on": date.fromisoformat(on),
                "due_on": date.fromisoformat(due) if due else None,
                "currency": currency,
                "amount_minor": amount,
                "open_minor": amount if left is None else left,
            }
            return tx.insert(FakeTrade, [row])[0]

    def rows(self, rows: Sequence[tuple[str, str, int, str]]) -> None:
        """Add rows of facts of one day, all of them open: (customer, fact, minor units, currency) each."""
        from fake_trade.tables import FakeTrade

        with self.app.write(ACTOR) as tx:
            ids = customer_ids(tx.connection, {code for code, *_rest in rows})
            records = [
                {
                    "kind": kind,
                    "customer_id": ids[code],
                    "occurred_on": date(2026, 2, 1),
                    "due_on": None,
                    "currency": currency,
                    "amount_minor": amount,
                    "open_minor": amount,
                }
                for code, kind, amount, currency in rows
            ]
            tx.insert(FakeTrade, records)

    def grade(
        self, code: str, grade: str = "A", *, expires: str | None = None, plugin: str = "credit_5c"
    ) -> None:
        """Give a customer a grade, as a released assessment would."""
        from crmcore_credit_5c.tables.assessments import CreditAssessment

        with self.app.write(ACTOR, plugin=plugin) as tx:
            row = {
                "customer_id": customer_ids(tx.connection, [code])[code],
                "model": "5c",
                "model_version": 1,
                "model_digest": "0" * 64,
                "score_centi": 8_000,
                "grade": grade,
                "factors": {},
                "inputs": {},
                "missing": [],
                "state": "released",
                "assessor": ACTOR,
                "assessed_on": tx.ctx.today,
                "assessed_at": tx.now,
                "released_on": tx.ctx.today,
                "released_by": ACTOR,
                "expires_on": date.fromisoformat(expires) if expires else None,
            }
            tx.insert(CreditAssessment, [row])

    def limit(self, code: str, amount: int, *, until: str | None = None, currency: str = "CNY") -> None:
        """Set a limit as an approval would, in minor units."""
        from datetime import timedelta

        from crmcore_credit_5c.tables.limits import CreditLimit

        with self.app.write(ACTOR, plugin="credit_5c") as tx:
            row = {
                "customer_id": customer_ids(tx.connection, [code])[code],
                "limit_minor": amount,
                "currency": currency,
                "valid_from": tx.ctx.today,
                "ends_on": date.fromisoformat(until) + timedelta(days=1) if until else None,
                "proposed_by": "li",
                "decided_by": "boss",
                "decided_at": tx.now,
            }
            tx.insert(CreditLimit, [row])


@pytest.fixture
def fake_trade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the plugin of fakes/ that provides receivables, orders, deliveries, payments and purchases."""
    installed = tmp_path / "site_d" / "fake_trade-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-trade\nVersion: 1.0\n", "utf-8")
    (installed / "RECORD").write_text("", "utf-8")
    (installed / "entry_points.txt").write_text(
        "[crmcore.plugins]\nfake_trade = fake_trade.plugin\n", "utf-8"
    )
    for folder in (installed.parent, Path(__file__).parent / "fakes"):
        monkeypatch.syspath_prepend(folder)
    return "fake_trade"


@pytest.fixture
def make_trade(make_app: Callable[..., App], fake_trade: str) -> Callable[..., Trade]:
    """Return a maker of companies with grades, limits and trade; `settings` is TOML behind [plugins.credit_5c]."""

    def make(database: str = "sqlite", settings: str = "", *, more: str = "", rates: str = "") -> Trade:
        text = f"{rates}\n[plugins.credit_5c]\n{settings}\n{more}"
        return Trade(make_app([fake_trade, "credit_5c"], database, settings=text))

    return make


@pytest.fixture
def check_limit_schema() -> Callable[[Any, str], None]:
    """Return a function that checks a value against one of the published schemas, formats included."""
    from jsonschema import Draft202012Validator, FormatChecker

    import crmcore_credit_5c

    folder = Path(crmcore_credit_5c.__file__).parent / "schemas"

    def check(value: Any, name: str) -> None:
        schema = json.loads((folder / f"{name}.schema.json").read_text("utf-8"))
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)

    return check
