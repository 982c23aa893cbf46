"""`crm credit model check|import|list|show` and `crm credit ahp`."""

from __future__ import annotations

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
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
    translator,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmcore_credit_5c.assessing.wording import Wording

_ = translator("crmcore_credit_5c")
FILE = click.Path(path_type=Path)


@click.group("model", cls=Group, help=N_("Check, import and show credit models."))
def model() -> None:
    """Hold the commands below."""


@model.command("check", cls=Command, help=N_("Check a file of a model; nothing is stored."))
@click.argument("file", type=FILE)
@json_option
@pass_session
def check_command(session: Session, file: Path, *, as_json: bool) -> None:
    """Check a model."""
    from crmcore_credit_5c.assessing.model_lines import line_of
    from crmcore_credit_5c.assessing.models import check_file, fields_of

    read = check_file(file, fields_of(session.app))
    if as_json:
        emit(line_of(read, default=False))
        return
    message = _("{file} is a model: {name}, {indicators} indicators, grades {grades}.")
    echo(message.format(**_facts(line_of(read, default=False)), file=file.name))


@model.command("import", cls=Command, help=N_("Store a file as the next version of a model."))
@click.argument("file", type=FILE)
@json_option
@pass_session
def import_command(session: Session, file: Path, *, as_json: bool) -> None:
    """Import a model."""
    from crmcore_credit_5c.assessing.model_lines import line_of
    from crmcore_credit_5c.assessing.models import PLUGIN, import_model

    stored = import_model(session.app, session.actor, file)
    line = line_of(stored, default=session.app.settings(PLUGIN)["model"] == stored.name)
    if as_json:
        emit(line)
        return
    message = _("{name} is at version {version}. Assess by it: crm credit assess CODE --model {name}")
    echo(message.format(**line))


@model.command("list", cls=Command, help=N_("List the models, each in its newest version."))
@json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List models."""
    from crmcore_credit_5c.assessing.model_lines import line_of
    from crmcore_credit_5c.assessing.models import PLUGIN, all_models

    with session.app.read(PLUGIN, session.actor) as ctx:
        lines = [line_of(one, default=one.name == ctx.settings["model"]) for one in all_models(ctx)]
    if as_json:
        emit_lines(lines)
        return
    columns = (
        Column("name", _("Name")),
        Column("version", _("Version"), "integer"),
        Column("title", _("Title")),
        Column("indicators", _("Indicators"), "integer"),
        Column("grades", _("Grades")),
        Column("author", _("Imported by")),
    )
    rows = [
        (x["name"], x["version"], x["title"], x["indicators"], " ".join(x["grades"]), x["author"] or "")
        for x in lines
    ]
    show_table(Table("models", _("Credit models"), columns, rows))


@model.command("show", cls=Command, help=N_("Show what a model asks, and the points of each answer."))
@click.argument("name", required=False)
@json_option
@pass_session
def show_command(session: Session, name: str | None, *, as_json: bool) -> None:
    """Show a model."""
    from crmcore_credit_5c.assessing.model_lines import shown_model
    from crmcore_credit_5c.assessing.models import PLUGIN, load_model
    from crmcore_credit_5c.assessing.wording import wording

    with session.app.read(PLUGIN, session.actor) as ctx:
        version = load_model(ctx, name)
        found = shown_model(version, default=version.name == ctx.settings["model"])
    if as_json:
        emit(found)
        return
    echo(_("{name}, version {version}: {title}").format(**found))
    show_table(_questions(found["list"], wording(version.model)))


def _questions(listed: Sequence[Mapping[str, Any]], words: Wording) -> Table:
    columns = (
        Column("factor", _("Factor of credit")),
        Column("indicator", _("Indicator")),
        Column("title", _("Title")),
        Column("weight", _("Weight")),
        Column("answers", _("Answers and points")),
    )
    rows = [
        (words.title(x["factor"]), x["indicator"], x["title"], x["weight"], _answers(x["answers"]))
        for x in listed
    ]
    return Table("indicators", _("Indicators"), columns, rows)


def _answers(answers: Sequence[Mapping[str, str]]) -> str:
    return "; ".join(" ".join(filter(None, (a["value"], a["text"], f"({a['points']})"))) for a in answers)


def _facts(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": line["name"], "indicators": line["indicators"], "grades": ", ".join(line["grades"])}


@click.command(
    "ahp", cls=Command, help=N_("Work weights out from comparisons in pairs (a JSON array of rows).")
)
@click.argument("file", type=FILE)
@json_option
@pass_session
def ahp_command(_session: Session, file: Path, *, as_json: bool) -> None:
    """Work out weights."""
    from crmcore_credit_5c.assessing.comparisons import hierarchy_of

    found = hierarchy_of(file)
    if as_json:
        emit(found)
        return
    for number, weight in enumerate(found["weights"], 1):
        echo(f"{number}\t{weight:.4f}")
    echo(_("λmax {lambda_max:.4f}, consistency index {ci:.4f}, consistency ratio {cr:.4f}").format(**found))
