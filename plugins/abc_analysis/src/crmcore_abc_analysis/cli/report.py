"""`crm abc report`."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.api import N_, Command, Session, json_option, pass_session

from .shared import NUMBER

REPORT = "abc_overview"


@click.command("report", cls=Command, help=N_("Print the report of a run, or write it to a file."))
@click.option("--run", "number", type=NUMBER, help=N_("Number of the run; by default the one made last."))
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "csv", "json", "xlsx", "html", "pdf"]),
    help=N_("Form; by default the one that the file's name ends in, else terminal."),
)
@click.option("--out", type=click.Path(path_type=Path), help=N_("File to write."))
@click.option("--force", is_flag=True, help=N_("Overwrite a file that exists."))
@json_option
@pass_session
def report_command(
    session: Session, number: int | None, form: str | None, out: Path | None, *, force: bool, as_json: bool
) -> None:
    """Print or write the general manager's page."""
    from crmcore.api import run_report

    parameters = {} if number is None else {"run": str(number)}
    run_report(session, REPORT, parameters, form or ("json" if as_json else None), out, force=force)
