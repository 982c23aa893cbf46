"""Enable and use: all that a plugin offers is tried in a small company that has no other plugin but those it requires."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance import files
from crmcore.builtin.conformance.commands import tree
from crmcore.builtin.conformance.company import add_few
from crmcore.builtin.conformance.findings import Finding, finding, said
from crmcore.builtin.conformance.leaving import Traces, traces
from crmcore.builtin.conformance.lent_facts import lend_facts
from crmcore.builtin.conformance.subject import ACTOR
from crmcore.builtin.conformance.texts import LANGUAGE, untranslated
from crmcore.errors import CrmError, GateError, PluginError
from crmcore.i18n import _, set_language

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.conformance.subject import Subject
    from crmcore.plugins.types import Importable, ReportSpec

USED = "used"
_ROWS = 5
Step = tuple[str, Callable[[], object]]


class Used:
    """A company in which the plugin was enabled and used."""

    def __init__(self, app: App, before: Traces) -> None:
        """Take the company, and what was there before the plugin was enabled."""
        self.app = app
        self.before = before


def check_use(subject: Subject) -> Finding:
    """Enable the plugin and try all that it offers; refusing with a sentence is using, raising is not."""
    from crmcore.builtin.lifecycle.enabling import enable

    subject.need("manifest", "hooks")
    app = subject.made_company("used")
    before = traces(app)
    enable(app, [subject.name], ACTOR)
    subject.kept[USED] = Used(app, before)
    problems = []
    count = 0
    for label, step in steps(subject, app):
        count += 1
        problem = tried(step)
        if problem:
            problems.append(f"{label}: {problem}")
    problems += [p for p in kept_errors(subject, app) if not problems]
    others = ", ".join(subject.required) or _("none")
    return finding(problems, _("{count} steps; other plugins: {others}").format(count=count, others=others))


def used(subject: Subject) -> Used:
    """Return the company that `check_use` left, made again where its process is gone."""
    subject.need("use alone")
    if USED not in subject.kept:
        check_use(subject)
    found: Used = subject.kept[USED]
    return found


def tried(step: Callable[[], object]) -> str:
    """Return what is wrong with what a step raised, or nothing: a sentence for the user is no fault."""
    try:
        step()
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
        return said(error) if any(map(_faulty, _causes(error))) else ""
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _faulty(error: BaseException) -> bool:
    """Say whether an error is the plugin's fault, and not its answer."""
    return not isinstance(error, CrmError) or isinstance(error, GateError | PluginError)


def kept_errors(subject: Subject, app: App) -> list[str]:
    """Return the failure that the host kept of the plugin, of hooks whose failures it hides from the user."""
    app.__dict__.pop("health", None)
    known = app.health.get(subject.name)
    if known is None or not known.error:
        return []
    return [f"{known.error['hook']}: {known.error['type']}: {known.error['message']}"]


# -- what there is to try ----------------------------------------------------------------------------------------


def steps(subject: Subject, app: App) -> Iterator[Step]:
    """Yield what can be done with the plugin, each under a name; data first, then what works with it."""
    folder = app.config.folder.parent / f"{app.config.folder.name}-files"
    folder.mkdir(exist_ok=True)
    shared: dict[str, Any] = {}
    yield _("customers"), lambda: shared.update(add_few(app, folder, subject))
    yield from _demo_files(subject, app, folder, shared)
    importables = subject.specs("importables")
    for importable in importables:
        yield from _imports(app, importable, folder, shared)
    for with_facts in (False, True):
        yield from _registered(subject, app, with_facts=with_facts)
    for importable in importables:
        if importable.export is not None:
            path = folder / f"{importable.name}.export.csv"
            yield f"export {importable.name}", partial(_export, app, importable, path)
    yield from _commands(subject, app, shared["customers"][0]["code"] if shared else "")


def _registered(subject: Subject, app: App, *, with_facts: bool) -> Iterator[Step]:
    """Yield what it registers, once where nobody provides the facts that it may ask for, and once where somebody does."""
    if with_facts:
        lend_facts(app)
    for job in subject.specs("jobs"):
        for _turn in range(1 + with_facts):  # a job may be run again at any time
            yield f"job {job.name}", partial(_job, app, job.run)
    for fact in subject.specs("facts"):
        yield f"fact {fact.fact}", partial(_fact, app, fact.fact)
    for column in subject.specs("list_columns"):
        yield f"column {column.name}", partial(_column, app, column)
    for report in subject.specs("reports"):
        yield f"report {report.name}", partial(_report, subject, app, report)


