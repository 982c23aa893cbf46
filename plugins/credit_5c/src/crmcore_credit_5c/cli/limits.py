"""`crm credit limit propose|approve|reject|show|history|list`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import click

from crmcore.api import (
    N_,
    Command,
    Group,
    Session,
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
_IMPORTS = "crmcore_credit_5c.cli.imports"
_request = click.argument("request", type=click.IntRange(1, 2**63 - 1))
_reason = click.option("--reason", required=True, metavar="TEXT", help=N_("Why; it is kept."))
_limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 2**63 - 1),
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)


@click.group(
    "limit",
    cls=Group,
    help=N_("Propose, decide and show limits."),
    lazy={
        "import": (N_("Ask for the limits in a file by one request."), f"{_IMPORTS}:import_command"),
        "rows": (
            N_("List the limits of a file that was proposed, by its request."),
            f"{_IMPORTS}:rows_command",
        ),
    },
)
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
    from crmcore_credit_5c.assessing.reads import record_read_of
    from crmcore_credit_5c.cli.limit_tables import workings_table
    from crmcore_credit_5c.limiting.proposing import PLUGIN, Wish, propose

    if temporary != (until is not None):
        raise UsageProblem(
            _("a temporary limit needs both --temporary and --until YYYY-MM-DD; add the other one")
        )
    wish = Wish(requested, until.date() if until else None, terms, reason)
    made = propose(session.app, session.actor, code, wish)
    with session.app.read(PLUGIN, session.actor) as ctx:
        record_read_of(ctx, code, "credit limit")
    if as_json:
        emit(made)
        return
    echo(_propose_sentence(made))
    show_table(workings_table(made["proposals"], made["currency"]))


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
    from crmcore_credit_5c.assessing.reads import record_read_of
    from crmcore_credit_5c.limiting.deciding import decide
    from crmcore_credit_5c.limiting.proposing import PLUGIN

    decided = decide(session.app, session.actor, request, decision, reason)
    if "file" not in decided:
        with session.app.read(PLUGIN, session.actor) as ctx:
            record_read_of(ctx, decided["customer"], "credit limit")
    if as_json:
        emit(decided)
        return
    if "file" in decided:
        from crmcore_credit_5c.cli.imports import decided_sentences

        for sentence in decided_sentences(decided):
            echo(sentence)
    else:
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
    from crmcore_credit_5c.cli.limit_tables import show_sentences, workings_table
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import limit_on

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = limit_on(ctx, code, as_of.date() if as_of else None, told=not as_json)
        record_read(ctx, find_customer(ctx.connection, code), "credit limit")
    if as_json:
        emit(found)
        return
    for sentence in show_sentences(found):
        echo(sentence)
    if found["proposals"]:
        show_table(workings_table(found["proposals"], found["currency"]))


@limit.command("history", cls=Command, help=N_("List all decisions on a customer's limit, the newest first."))
@click.argument("code")
@json_option
@pass_session
def history_command(session: Session, code: str, *, as_json: bool) -> None:
    """List decisions."""
    from crmcore.api import find_customer
    from crmcore_credit_5c.assessing.reads import record_read
    from crmcore_credit_5c.cli.limit_tables import history_table
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import history

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = list(history(ctx, code, told=not as_json))
        record_read(ctx, find_customer(ctx.connection, code), "credit limit")
    if as_json:
        emit_lines(found)
    elif found:
        show_table(history_table(session, found))
    else:
        echo(_("No limit was ever decided for {customer}.").format(customer=code))


@limit.command("list", cls=Command, help=N_("List the limits that hold today, and what of them is used."))
@_limit_option
@json_option
@pass_session
def list_command(session: Session, limit: int | None, *, as_json: bool) -> None:
    """List limits."""
    from crmcore_credit_5c.cli.limit_tables import list_table
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import list_limits, shared_limits, unknown_use
    from crmcore_credit_5c.money import left_out_sentences

    with session.app.read(PLUGIN, session.actor) as ctx:
        if as_json:
            emit_lines(in_bulk(session, ctx, "credit_limit", list_limits(ctx, limit), {"limit": limit}))
            return
        most = limit or _SHOWN
        found = list(list_limits(ctx, most + 1))
    if not found:
        echo(_("No credit limit is set."))
        return
    show_table(list_table(found[:most]))
    for sentence in [*shared_limits(found[:most]), *left_out_sentences(unknown_use(found[:most]))]:
        echo(sentence)
    if len(found) > most:
        echo(_("There are more than {count}; more with --limit N, all with --json").format(count=most))
