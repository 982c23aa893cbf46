"""`crm credit scorecard fit|score|list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
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

if TYPE_CHECKING:
    from crmcore_credit_5c.scorecards.exporting import Making

_ = translator("crmcore_credit_5c")
_FILE = click.Path(path_type=Path)
_SHOWN = 50
_LARGEST_SEED = 2**32 - 1
_PLUGIN = "credit_5c"
_LARGE = "large"


@click.group(
    "scorecard", cls=Group, help=N_("Fit scorecards from past customers, propose them, score by them.")
)
def scorecard() -> None:
    """Hold the commands below."""


@scorecard.command(
    "fit", cls=Command, help=N_("Fit a scorecard to a CSV file of customers whose outcome is known.")
)
@click.argument("file", type=_FILE)
@click.option(
    "--target",
    required=True,
    metavar="COLUMN",
    help=N_("The column of the outcome: 0 or 1 (1 = bad), or good or bad."),
)
@click.option("--bad", metavar="VALUE", help=N_("The value of the target that is bad; any other is good."))
@click.option(
    "--exclude", multiple=True, metavar="COLUMNS", help=N_("Columns to leave out, joined by commas.")
)
@click.option(
    "--text",
    multiple=True,
    metavar="COLUMNS",
    help=N_("Columns whose numbers are only names, such as regions."),
)
@click.option(
    "--keep-protected",
    is_flag=True,
    help=N_("Let protected columns count, to see what they change; such a scorecard cannot be proposed."),
)
@click.option(
    "--trend",
    type=click.Choice(["monotonic", "one_turn", "free"]),
    default="one_turn",
    show_default=True,
    help=N_("How the risk may run along a number: one way, with one turn at most, or freely."),
)
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    default=10,
    show_default=True,
    help=N_("Parts for cross-validation."),
)
@click.option(
    "--seed",
    type=click.IntRange(0, _LARGEST_SEED),
    default=0,
    show_default=True,
    help=N_("Which customers are in which part; the same number gives the same figures."),
)
@click.option("--out", type=_FILE, metavar="FILE", help=N_("Write the scorecard as a credit model in JSON."))
@click.option("--propose", "name", metavar="NAME", help=N_("Store it under a name and ask for its approval."))
@json_option
@pass_session
def fit_command(session: Session, file: Path, *, as_json: bool, **options: Any) -> None:
    """Fit a scorecard."""
    from crmcore_credit_5c.scorecards.making import make_scorecard
    from crmcore_credit_5c.scorecards.model_files import require_other

    wish = _wish(file, options)
    name = _checked_name(options["name"])
    require_other(options["out"], file)
    with session.app.read(_PLUGIN, session.actor) as ctx:
        settings, today = ctx.settings, ctx.today
    made = make_scorecard(settings, today, wish)
    document = {**made.document, **_kept(session, made.making, name, options["out"])}
    if as_json:
        emit(document)
    else:
        _show_fit(document)


def _wish(file: Path, options: Mapping[str, Any]) -> Any:
    from crmcore_credit_5c.scorecards.making import Wish
    from crmcore_credit_5c.scorecards.validating import Way

    return Wish(
        file,
        options["target"],
        options["bad"],
        _columns(options["exclude"]),
        _columns(options["text"]),
        options["keep_protected"],
        Way(options["trend"], options["folds"], options["seed"]),
    )


def _columns(words: Sequence[str]) -> list[str]:
    names = [name.strip() for word in words for name in word.split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _checked_name(name: str | None) -> str | None:
    from re import fullmatch

    if name is not None and not fullmatch("[a-z0-9][a-z0-9_]{0,39}", name):
        message = _("{name!r} is no name of a model; use small letters, digits and _, such as dealers_2026")
        raise UsageProblem(message.format(name=name))
    return name


def _kept(session: Session, making: Making, name: str | None, out: Path | None) -> dict[str, Any]:
    """Write and propose what was fitted, as asked for; returns what the document says of it."""
    from crmcore_credit_5c.scorecards.exporting import model_content
    from crmcore_credit_5c.scorecards.model_files import model_written

    content = model_content(name or "scorecard", making)
    proposal = None
    with model_written(out, content) if out is not None else nullcontext():
        if name is not None:
            from crmcore_credit_5c.scorecards.proposing import propose

            proposal = propose(session.app, session.actor, name, content)
    return {"out": None if out is None else str(out), "proposal": proposal}


@scorecard.command(
    "score", cls=Command, help=N_("Score the customers of a CSV file; needs no library beyond the plugin.")
)
@click.argument("file", type=_FILE)
@click.option(
    "--model",
    metavar="FILE|NAME",
    help=N_("A scorecard's file, or the name of an approved one; by default that which was approved last."),
)
@click.option("--out", type=_FILE, metavar="FILE", help=N_("Write the file's rows with their scores as CSV."))
@json_option
@pass_session
def score_command(
    session: Session, file: Path, model: str | None, out: Path | None, *, as_json: bool
) -> None:
    """Score a file."""
    from crmcore_credit_5c.scorecards.files_scored import score_file

    with session.app.read(_PLUGIN, session.actor) as ctx:
        found = score_file(ctx, file, model, out)
    if as_json:
        emit(found)
    else:
        _show_scores(found)


@scorecard.command(
    "list",
    cls=Command,
    help=N_("List the scorecards that were proposed, the newest first, and what became of them."),
)
@json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List proposals."""
    from crmcore_credit_5c.scorecards.proposing import proposals

    with session.app.read(_PLUGIN, session.actor) as ctx:
        found = proposals(ctx)
    if as_json:
        emit_lines(found)
    elif found:
        show_table(_proposal_table(found))
    else:
        echo(_("No scorecard was proposed yet; fit one with: crm credit scorecard fit --propose NAME"))


