"""`crm document borrow|fetch|return|loans`: papers lent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.documents.rules import STATES
from crmcore.builtin.documents.words import shown_state
from crmcore.builtin.records.options import DAY, NUMBER, day_of, limit_option, list_records, version_option
from crmcore.cli.kit import Command, Session, echo, emit, json_option, pass_session
from crmcore.errors import UsageProblem
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

PLUGIN = "documents"
BORROW = N_("Ask for the paper of a document; once that is approved, fetch it.")
FETCH = N_("Write down that the borrower has the paper.")
RETURN = N_("Write down that a paper is back, or is not fetched after all.")
LOANS = N_("List loans: who holds what, and who asks for it.")
_code = click.argument("code")
after_number = click.option("--after", type=NUMBER, metavar="N", help=N_("Go on behind this number."))


@click.command("borrow", cls=Command, help=BORROW)
@_code
@click.option(
    "--until", type=DAY, metavar="DAY", help=N_("When it will be back; by default after the company's days.")
)
@click.option("--reason", default="", help=N_("What for; whoever approves reads it."))
@json_option
@pass_session
def borrow_command(
    session: Session, code: str, until: datetime | None, reason: str, *, as_json: bool
) -> None:
    """Ask for a paper."""
    from crmcore.builtin.documents.loans import borrow

    number = borrow(session.app, session.actor, code, day_of(until), reason)
    asked = _("Document {document} is asked for until {due_on}: request {request}.")
    approved = _("Document {document} is approved for {borrower} until {due_on}: fetch it.")
    _answer(session, number, {"requested": asked, "approved": approved}, as_json=as_json)


@click.command("fetch", cls=Command, help=FETCH)
@_code
@version_option
@json_option
@pass_session
def fetch_command(session: Session, code: str, expect_version: int | None, *, as_json: bool) -> None:
    """Fetch a paper."""
    from crmcore.builtin.documents.loans import fetch

    number = fetch(session.app, session.actor, code, expect_version=expect_version)
    said = _("Document {document} is with {borrower}, due on {due_on}.")
    _answer(session, number, {"lent": said}, as_json=as_json)


@click.command("return", cls=Command, help=RETURN)
@_code
@version_option
@json_option
@pass_session
def return_command(session: Session, code: str, expect_version: int | None, *, as_json: bool) -> None:
    """Give a paper back."""
    from crmcore.builtin.documents.loans import give_back

    number = give_back(session.app, session.actor, code, expect_version=expect_version)
    _answer(session, number, {"returned": _("Document {document} is back.")}, as_json=as_json)


@click.command("loans", cls=Command, help=LOANS)
@click.option("--overdue", is_flag=True, help=N_("Only those that should be back."))
@click.option("--state", type=click.Choice(STATES), help=N_("Only those in this state, over or not."))
@click.option("--all", "everything", is_flag=True, help=N_("Those that are over, too."))
@click.option("--by", "borrower", metavar="ACTOR", help=N_("Only those of this borrower."))
@click.option("--document", metavar="CODE", help=N_("Only those of this document."))
@click.option("--customer", metavar="CODE", help=N_("Only papers about this customer."))
@after_number
@limit_option
@json_option
@pass_session
def loans_command(session: Session, *, overdue: bool, state: Any, **options: Any) -> None:
    """List loans."""
    from crmcore.builtin.documents.loan_reading import as_json, select

    if overdue and state not in {None, "overdue"}:
        raise UsageProblem(_("--overdue and --state {state} exclude each other").format(state=state))
    page = {name: options.pop(name) for name in ("limit", "as_json")}
    state = "overdue" if overdue else state
    with session.app.read(PLUGIN, session.actor) as ctx:
        _require_borrower(ctx, options["borrower"])
        query = select(ctx, state=state, **options)
        list_records(session, ctx, query, as_json, _loan_table, {**page, "state": state, **options})


def _require_borrower(ctx: Context, code: str | None) -> None:
    """Raise NotFound for an actor who never was."""
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Actor

    if code is not None:
        find_row(ctx.connection, Actor, code)


def _answer(session: Session, number: int, messages: Mapping[str, str], *, as_json: bool) -> None:
    from crmcore.builtin.documents.loans import read_loan

    with session.app.read(PLUGIN, session.actor) as ctx:
        loan = read_loan(ctx, number)
    if as_json:
        emit(loan)
    elif loan["state"] in messages:
        echo(messages[loan["state"]].format(**loan))
    else:  # settled by a rule of a plugin as it was made, or changed by somebody else since
        echo(
            _("Document {code}: {state} (request {request}).").format(
                code=loan["document"], state=shown_state(loan["state"]), request=loan["request"]
            )
        )


def _loan_table(loans: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("number", _("Number"), "integer"),
        Column("document", _("Document")),
        Column("title", _("Title")),
        Column("customer", _("Customer")),
        Column("borrower", _("Borrower")),
        Column("state", _("State")),
        Column("due_on", _("Due"), "date"),
        Column("request", _("Request"), "integer"),
    )
    rows = [
        tuple(shown_state(loan["state"]) if c.name == "state" else loan[c.name] for c in columns)
        for loan in loans
    ]
    return Table("loans", "", columns, rows)
