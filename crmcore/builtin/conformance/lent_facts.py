"""Facts that nobody in a company provides, lent for a check: plugins that reckon with purchases have something to reckon."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Customer
from crmcore.facts import FACTS
from crmcore.plugins.types import FactProvider

if TYPE_CHECKING:
    from crmcore.app import App

LENDER = "records"
"""Whose name the lent facts bear: a built-in's, which has settings as any provider must."""
_customer = table_of(Customer)
_PRODUCTS = 10
_TEXTS = {"kind": "visit", "unit": "pc", "name": "product", "code": "product"}


def lend_facts(app: App) -> None:
    """Provide every fact that has no provider, worked out from the customers; for as long as the app's plugins live."""
    providers: list[Any] = app.host.registered("facts")
    known = {provider.fact for provider in providers}
    day = date(
        app.clock().year - 1, 6, 15
    )  # of the last full calendar year: what analyses take by themselves
    rows = {fact: partial(_rows, fact, app.config.currency, day) for fact in FACTS if fact not in known}
    providers += [FactProvider(fact, select, plugin=LENDER) for fact, select in rows.items()]


def _rows(fact: str, currency: str, day: date, _settings: Mapping[str, Any]) -> sa.Select[Any]:
    query = sa.select(*[_column(fact, name, currency, day).label(name) for name in FACTS[fact]])
    about_products = "customer_id" not in FACTS[fact]
    return query.where(_customer.c.id <= _PRODUCTS) if about_products else query


def _column(fact: str, name: str, currency: str, day: date) -> sa.ColumnElement[Any]:
    """Return a column of a fact: its name says what it holds."""
    number = _customer.c.id
    if name.endswith("_minor"):
        return number * 1_237 % 100_003 + 100
    if name.endswith("_on") or name in {"as_of", "valid_from"}:
        return sa.literal(day, sa.Date)
    if name == "product_id":
        return (number - 1) % _PRODUCTS + 1
    special: dict[str, Any] = {
        "customer_id": number,
        "document_id": number,
        "complaint_id": number,
        "severity": number % 3 + 1,
        "document": _customer.c.code,
        "currency": sa.literal(currency, sa.String),
        "quantity_micro": number % 7 * 1_000_000 + 1_000_000,
        "line": sa.literal("line", sa.String) if fact == "products" else sa.literal(1, sa.Integer),
    }
    found = special.get(name)
    return sa.literal(_TEXTS.get(name, name), sa.String) if found is None else found
