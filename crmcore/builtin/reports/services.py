"""Find a report, check its parameters, run it for somebody, and record that they read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from crmcore.builtin.records.options import BULK
from crmcore.db.base import dumps
from crmcore.entities.actors import require_permission
from crmcore.errors import CrmError, GateError, NotFound, PluginError, UsageProblem
from crmcore.i18n import _, translate
from crmcore.plugins.health import message_of
from crmcore.plugins.isolation import each, set_apart
from crmcore.plugins.results import check_record
from crmcore.plugins.types import Parameter, Report, ReportSpec, Table

if TYPE_CHECKING:
    from crmcore.app import App

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Requested:
    """A report with who asked for it, when, and with which parameters."""

    spec: ReportSpec
    report: Report
    actor: str
    at: datetime
    """In the company's time zone."""
    parameters: Mapping[str, str]
    titles: Mapping[str, str]
    """What people call the parameters, in the language asked for."""
    company: str
    """Name of the company; "" where crm.toml has none."""


def find_report(app: App, name: str) -> ReportSpec:
    """Return a report by name; NotFound says which one may be meant."""
    specs: dict[str, ReportSpec] = {spec.name: spec for spec in app.host.registered("reports")}
    if name not in specs:
        near = get_close_matches(name, specs, n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        message = _("there is no report {name!r}{hint}; list them with: crm report list")
        raise NotFound(message.format(name=name, hint=hint))
    return specs[name]


def title_of(app: App, spec: ReportSpec) -> str:
    """Return a report's title in the user's language, by its plugin's catalogue."""
    return translate(package_of(app, spec), spec.title)


def package_of(app: App, spec: ReportSpec) -> str:
    """Return the package whose catalogue translates the texts of a report."""
    return app.host.get(spec.plugin).manifest.package.split(".")[0]


def read_parameters(spec: ReportSpec, texts: Sequence[str]) -> dict[str, str]:
    """Return parameters given as `name=value`; UsageProblem where a text is nothing like it."""
    parts = [text.partition("=") for text in texts]
    for text, (_name, separator, _value) in zip(texts, parts, strict=True):
        if not separator:
            raise _no_parameter(spec, text)
    return {name: value for name, _separator, value in parts}


def checked_parameters(spec: ReportSpec, given: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a report with defaults; UsageProblem names what is wrong and what is allowed."""
    known = {parameter.name: parameter for parameter in spec.parameters}
    values = {p.name: p.default for p in spec.parameters if p.default is not None}
    for name, value in given.items():
        if name not in known:
            raise _no_parameter(spec, f"{name}={value}")
        values[name] = _checked(known[name], value)
    return values


def _no_parameter(spec: ReportSpec, text: str) -> UsageProblem:
    known = ", ".join(f"{parameter.name}=…" for parameter in spec.parameters) or _("none")
    message = _("{text!r} is no parameter of the report; parameters are {known}")
    return UsageProblem(message.format(text=text, known=known))


def _checked(parameter: Parameter, value: str) -> str:
    problem = ""
    if parameter.type == "choice" and value not in parameter.choices:
        problem = _("must be one of {choices}").format(choices=", ".join(parameter.choices))
    elif parameter.type == "integer" and not value.removeprefix("-").isdecimal():
        problem = _("must be a whole number")
    elif parameter.type == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            problem = _("must be a date such as 2024-03-05")
    if problem:
        message = _("{field} = {value!r} is not allowed: it {problem}")
        raise UsageProblem(message.format(field=parameter.name, value=value, problem=problem))
    return value


@contextmanager
def requested(app: App, actor: str, spec: ReportSpec, parameters: Mapping[str, str]) -> Iterator[Requested]:
    """Run a report while its rows can be read; once it is done, record who read how many rows.

    Refused for more than `BULK` rows, unless the actor may export.
    """
    with app.read(spec.plugin, actor) as ctx:
        counter = _Counter(partial(require_permission, ctx.connection, app.config, actor, "records.export"))
        with _blaming(spec):
            report = spec.run(ctx, parameters)
            check_record("reports", report, Report)
        counted = replace(
            report,
            tables=tuple(replace(t, rows=counter.rows(spec, t)) for t in report.tables),
            forms=None if report.forms is None else counter.counted(spec, report.forms),
            labels=report.labels and replace(report.labels, texts=counter.counted(spec, report.labels.texts)),
        )
        at = ctx.now.astimezone(app.config.timezone)
        try:
            yield Requested(
                spec=spec,
                report=counted,
                actor=actor,
                at=at,
                parameters=parameters,
                titles={p.name: translate(package_of(app, spec), p.title) for p in spec.parameters},
                company=app.config.data["company"]["name"],
            )
        finally:
            app.log_read(actor, "report", spec.name, counter.count, dumps(dict(parameters)))


class _Counter:
    """Counts rows, forms and labels as they are read; a read in bulk needs the permission."""

    def __init__(self, require_export: Callable[[], None]) -> None:
        self.count = 0
        self._require_export = require_export

    def rows(self, spec: ReportSpec, table: Table) -> Iterator[Sequence[Any]]:
        return self._taken(each(partial(_whole_rows, table), partial(_blaming, spec)))

    def counted(self, spec: ReportSpec, items: Iterable[T]) -> Iterator[T]:
        return self._taken(each(lambda: iter(items), partial(_blaming, spec)))

    def _taken(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            self.count += 1
            if self.count == BULK + 1:
                self._require_export()
            yield item


def _whole_rows(table: Table) -> Iterator[Sequence[Any]]:
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(f"table {table.name!r} has a row of {len(row)} cells, not {len(table.columns)}")
        yield row


@contextmanager
def _blaming(spec: ReportSpec) -> Iterator[None]:
    """Name the plugin of a report that fails."""
    try:
        with set_apart():
            yield
    except (KeyboardInterrupt, OSError):
        raise
    except BaseException as error:
        if isinstance(error, CrmError) and not isinstance(error, GateError):
            raise
        message = _("the report {name!r} of plugin {plugin!r} failed ({type}: {error}); tell its author")
        raise PluginError(
            message.format(
                name=spec.name, plugin=spec.plugin, type=type(error).__name__, error=message_of(error)
            )
        ) from error
