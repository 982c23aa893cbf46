"""`crm credit evidence add|list|withdraw` and `crm credit checklist`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    json_option,
    pass_session,
    show_table,
    translator,
)

from .assessing import model_option, show_conflicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crmcore_credit_5c.assessing.wording import Wording

_ = translator("crmcore_credit_5c")
FILE = click.Path(path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("evidence", cls=Group, help=N_("Add, list and withdraw evidence."))
def evidence() -> None:
    """Hold the commands below."""


@evidence.command("add", cls=Command, help=N_("Add what was found out about a customer."))
@click.argument("code")
@click.option("--file", "file", type=FILE, metavar="FILE", help=N_("Evidence and statements (JSON)."))
@click.option("--indicator", metavar="NAME", help=N_("The indicator; see: crm credit model show."))
@click.option("--value", metavar="VALUE", help=N_("A step of its scale, or a number."))
@click.option("--source", metavar="TEXT", help=N_("Who or what says so."))
@click.option("--date", "on", type=DAY, metavar="YYYY-MM-DD", help=N_("Of which day; by default today."))
@click.option("--document", metavar="NUMBER", help=N_("The document that shows it."))
@click.option("--expires", type=DAY, metavar="YYYY-MM-DD", help=N_("The last day on which it counts."))
@json_option
@pass_session
def add_command(session: Session, code: str, file: Path | None, *, as_json: bool, **given: Any) -> None:
    """Add evidence."""
    from crmcore_credit_5c.assessing.entering import add_evidence, check_evidence, read_evidence
    from crmcore_credit_5c.assessing.listing import conflicts
    from crmcore_credit_5c.assessing.models import PLUGIN, all_models
    from crmcore_credit_5c.assessing.reads import find_usable, record_read
    from crmcore_credit_5c.assessing.wording import wording

    one = _one(file, given)
    with session.app.read(PLUGIN, session.actor) as ctx:
        customer = find_usable(ctx, code)
        found = read_evidence(ctx, file) if file else check_evidence(ctx, {"evidence": [one]}, "")
    added = add_evidence(session.app, session.actor, customer, found)
    with session.app.read(PLUGIN, session.actor) as ctx:
        disputed = conflicts(ctx, customer)
        words = wording(*(one.model for one in all_models(ctx)))
        if disputed:
            record_read(ctx, customer, "credit.evidence")
    if as_json:
        emit({"customer": code, **added._asdict(), "conflicts": disputed})
        return
    count = len(added.evidence) + len(added.statements)
    echo(_("Evidence added to {customer}: {count}.").format(count=count, customer=code))
    show_conflicts(disputed, words)


def _one(file: Path | None, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the entry that the options make; a file takes no others."""
    values = {
        {"on": "date"}.get(name, name): value.date().isoformat() if isinstance(value, datetime) else value
        for name, value in given.items()
        if value is not None
    }
    if file is not None:
        if values:
            raise UsageProblem(_("--file says all; leave the other options out"))
        return {}
    if missing := [f"--{name}" for name in ("indicator", "value", "source") if name not in values]:
        message = _("{options} is missing; give it, or a file with --file")
        raise UsageProblem(message.format(options=", ".join(missing)))
    return values


@evidence.command("list", cls=Command, help=N_("List what is known of a customer, the newest first."))
@click.argument("code")
@click.option("--all", "everything", is_flag=True, help=N_("Also what was withdrawn."))
@json_option
@pass_session
def list_command(session: Session, code: str, *, everything: bool, as_json: bool) -> None:
    """List evidence."""
    from crmcore_credit_5c.assessing.listing import conflicts, evidence_lines
    from crmcore_credit_5c.assessing.models import PLUGIN, all_models
    from crmcore_credit_5c.assessing.reads import find_usable, record_read
    from crmcore_credit_5c.assessing.wording import wording

    with session.app.read(PLUGIN, session.actor) as ctx:
        customer = find_usable(ctx, code)
        lines = evidence_lines(ctx, customer, everything=everything)
        disputed = conflicts(ctx, customer)
        words = wording(*(one.model for one in all_models(ctx)))
        if lines:
            record_read(ctx, customer, "credit.evidence")
    if as_json:
        emit_lines(lines)
        return
    show_table(_evidence_table(lines, words))
    show_conflicts(disputed, words)


