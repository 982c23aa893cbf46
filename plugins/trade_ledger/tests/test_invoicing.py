"""The fact `order_invoices`, against an oracle that never looks into the database."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker


def generate(seed: int) -> tuple[dict[str, list[dict[str, str]]], Counter[tuple[str, str]]]:
    """Draw orders that are invoiced in parts, from deliveries or from themselves; what each invoice took over."""
    draw = random.Random(seed)
    loads: dict[str, list[dict[str, str]]] = {"orders": [], "deliveries": [], "invoices": []}
    expected: Counter[tuple[str, str]] = Counter()
    for n in range(40):
        who = {"customer": f"C{draw.randint(1, 3)}", "bill_to": f"C{draw.randint(1, 3)}", "line": "1"}
        pieces, price = draw.randint(1, 9), draw.randint(1, 500) * 100
        loads["orders"].append(
            {
                "document": f"S{n}",
                "date": "2026-01-05",
                "quantity": str(pieces),
                "amount": f"{pieces * price / 100:.2f}",
                **who,
            }
        )
        left = pieces
        for m in range(draw.randint(0, 3)):
            part = draw.randint(1, left) if left else 0
            if not part:
                break
            left -= part
            amount = {"quantity": str(part), "amount": f"{part * price / 100:.2f}", **who}
            of_order = {"order": f"S{n}", "order_line": "1"}
            invoice = {"document": f"F{n}-{m}", "date": "2026-02-05", **amount}
            if draw.random() < 0.5:
                loads["deliveries"].append(
                    {"document": f"D{n}-{m}", "date": "2026-01-20", **amount, **of_order}
                )
                loads["invoices"].append({**invoice, "delivery": f"D{n}-{m}", "delivery_line": "1"})
            else:
                loads["invoices"].append({**invoice, **of_order})
            expected[f"S{n}", f"F{n}-{m}"] += part * price
    loads["invoices"].append(
        {
            "document": "ALONE",
            "date": "2026-02-05",
            "customer": "C1",
            "line": "1",
            "quantity": "1",
            "amount": "5.00",
        }
    )
    return loads, expected


@pytest.mark.parametrize("seed", range(3))
def test_invoices_are_traced_to_the_orders_that_they_were_made_from(books: Books, seed: int) -> None:
    loads, expected = generate(seed)
    for name, rows in loads.items():
        assert not books.load(name, rows).rejected
    numbers = {row["document_id"]: row["document"] for row in books.fact("documents")}
    found: Counter[tuple[Any, Any]] = Counter()
    for row in books.fact("order_invoices"):
        found[numbers[row["order_id"]], numbers[row["document_id"]]] += row["amount_minor"]
    assert found == expected


@pytest.mark.postgres
def test_so_it_is_on_postgresql(make_books: BooksMaker) -> None:
    books = make_books("postgres")
    loads, expected = generate(7)
    for name, rows in loads.items():
        books.load(name, rows)
    assert sum(row["amount_minor"] for row in books.fact("order_invoices")) == expected.total()
