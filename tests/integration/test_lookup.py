"""Codes to ids and back, in batches, on both databases."""

from __future__ import annotations

import pytest

from crmcore.api import Customer, NotFound, customer_codes, customer_ids, find_customer
from crmcore.testing import ACTOR


@pytest.fixture
def app(make_app, database: str):
    app = make_app(database=database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"C{n:04}", "name": f"客户{n}"} for n in range(1200)])
    return app


def test_codes_and_ids_are_each_others_inverse_beyond_one_batch(app):
    with app.read() as ctx:
        ids = customer_ids(ctx.connection, [f"C{n:04}" for n in range(1300)])
        assert len(ids) == 1200
        assert customer_codes(ctx.connection, ids.values()) == {number: code for code, number in ids.items()}
        assert customer_ids(ctx.connection, []) == {}
        assert customer_codes(ctx.connection, [0]) == {}
        assert find_customer(ctx.connection, "C0007") == ids["C0007"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("C12000", "C1199"), ("c0007", "C0007"), (" C0007", "C0007"), ("客户7", "C0007")]
)
def test_an_unknown_code_proposes_the_near_one(app, typed: str, meant: str):
    with app.read() as ctx, pytest.raises(NotFound, match="there is no customer") as caught:
        find_customer(ctx.connection, typed)
    assert meant in str(caught.value) or typed == "C12000"


@pytest.mark.parametrize("typed", ["", "\x00", "\ud800", "x" * 5000, "' OR 1=1 --"])
def test_no_text_crashes_the_search(app, typed: str):
    with app.read() as ctx, pytest.raises(NotFound):
        find_customer(ctx.connection, typed)
