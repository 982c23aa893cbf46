"""`crm approvals …`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.approvals.rules import STATES, Decision
from crmcore.builtin.approvals.words import shown_band, shown_holder, shown_state, shown_yes
from crmcore.builtin.records.options import NUMBER, limit_option, list_records, local
from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
)
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_PLUGIN = "approvals"
_number = click.argument("number", type=NUMBER)
_reason = click.option("--reason", default="", help=N_("Why; whoever asked reads it."))


@click.group(cls=Group, help=N_("Requests for approval: list, show, decide"))
def approvals() -> None:
    """Hold the commands below."""


@approvals.command("list", cls=Command, help=N_("List requests, the newest first."))
@click.option("--inbox", "scope", flag_value="inbox", help=N_("Only those that wait for your decision."))
@click.option("--mine", "scope", flag_value="mine", help=N_("Only those that you made."))
@click.option("--all", "scope", flag_value="all", help=N_("All; that is the default."))
@click.option("--state", type=click.Choice(STATES), help=N_("Only those in this state."))
@click.option("--kind", help=N_("Only this kind; see crm approvals kinds."))
@click.option("--after", type=NUMBER, metavar="N", help=N_("Go on behind this number."))
@limit_option
@json_option
@pass_session
def list_command(session: Session, scope: str | None, limit: int | None, **options: Any) -> None:
    """List requests."""
    from crmcore.builtin.approvals.company import is_single_person
    from crmcore.builtin.approvals.queries import approval_table, as_json, in_inbox, select
    from crmcore.builtin.approvals.standing import standing, stood_in_for
    from crmcore.builtin.approvals.telling import as_told
    from crmcore.builtin.privacy.restricted import hidden

    as_lines, chosen = options.pop("as_json"), None
    with session.app.read(_PLUGIN, session.actor) as ctx:
        _require_kind(session, ctx, options["kind"])
        if scope == "inbox":
            own = standing(ctx.connection, session.app.config, ctx.actor)
            absent = stood_in_for(ctx.connection, session.app.config, ctx.actor, ctx.today)
            alone = is_single_person(session.app)
            chosen = in_inbox(own, absent, ctx.today, single_person=alone)
        elif scope == "mine":
            chosen = approval_table.c.requested_by == ctx.actor
        about = (approval_table.c.customer_id, "customer")
        query = select(ctx.today, chosen, **options).where(*hidden(ctx.connection, about))
        rest = {"limit": limit, "as_json": as_lines, "scope": scope or "all"}
        table = partial(_requests_table, session)
        shown = as_json if as_lines else partial(as_told, session.app)
        list_records(session, ctx, query, shown, table, {**rest, **options})


@approvals.command("show", cls=Command, help=N_("Show a request, and who may decide on it."))
@_number
@json_option
@pass_session
def show_command(session: Session, number: int, *, as_json: bool) -> None:
    """Show a request."""
    found = _read(session, number, who=True, told=not as_json)
    if as_json:
        emit(found)
        return
    echo(f"{found['number']}  {found['subject']}")
    rows = [(title, str(value)) for title, value in _facts(session, found) if value not in (None, "")]
    show_table(Table("approval", "", (Column("field", _("Field")), Column("value", _("Value"))), rows))
    for title, text in ((_("Reason"), found["reason"]), (_("Decision"), found["decision_reason"])):
        if text:
            echo(f"{title}: {text}")
    if found["cannot_be_approved"]:
        echo(_("It cannot be approved now: {reason}").format(reason=found["cannot_be_approved"]))


@approvals.command("approve", cls=Command, help=N_("Approve a request; what was asked for is done at once."))
@_number
@_reason
@json_option
@pass_session
def approve_command(session: Session, number: int, reason: str, *, as_json: bool) -> None:
    """Approve a request."""
    _decide(session, number, "approve", reason)
    _answer(session, number, _("Request {number} is approved: {subject}"), as_json=as_json)


@approvals.command("reject", cls=Command, help=N_("Reject a request, with a reason."))
@_number
@_reason
@json_option
@pass_session
def reject_command(session: Session, number: int, reason: str, *, as_json: bool) -> None:
    """Reject a request."""
    _decide(session, number, "reject", reason)
    _answer(session, number, _("Request {number} is rejected: {subject}"), as_json=as_json)


@approvals.command("withdraw", cls=Command, help=N_("Take a request of your own back."))
@_number
@_reason
@json_option
@pass_session
def withdraw_command(session: Session, number: int, reason: str, *, as_json: bool) -> None:
    """Withdraw a request."""
    from crmcore.builtin.approvals.decisions import withdraw

    withdraw(session.app, session.actor, number, reason)
    _answer(session, number, _("Request {number} is withdrawn: {subject}"), as_json=as_json)


@approvals.command(
    "request",
    cls=Command,
    help=N_(
        "Ask for approval of something that no other command asks for; nothing follows but the decision."
    ),
)
@click.option("--subject", required=True, help=N_("What is asked for, in one line."))
@_reason
@click.option("--customer", metavar="CODE", help=N_("The customer concerned."))
@click.option("--amount", help=N_("How much it is about, such as 1000.00."))
@click.option("--currency", metavar="CODE", help=N_("Currency of the amount; by default the company's."))
@json_option
@pass_session
def request_command(session: Session, subject: str, reason: str, **options: Any) -> None:
    """Make a general request."""
    from crmcore.builtin.approvals.general import ask_general

    as_json = options.pop("as_json")
    number = ask_general(session.app, session.actor, subject, reason, **options)
    _answer(session, number, _("Request {number} is made: {subject} ({state})"), as_json=as_json)


@approvals.command("kinds", cls=Command, help=N_("List the kinds of requests of all plugins."))
@json_option
@pass_session
def kinds_command(session: Session, *, as_json: bool) -> None:
    """List kinds."""
    from crmcore.builtin.approvals import kinds

    found = sorted(
        (kinds.as_json(session.app, kind) for kind in session.app.host.registered(kinds.HOOK)),
        key=lambda kind: (str(kind["name"]), kind["plugin"]),
    )
    if as_json:
        emit_lines(found)
    else:
        show_table(_kinds_table(session, found))


def _require_kind(session: Session, ctx: Context, kind: str | None) -> None:
    """Raise NotFound for a kind that no plugin has; where requests of it are kept, they are listed all the same."""
    from crmcore.builtin.approvals.kinds import find_kind
    from crmcore.builtin.approvals.queries import select

    if kind is not None and ctx.connection.execute(select(ctx.today, kind=kind).limit(1)).first() is None:
        find_kind(session.app, kind)


def _decide(session: Session, number: int, decision: Decision, reason: str) -> None:
    from crmcore.builtin.approvals.decisions import decide

    decide(session.app, session.actor, number, decision, reason)


def _read(session: Session, number: int, *, who: bool = False, told: bool = False) -> dict[str, Any]:
    from crmcore.builtin.approvals.company import is_single_person
    from crmcore.builtin.approvals.decisions import cannot_be_approved
    from crmcore.builtin.approvals.queries import as_json, deciders, read_row
    from crmcore.builtin.approvals.reads import record_read
    from crmcore.builtin.approvals.standing import everybody
    from crmcore.builtin.approvals.telling import as_told
    from crmcore.builtin.privacy.restricted import require_about_shown

    with session.app.read(_PLUGIN, session.actor) as ctx:
        row = read_row(ctx.connection, number)
        if who:
            require_about_shown(session.app, ctx, row)
        (found,) = as_told(session.app, ctx, [row]) if told else as_json(ctx, [row])
        if who:
            actors = everybody(ctx.connection, session.app.config, ctx.today)
            alone = is_single_person(session.app)
            found["deciders"] = deciders(row, actors, ctx.today, single_person=alone)
            is_open = found["state"] == "requested"
            found["cannot_be_approved"] = cannot_be_approved(session.app, row) if is_open else None
        record_read(ctx, row)
    return found


def _answer(session: Session, number: int, message: str, *, as_json: bool) -> None:
    found = _read(session, number, told=not as_json)
    if as_json:
        emit(found)
    else:
        state = _state(found)
        echo(message.format(number=number, subject=found["subject"], state=state))
        if found["single_person"]:
            echo(_("It was decided by the one who asked (single-person firm)."))


def _state(found: Mapping[str, Any]) -> str:
    return shown_state(found["state"], single_person=found["single_person"])


def _band(session: Session, found: Mapping[str, Any]) -> str:
    """Return the amount band of a request; nothing where it belongs to none."""
    return shown_band(found["up_to"], session.app.config.currency) if found["holders"] else ""


def _amount(found: Mapping[str, Any]) -> str:
    from crmcore.money import format_minor

    if found["amount_minor"] is None:
        return ""
    return f"{format_minor(found['amount_minor'], found['currency'])} {found['currency']}"


def _facts(session: Session, found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what is known of a request, each with its title."""
    by = found["decided_by"]
    if found["decided_for"]:
        by = _("{deputy} for {absent}").format(deputy=by, absent=found["decided_for"])
    if found["single_person"]:
        by = _("{actor}, who had asked (single-person firm)").format(actor=by)
    return [
        (_("State"), _state(found)),
        (_("Kind"), found["kind"]),
        (_("Customer"), found["customer"]),
        (_("Amount"), _amount(found)),
        (_("Amount band"), _band(session, found)),
        (_("Asked by"), found["requested_by"]),
        (_("Asked"), f"{local(session, found['requested_at']):%Y-%m-%d %H:%M}"),
        (_("Last day"), found["expires_on"]),
        (_("Outside policy"), shown_yes(found["outside_policy"])),
        (_("May decide"), ", ".join(found["deciders"])),
        (_("Decided by"), by),
        (_("Decided"), found["decided_at"] and f"{local(session, found['decided_at']):%Y-%m-%d %H:%M}"),
    ]


