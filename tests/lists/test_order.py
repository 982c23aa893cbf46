"""Lists of customers are what a plain sort and filter in Python give, and their pages put together are one list."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.records.services import list_reading
from crmcore.builtin.records.services.customer_list import Condition, CustomerList, Order
from crmcore.builtin.records.services.list_columns import PluginColumns
from crmcore.testing import ACTOR

from .conftest import make_rows

ROWS = make_rows(60)
ARCHIVED = {row["code"] for row in ROWS[:3]}
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
VALUES: dict[str, list[Any]] = {
    "code": ["c000", "c500"],
    "name": ["x", "yy"],
    "owner": ["rep1", "nobody"],
    "lifecycle": ["prospect", "active"],
    "since": ["2020-02-29", "2022-01-01"],
    "size": [0, 2.5, 11],
    "route": ["", "b", "c"],
    "visited_on": ["2026-01-01"],
    "vip": [True, False],
    "plain": [3, 4],
    "tally.points": [0, 1, 3],
    "tally.summed": [0, 1, 3],
    "tally.number": [1, 20],
}
ORDERED = st.sampled_from(sorted(VALUES))


def value_of(row: dict[str, Any], name: str) -> Any:
    if name == "tally.number":
        return None if row["short_name"] in {None, "pp"} else ROWS.index(row) + 1
    if name.startswith("tally."):
        return None if row["short_name"] is None else len(row["short_name"])
    return row[name] if name in row else row["attributes"].get(name)


def fulfils(row: dict[str, Any], condition: Condition) -> bool:
    if condition.name == "archived":
        return condition.value is None or (row["code"] in ARCHIVED) == condition.value
    value = value_of(row, condition.name)
    if condition.operator in {"=", "!="}:
        return bool(value == condition.value) is (condition.operator == "=")
    return value is not None and SIGNS[condition.operator](value, condition.value)


def expected(conditions: list[Condition], name: str, *, descending: bool) -> list[str]:
    spoken = any(condition.name == "archived" for condition in conditions)
    rows = [
        row
        for row in ROWS
        if (spoken or row["code"] not in ARCHIVED) and all(fulfils(row, c) for c in conditions)
    ]
    rows.sort(key=lambda row: row["code"])
    valued = [row for row in rows if value_of(row, name) is not None]
    valued.sort(key=lambda row: value_of(row, name), reverse=descending)
    return [row["code"] for row in (*valued, *(row for row in rows if value_of(row, name) is None))]


@st.composite
def conditions(draw: Any) -> list[Condition]:
    found = []
    for name in draw(st.lists(ORDERED, max_size=2, unique=True)):
        sign = draw(st.sampled_from(sorted(SIGNS)))
        empty = sign in {"=", "!="} and name not in {"code", "name", "lifecycle"} and draw(st.booleans())
        if name == "vip":
            sign = draw(st.sampled_from(["=", "!="]))
        found.append(Condition(name, sign, None if empty else draw(st.sampled_from(VALUES[name]))))
    if draw(st.booleans()):
        found.append(Condition("archived", "=", draw(st.sampled_from([True, False, None]))))
    return found


def codes(app: App, wanted: list[Condition], order: Order, after: str | None, limit: int | None) -> list[str]:
    with app.read("records") as ctx:
        listed = CustomerList(app, ctx, PluginColumns(app, ctx), wanted, order, after).find(limit)
        return [row["code"] for page in listed.pages() for row in page]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions(), ORDERED, st.sampled_from(["up", "down"]), st.sampled_from([3, 7, 40, None]))
@example([], "size", "down", 2)
@example([], "vip", "down", 7)
@example([Condition("vip", "=", value=True)], "tally.points", "down", 2)
@example([], "tally.number", "up", 7)
@example([Condition("tally.summed", "!=", 1)], "tally.summed", "up", 2)
def test_pages_put_together_are_the_list_that_python_sorts(
    listed: App, wanted: list[Condition], name: str, direction: str, most: int | None
) -> None:
    descending = direction == "down"
    order, whole = Order(name, descending), expected(wanted, name, descending=descending)
    assert codes(listed, wanted, order, None, None) == whole
    found: list[str] = []
    after = None
    while page := codes(listed, wanted, order, after, most):
        assert most is None or len(page) <= most
        found += page
        after = page[-1]
    assert found == whole


def test_a_list_goes_on_behind_a_customer_that_is_not_in_it(listed: App) -> None:
    """Another has archived it meanwhile, or it has another owner now: the place in the order is known all the same."""
    everybody = expected([Condition("archived", "=", None)], "size", descending=True)
    for gone in sorted(ARCHIVED):
        present = [code for code in everybody[everybody.index(gone) :] if code not in ARCHIVED]
        assert codes(listed, [], Order("size", descending=True), gone, 100) == present
        assert codes(listed, [], Order("size", descending=True), gone, 2) == present[:2]


@pytest.mark.parametrize("name", ["size", "vip", "route", "owner", "lifecycle"])
def test_a_page_longer_than_one_reading_goes_on_from_the_greatest_down(
    listed: App, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(list_reading, "BATCH", 4)
    for wanted in ([], [Condition("tally.points", ">=", 0)]):
        whole = expected(wanted, name, descending=True)
        for most in (1, 3, 5, 30, 100):
            assert codes(listed, wanted, Order(name, descending=True), None, most) == whole[:most]


@pytest.mark.parametrize("name", ["archived", "parent"])
def test_a_list_goes_on_by_what_is_not_of_the_card(listed: App, name: str) -> None:
    wanted = [Condition("archived", "=", None)]
    for descending in (False, True):
        order, found, after = Order(name, descending), list[str](), None
        while page := codes(listed, wanted, order, after, 7):
            found, after = found + page, page[-1]
        assert found == codes(listed, wanted, order, None, None)
        assert len(found) == len(ROWS)


def test_what_is_not_of_the_fields_type_is_listed_once_from_the_greatest_down(listed: App) -> None:
    """SQLite orders 3 above true, where a program takes both for the same."""
    with listed.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"odd{n}", "name": "odd", "attributes": {"vip": 3}} for n in range(3)])
    order = Order("vip", descending=True)
    whole = codes(listed, [], order, None, None)
    assert sorted(whole) == sorted({*expected([], "vip", descending=True), "odd0", "odd1", "odd2"})
    for most in (1, 2, 5):
        found, after = list[str](), None
        while page := codes(listed, [], order, after, most):
            found, after = found + page, page[-1]
        assert found == whole
