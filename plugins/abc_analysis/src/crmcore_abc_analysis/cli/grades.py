"""`crm abc grade|set|unset|manual`: the effective class, and classes set by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Session,
    Table,
    echo,
    emit,
    emit_lines,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

from .shared import DAY, SHOWN, limit_option

_ = translator("crmcore_abc_analysis")
_reason_option = click.option("--reason", required=True, metavar="TEXT", help=N_("Why; it is kept."))


@click.command("grade", cls=Command, help=N_("Show the class of a customer on a day, past days too."))
@click.argument("code")
@click.option("--on", "on", type=DAY, metavar="YYYY-MM-DD", help=N_("The day; by default today."))
@json_option
@pass_session
def grade_command(session: Session, code: str, on: datetime | None, *, as_json: bool) -> None:
    """Show the effective class."""
    from crmcore_abc_analysis.manual import PLUGIN, grade_on

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = grade_on(ctx, code, on.date() if on else None)
    if as_json:
        emit(found)
        return
    echo(_grade_sentence(found))
    if found["history"]:
        show_table(_history_table(found["history"]))


def _grade_sentence(found: Mapping[str, Any]) -> str:
    sentences = {
        "hand": _("{customer} on {on}: class {grade}, set by hand by {author} until {until}: {reason}"),
        "run": _("{customer} on {on}: class {grade} in run {run}, since {since}"),
        "default": _("{customer} on {on}: no class of its own; class {grade} holds by default"),
        "none": _("{customer} on {on}: no class"),
    }
    sentence = sentences[found["source"]].format(**found)
    if found["source"] == "hand" and found["computed_grade"] is not None:
        sentence += "\n" + _("In run {run} it is in class {computed_grade}.").format(**found)
    return sentence


def _history_table(spans: Iterable[Mapping[str, Any]]) -> Table:
    columns = (
        Column("from", _("From"), "date"),
        Column("to", _("To"), "date"),
        Column("grade", _("Class")),
        Column("why", _("Why")),
    )
    reasons = {
        "hand": _("set by hand by {author} until {until}: {reason}"),
        "run": _("run {run}"),
        "default": _("by default"),
        "none": _("no class"),
    }
    rows = [
        (_day(span["from"]), _day(span["to"]), span["grade"], reasons[span["source"]].format(**span))
        for span in spans
    ]
    return Table("history", _("Classes so far"), columns, rows)


@click.command("set", cls=Command, help=N_("Set a customer's class by hand, with a reason and a last day."))
@click.argument("code")
@click.argument("grade")
@_reason_option
@click.option(
    "--until",
    type=DAY,
    required=True,
    metavar="YYYY-MM-DD",
    help=N_("The last day on which it holds, such as 2026-12-31."),
)
@json_option
@pass_session
def set_command(
    session: Session, code: str, grade: str, *, reason: str, until: datetime, as_json: bool
) -> None:
    """Set a class by hand."""
    from crmcore_abc_analysis.manual import set_grade

    made = set_grade(session.app, session.actor, code, grade, reason, until.date())
    replaced = made.pop("replaced")
    if as_json:
        emit(made)
        return
    echo(_("{customer} is in class {grade} through {until}.").format(**made))
    if replaced is not None:
        echo(
            _("This takes the place of class {grade}, which {author} had set until {until}.").format(
                **replaced
            )
        )


@click.command("unset", cls=Command, help=N_("End a class that was set by hand."))
@click.argument("code")
@_reason_option
@json_option
@pass_session
def unset_command(session: Session, code: str, *, reason: str, as_json: bool) -> None:
    """End a class that was set by hand."""
    from crmcore_abc_analysis.manual import PLUGIN, end_grade, grade_on

    ended = end_grade(session.app, session.actor, code, reason)
    if as_json:
        emit(ended)
        return
    echo(_("Class {grade} of {customer}, set by hand by {author}, has ended.").format(**ended))
    with session.app.read(PLUGIN, session.actor) as ctx:
        echo(_grade_sentence(grade_on(ctx, code)))


@click.command("manual", cls=Command, help=N_("List the classes that were set by hand."))
@click.option("--all", "everything", is_flag=True, help=N_("Also those that have ended."))
@limit_option
@json_option
@pass_session
def manual_command(session: Session, limit: int | None, *, everything: bool, as_json: bool) -> None:
    """List classes set by hand."""
    from crmcore_abc_analysis.manual import PLUGIN, list_manual

    with session.app.read(PLUGIN, session.actor) as ctx:
        if as_json:
            lines = list_manual(ctx, everything=everything, limit=limit)
            emit_lines(in_bulk(session, ctx, "abc_manual", lines, {"limit": limit}))
            return
        most = limit or SHOWN
        found = list(list_manual(ctx, everything=everything, limit=most + 1))
    if not found:
        echo(_("No class is set by hand."))
        return
    show_table(_manual_table(islice(found, most)))
    if len(found) > most:
        echo(_("There are more than {count}; more with --limit N, all with --json").format(count=most))


def _manual_table(lines: Iterable[Mapping[str, Any]]) -> Table:
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("grade", _("Class")),
        Column("set_on", _("Set on"), "date"),
        Column("until", _("Until"), "date"),
        Column("state", _("State")),
        Column("author", _("Set by")),
        Column("reason", _("Reason")),
    )
    states = {"holds": _("holds"), "ended": _("ended"), "expired": _("expired")}
    rows = [
        (
            line["customer"],
            line["name"],
            line["grade"],
            _day(line["set_on"]),
            _day(line["until"]),
            states[line["state"]],
            line["author"],
            line["reason"],
        )
        for line in lines
    ]
    return Table("manual", _("Classes set by hand"), columns, rows)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
