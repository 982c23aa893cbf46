"""Built-in plugin `documents`: papers about customers lent and returned (借阅), and copies handed out (外发).

The records themselves and their files are those of `records`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.builtin.records.words import DRAWERS
from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import ApprovalKind, Parameter, ReportSpec, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from crmcore.plugins.types import (
        ApprovalRequest,
        CardSection,
        Context,
        ErasedData,
        Move,
        Moved,
        Person,
        PersonData,
        Report,
        WorkItem,
    )
    from crmcore.tx import Tx

LOAN = "documents_loan"
"""The kind of request by which papers are borrowed."""
MAY_LEND = "documents.lend"
"""The permission to approve loans, and to take papers back."""
_PAYLOAD = {
    "type": "object",
    "additionalProperties": False,
    "required": ["loan"],
    "properties": {
        "loan": {"type": "integer", "minimum": 1},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "until": {"type": "string", "format": "date"},
    },
}


@hookimpl
def models() -> list[TableSpec]:
    """Return the tables; why a paper is borrowed, and who got a copy, may tell of a natural person."""
    from crmcore.builtin.documents.tables import DocumentHandOut, DocumentLoan

    whose = ("customer_id",)
    return [
        TableSpec(DocumentLoan, customer_references=whose, personal=("purpose",), person="customer_id"),
        TableSpec(
            DocumentHandOut, customer_references=whose, personal=("recipient", "reason"), person="customer_id"
        ),
    ]


@hookimpl
def approval_kinds() -> list[ApprovalKind]:
    """Return the kind of request by which papers are borrowed."""
    borrow = N_("Borrow a paper")
    return [ApprovalKind(LOAN, borrow, MAY_LEND, _approve, payload_schema=_PAYLOAD, describe=_describe)]


def _approve(tx: Tx, request: ApprovalRequest) -> None:
    from crmcore.builtin.documents.loans import approve

    approve(tx, request)


def _describe(request: ApprovalRequest) -> str | None:
    from crmcore.builtin.documents.loans import describe

    return describe(request)


@hookimpl
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> list[CardSection]:
    """Tell what a customer's drawers hold and who holds papers; of a past day nothing, for that is not known."""
    if as_of is not None:
        return []
    from crmcore.builtin.documents.for_customer import sections

    return sections(customer_ids, ctx)


@hookimpl
def reports() -> list[ReportSpec]:
    """Return the list of documents, for us or for a customer."""
    parameters = (
        Parameter("customer", N_("Customers: codes with commas between them"), "text", ""),
        Parameter("lifecycle", N_("Lifecycle"), "choice", "any", ("any", "prospect", "active", "former")),
        Parameter("region", N_("Region"), "text", ""),
        Parameter("channel", N_("Channel"), "text", ""),
        Parameter("owner", N_("Owner"), "text", ""),
        Parameter("drawer", N_("Drawer"), "choice", "any", ("any", *DRAWERS)),
        Parameter("for", N_("Who gets it"), "choice", "us", ("us", "customer")),
    )
    return [ReportSpec("customer_documents", N_("Documents of customers"), _documents, parameters)]


def _documents(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Import the report when it is run: this module is loaded at every start."""
    from crmcore.builtin.documents.reports import document_report

    return document_report(ctx, parameters)


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Tell an actor of papers to fetch, to bring back, and to have brought back."""
    from crmcore.builtin.documents.work import work

    return work(actor, since, ctx)


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Let loans and hand-outs follow the documents as customers are merged."""
    from crmcore.builtin.documents.tables import DocumentHandOut, DocumentLoan
    from crmcore.builtin.duplicates.moving import move_rows

    return [move_rows(tx, model, "customer_id", moves) for model in (DocumentLoan, DocumentHandOut)]


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> list[PersonData]:
    """Give loans and hand-outs of papers about customers that are persons."""
    from crmcore.builtin.documents.tables import DocumentHandOut, DocumentLoan
    from crmcore.builtin.privacy.rows import person_rows

    loans = person_rows(ctx, DocumentLoan, persons, "To know who holds which paper")
    return loans + person_rows(ctx, DocumentHandOut, persons, "To know who was given a copy of which paper")


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> list[ErasedData]:
    """Keep that a paper was lent or handed out, not to whom outside and why."""
    from crmcore.builtin.documents.tables import DocumentHandOut, DocumentLoan
    from crmcore.builtin.privacy.rows import erase_person_rows
    from crmcore.builtin.privacy.rules import ERASED

    return [
        erase_person_rows(tx, DocumentLoan, persons, {"purpose": None}),
        erase_person_rows(tx, DocumentHandOut, persons, {"recipient": ERASED, "reason": None}),
    ]
