"""`crm customer print`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from crmcore.cli.kit import Command, Session, pass_session
from crmcore.i18n import N_


@click.command("print", cls=Command, help=N_("Print cards as PDF, one page each, with place for the seal."))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@click.option(
    "--form",
    type=click.Choice(["auto", "prospect", "current", "former"]),
    default="auto",
    show_default=True,
    help=N_("Form of the card; auto = by the customer's lifecycle."),
)
@click.option(
    "--for",
    "reader",
    type=click.Choice(["us", "customer"]),
    default="us",
    show_default=True,
    help=N_("Who gets it; for the customer without what is confidential."),
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help=N_("File to write."))
@click.option("--force", is_flag=True, help=N_("Overwrite a file that exists."))
@pass_session
def print_command(
    session: Session, codes: tuple[str, ...], form: str, reader: str, out: Path, *, force: bool
) -> None:
    """Print cards."""
    from crmcore.builtin.reports.output import run_report

    line = io.StringIO()
    csv.writer(line).writerow(codes)
    parameters = {"customer": line.getvalue().strip(), "form": form, "for": reader}
    run_report(session, "customer_card", parameters, "pdf", out, force=force)
