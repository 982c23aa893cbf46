"""Which customers are printed: by code, or by what they have in common; restricted persons never."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.printing.rules import codes_of
from crmcore.builtin.privacy.restricted import restricted_ids
from crmcore.builtin.records.services.customer_list import Condition, CustomerList, Order
from crmcore.builtin.records.services.list_columns import PluginColumns
from crmcore.entities.lookup import batches, find_row, table_of
from crmcore.entities.tables import Actor, Customer
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_actors = table_of(Actor)
_PAGE = 200
_BY = ("region", "channel", "owner")


def app_of(ctx: Context) -> App:
    """Return the company that a report is run for."""
    app: App = ctx._app  # noqa: SLF001  (the way back to the company, which is ours)
    return app


def named_any(parameters: Mapping[str, str]) -> bool:
    """Tell whether anything says which customers are meant."""
    names = ("customer", *_BY)
    return parameters["lifecycle"] != "any" or any(parameters.get(name, "").strip() for name in names)


def chosen(ctx: Context, parameters: Mapping[str, str]) -> Iterator[Sequence[sa.RowMapping]]:
    """Give the customers page by page, by code; NotFound for a code that there is not.

    Archived ones only where they are named. Restricted ones are left out, and a warning says how many.
    """
    left_out = restricted_ids(ctx)
    missed = 0
    codes = codes_of(parameters["customer"])
    pages = _named(ctx, codes) if codes else _found(ctx, parameters)
    for page in pages:
        kept = [row for row in page if row["id"] not in left_out]
        missed += len(page) - len(kept)
        if kept:
            yield kept
    if missed:
        message = _("left out: {count} customers whose data may not be used (restricted)")
        app_of(ctx).warn(message.format(count=missed))


def owner_names(ctx: Context, rows: Sequence[sa.RowMapping]) -> dict[str, str]:
    """Return what stands for the owners of customers: name and code, the code alone where it is the name."""
    found: dict[str, str] = {}
    for part in batches({row["owner"] for row in rows if row["owner"]}):
        query = sa.select(_actors.c.code, _actors.c.name).where(_actors.c.code.in_(part))
        for code, name in ctx.connection.execute(query):
            found[code] = code if name == code else f"{name} ({code})"
    return found


def _named(ctx: Context, codes: Sequence[str]) -> Iterator[Sequence[sa.RowMapping]]:
    rows = iter([find_row(ctx.connection, Customer, code) for code in codes])
    while page := list(islice(rows, _PAGE)):
        yield page


def _found(ctx: Context, parameters: Mapping[str, str]) -> Iterator[Sequence[sa.RowMapping]]:
    conditions = [
        Condition(name, "=", parameters[name].strip()) for name in _BY if parameters.get(name, "").strip()
    ]
    if parameters["lifecycle"] != "any":
        conditions.append(Condition("lifecycle", "=", parameters["lifecycle"]))
    app = app_of(ctx)
    listed = CustomerList(app, ctx, PluginColumns(app, ctx), conditions, Order(), None)
    for page in listed.find(None).pages():
        rows = iter(page)
        while part := list(islice(rows, _PAGE)):
            yield part
