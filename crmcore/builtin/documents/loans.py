"""Borrow a paper, fetch it, give it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.approvals.requests import request_approvals
from crmcore.builtin.approvals.standing import standing, stood_in_for
from crmcore.builtin.approvals.values import cleaned_reason
from crmcore.builtin.documents.loan_reading import loan_table, requests_of, state_of
from crmcore.builtin.documents.plugin import LOAN, MAY_LEND
from crmcore.builtin.documents.restricted import require_unrestricted
from crmcore.builtin.documents.rules import OPEN, State
from crmcore.builtin.documents.tables import DocumentLoan
from crmcore.builtin.records.services.values import at_version
from crmcore.entities.lookup import find_row, table_of
from crmcore.entities.tables import Document
from crmcore.errors import CrmError, Refused
from crmcore.i18n import N_, _
from crmcore.ids import new_uids
from crmcore.plugins.types import ApprovalRequest

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context
    from crmcore.tx import Tx

_c = loan_table.c
_LONGEST_TITLE = 100
_TAKEN: dict[State, str] = {
    "requested": N_("document {code} was asked for by {who!r} already (request {request}); ask again later"),
    "approved": N_("document {code} is kept for {who!r} until {due}; ask again later"),
    "lent": N_("document {code} is with {who!r}, due on {due}; ask again when it is back"),
    "overdue": N_("document {code} is with {who!r}, overdue since {due}; ask again when it is back"),
}


@again
def borrow(app: App, actor: str, code: str, until: date | None = None, purpose: str = "") -> int:
    """Ask for the paper of a document; returns the loan's number. Refused where somebody else has it, or asked first."""
    purpose = cleaned_reason(purpose)
    # The purpose may be personal: it stands in the loan, never in the log's header.
    with app.write(actor, f"borrow document {code}", plugin="documents") as tx:
        paper = _locked(tx, code)
        if paper["archived_at"] is not None:
            raise Refused(_("document {code} is archived; take it back first").format(code=code))
        require_unrestricted(tx, paper["customer_id"])
        due = until or tx.ctx.today + timedelta(days=tx.ctx.settings["loan_days"])
        if due < tx.ctx.today:
            raise CrmError(_("{day} is past; say with --until when the paper will be back").format(day=due))
        _make_room(tx, paper)
        (uid,) = new_uids(1, tx.now)
        loan = {"uid": uid, "document_id": paper["id"], "customer_id": paper["customer_id"], "due_on": due}
        loan |= {"borrower": actor, "purpose": purpose or None, "requested_at": tx.now}
        (number,) = tx.insert(DocumentLoan, [loan])
        payload = {"loan": number, "code": code, "title": paper["title"], "until": due.isoformat()}
        request_approvals(
            tx,
            [ApprovalRequest(LOAN, _subject(payload), purpose, uid, paper["customer_id"], payload=payload)],
        )
    return number


def describe(request: ApprovalRequest) -> str | None:
    """Say which paper is asked for, and until when; None of a request that an older version made."""
    return _subject(request.payload) if "code" in request.payload else None


def _subject(payload: Mapping[str, Any]) -> str:
    return _("Borrow {code} {title} until {day}").format(
        code=payload["code"], title=payload["title"][:_LONGEST_TITLE], day=payload["until"]
    )


def approve(tx: Tx, request: ApprovalRequest) -> None:
    """Keep the paper for its borrower, once somebody has approved that; Refused where it is too late."""
    loan = (
        tx.connection.execute(sa.select(loan_table).where(_c.id == request.payload["loan"])).mappings().one()
    )
    if loan["due_on"] < tx.ctx.today:
        message = _("the paper was asked for until {day}, which is past; reject the request")
        raise Refused(message.format(day=loan["due_on"]))
    document = table_of(Document)
    query = sa.select(document.c.archived_at).where(document.c.id == loan["document_id"])
    if tx.connection.scalar(query) is not None:
        raise Refused(_("the document was archived since; reject the request"))
    tx.update(DocumentLoan, [(loan["id"], {"state": "approved"})])


@again
def fetch(app: App, actor: str, code: str, *, expect_version: int | None = None) -> int:
    """Write down that the borrower has the paper now; returns the loan's number."""
    with app.write(actor, f"fetch document {code}", plugin="documents") as tx:
        loan, state = _going_on(tx, code)
        _require_theirs(app, tx, code, loan)
        if state == "requested":
            message = _(
                "nobody has approved yet that {who!r} borrows document {code}: crm approvals show {request}"
            )
            raise Refused(message.format(code=code, who=loan["borrower"], request=_number(tx, loan)))
        if state != "approved":
            raise Refused(_taken(tx, code, loan, state))
        require_unrestricted(tx, loan["customer_id"])
        _set(tx, loan, expect_version, state="lent", lent_at=tx.now)
    return int(loan["id"])


