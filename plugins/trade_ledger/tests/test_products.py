"""Products: what is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books

FULL = {
    "code": "P1",
    "name": "矿泉水",
    "model": "500 ml",
    "line": "饮料",
    "unit": "箱",
    "list_price": "28.50",
    "standard_cost": "20.01",
    "attributes": '{"颜色": "蓝", "kg": 12.5, "fragile": true}',
}


def test_a_product_keeps_what_its_row_says(books: Books):
    assert books.counted("products", [FULL]) == (1, 0, 0, 0)
    (row,) = books.rows(
        "SELECT code, name, model, line, unit, currency, list_price_minor, standard_cost_minor FROM ledger_product"
    )
    assert tuple(row.values()) == ("P1", "矿泉水", "500 ml", "饮料", "箱", "CNY", 2850, 2001)


def test_a_product_without_a_name_bears_its_code(books: Books):
    books.load("products", [{"code": "P1"}])
    assert books.rows("SELECT name FROM ledger_product") == [{"name": "P1"}]


def test_products_again_change_nothing_and_other_values_update(books: Books):
    rows = [FULL, {"code": "P2"}]
    books.load("products", rows)
    assert books.counted("products", rows) == (0, 0, 2, 0)
    assert books.counted(
        "products", [{"code": "P1", "name": "纯净水"}, {"code": "P2", "currency": "USD"}]
    ) == (0, 2, 0, 0)
    found = books.rows("SELECT name, model, currency, version FROM ledger_product ORDER BY code")
    assert [tuple(row.values()) for row in found] == [("纯净水", "500 ml", "CNY", 2), ("P2", None, "USD", 2)]


def test_attributes_are_merged_key_by_key(books: Books):
    books.load("products", [FULL])
    assert books.counted("products", [{"code": "P1", "attributes": '{"颜色": "蓝"}'}]) == (0, 0, 1, 0)
    assert books.counted("products", [{"code": "P1", "attributes": '{"颜色": "红"}'}]) == (0, 1, 0, 0)
    from crmcore_trade_ledger.listing import list_products

    with books.app.read("trade_ledger") as ctx:
        (shown,) = list_products(ctx.connection, 10, None, None)
    assert shown["attributes"] == {"颜色": "红", "kg": 12.5, "fragile": True}


def test_empty_cells_erase_only_where_the_user_says_so(books: Books):
    books.load("products", [FULL])
    empty = {"code": "P1", "name": None, "model": None, "list_price": None}
    assert books.counted("products", [empty]) == (0, 0, 1, 0)
    assert books.counted("products", [empty], clear_empty=True) == (0, 1, 0, 0)
    (row,) = books.rows("SELECT name, model, list_price_minor FROM ledger_product")
    assert tuple(row.values()) == ("矿泉水", None, None)


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ({"list_price": "1.234"}, "list_price"),
        ({"currency": "shells"}, "currency"),
        ({"currency": "XXQ"}, "currency"),
        ({"attributes": "red"}, "attributes"),
        ({"attributes": "[1]"}, "attributes"),
        ({"attributes": '{"a": [1]}'}, "attributes"),
        ({"attributes": '{"a": NaN}'}, "attributes"),
    ],
)
def test_a_value_that_cannot_be_is_rejected_with_its_column(books: Books, bad, column):
    loaded = books.load("products", [{"code": "P1", **bad}, {"code": "P2"}])
    assert (loaded.created, [(r.line, r.column) for r in loaded.rejected]) == (1, [(2, column)])


def test_a_product_that_stands_twice_is_rejected_the_second_time(books: Books):
    assert books.reasons("products", [{"code": "P1"}, {"code": "P2"}, {"code": "P1", "name": "x"}]) == [
        (4, "code")
    ]
    assert books.reasons("products", [{"code": "P1", "name": "y"}, {"code": "P1", "name": "x"}]) == [
        (3, "code")
    ]


def test_each_product_is_logged_with_its_values(books: Books):
    books.load("products", [FULL, {"code": "P2"}])
    logged = books.rows(
        "SELECT operation, after FROM change_log WHERE entity = 'ledger_product' ORDER BY seq"
    )
    assert [row["operation"] for row in logged] == ["create", "create"]
    assert '"name":"矿泉水"' in logged[0]["after"]
