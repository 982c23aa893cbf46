"""A receipt for each gift, to be signed and sealed: one page of paper, and the same as a table for other renderers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import (
    Column,
    Context,
    Form,
    FormField,
    FormPart,
    Report,
    Table,
    UsageProblem,
    find_customer,
    format_minor,
    translator,
    unrestricted,
)

from .tables import gifts

_ = translator("crmcore_birthday_gifts")


def receipts_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the receipts of a customer's gifts; UsageProblem where nobody says whose."""
    code = parameters["customer"].strip()
    if not code:
        raise UsageProblem(_("say whose receipts: --param customer=C000001"))
    number = find_customer(ctx.connection, code)
    # What is kept and not used is not printed either.
    shown = unrestricted(ctx.connection, gifts.c.customer_id)
    query = sa.select(gifts).where(gifts.c.customer_id == number, *shown).order_by(gifts.c.id)
    found = ctx.connection.execute(query).all()
    columns = (
        Column("number", _("Number"), "integer"),
        Column("given_on", _("Given on"), "date"),
        Column("gift", _("Gift")),
        Column("value", _("Value")),
    )
    rows = [(gift.id, gift.given_on, gift.title, _worth(gift)) for gift in found]
    return Report(_("Receipts for gifts"), (Table("gifts", "", columns, rows),), forms=_forms(code, found))


def _forms(code: str, found: Sequence[sa.Row[Any]]) -> Iterator[Form]:
    # What we noted of a gift ourselves is personal, and not for the customer's eyes.
    for gift in found:
        part = FormPart(
            _("Gift"),
            (
                (FormField(_("Number"), str(gift.id)), FormField(_("Given on"), gift.given_on.isoformat())),
                (FormField(_("Gift"), gift.title, 8), FormField(_("Value"), _worth(gift), 4)),
            ),
        )
        yield Form(
            title=_("Receipt for a gift"),
            parts=(part,),
            code=code,
            notes=FormField(_("Remarks")),
            seal=_("Customer's seal"),
            signatures=(_("Given by"), _("Received by")),
        )


def _worth(gift: sa.Row[Any]) -> str:
    return f"{format_minor(gift.value_minor, gift.currency)} {gift.currency}"
