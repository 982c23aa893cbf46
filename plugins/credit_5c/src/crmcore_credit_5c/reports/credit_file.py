"""The credit file of one customer (信用档案): all that its credit stands on, on a few pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    Contact,
    ContactFirm,
    Customer,
    Report,
    Table,
    UsageProblem,
    customer_codes,
    shown,
    translator,
    unrestricted,
)
from crmcore_credit_5c.assessing.reads import find_usable, record_read

from . import file_grade, file_money, requests
from .file_evidence import evidence
from .shared import owners, pairs

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_places: sa.Table = ContactFirm.__table__  # type: ignore[attr-defined]
_contacts: sa.Table = Contact.__table__  # type: ignore[attr-defined]
_HEAD = (
    *("code", "name", "tax_id", "legal_representative", "legal_form", "registered_capital", "founded_on"),
    *("industry", "region", "lifecycle", "since", "owner", "payment_days"),
)
"""Fields of the customer card that a credit file begins with."""
_REQUESTS = 10
"""So many decisions are shown."""


def credit_file(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the file of the customer that parameter `customer` names; of a person the reading is recorded.

    UsageProblem without one, NotFound for an unknown one, Refused for a person whose data may not be used.
    """
    code = parameters.get("customer", "").strip()
    if not code:
        raise UsageProblem(_("say whose file: --param customer=CODE"))
    customer_id = find_usable(ctx, code)
    query = sa.select(_customers).where(_customers.c.id == customer_id)
    row = dict(ctx.connection.execute(query).mappings().one())
    found = file_grade.shown_assessment(ctx, customer_id)
    parts = [_head(ctx, row), *_grade(ctx, customer_id, found)]
    parts += [*file_money.tables(ctx, row["code"], customer_id), *evidence(ctx, customer_id)]
    parts += _decisions(ctx, customer_id)
    record_read(ctx, customer_id, "credit file")
    charts = tuple(file_grade.charts(ctx, found)) if found else ()
    notes = (*file_grade.notes(ctx, customer_id, found), *file_money.notes(ctx), *_missing(parts))
    title = _("Credit file of {name}").format(name=row["name"])
    return Report(title, tuple(one for one in parts if one.rows), charts, notes)


def _head(ctx: Context, row: Mapping[str, Any]) -> Table:
    values = {**(row["attributes"] or {}), **row}
    values["legal_representative"] = ", ".join(_representatives(ctx, row["id"]))
    values["owner"] = owners(ctx, [row["owner"]])[row["owner"]] if row["owner"] else None
    values["lifecycle"] = shown(row["lifecycle"])
    fields = ctx.catalogue.fields
    rows = [(fields[name].shown_title, values.get(name)) for name in _HEAD if name in fields]
    if row["parent_id"]:
        rows.append((_("Belongs to"), customer_codes(ctx.connection, [row["parent_id"]])[row["parent_id"]]))
    return pairs("customer", _("Customer"), rows)


def _representatives(ctx: Context, customer_id: int) -> list[str]:
    """Return the names of those who are the legal representatives (法定代表) today."""
    query = (
        sa.select(_contacts.c.name, _places.c.roles)
        .join(_places, _places.c.contact_id == _contacts.c.id)
        .where(_places.c.customer_id == customer_id, _contacts.c.archived_at.is_(None))
        .where(sa.or_(_places.c.until.is_(None), _places.c.until >= ctx.today))
        .where(*unrestricted(ctx.connection, _contacts.c.id, "contact"))
        .order_by(_places.c.id)
    )
    return [name for name, roles in ctx.connection.execute(query) if "legal_representative" in roles]


def _grade(ctx: Context, customer_id: int, found: file_grade.Explained | None) -> Iterator[Table]:
    if found is not None:
        yield from file_grade.tables(ctx, found)
    yield file_grade.past_assessments(ctx, customer_id)


def _decisions(ctx: Context, customer_id: int) -> Iterator[Table]:
    found = requests.requests(ctx, requests.about(customer_id), limit=_REQUESTS)
    if found:
        yield requests.requests_table(ctx, found, of_one=True)


def _missing(parts: list[Table]) -> Iterator[str]:
    """Say in one sentence what the file has nothing on, instead of tables without a row."""
    titles = [one.title for one in parts if not one.rows]
    if titles:
        yield _("Nothing is recorded under: {titles}.").format(titles=_(", ").join(titles))
