"""`crm credit assess|explain|history|due|batch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crmcore_credit_5c.assessing.wording import Wording

_ = translator("crmcore_credit_5c")
FILE = click.Path(path_type=Path)
SHOWN = 50
model_option = click.option("--model", metavar="NAME", help=N_("The model; by default that of the settings."))


@click.command("assess", cls=Command, help=N_("Assess a customer: points by factor, total, grade."))
@click.argument("code")
@click.option("--evidence", "file", type=FILE, metavar="FILE", help=N_("Evidence to add first (JSON)."))
@model_option
@json_option
@pass_session
def assess_command(
    session: Session, code: str, file: Path | None, model: str | None, *, as_json: bool
) -> None:
    """Assess a customer."""
    from crmcore_credit_5c.assessing.assessing import assess_customer
    from crmcore_credit_5c.assessing.entering import read_evidence
    from crmcore_credit_5c.assessing.explain import assessment_json
    from crmcore_credit_5c.assessing.models import PLUGIN
    from crmcore_credit_5c.assessing.reads import find_usable, record_read
    from crmcore_credit_5c.assessing.wording import wording_of

    with session.app.read(PLUGIN, session.actor) as ctx:
        customer = find_usable(ctx, code)
        found = read_evidence(ctx, file) if file else None
    number = assess_customer(session.app, session.actor, customer, model, found)
    with session.app.read(PLUGIN, session.actor) as ctx:
        result = assessment_json(ctx, number)
        words = wording_of(ctx, result["model"], result["model_version"])
        record_read(ctx, customer, "credit.assessment")
    if as_json:
        emit(result)
        return
    _show_result(result, words)


def _show_result(result: Mapping[str, Any], words: Wording) -> None:
    """Print the result of an assessment for people."""
    sentences = {
        "released": _("{customer}: grade {grade}, {score} points by {model}, until {expires}"),
        "waiting": _("{customer}: grade {grade}, {score} points by {model}, once somebody else agrees"),
        "rejected": _("{customer}: grade {grade}, {score} points by {model}; it was rejected"),
        "incomplete": _("{customer}: no grade by {model}, since evidence is missing"),
        "erased": _("{customer}: what was assessed is erased"),
    }
    echo(sentences[result["state"]].format(**result))
    columns = (Column("factor", _("Factor of credit")), Column("points", _("Points")))
    rows = [(words.title(name), points or "-") for name, points in result["factors"].items()]
    show_table(Table("factors", _("Factors"), columns, rows))
    if result["missing"]:
        echo(_("Without evidence: {names}").format(names=words.listed(result["missing"])))
    show_conflicts(result["conflicts"], words)


def show_conflicts(conflicts: Iterable[Mapping[str, Any]], words: Wording) -> None:
    """Print what sources do not agree on."""
    from crmcore_credit_5c.assessing.wording import source_shown

    one_said = _("{value} ({source}, {date})")
    for one in conflicts:
        name = one["indicator"]
        said = "; ".join(
            one_said.format(
                value=words.answer(name, given["value"]),
                source=source_shown(given["source"]),
                date=given["date"],
            )
            for given in one["values"]
        )
        message = _("Sources differ on {indicator}, the first counts: {said}")
        echo(message.format(indicator=words.title(name), said=said))


@click.command("explain", cls=Command, help=N_("Show what a grade stands on and what would change it."))
@click.argument("code")
@click.option("--assessment", type=int, metavar="N", help=N_("Its number; by default the newest."))
@json_option
@pass_session
def explain_command(session: Session, code: str, assessment: int | None, *, as_json: bool) -> None:
    """Explain an assessment."""
    from crmcore_credit_5c.assessing.explain import explained
    from crmcore_credit_5c.assessing.models import PLUGIN
    from crmcore_credit_5c.assessing.reads import find_usable, record_read
    from crmcore_credit_5c.assessing.wording import wording_of

    with session.app.read(PLUGIN, session.actor) as ctx:
        customer = find_usable(ctx, code)
        found = explained(ctx, customer, assessment)
        words = wording_of(ctx, found["model"], found["model_version"])
        record_read(ctx, customer, "credit.assessment")
    if as_json:
        emit(found)
        return
    _show_result(found, words)
    show_table(_indicator_table(found["indicators"], words))
    sentences = {
        "better": _("Grade {grade} ({total} points) with {indicator} {value}"),
        "worse": _("Grade {grade} only ({total} points) with {indicator} {value}"),
    }
    for direction, sentence in sentences.items():
        if change := found["changes"][direction]:
            name = change["indicator"]
            shown = {"indicator": words.title(name), "value": words.answer(name, change["value"])}
            echo(sentence.format(**{**change, **shown}))


def _indicator_table(indicators: Iterable[Mapping[str, Any]], words: Wording) -> Table:
    from crmcore_credit_5c.assessing.wording import source_shown

    columns = (
        Column("factor", _("Factor of credit")),
        Column("title", _("Indicator")),
        Column("value", _("Value")),
        Column("points", _("Points")),
        Column("weight", _("Weight")),
        Column("source", _("Source")),
    )
    rows = [
        (
            words.title(x["factor"]),
            x["title"],
            words.answer(x["indicator"], x["value"]),
            x["points"] or "-",
            x["weight"],
            source_shown(x["source"]) or x["note"],
        )
        for x in indicators
    ]
    return Table("indicators", _("Indicators"), columns, rows)


@click.command("history", cls=Command, help=N_("List the assessments of a customer, the newest first."))
@click.argument("code")
@json_option
@pass_session
def history_command(session: Session, code: str, *, as_json: bool) -> None:
    """List assessments."""
    from crmcore_credit_5c.assessing.explain import history
    from crmcore_credit_5c.assessing.models import PLUGIN
    from crmcore_credit_5c.assessing.reads import find_usable, record_read

    with session.app.read(PLUGIN, session.actor) as ctx:
        customer = find_usable(ctx, code)
        found = history(ctx, customer)
        record_read(ctx, customer, "credit.assessment")
    if as_json:
        emit_lines(found)
        return
    names = ("assessment", "assessed_on", "model", "score", "grade", "state", "expires", "assessor")
    titles = (
        *(_("Assessment"), _("Assessed on"), _("Model"), _("Points")),
        *(_("Grade"), _("State"), _("Until"), _("Assessed by")),
    )
    columns = tuple(Column(name, title) for name, title in zip(names, titles, strict=True))
    rows = [tuple(str(one[name] or "-") for name in names) for one in found]
    show_table(Table("assessments", _("Assessments"), columns, rows))


@click.command("due", cls=Command, help=N_("List customers who are due for an assessment."))
@click.option(
    "--limit",
    type=click.IntRange(1, 2**63 - 1),
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)
@json_option
@pass_session
def due_command(session: Session, limit: int | None, *, as_json: bool) -> None:
    """List who is due."""
    from crmcore_credit_5c.assessing.due import due
    from crmcore_credit_5c.assessing.models import PLUGIN

    with session.app.read(PLUGIN, session.actor) as ctx:
        if as_json:
            emit_lines(in_bulk(session, ctx, "credit_assessment", due(ctx, limit), {"limit": limit}))
            return
        found = list(due(ctx, (limit or SHOWN) + 1))
    if not found:
        echo(_("Nobody is due for a credit assessment."))
        return
    most = limit or SHOWN
    why = {"never": _("never assessed"), "expired": _("expired"), "review": _("asked for")}
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("due", _("Due")),
        Column("why", _("Why")),
        Column("grade", _("Grade")),
    )
    rows = [
        (x["customer"], x["name"], x["due"] or "-", x["reason"] or why[x["why"]], x["grade"] or "-")
        for x in found[:most]
    ]
    show_table(Table("due", _("Due for a credit assessment"), columns, rows))
    if len(found) > most:
        echo(_("There are more than {count}; more with --limit N, all with --json").format(count=most))


@click.command("batch", cls=Command, help=N_("Assess all customers who are due."))
@click.option("--due", "due_only", is_flag=True, help=N_("Those who are due; this is the usual."))
@click.option("--all", "everybody", is_flag=True, help=N_("All customers, due or not."))
@click.option(
    "--dry-run", is_flag=True, help=N_("With --all: count the grades that all would have; store nothing.")
)
@model_option
@json_option
@pass_session
def batch_command(
    session: Session, model: str | None, *, due_only: bool, everybody: bool, dry_run: bool, as_json: bool
) -> None:
    """Assess many."""
    from crmcore_credit_5c.assessing.batch import assess_many, count_all

    if due_only and everybody:
        raise click.UsageError(_("--due and --all exclude each other; leave one of them out"))
    if dry_run and not everybody:
        raise click.UsageError(_("--dry-run counts all customers; add --all"))
    app, actor = session.app, session.actor
    done = count_all(app, actor, model) if dry_run else assess_many(app, actor, model, everybody=everybody)
    if as_json:
        emit(done)
        return
    for sentence in _batch_sentences(done, everybody=everybody):
        echo(sentence)


def _batch_sentences(done: Mapping[str, Any], *, everybody: bool) -> Iterable[str]:
    from crmcore_credit_5c.money import left_out_sentences

    if done["assessed"] or done["left_out"]:
        message = _(
            "Customers assessed by {model}: {assessed}; with another grade: {changed}; waiting: {waiting}."
        )
        yield message.format(**done)
    elif everybody:
        yield _("There are no customers to assess yet; add some with: crm customer add, or crm import")
    else:
        yield _("Nobody is due for a credit assessment; assess all the same with: crm credit batch --all")
    if done["incomplete"]:
        yield _("{incomplete} have no grade since evidence is missing.").format(**done)
    yield from left_out_sentences(done["left_out"])
