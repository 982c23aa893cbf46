"""`crm report …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    emit_lines,
    json_option,
    pass_session,
    show_table,
)
from crmcore.i18n import N_, _, translate
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import ReportSpec


FORMS = ("terminal", "csv", "json", "xlsx", "html", "pdf")


@click.group(cls=Group, help=N_("Reports: list and run"))
def report() -> None:
    """Hold the commands below."""


@report.command("list", cls=Command, help=N_("List the reports of all plugins, with their parameters."))
@json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List reports."""
    specs = sorted(session.app.host.registered("reports"), key=lambda spec: str(spec.name))
    listed = [_described(session, spec) for spec in specs]
    if as_json:
        emit_lines(listed)
        return
    columns = (
        Column("name", _("Name")),
        Column("title", _("Title")),
        Column("plugin", _("Plugin")),
        Column("parameters", _("Parameters")),
    )
    rows = [
        (one["name"], one["title"], one["plugin"], " ".join(f"{p['name']}=…" for p in one["parameters"]))
        for one in listed
    ]
    show_table(Table("reports", "", columns, rows))


def _described(session: Session, spec: ReportSpec) -> dict[str, Any]:
    from crmcore.builtin.reports.services import package_of, title_of

    package = package_of(session.app, spec)
    return {
        "name": spec.name,
        "title": title_of(session.app, spec),
        "plugin": spec.plugin,
        "parameters": [
            {
                "name": p.name,
                "title": translate(package, p.title),
                "type": p.type,
                "default": p.default,
                "choices": list(p.choices),
            }
            for p in spec.parameters
        ],
    }


@report.command("run", cls=Command, help=N_("Run a report and print it, or write it to a file."))
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help=N_("Form; by default the one that the file's name ends in, else terminal."),
)
@click.option(
    "--param", "texts", multiple=True, metavar="NAME=VALUE", help=N_("A parameter. May be repeated.")
)
@click.option("--table", help=N_("Only the table of this name, without charts; as csv without notes too."))
@click.option("--out", type=click.Path(path_type=Path), help=N_("File to write."))
@click.option("--force", is_flag=True, help=N_("Overwrite a file that exists."))
@json_option
@pass_session
def run_command(session: Session, name: str, texts: tuple[str, ...], **options: Any) -> None:
    """Run a report."""
    from crmcore.builtin.reports.output import run_report
    from crmcore.builtin.reports.services import find_report, read_parameters

    parameters = read_parameters(find_report(session.app, name), texts)
    form = options["form"] or ("json" if options["as_json"] else None)
    run_report(
        session, name, parameters, form, options["out"], table=options["table"], force=options["force"]
    )
