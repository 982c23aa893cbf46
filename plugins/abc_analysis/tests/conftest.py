"""An oracle of the classification, a provider of purchases that needs no ledger, and a company to try both on.

The oracle shares no code with the plugin: it looks things up in sorted lists.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

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


def install_fake(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a plugin of fakes/ for one test, as a distribution would."""
    installed = tmp_path / "site" / f"{name}-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n", "utf-8"
    )
    (installed / "RECORD").write_text("", "utf-8")
    (installed / "entry_points.txt").write_text(f"[crmcore.plugins]\n{name} = {name}.plugin\n", "utf-8")
    for folder in (installed.parent, FAKES):
        monkeypatch.syspath_prepend(folder)
    return name


@pytest.fixture
def fake_purchases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return install_fake("fake_purchases", tmp_path, monkeypatch)


@pytest.fixture
def fake_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return install_fake("fake_costs", tmp_path, monkeypatch)


class Company:
    """A company whose customers buy."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._numbers = count(1)
        self._products: dict[str, int] = {}

    def add(self, *codes: str, **columns: Any) -> None:
        """Add customers; their names are their codes."""
        with self.app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": code, "name": code, **columns} for code in codes])

    def group(self, head: str, *members: str) -> None:
        """Make a customer the parent of others."""
        with self.app.write(ACTOR) as tx:
            ids = customer_ids(tx.connection, [head, *members])
            tx.update(Customer, [(ids[member], {"parent_id": ids[head]}) for member in members])

    def buy(
        self,
        day: str,
        amounts: Mapping[str, int] | list[tuple[str, int]],
        currency: str = "CNY",
        **columns: Any,
    ) -> None:
        """Let customers buy for so many minor units on a day, each by a document of its own.

        `columns` hold for each of them: cost_minor, quantity_micro, product (a code).
        """
        bought = list(amounts.items()) if isinstance(amounts, Mapping) else amounts
        rows = [
            {"customer": code, "occurred_on": day, "currency": currency, "amount_minor": amount, **columns}
            for code, amount in bought
        ]
        self.fact("purchases", rows)

    def spend(
        self,
        day: str,
        amounts: Mapping[str, int],
        *,
        on: str = "cost_to_serve",
        kind: str = "visit",
        currency: str = "CNY",
    ) -> None:
        """Spend so many minor units on customers on a day: `on` cost_to_serve or investments."""
        self.fact(
            on,
            [
                {"customer": code, "occurred_on": day, "kind": kind, "currency": currency, "amount_minor": n}
                for code, n in amounts.items()
            ],
        )

    def fact(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of a fact: days as texts; `customer` and `product` are codes.

        Left out, currency is CNY, and product_id, document_id, document and complaint_id are new ones.
        """
        provider = "fake_purchases" if name == "purchases" else "fake_costs"
        table = import_module(f"{provider}.tables").TABLES[name]
        with self.app.write(ACTOR) as tx:
            ids = customer_ids(tx.connection, [row["customer"] for row in rows if "customer" in row])
            tx.insert(table, [dict(self._columns(table.model_fields, row, ids)) for row in rows])

    def _columns(
        self, wanted: Iterable[str], row: Mapping[str, Any], ids: Mapping[str, int]
    ) -> Iterator[tuple[str, Any]]:
        columns = {key: value for key, value in row.items() if key not in {"customer", "product"}}
        if "customer" in row:
            columns["customer_id"] = ids[row["customer"]]
        if code := row.get("product", row.get("code")):
            columns["product_id"] = self.product_id(code)
        number = next(self._numbers)
        usual: dict[str, Any] = {
            "currency": "CNY",
            "document_id": number,
            "complaint_id": number,
            "document": f"D{number}",
        }
        for name, value in ({key: usual[key] for key in usual if key in wanted} | columns).items():
            is_day = name in {"occurred_on", "as_of", "due_on", "valid_from"} and isinstance(value, str)
            yield name, date.fromisoformat(value) if is_day else value

    def product_id(self, code: str) -> int:
        """Return the product_id of a code, the same each time."""
        return self._products.setdefault(code, len(self._products) + 1)

    def products(self, *codes: str, **columns: Any) -> None:
        """Add products to the fact `products`; their names are their codes; `columns`: line, unit."""
        self.fact("products", [{"code": code, "name": code, **columns} for code in codes])

    def sell(self, day: str, amounts: Mapping[str, int], currency: str = "CNY") -> None:
        """Add the customers and let them buy."""
        self.add(*amounts)
        self.buy(day, amounts, currency)

    def id_of(self, code: str) -> int:
        with self.app.read() as ctx:
            return customer_ids(ctx.connection, [code])[code]


CompanyMaker = Callable[..., Company]


@pytest.fixture(scope="session")
def quick_java() -> Iterator[None]:
    """Let a Java of seconds neither perfect its code nor collect garbage side by side: a third less work for Spark."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield


@pytest.fixture
def make_company(
    make_app: Callable[..., App],
    fake_purchases: str,
    fake_costs: str,
    monkeypatch: pytest.MonkeyPatch,
    quick_java: None,
) -> CompanyMaker:
    """Return a maker of companies; `facts` = what fake_costs provides beside the purchases, or "all"."""
    del quick_java

    def make(
        database: str = "sqlite", *, settings: str = "", facts: Sequence[str] | Literal["all"] = ()
    ) -> Company:
        plugins = [fake_purchases, "abc_analysis"]
        if facts:
            plugin = import_module(f"{fake_costs}.plugin")
            monkeypatch.setattr(plugin, "PROVIDED", plugin.ALL if facts == "all" else tuple(facts))
            plugins.append(fake_costs)
        return Company(make_app(plugins, database, settings=settings))

    return make


@pytest.fixture
def check_schema() -> Callable[[Any, str], None]:
    """Return a function that checks a value against one of our published schemas, formats included."""
    from jsonschema import Draft202012Validator, FormatChecker

    def check(value: Any, name: str) -> None:
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)

    return check
