"""The list of what is in the file of documents (资料目录), for us or as the customer may have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crmcore.builtin.documents.for_customer import documents_for
from crmcore.builtin.documents.words import shown_state
from crmcore.builtin.printing.choosing import chosen
from crmcore.builtin.printing.rules import codes_of
from crmcore.builtin.records.words import shown
from crmcore.errors import UsageProblem
from crmcore.i18n import _
from crmcore.plugins.types import Column, Report, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_OURS = ("size", "confidential", "paper")
"""Columns that a list for the customer has not."""


def document_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the documents of the customers asked for; for a customer its own alone, without what is confidential."""
    theirs = parameters["for"] == "customer"
    if theirs and len(codes_of(parameters["customer"])) != 1:
        raise UsageProblem(_("say whose list it is, one customer: --param customer=C000001"))
    columns = (
        Column("customer", _("Customer code")),
        Column("name", _("Customer name")),
        Column("drawer", _("Drawer")),
        Column("code", _("Code")),
        Column("title", _("Title")),
        Column("file", _("File")),
        Column("size", _("Bytes"), "integer"),
        Column("confidential", _("Confidential")),
        Column("paper", _("Paper")),
    )
    kept = [place for place, column in enumerate(columns) if not (theirs and column.name in _OURS)]
    rows = (tuple(row[place] for place in kept) for row in _rows(ctx, parameters, for_customer=theirs))
    table = Table("documents", "", tuple(columns[place] for place in kept), rows)
    return Report(_("Documents of customers"), (table,))


def _rows(ctx: Context, parameters: Mapping[str, str], *, for_customer: bool) -> Iterator[tuple[Any, ...]]:
    drawer = parameters["drawer"]
    for page in chosen(ctx, parameters):
        found = documents_for(ctx, [row["id"] for row in page], for_customer=for_customer)
        for row in page:
            for one in found.get(row["id"], ()):
                if drawer in {"any", one["drawer"]}:
                    yield (
                        row["code"],
                        row["name"],
                        shown(one["drawer"]),
                        one["code"],
                        one["title"],
                        one["file_name"],
                        one["size"],
                        _("yes") if one["confidential"] else "",
                        _whereabouts(one["loan"]),
                    )


def _whereabouts(loan: Mapping[str, Any] | None) -> str:
    if loan is None:
        return ""
    return _("{state}: {who}, until {day}").format(
        state=shown_state(loan["state"]), who=loan["borrower"], day=loan["due_on"]
    )