def _evidence_table(lines: Iterable[Mapping[str, Any]], words: Wording) -> Table:
    from crmcore_credit_5c.assessing.wording import source_shown

    states = {
        "counts": _("counts"),
        "older": _("there is newer"),
        "expired": _("expired"),
        "withdrawn": _("withdrawn"),
    }
    columns = (
        Column("evidence", _("Number"), "integer"),
        Column("indicator", _("Indicator")),
        Column("value", _("Value")),
        Column("source", _("Source")),
        Column("date", _("Of")),
        Column("expires", _("Until")),
        Column("state", _("State")),
        Column("by", _("By")),
    )
    rows = [
        (
            x["evidence"],
            words.title(x["indicator"]) if x["indicator"] else _("statement"),
            words.answer(x["indicator"], x["value"])
            if x["value"]
            else f"{len(x['figures'])} ({x['currency']})",
            source_shown(x["source"]),
            x["date"],
            x["expires"] or "-",
            states[x["state"]],
            x["added_by"],
        )
        for x in lines
    ]
    return Table("evidence", _("Evidence"), columns, rows)


@evidence.command("withdraw", cls=Command, help=N_("Let a piece of evidence count no more."))
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@click.option("--reason", required=True, metavar="TEXT", help=N_("Why; it is kept."))
@click.option("--statement", is_flag=True, help=N_("The number is that of a financial statement."))
@json_option
@pass_session
def withdraw_command(session: Session, number: int, reason: str, *, statement: bool, as_json: bool) -> None:
    """Withdraw evidence."""
    from crmcore_credit_5c.assessing.listing import withdraw

    done = withdraw(session.app, session.actor, "statement" if statement else "indicator", number, reason)
    if as_json:
        emit(done)
        return
    echo(_("Evidence {evidence} of {customer} counts no more.").format(**done))


@click.command("checklist", cls=Command, help=N_("Show what evidence an assessment has and lacks."))
@click.argument("code")
@model_option
@json_option
@pass_session
def checklist_command(session: Session, code: str, model: str | None, *, as_json: bool) -> None:
    """Show a checklist."""
    from crmcore_credit_5c.assessing.listing import checklist
    from crmcore_credit_5c.assessing.models import PLUGIN, load_model
    from crmcore_credit_5c.assessing.reads import find_usable, record_read
    from crmcore_credit_5c.assessing.wording import wording

    with session.app.read(PLUGIN, session.actor) as ctx:
        customer = find_usable(ctx, code)
        version = load_model(ctx, model)
        found = checklist(ctx, customer, version)
        record_read(ctx, customer, "credit.evidence")
    if as_json:
        emit(found)
        return
    echo(_("{customer} by {model}: {there} there, {missing} missing, {expired} expired").format(**found))
    show_table(_checks_table(found["indicators"], wording(version.model)))


def _checks_table(lines: Iterable[Mapping[str, Any]], words: Wording) -> Table:
    from crmcore_credit_5c.assessing.wording import source_shown

    states = {"there": _("there"), "missing": _("missing"), "expired": _("expired")}
    columns = (
        Column("factor", _("Factor of credit")),
        Column("title", _("Indicator")),
        Column("state", _("State")),
        Column("value", _("Value")),
        Column("source", _("Source")),
        Column("note", _("Note")),
    )
    rows = [
        (
            words.title(x["factor"]),
            x["title"],
            states[x["state"]],
            words.answer(x["indicator"], x["value"]),
            source_shown(x["source"]) or "-",
            x["note"] or "",
        )
        for x in lines
    ]
    return Table("checklist", _("Checklist"), columns, rows)
