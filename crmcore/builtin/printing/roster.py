"""The roster of customers for paper (客户名册)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from crmcore.builtin.printing.choosing import chosen, owner_names
from crmcore.builtin.records.card_contacts import read_card_contacts
from crmcore.builtin.records.words import shown
from crmcore.i18n import _
from crmcore.plugins.types import Column, Report, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import Context


def roster_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the customers asked for, all that are not archived where nothing is said, in the order of their codes."""
    columns = (
        Column("number", _("No."), "integer"),
        Column("code", _("Customer code")),
        Column("name", _("Customer name")),
        Column("contact", _("Contact")),
        Column("phone", _("Phone")),
        Column("address", _("Address")),
        Column("region", _("Region")),
        Column("owner", _("Owner")),
        Column("lifecycle", _("Lifecycle")),
    )
    title = _("Roster of customers")
    return Report(title, (Table("customers", "", columns, _rows(ctx, parameters)),))


def _rows(ctx: Context, parameters: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    numbers = count(1)
    for page in chosen(ctx, parameters):
        people = read_card_contacts(ctx.connection, [row["id"] for row in page])
        owners = owner_names(ctx, page)
        for row in page:
            card = people.get(row["id"])
            own = row["phone"] or (card and (card.value("contact_phone") or card.value("contact_mobile")))
            yield (
                next(numbers),
                row["code"],
                row["name"],
                card.value("contact") if card else None,
                own,
                row["attributes"].get("address"),
                row["region"],
                owners.get(row["owner"], row["owner"]),
                shown(row["lifecycle"]),
            )