def _commands(subject: Subject, app: App, code: str) -> Iterator[Step]:
    """Yield the core's commands that ask plugins, and the help of the plugin's own."""
    for words in (["customer", "show", code], ["work"], ["customer", "edit", code, "--set", "region=X"]):
        yield "crm " + " ".join(words), partial(crm, app, words)
    for command in subject.manifest.commands:
        for path, _loaded in tree(command["name"], command["target"]):
            for lang in ("en", "zh_CN"):
                words = [*path, "--help", "--lang", lang]
                yield "crm " + " ".join(words), partial(crm, app, words)


def _demo_files(subject: Subject, app: App, folder: Path, shared: dict[str, Any]) -> Iterator[Step]:
    specs = [file for file in subject.specs("demo_data") if file.dataset == "distributor"]
    for file in sorted(specs, key=lambda f: (f.order, f.file_name)):
        path = folder / Path(file.file_name).name

        def run(file: Any = file, path: Path = path) -> None:
            file.write(path, random.Random(file.file_name), shared)  # noqa: S311  (the same file each time)
            files.import_file(app, file.importable, path)

        yield f"demo file {file.file_name}", run


def _imports(app: App, importable: Importable, folder: Path, shared: dict[str, Any]) -> Iterator[Step]:
    """Import a file without rows, one with what is required, and one with every field."""
    from crmcore.builtin.exchange.understanding import fields_of

    def run(kind: str, count: int) -> None:
        fields = [f for f in fields_of(app, importable) if kind != "required" or f.required]
        codes = [str(customer["code"]) for customer in shared.get("customers", ())]
        path = folder / f"{importable.name}.{kind}.csv"
        files.write_file(path, fields, codes, count, app.clock().date())
        files.import_file(app, importable.name, path)

    for kind, count in (("empty", 0), ("required", _ROWS), ("full", _ROWS)):
        yield f"import {importable.name} ({kind})", partial(run, kind, count)


# -- how it is tried ---------------------------------------------------------------------------------------------


def _job(app: App, run: Callable[[Any, str], Mapping[str, Any]]) -> None:
    from crmcore.db.base import dumps

    dumps(dict(run(app, ACTOR)))


def _fact(app: App, fact: str) -> None:
    with app.read(actor=ACTOR) as ctx:
        ctx.connection.execute(ctx.facts.select(fact).limit(_ROWS)).all()


def _column(app: App, column: Any) -> None:
    from crmcore.builtin.records.services.list_columns import select_of

    with app.read(column.plugin, ACTOR) as ctx:
        ctx.connection.execute(select_of(column, ctx.settings, ctx.today).limit(_ROWS)).all()


def _report(subject: Subject, app: App, spec: ReportSpec) -> None:
    """Run a report with its usual parameters, bring it into every form that needs nothing installed, compare its words."""
    from crmcore.builtin.reports import page, rendering
    from crmcore.builtin.reports.services import checked_parameters, requested
    from crmcore.db.base import dumps

    with requested(app, ACTOR, spec, checked_parameters(spec, {})) as made:
        dumps(rendering.as_json(made))
    with requested(app, ACTOR, spec, checked_parameters(spec, {})) as made, _swallowed():
        rendering.print_report(made)
    with requested(app, ACTOR, spec, checked_parameters(spec, {})) as made:
        rendering.write_csv(made, io.StringIO())
    with requested(app, ACTOR, spec, checked_parameters(spec, {})) as made:
        page.write_page(made, io.StringIO())
    words = [copy_context().run(_words, app, spec, name) for name in ("en", LANGUAGE)]
    if same := untranslated(subject, *words):
        message = _("shown in Chinese as in English: {words}; mark such texts with _ and translate them")
        raise PluginError(message.format(words=", ".join(map(repr, same))))


def _words(app: App, spec: ReportSpec, language: str) -> set[str]:
    """Return titles and notes of a report in a language; what stands in its rows and on its axes may be data."""
    from crmcore.builtin.reports.services import checked_parameters, requested, title_of

    set_language(language)
    with requested(app, ACTOR, spec, checked_parameters(spec, {})) as made:
        report = made.report
        titles = [report.title, *(chart.title for chart in report.charts), *made.titles.values()]
        for table in report.tables:
            titles += [table.title, *(column.title for column in table.columns)]
        return {title_of(app, spec), *titles, *report.notes}


def _export(app: App, importable: Importable, path: Path) -> None:
    from crmcore.builtin.exchange.export import export_entity

    export_entity(app, ACTOR, importable.name, path)


def crm(app: App, words: list[str]) -> None:
    """Run a command as a user does; raises what the command raises. What it prints is looked at only where it fails."""
    from crmcore.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    arguments = ["--debug", "-C", str(app.config.folder), "--actor", ACTOR, *words]
    with redirect_stdout(out), redirect_stderr(err):
        code = copy_context().run(main, arguments, exit_process=False)
    if code:
        raise AssertionError(err.getvalue().strip() or f"exit code {code}")


@contextmanager
def _swallowed() -> Iterator[None]:
    with redirect_stdout(io.StringIO()):
        yield
