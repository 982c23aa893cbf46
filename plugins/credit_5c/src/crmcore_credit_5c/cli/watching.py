"""`crm credit default|dunning|alarms|alarm`: what is done about receivables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import islice
from typing import Any

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

from .receivables import SHOWN, limit_option

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
_note_option = click.option("--note", required=True, metavar="TEXT", help=N_("What came of it; it is kept."))


# -- default ---------------------------------------------------------------------------------------------------


@click.command(
    "default", cls=Command, help=N_("Test whether customers are in default, after the banks' rule.")
)
@click.argument("code", required=False)
@click.option("--all", "everybody", is_flag=True, help=N_("List all who are in default or on probation."))
@click.option("--mark", is_flag=True, help=N_("Mark the customer as unlikely to pay, with --reason."))
@click.option("--unmark", is_flag=True, help=N_("End that mark, with --reason."))
@click.option("--reason", metavar="TEXT", help=N_("Why; it is kept."))
@json_option
@pass_session
def default_command(session: Session, code: str | None, **options: Any) -> None:
    """Show the default test."""
    if (code is None) != options["everybody"]:
        raise UsageProblem(_("name one customer, or list all in default with --all"))
    if code is None:
        _list_defaults(session, as_json=options["as_json"])
        return
    found = _tested(session, code, options)
    if options["as_json"]:
        emit(found)
    else:
        echo(default_sentence(found))


def _tested(session: Session, code: str, options: Mapping[str, Any]) -> dict[str, Any]:
    from crmcore_credit_5c.assessing.reads import record_read_of
    from crmcore_credit_5c.receivables.defaults import default_test

    marks = options["mark"] or options["unmark"]
    if options["reason"] and not marks:
        raise UsageProblem(_("--reason goes with --mark or --unmark"))
    found = _marked(session, code, options) if marks else None
    with session.app.read(PLUGIN, session.actor) as ctx:
        found = found or default_test(ctx, code)
        record_read_of(ctx, code, "credit default")
    return found


def _marked(session: Session, code: str, options: Mapping[str, Any]) -> dict[str, Any]:
    from crmcore_credit_5c.receivables.unlikely import end_unlikely, mark_unlikely

    if options["mark"] and options["unmark"]:
        raise UsageProblem(_("give --mark or --unmark, not both"))
    reason = (options["reason"] or "").strip()
    if not reason:
        raise UsageProblem(_("say why, with --reason"))
    change = mark_unlikely if options["mark"] else end_unlikely
    return change(session.app, session.actor, code, reason)


def _list_defaults(session: Session, *, as_json: bool) -> None:
    from crmcore_credit_5c.money import LeftOut
    from crmcore_credit_5c.receivables.defaults import in_default

    left_out = LeftOut()
    with session.app.read(PLUGIN, session.actor) as ctx:
        found = in_default(ctx, left_out)
        if as_json:
            emit_lines(in_bulk(session, ctx, "credit_default", found, {}))
        else:
            _say_defaults(list(found))
        told = left_out.sentences(ctx)
    _warn(session, told)


def _say_defaults(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        echo(default_sentence(line))
    if not lines:
        echo(_("Nobody is in default."))


def _warn(session: Session, sentences: Iterable[str]) -> None:
    """Say on stderr what a list leaves out, whatever its form."""
    for sentence in sentences:
        session.app.warn(sentence)


def default_sentence(found: Mapping[str, Any]) -> str:
    """Say how the test came out."""
    sentences = {
        "default": _("{customer} is in default since {since} ({causes}; {rule})"),
        "probation": _(
            "{customer} is on probation until {probation_until} after a default since {since} ({rule})"
        ),
        "performing": _("{customer} is not in default ({rule})"),
    }
    causes = {"past_due": _("past due"), "unlikely_to_pay": _("unlikely to pay")}
    words = {
        **found,
        "causes": ", ".join(causes[cause] for cause in found["causes"]),
        "rule": _("after the banks' rule, CRR art. 178"),
    }
    past = found["past_due"]
    amounts = _("past due: {amount} {currency}, {days} days in a row above both thresholds").format(
        amount=format_minor(past["amount_minor"], found["currency"]),
        currency=found["currency"],
        days=past["days"],
    )
    return sentences[found["state"]].format(**words) + "\n  " + amounts


# -- dunning ---------------------------------------------------------------------------------------------------


@click.group("dunning", cls=Group, help=N_("Show or record the steps of dunning."))
def dunning() -> None:
    """Hold the commands on dunning."""


@dunning.command("list", cls=Command, help=N_("List who is past due, with the last and the next step."))
@click.option("--due", "due_only", is_flag=True, help=N_("Only those whose next step is due."))
@limit_option
@json_option
@pass_session
def dunning_list_command(session: Session, limit: int | None, *, due_only: bool, as_json: bool) -> None:
    """List dunning."""
    from crmcore_credit_5c.receivables.dunning import dunning_list
    from crmcore_credit_5c.receivables.overdue import late_customers

    with session.app.read(PLUGIN, session.actor) as ctx:
        late = late_customers(ctx)
        lines = dunning_list(ctx, late, due_only=due_only)
        if as_json:
            rows = islice(lines, limit)
            emit_lines(in_bulk(session, ctx, "credit_dunning", rows, {"limit": limit}))
        else:
            found = list(islice(lines, (limit or SHOWN) + 1))
            _show(_dunning_table(found[: limit or SHOWN], ctx.currency), found, limit or SHOWN)
        told = late.left_out.sentences(ctx)
    _warn(session, told)


def _dunning_table(lines: Iterable[Mapping[str, Any]], currency: str) -> Table:
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("amount", _("Past due"), "amount"),
        Column("days", _("Days"), "integer"),
        Column("last", _("Last step"), "integer"),
        Column("last_on", _("On"), "date"),
        Column("next", _("Next step")),
        Column("next_on", _("From"), "date"),
    )
    rows = [
        (
            *(one[name] for name in ("customer", "name", "amount_minor", "days", "last_step")),
            _day(one["last_on"]),
            f"{one['next_step']}. {one['next_title']}" if one["next_step"] else "",
            _day(one["next_on"]),
        )
        for one in lines
    ]
    return Table("dunning", _("Dunning"), columns, rows, currency)


@dunning.command("done", cls=Command, help=N_("Record that a step of dunning was taken today."))
@click.argument("code")
@click.option(
    "--step", type=click.IntRange(1, 100), required=True, metavar="N", help=N_("Number of the step.")
)
@_note_option
@json_option
@pass_session
def dunning_done_command(session: Session, code: str, step: int, note: str, *, as_json: bool) -> None:
    """Record a step."""
    from crmcore_credit_5c.receivables.dunning import record_step

    found = record_step(session.app, session.actor, code, step, note)
    if as_json:
        emit(found)
        return
    echo(_("Step {step} was recorded for {customer}.").format(step=step, customer=found["customer"]))
    if found["next_step"]:
        words = _("Next: {step}. {title}, from {day} on.")
        echo(words.format(step=found["next_step"], title=found["next_title"], day=found["next_on"]))


# -- alarms ----------------------------------------------------------------------------------------------------


@click.command("alarms", cls=Command, help=N_("List the alarms about customers' credit, the latest first."))
@click.option("--open", "open_only", is_flag=True, help=N_("Only those that nobody has closed."))
@limit_option
@json_option
@pass_session
def alarms_command(session: Session, limit: int | None, *, open_only: bool, as_json: bool) -> None:
    """List alarms."""
    from crmcore_credit_5c.receivables.alarms import list_alarms

    with session.app.read(PLUGIN, session.actor) as ctx:
        if as_json:
            lines = list_alarms(ctx, open_only=open_only, limit=limit)
            emit_lines(in_bulk(session, ctx, "credit_alarm", lines, {"limit": limit}))
            return
        most = limit or SHOWN
        found = list(list_alarms(ctx, open_only=open_only, limit=most + 1))
    _show(_alarms_table(found[:most]), found, most)


def _alarms_table(lines: Iterable[Mapping[str, Any]]) -> Table:
    columns = (
        Column("alarm", _("Number"), "integer"),
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("what", _("Alarm")),
        Column("raised_on", _("Raised on"), "date"),
        Column("state", _("State")),
    )
    states = {"open": _("open"), "closed": _("closed")}
    rows = [
        (
            *(one[name] for name in ("alarm", "customer", "name", "what")),
            _day(one["raised_on"]),
            states[one["state"]],
        )
        for one in lines
    ]
    return Table("alarms", _("Alarms"), columns, rows)


@click.group("alarm", cls=Group, help=N_("Close an alarm."))
def alarm() -> None:
    """Hold the command on one alarm."""


@alarm.command("close", cls=Command, help=N_("Close an alarm, with what came of it."))
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@_note_option
@json_option
@pass_session
def close_command(session: Session, number: int, note: str, *, as_json: bool) -> None:
    """Close an alarm."""
    from crmcore_credit_5c.assessing.reads import record_read_of
    from crmcore_credit_5c.receivables.alarms import close_alarm

    found = close_alarm(session.app, session.actor, number, note)
    with session.app.read(PLUGIN, session.actor) as ctx:
        record_read_of(ctx, found["customer"], "credit alarm")
    if as_json:
        emit(found)
    else:
        words = _("Alarm {number} about {customer} is closed: {what}.")
        echo(words.format(number=number, customer=found["customer"], what=found["what"]))


def _show(table: Table, found: list[Any], most: int) -> None:
    """Print a table, and that there is more, or that there is nothing."""
    if not found:
        echo(_("(none)"))
        return
    show_table(table)
    if len(found) > most:
        echo(_("There are more than {count}; more with --limit N, all with --json").format(count=most))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