# -- for people --------------------------------------------------------------------------------------------------


def _show_fit(found: Mapping[str, Any]) -> None:
    from crmcore_credit_5c.scorecards.shown import column_table, points_table

    message = _(
        "{rows} customers, {bad} of them bad; over {folds} folds: AUC {auc:.3f}, KS {ks:.3f}, Gini {gini:.3f} (PSI {psi:.3f})."
    )
    echo(message.format(**found))
    if found["excluded"]:
        echo(_("Left out: {columns}.").format(columns=", ".join(found["excluded"])))
    fair = found["without_protected"]
    if found["protected"]:
        message = _("Without {columns}: AUC {auc:.3f}, KS {ks:.3f}, Gini {gini:.3f}.")
        echo(message.format(columns=", ".join(fair["excluded"]), **_rates(fair)))
    show_table(column_table(found))
    show_table(points_table(found))
    if found["out"]:
        echo(
            _("Written to {file}; score with: crm credit scorecard score FILE --model {file}").format(
                file=found["out"]
            )
        )
    if found["proposal"]:
        message = _("Proposed as {model}; waits for approval as request {request}.")
        echo(message.format(**found["proposal"]))


def _rates(found: Mapping[str, Any]) -> dict[str, float]:
    return {name: found[name] for name in ("auc", "ks", "gini")}


def _show_scores(found: Mapping[str, Any]) -> None:
    from crmcore_credit_5c.scorecards.shown import score_table

    if found["out"]:
        echo(_("{rows} customers scored by {model}; written to {out}.").format(**found))
    else:
        show_table(score_table(found["scores"][:_SHOWN]))
        if found["rows"] > _SHOWN:
            echo(_("{rows} customers in all; all of them with --out or --json").format(rows=found["rows"]))
    for column, count in found["no_numbers"].items():
        message = _("{count} cells of {column} are no numbers and count as missing.")
        echo(message.format(count=count, column=column))
    if found["psi"] is not None:
        echo(_("PSI against the customers of the fit: {psi:.3f}").format(psi=found["psi"]))
    if found["shift"] == _LARGE:
        echo(
            _(
                "These customers differ much from those of the fit; fit the scorecard anew before you rely on it."
            )
        )


def _proposal_table(found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("scorecard", _("Scorecard"), "integer"),
        Column("model", _("Model")),
        Column("state", _("State")),
        Column("request", _("Request"), "integer"),
        Column("version", _("Version"), "integer"),
        Column("auc", "AUC"),
        Column("ks", "KS"),
        Column("author", _("Proposed by")),
        Column("proposed_on", _("Proposed on")),
    )
    words = {
        "requested": _("waits for approval"),
        "approved": _("approved"),
        "rejected": _("rejected"),
        "withdrawn": _("withdrawn"),
        "expired": _("expired"),
    }
    shown = [
        {**one, "state": words[one["state"]], "auc": f"{one['auc']:.3f}", "ks": f"{one['ks']:.3f}"}
        for one in found
    ]
    rows = [tuple(one[column.name] for column in columns) for one in shown]
    return Table("scorecards", _("Proposed scorecards"), columns, rows)
