"""Decide on requests, withdraw them, let them expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again_if_given_up
from crmcore.builtin.approvals.company import is_single_person
from crmcore.builtin.approvals.kinds import carry_out, find_kind
from crmcore.builtin.approvals.queries import (
    approval_table,
    as_matter,
    as_request,
    is_late,
    is_open,
    read_row,
)
from crmcore.builtin.approvals.refusing import refusal
from crmcore.builtin.approvals.rules import BECOMES, Decision, decides_for, hindrance, state_on
from crmcore.builtin.approvals.sentences import closed_sentence
from crmcore.builtin.approvals.standing import standing, stood_in_for
from crmcore.builtin.approvals.tables import Approval
from crmcore.builtin.approvals.telling import PERSON_ERASED, UNINSTALLED
from crmcore.builtin.approvals.values import cleaned_reason
from crmcore.entities.lookup import batches
from crmcore.errors import CrmError, NotFound, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmcore.app import App
    from crmcore.plugins.types import ApprovalKind, Person
    from crmcore.tx import Tx

_CHUNK = 1_000


@again_if_given_up
def decide(app: App, actor: str, number: int, decision: Decision, reason: str = "") -> None:
    """Approve or reject a request; what follows from an approval is done in the same transaction, or neither is.

    Raises NotFound for an unknown request, Refused with the sentence that says why it may not be decided so.
    """
    reason = cleaned_reason(reason)
    # The reason may be personal: it stands in the request, never in the log's header. A deputy needs no permission
    # of their own: who may decide is asked below, of the row that nobody else can change any more.
    with app.write(actor, f"{decision} request {number}", plugin="approvals", permission=None) as tx:
        row = read_row(tx.connection, number, lock=True)
        name = _decides_for(app, tx, row, decision, reason)
        kind = _running_kind(app, row) if decision == "approve" else None
        _close(
            tx,
            row,
            state=BECOMES[decision],
            decided_by=actor,
            decided_for=None if name == actor else name,
            single_person=actor == row["requested_by"],
            decided_at=tx.now,
            decision_reason=reason or None,
        )
        if kind is not None:
            carry_out(app, tx, kind, as_request(read_row(tx.connection, number), tx.ctx.today))


def _decides_for(app: App, tx: Tx, row: sa.RowMapping, decision: Decision, reason: str) -> str:
    """Return in whose name the actor decides; Refused if they may not."""
    own = standing(tx.connection, app.config, tx.actor)
    absent = stood_in_for(tx.connection, app.config, tx.actor, tx.ctx.today)
    matter = as_matter(row, tx.ctx.today, single_person=is_single_person(app))
    found = hindrance(matter, own, absent, decision, reason)
    name = decides_for(matter, own, absent)
    if found is not None or name is None:
        raise Refused(refusal(app, tx, row, found or "not_allowed", [own, *absent], decision))
    return name


def _running_kind(app: App, row: sa.RowMapping) -> ApprovalKind:
    """Return the kind of a request; Refused if its plugin does not run: nobody knows then what would follow."""
    try:
        return find_kind(app, row["kind"])
    except NotFound:
        message = _(
            "request {number} is of the kind {kind!r} of plugin {plugin!r}, which does not run; crm plugins list says why; get it to run, or reject the request"
        )
        raise Refused(message.format(number=row["id"], kind=row["kind"], plugin=row["plugin"])) from None


def cannot_be_approved(app: App, row: sa.RowMapping) -> str | None:
    """Return why nobody can approve a request now, whoever they are; None = somebody can, or it is closed."""
    try:
        _running_kind(app, row)
    except CrmError as error:
        return str(error)
    return None


@again_if_given_up
def withdraw(app: App, actor: str, number: int, reason: str = "") -> None:
    """Take a request back; only who made it may, and only while it is open."""
    reason = cleaned_reason(reason)
    with app.write(actor, f"withdraw request {number}", plugin="approvals") as tx:
        row = read_row(tx.connection, number, lock=True)
        if row["requested_by"] != actor:
            raise Refused(_not_yours(app, tx, row))
        if state_on(row["state"], row["expires_on"], tx.ctx.today) != "requested":
            raise Refused(closed_sentence(row, app.config.timezone))
        _close(
            tx,
            row,
            state="withdrawn",
            decided_by=actor,
            decided_at=tx.now,
            decision_reason=reason or None,
        )


def _not_yours(app: App, tx: Tx, row: sa.RowMapping) -> str:
    """Say who may withdraw a request, and what is left to somebody else."""
    own = standing(tx.connection, app.config, tx.actor)
    absent = stood_in_for(tx.connection, app.config, tx.actor, tx.ctx.today)
    message = (
        _("request {number} was made by {actor!r}, who alone may withdraw it")
        if hindrance(as_matter(row, tx.ctx.today), own, absent, "reject", "a reason")
        else _("request {number} was made by {actor!r}, who alone may withdraw it; you may reject it")
    )
    return message.format(number=row["id"], actor=row["requested_by"])


def withdraw_all(app: App, tx: Tx, plugin: str) -> int:
    """Withdraw the open requests of a plugin that goes for good, without asking it; returns how many."""
    c, today = approval_table.c, tx.ctx.today
    query = sa.select(c.id).where(c.plugin == plugin, is_open(today)).order_by(c.id).with_for_update()
    numbers = tx.connection.scalars(query).all()
    if numbers:
        app.host.plugins[:] = [hosted for hosted in app.host.plugins if hosted.name != plugin]
    values = _closed(tx, UNINSTALLED.format(plugin=plugin))
    for start in range(0, len(numbers), _CHUNK):
        tx.update(Approval, [(number, values) for number in numbers[start : start + _CHUNK]])
    return len(numbers)


def withdraw_erased(tx: Tx, persons: Sequence[Person]) -> None:
    """Withdraw the open requests about persons who are erased: nothing is left of them that could be carried out."""
    c, values = approval_table.c, _closed(tx, PERSON_ERASED)
    for part in batches(person.id for person in persons if person.entity == "customer"):
        query = sa.select(c.id).where(c.customer_id.in_(part), is_open(tx.ctx.today)).order_by(c.id)
        tx.update(Approval, [(number, values) for number in tx.connection.scalars(query.with_for_update())])


def _closed(tx: Tx, reason: str) -> dict[str, Any]:
    return {"state": "withdrawn", "decided_by": tx.actor, "decided_at": tx.now, "decision_reason": reason}


def expire(app: App, actor: str) -> int:
    """Write down what has expired, a chunk at a time; returns how many. It may be killed and run again."""
    done = 0
    while True:
        late = _expire_some(app, actor)
        done += late
        if late < _CHUNK:
            return done


@again_if_given_up
def _expire_some(app: App, actor: str) -> int:
    with app.write(actor, "expire requests", "job:expire_approvals", plugin="approvals") as tx:
        query = sa.select(approval_table.c.id).where(is_late(tx.ctx.today))
        query = query.order_by(approval_table.c.id).limit(_CHUNK).with_for_update()
        late = tx.connection.scalars(query).all()
        tx.update(Approval, [(number, {"state": "expired"}) for number in late])
    return len(late)


def _close(tx: Tx, row: sa.RowMapping, **values: Any) -> None:
    tx.update(Approval, [(row["id"], values)], expect_version={row["id"]: row["version"]})