@again
def give_back(app: App, actor: str, code: str, *, expect_version: int | None = None) -> int:
    """Write down that a paper is back, or is not fetched after all; returns the loan's number.

    A paper about a restricted person comes back, too.
    """
    with app.write(actor, f"return document {code}", plugin="documents") as tx:
        loan, state = _going_on(tx, code)
        _require_theirs(app, tx, code, loan)
        if state == "requested":
            message = _(
                "document {code} is only asked for; withdraw that with: crm approvals withdraw {request}"
            )
            raise Refused(message.format(code=code, request=_number(tx, loan)))
        _set(tx, loan, expect_version, state="returned", returned_at=tx.now, returned_to=actor)
    return int(loan["id"])


def require_in(tx: Tx, code: str) -> None:
    """Refuse what cannot be done to a document while its paper is asked for or lent."""
    loan = _newest(tx, _locked(tx, code)["id"])
    if loan is not None and (state := _state(tx, loan)) in OPEN:
        raise Refused(_taken(tx, code, loan, state))


def read_loan(ctx: Context, number: int) -> dict[str, Any]:
    """Return the published JSON of a loan."""
    from crmcore.builtin.documents.loan_reading import as_json

    rows = ctx.connection.execute(sa.select(loan_table).where(_c.id == number)).mappings().all()
    return as_json(ctx, rows)[0]


# -- inside ------------------------------------------------------------------------------------------------------


def _locked(tx: Tx, code: str) -> sa.RowMapping:
    """Return a document; until this transaction ends nobody else borrows or returns it."""
    number = find_row(tx.connection, Document, code)["id"]
    document = table_of(Document)
    query = sa.select(document).where(document.c.id == number).with_for_update()
    return tx.connection.execute(query).mappings().one()


def _newest(tx: Tx, document_id: int) -> sa.RowMapping | None:
    """Return the last loan of a document: only that one can be open."""
    query = sa.select(loan_table).where(_c.document_id == document_id).order_by(_c.id.desc()).limit(1)
    return tx.connection.execute(query).mappings().first()


def _state(tx: Tx, loan: sa.RowMapping) -> State:
    request = requests_of(tx.connection, [loan["uid"]])[loan["uid"]]
    return state_of(loan, request, tx.ctx.today)


def _number(tx: Tx, loan: sa.RowMapping) -> int:
    return int(requests_of(tx.connection, [loan["uid"]])[loan["uid"]]["id"])


def _taken(tx: Tx, code: str, loan: sa.RowMapping, state: State) -> str:
    return _(_TAKEN[state]).format(
        code=code, who=loan["borrower"], due=loan["due_on"], request=_number(tx, loan)
    )


def _make_room(tx: Tx, paper: sa.RowMapping) -> None:
    """Refuse while the paper is asked for or lent; else write down how the last loan ended."""
    loan = _newest(tx, paper["id"])
    if loan is None:
        return
    state = _state(tx, loan)
    if state in OPEN:
        raise Refused(_taken(tx, paper["code"], loan, state))
    tx.update(DocumentLoan, [(loan["id"], {"state": state})])


def _going_on(tx: Tx, code: str) -> tuple[sa.RowMapping, State]:
    """Return the open loan of a document, and its state; Refused if there is none."""
    loan = _newest(tx, _locked(tx, code)["id"])
    state = _state(tx, loan) if loan is not None else None
    if loan is None or state not in OPEN:
        message = _("document {code} is not lent; borrow it with: crm document borrow {code}")
        raise Refused(message.format(code=code))
    return loan, state


def _require_theirs(app: App, tx: Tx, code: str, loan: sa.RowMapping) -> None:
    """Raise Refused unless the actor, or somebody for whom they stand in today, borrowed the paper or may lend."""
    own = standing(tx.connection, app.config, tx.actor)
    people = [own, *stood_in_for(tx.connection, app.config, tx.actor, tx.ctx.today)]
    if not any(one.code == loan["borrower"] or one.has(MAY_LEND) for one in people):
        message = _("document {code} was borrowed by {who!r}; they, or who may lend papers, can do that")
        raise Refused(message.format(code=code, who=loan["borrower"]))


def _set(tx: Tx, loan: sa.RowMapping, expect_version: int | None, **values: Any) -> None:
    number = int(loan["id"])
    tx.update(DocumentLoan, [(number, values)], expect_version=at_version(number, expect_version))
