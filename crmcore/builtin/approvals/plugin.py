"""Built-in plugin `approvals`: requests for approval of every plugin's kinds, decided by people or by rule.

A kind is registered by the plugin that knows what follows from an approval (hook `approval_kinds`); plugins with
rules of their own settle requests as they are made (hook `approve_requests`). Here is one of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import ApprovalKind, JobSpec, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from crmcore.app import App
    from crmcore.plugins.types import (
        ApprovalRequest,
        Context,
        ErasedData,
        Move,
        Moved,
        Person,
        PersonData,
        Verdict,
        WorkItem,
    )
    from crmcore.tx import Tx

GENERAL = "general"
"""The kind of a request that people make by hand."""


@hookimpl
def models() -> list[TableSpec]:
    """Return the table of requests; what a request says of a natural person is personal."""
    from crmcore.builtin.approvals.tables import PERSONAL, Approval

    return [
        TableSpec(Approval, customer_references=("customer_id",), personal=PERSONAL, person="customer_id")
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Let requests about a customer follow as it is merged."""
    from crmcore.builtin.approvals.tables import Approval
    from crmcore.builtin.duplicates.moving import move_rows

    return [move_rows(tx, Approval, "customer_id", moves)]


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> list[PersonData]:
    """Give the requests about customers that are persons."""
    from crmcore.builtin.approvals.tables import Approval
    from crmcore.builtin.privacy.rows import person_rows

    return person_rows(ctx, Approval, persons, "To decide what may be done for a customer")


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> list[ErasedData]:
    """Keep that something was asked for and decided, not what was said of the person; what waits is withdrawn."""
    from crmcore.builtin.approvals.decisions import withdraw_erased
    from crmcore.builtin.approvals.tables import Approval
    from crmcore.builtin.privacy.rows import erase_person_rows
    from crmcore.builtin.privacy.rules import ERASED

    nothing: dict[str, Any] = {"subject": ERASED, "reason": None, "payload": {}, "decision_reason": None}
    erased = [erase_person_rows(tx, Approval, persons, nothing)]
    withdraw_erased(tx, persons)
    return erased


@hookimpl
def approval_kinds() -> list[ApprovalKind]:
    """Return the kind for all that no plugin has a kind for; nothing follows but the decision itself."""
    return [ApprovalKind(GENERAL, N_("General request"))]


@hookimpl
def approve_requests(requests: Sequence[ApprovalRequest], ctx: Context) -> list[Verdict]:
    """Approve what is small enough by the company's settings."""
    from crmcore.builtin.approvals.small_amounts import verdicts

    return verdicts(requests, ctx)


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Tell an actor of the requests that wait for them, and of the decisions on their own."""
    from crmcore.builtin.approvals.work import work

    return work(actor, since, ctx)


@hookimpl
def jobs() -> list[JobSpec]:
    """Return the job that writes down what has expired."""
    return [JobSpec("expire_approvals", N_("Let old requests for approval expire"), _expire, "5 0 * * *")]


def _expire(app: App, actor: str) -> Mapping[str, Any]:
    from crmcore.builtin.approvals.decisions import expire

    return {"expired": expire(app, actor)}
