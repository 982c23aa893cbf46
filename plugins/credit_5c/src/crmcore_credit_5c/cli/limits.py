"""`crm credit limit propose|approve|reject|show|history|list`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Group,
    Session,
    Table,
    UsageProblem,
    echo,
    emit,
    emit_lines,
    format_minor,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

_ = translator("crmcore_credit_5c")
_DAY = click.DateTime(["%Y-%m-%d"])
_SHOWN = 50
_request = click.argument("request", type=click.IntRange(1, 2**63 - 1))
_reason = click.option("--reason", required=True, metavar="TEXT", help=N_("Why; it is kept."))
_limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 2**63 - 1),
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)


@click.group("limit", cls=Group, help=N_("Propose, decide and show limits."))
def limit() -> None:
    """Hold the commands below."""


@limit.command(
    "propose", cls=Command, help=N_("Work out a customer's limit by the rules, and ask for its approval.")
)
@click.argument("code")
@click.option("--requested", metavar="AMOUNT", help=N_("How much is asked for, in the company's currency."))
@click.option(
    "--temporary", is_flag=True, help=N_("Only for a while: exactly what is asked for, until a day.")
)
@click.option("--until", type=_DAY, metavar="YYYY-MM-DD", help=N_("The last day of a temporary limit."))
@click.option(
    "--terms", type=int, metavar="DAYS", help=N_("Days until payment is due; by default the grade's.")
)
@click.option("--reason", default="", metavar="TEXT", help=N_("Why; who decides reads it."))
@json_option
@pass_session
def propose_command(  # noqa: PLR0913  (what may be asked for)
    session: Session,
    code: str,
    requested: str | None,
    until: datetime | None,
    terms: int | None,
    reason: str,
    *,
    temporary: bool,
    as_json: bool,
) -> None:
    """Propose a limit."""
    from crmcore_credit_5c.limiting.proposing import Wish, propose

    if temporary != (until is not None):
        raise UsageProblem(
            _("a temporary limit needs both --temporary and --until YYYY-MM-DD; add the other one")
        )
    wish = Wish(requested, until.date() if until else None, terms, reason)
    made = propose(session.app, session.actor, code, wish)
    if as_json:
        emit(made)
        return
    echo(_propose_sentence(made))
    show_table(_workings_table(made["proposals"], made["currency"]))


def _propose_sentence(made: Mapping[str, Any]) -> str:
    shown = {**made, "amount": format_minor(made["amount_minor"], made["currency"])}
    sentence = _("Request {request}: a limit of {amount} {currency} for {customer}, grade {grade}.").format(
        **shown
    )
    if made["state"] == "approved":
        return sentence + " " + _("It is approved by rule.")
    return (
        sentence + " " + _("It waits for: crm credit limit approve {request} --reason TEXT").format(**shown)
    )


def _workings_table(workings: Iterable[Mapping[str, Any]], currency: str) -> Table:
    columns = (
        Column("chosen", ""),
        Column("amount", _("Amount"), "amount"),
        Column("how", _("How it came about")),
    )
    rows = [("→" if one["chosen"] else "", one["amount_minor"], one["explain"]) for one in workings]
    return Table("proposals", _("Proposals; the smallest wins"), columns, rows, currency)


@limit.command("approve", cls=Command, help=N_("Approve a limit that was asked for; it holds at once."))
@_request
@_reason
@json_option
@pass_session
def approve_command(session: Session, request: int, reason: str, *, as_json: bool) -> None:
    """Approve a limit."""
    message = _("The limit of {customer} is {amount} {currency} now.")
    _decide(session, request, "approve", reason, message, as_json=as_json)


@limit.command("reject", cls=Command, help=N_("Reject a limit that was asked for."))
@_request
@_reason
@json_option
@pass_session
def reject_command(session: Session, request: int, reason: str, *, as_json: bool) -> None:
    """Reject a limit."""
    message = _("Request {request} is rejected; the limit of {customer} stays as it was.")
    _decide(session, request, "reject", reason, message, as_json=as_json)


def _decide(
    session: Session,
    request: int,
    decision: Literal["approve", "reject"],
    reason: str,
    message: str,
    *,
    as_json: bool,
) -> None:
    from crmcore_credit_5c.limiting.deciding import decide

    decided = decide(session.app, session.actor, request, decision, reason)
    if as_json:
        emit(decided)
        return
    echo(message.format(**decided, amount=format_minor(decided["amount_minor"], decided["currency"])))
    if decided["single_person"]:
        echo(_("It was decided by the one who asked (single-person firm)."))


@limit.command("show", cls=Command, help=N_("Show the limit of a customer on a day, and how it came about."))
@click.argument("code")
@click.option("--as-of", type=_DAY, metavar="YYYY-MM-DD", help=N_("The day; by default today."))
@json_option
@pass_session
def show_command(session: Session, code: str, as_of: datetime | None, *, as_json: bool) -> None:
    """Show a limit."""
    from crmcore.api import find_customer
    from crmcore_credit_5c.assessing.reads import record_read
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import limit_on

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = limit_on(ctx, code, as_of.date() if as_of else None)
        record = record_read(ctx, find_customer(ctx.connection, code))
    record(session.app, session.actor, "credit limit")
    if as_json:
        emit(found)
        return
    for sentence in _show_sentences(found):
        echo(sentence)
    if found["proposals"]:
        show_table(_workings_table(found["proposals"], found["currency"]))


def _show_sentences(found: Mapping[str, Any]) -> Iterable[str]:
    if found["limit_minor"] is None:
        yield _("{customer} on {on}: no credit limit").format(**found)
    else:
        shown = {**found, "amount": format_minor(found["limit_minor"], found["currency"])}
        message = (
            _("{customer} on {on}: {amount} {currency} since {since}, decided by {decided_by}")
            if found["until"] is None
            else _(
                "{customer} on {on}: {amount} {currency} from {since} until {until}, decided by {decided_by}"
            )
        )
        yield message.format(**shown)
    if found["group"] is not None:
        group = found["group"]
        amount = format_minor(group["limit_minor"], group["currency"])
        yield _("its group, {customer}: {amount} {currency}").format(
            customer=group["customer"], amount=amount, currency=group["currency"]
        )
    if found["waiting"] is not None:
        yield _("request {number} waits for a decision").format(number=found["waiting"])


@limit.command("history", cls=Command, help=N_("List all decisions on a customer's limit, the newest first."))
@click.argument("code")
@json_option
@pass_session
def history_command(session: Session, code: str, *, as_json: bool) -> None:
    """List decisions."""
    from crmcore.api import find_customer
    from crmcore_credit_5c.assessing.reads import record_read
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import history

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = list(history(ctx, code))
        record = record_read(ctx, find_customer(ctx.connection, code))
    record(session.app, session.actor, "credit limit")
    if as_json:
        emit_lines(found)
    elif found:
        show_table(_history_table(found))
    else:
        echo(_("No limit was ever decided for {customer}.").format(customer=code))


def _history_table(found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("since", _("Since"), "date"),
        Column("until", _("Until"), "date"),
        Column("limit", _("Limit")),
        Column("grade", _("Grade")),
        Column("proposed_by", _("Asked by")),
        Column("decided_by", _("Decided by")),
        Column("request", _("Request"), "integer"),
        Column("reason", _("Reason")),
    )
    rows = [
        (
            _day(one["since"]),
            _day(one["until"]),
            f"{format_minor(one['limit_minor'], one['currency'])} {one['currency']}",
            one["grade"],
            one["proposed_by"],
            one["decided_by"],
            one["request"],
            one["reason"],
        )
        for one in found
    ]
    return Table("history", _("Decisions on the limit"), columns, rows)


@limit.command("list", cls=Command, help=N_("List the limits that hold today, and what of them is used."))
@_limit_option
@json_option
@pass_session
def list_command(session: Session, limit: int | None, *, as_json: bool) -> None:
    """List limits."""
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import list_limits

    with session.app.read(PLUGIN, session.actor) as ctx:
        if as_json:
            emit_lines(in_bulk(session, ctx, "credit_limit", list_limits(ctx, limit), {"limit": limit}))
            return
        most = limit or _SHOWN
        found = list(list_limits(ctx, most + 1))
    if not found:
        echo(_("No credit limit is set."))
        return
    show_table(_list_table(found[:most]))
    if len(found) > most:
        echo(_("There are more than {count}; more with --limit N, all with --json").format(count=most))


def _list_table(found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("limit", _("Limit")),
        Column("until", _("Until"), "date"),
        Column("exposure", _("Used"), "amount"),
        Column("headroom", _("Headroom"), "amount"),
    )
    rows = [
        (
            one["customer"],
            one["name"],
            f"{format_minor(one['limit_minor'], one['limit_currency'])} {one['limit_currency']}",
            _day(one["until"]),
            one["exposure_minor"],
            one["headroom_minor"],
        )
        for one in found
    ]
    return Table("limits", _("Credit limits"), columns, rows, found[0]["currency"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