def _requests_table(session: Session, found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("number", _("Number"), "integer"),
        Column("state", _("State")),
        Column("kind", _("Kind")),
        Column("customer", _("Customer")),
        Column("subject", _("What")),
        Column("amount", _("Amount")),
        Column("band", _("Amount band")),
        Column("requested_by", _("Asked by")),
        Column("expires_on", _("Last day"), "date"),
    )
    rows = [
        (
            one["number"],
            _state(one),
            one["kind"],
            one["customer"],
            one["subject"],
            _amount(one),
            _band(session, one),
            one["requested_by"],
            one["expires_on"],
        )
        for one in found
    ]
    return Table("approvals", "", columns, rows)


def _shown_band(session: Session, band: Mapping[str, Any]) -> str:
    message = _("{band}: {holder}") if band["deputies"] else _("{band}: {holder} in person")
    shown = shown_band(band["up_to"], session.app.config.currency)
    return message.format(band=shown, holder=shown_holder(band["holder"]))


def _kinds_table(session: Session, found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("name", _("Name")),
        Column("title", _("Title")),
        Column("plugin", _("Plugin")),
        Column("permission", _("Permission")),
        Column("bands", _("Amount bands")),
        Column("outside_policy", _("Outside policy")),
        Column("expires_days", _("Days"), "integer"),
    )
    rows = [
        (
            kind["name"],
            kind["title"],
            kind["plugin"],
            kind["permission"] or _("depends"),
            "; ".join(_shown_band(session, band) for band in kind["bands"]),
            shown_yes(kind["outside_policy"]),
            kind["expires_days"],
        )
        for kind in found
    ]
    return Table("kinds", "", columns, rows)
