"""`crm report …`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
)
from crmcore.errors import Guarded, UsageProblem
from crmcore.i18n import N_, _, translate
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.builtin.reports.services import Requested
    from crmcore.plugins.types import ReportSpec


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
    type=click.Choice(["terminal", "csv", "json"]),
    help=N_("Form; by default csv for a file that ends so, else terminal."),
)
@click.option(
    "--param", "texts", multiple=True, metavar="NAME=VALUE", help=N_("A parameter. May be repeated.")
)
@click.option("--table", help=N_("As csv, only the table of this name, without notes."))
@click.option("--out", type=click.Path(path_type=Path), help=N_("File to write."))
@click.option("--force", is_flag=True, help=N_("Overwrite a file that exists."))
@json_option
@pass_session
def run_command(session: Session, name: str, texts: tuple[str, ...], **options: Any) -> None:
    """Run a report."""
    from crmcore.builtin.reports.services import find_report, read_parameters, requested

    spec = find_report(session.app, name)
    parameters = read_parameters(spec, texts)
    form, out = _form(options), options["out"]
    if out is not None and out.exists() and not options["force"]:
        raise Guarded(_("{file} exists already; overwrite it with --force").format(file=out))
    with requested(session.app, session.actor, spec, parameters) as made:
        _require_table(made, options["table"])
        if form == "terminal":
            _print(made)
        else:
            _write(made, form, out, options["table"])
    if out is not None:
        echo(_("The report was written to {file}.").format(file=out))


def _form(options: dict[str, Any]) -> str:
    form = options["form"] or ("json" if options["as_json"] else None)
    out = options["out"]
    if form is None:
        form = out.suffix.lower().removeprefix(".") if out is not None else "terminal"
    if out is not None and form not in {"csv", "json"}:
        raise UsageProblem(_("a file is written as csv or json; say which with --format"))
    return str(form)


def _require_table(made: Requested, only: str | None) -> None:
    known = [table.name for table in made.report.tables]
    if only is not None and only not in known:
        message = _("the report has no table {name!r}; tables are {known}")
        raise UsageProblem(message.format(name=only, known=", ".join(known)))


def _print(made: Requested) -> None:
    from crmcore.builtin.reports.rendering import print_report

    print_report(made)


def _write(made: Requested, form: str, out: Path | None, only: str | None) -> None:
    """Write CSV or JSON to a file, whole or not at all, or to stdout as UTF-8 bytes."""
    from crmcore.builtin.reports.rendering import as_json, write_csv
    from crmcore.db.base import dumps
    from crmcore.files import write_atomically

    if form == "json" and out is None:
        emit(as_json(made))
        return
    text = io.StringIO(newline="")
    if form == "json":
        text.write(dumps(as_json(made)) + "\n")
    else:
        write_csv(made, text, only)
    content = text.getvalue().encode()
    if out is not None:
        write_atomically(out, content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
