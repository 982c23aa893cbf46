"""An oracle of the classification, a provider of purchases that needs no ledger, and a company to try both on.

The oracle shares no code with the plugin: it looks things up in sorted lists.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from crmcore.api import App, Customer, customer_ids
from crmcore.testing import ACTOR

FAKES = Path(__file__).parent / "fakes"
SCHEMAS = Path(__file__).parent.parent / "src" / "crmcore_abc_analysis" / "schemas"

Ends = list[tuple[str, Fraction]]
"""Class and cumulative share, the best class first; the last is 1."""


class Expected(NamedTuple):
    rank: int
    grade: str


Oracle = Callable[[Mapping[str, int], str, Ends], dict[str, Expected]]


def classify_naively(amounts: Mapping[str, int], by: str, ends: Ends) -> dict[str, Expected]:
    descending = sorted(amounts.values(), reverse=True)
    best_rank: dict[int, int] = {}
    for rank, amount in enumerate(descending, 1):
        best_rank.setdefault(amount, rank)
    least = _least_by_rank(descending, ends) if by == "rank" else _least_by_amount(descending, ends)
    return {
        customer: Expected(best_rank[amount], _grade(amount, ends, least))
        for customer, amount in amounts.items()
    }


def _grade(amount: int, ends: Ends, least: list[int | None]) -> str:
    if amount <= 0:
        return ends[-1][0]
    return next(
        grade for (grade, _), floor in zip(ends, least, strict=True) if floor is not None and amount >= floor
    )


def _least_by_rank(descending: list[int], ends: Ends) -> list[int | None]:
    """Return the amount of the last customer whom each bound lets in: whoever has as much is in, too."""
    least: list[int | None] = []
    for _, share in ends:
        counted = 0
        while counted < share * len(descending):
            counted += 1
        least.append(descending[counted - 1] if counted else None)
    return least


def _least_by_amount(descending: list[int], ends: Ends) -> list[int | None]:
    positive = [amount for amount in descending if amount > 0]
    least: list[int | None] = []
    for _, share in ends:
        floor, so_far, enough = None, 0, share * sum(positive)
        for amount in positive:
            if so_far >= enough:
                break
            floor, so_far = amount, so_far + amount
        least.append(floor)
    return least


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return classify_naively


@pytest.fixture
def fake_purchases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the plugin of fakes/ for one test, as a distribution would."""
    installed = tmp_path / "site" / "fake_purchases-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-purchases\nVersion: 1.0\n", "utf-8"
    )
    (installed / "RECORD").write_text("", "utf-8")
    (installed / "entry_points.txt").write_text(
        "[crmcore.plugins]\nfake_purchases = fake_purchases.plugin\n", "utf-8"
    )
    for folder in (installed.parent, FAKES):
        monkeypatch.syspath_prepend(folder)
    return "fake_purchases"


class Company:
    """A company whose customers buy."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._documents = count(1)

    def add(self, *codes: str, **columns: Any) -> None:
        """Add customers; their names are their codes."""
        with self.app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": code, "name": code, **columns} for code in codes])

    def buy(
        self, day: str, amounts: Mapping[str, int] | list[tuple[str, int]], currency: str = "CNY"
    ) -> None:
        """Let customers buy for so many minor units on a day, each by a document of its own."""
        bought = list(amounts.items()) if isinstance(amounts, Mapping) else amounts
        purchase = import_module("fake_purchases.tables").FakePurchase

        with self.app.write(ACTOR) as tx:
            ids = customer_ids(tx.connection, [code for code, _amount in bought])
            rows = [
                {
                    "customer_id": ids[code],
                    "occurred_on": date.fromisoformat(day),
                    "currency": currency,
                    "amount_minor": amount,
                    "document_id": next(self._documents),
                }
                for code, amount in bought
            ]
            tx.insert(purchase, rows)

    def sell(self, day: str, amounts: Mapping[str, int], currency: str = "CNY") -> None:
        """Add the customers and let them buy."""
        self.add(*amounts)
        self.buy(day, amounts, currency)

    def id_of(self, code: str) -> int:
        with self.app.read() as ctx:
            return customer_ids(ctx.connection, [code])[code]


CompanyMaker = Callable[..., Company]


@pytest.fixture
def make_company(make_app: Callable[..., App], fake_purchases: str) -> CompanyMaker:
    def make(database: str = "sqlite", *, settings: str = "") -> Company:
        return Company(make_app([fake_purchases, "abc_analysis"], database, settings=settings))

    return make


@pytest.fixture
def check_schema() -> Callable[[Any, str], None]:
    """Return a function that checks a value against one of our published schemas, formats included."""
    from jsonschema import Draft202012Validator, FormatChecker

    def check(value: Any, name: str) -> None:
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)

    return check
