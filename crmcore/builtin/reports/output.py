"""Run a report and print it, or write it to a file: what `crm report run` and plugins' own commands do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from crmcore.builtin.exchange.export import named_file
from crmcore.builtin.reports import rendering
from crmcore.builtin.reports.services import Requested, checked_parameters, find_report, requested
from crmcore.cli.kit import Session, echo, emit
from crmcore.db.base import dumps
from crmcore.errors import Guarded, UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

_ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".xlsx": "xlsx",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
}


def run_report(  # noqa: PLR0913  (what the command line takes)
    session: Session,
    name: str,
    parameters: Mapping[str, str],
    form: str | None,
    out: Path | None,
    *,
    table: str | None = None,
    force: bool = False,
) -> None:
    """Run a report for who calls, and record that they read it, as `crm report run` does.

    form: terminal, csv, json, xlsx, html or pdf; None = what the file's name ends in, else terminal. out: file to write,
    whole or not at all; needed for xlsx and pdf. table: only this table. Guarded where the file exists and `force` is not set.
    """
    spec = find_report(session.app, name)
    given = checked_parameters(spec, parameters)
    form = _form(form, out)
    font = own_font(session.app) if form == "pdf" else None
    if out is not None and os.path.lexists(out) and not force:
        raise Guarded(_("{file} exists already; overwrite it with --force").format(file=out))
    with requested(session.app, session.actor, spec, given) as made:
        narrowed = _narrowed(made, table)
        if form == "pdf" and out is not None:
            _print(session.app, narrowed, out, font)
        else:
            _deliver(narrowed, form, out, notes=table is None)
    if out is not None:
        echo(_("The report was written to {file}.").format(file=out))


def _form(form: str | None, out: Path | None) -> str:
    if form is None:
        form = _ENDINGS.get(out.suffix.lower(), "") if out is not None else "terminal"
    if out is not None and form not in _ENDINGS.values():
        raise UsageProblem(_("a file is written as csv, json, xlsx, html or pdf; say which with --format"))
    if form == "xlsx":
        from crmcore.builtin.reports.workbook import require_xlsxwriter

        require_xlsxwriter()
        if out is None:
            raise UsageProblem(_("a workbook is no text to print; name the file with --out"))
    if form == "pdf" and out is None:
        raise UsageProblem(_("a PDF is no text to print; name the file with --out"))
    return form


def own_font(app: App) -> Path | None:
    """Return the company's own font, seen from its folder; CrmError where PDF cannot be written at all."""
    from crmcore.builtin.reports.fonts import find_face

    named = app.settings("reports")["pdf_font"]
    own = app.config.folder / named if named else None
    find_face(own)
    return own


def _print(app: App, made: Requested, out: Path, font: Path | None) -> None:
    from crmcore.builtin.reports.pdf import write_pdf

    with named_file(out) as file:
        printed = write_pdf(made, file, font)
    for sentence in printed.warnings():
        app.warn(sentence)


def _narrowed(made: Requested, only: str | None) -> Requested:
    """Keep one table of a report, by its name, and no chart."""
    if only is None:
        return made
    tables = tuple(table for table in made.report.tables if table.name == only)
    if not tables:
        known = ", ".join(table.name for table in made.report.tables)
        message = _("the report has no table {name!r}; tables are {known}")
        raise UsageProblem(message.format(name=only, known=known))
    return replace(made, report=replace(made.report, tables=tables, charts=(), forms=None, labels=None))


def _deliver(made: Requested, form: str, out: Path | None, *, notes: bool) -> None:
    if form == "terminal":
        rendering.print_report(made)
        return
    if form == "json" and out is None:
        emit(rendering.as_json(made))
        return
    with _target(out) as file:
        if form == "xlsx":
            from crmcore.builtin.reports.workbook import write_workbook

            write_workbook(made, file)
        else:
            _write_text(file, _writer(made, form, notes=notes))


def _writer(made: Requested, form: str, *, notes: bool) -> Callable[[TextIO], object]:
    if form == "json":
        return lambda text: text.write(dumps(rendering.as_json(made)) + "\n")
    if form == "csv":
        return lambda text: rendering.write_csv(made, text, notes=notes)
    from crmcore.builtin.reports.page import write_page

    return lambda text: write_page(made, text)


@contextmanager
def _target(out: Path | None) -> Iterator[IO[bytes]]:
    """Open the file, or stdout, which takes UTF-8 whatever the console's encoding."""
    if out is not None:
        with named_file(out) as file:
            yield file
        return
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _write_text(file: IO[bytes], write: Callable[[TextIO], object]) -> None:
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        write(text)
        text.flush()
    finally:
        text.detach()
