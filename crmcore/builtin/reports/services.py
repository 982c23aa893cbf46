"""Find a report, check its parameters, run it for somebody, and record that they read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from crmcore.db.base import dumps
from crmcore.errors import CrmError, NotFound, PluginError, UsageProblem
from crmcore.i18n import _, translate
from crmcore.plugins.types import Parameter, Report, ReportSpec

if TYPE_CHECKING:
    from crmcore.app import App


@dataclass(frozen=True, slots=True)
class Requested:
    """A report with who asked for it, when, and with which parameters."""

    spec: ReportSpec
    report: Report
    actor: str
    at: datetime
    """In the company's time zone."""
    parameters: Mapping[str, str]


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
    """Return the parameters of a report with defaults; UsageProblem names what is wrong and what is allowed."""
    known = {parameter.name: parameter for parameter in spec.parameters}
    values = {p.name: p.default for p in spec.parameters if p.default is not None}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or name not in known:
            message = _("{text!r} is no parameter of the report; parameters are {known}")
            raise UsageProblem(
                message.format(text=text, known=", ".join(f"{k}=…" for k in known) or _("none"))
            )
        values[name] = _checked(known[name], value)
    return values


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
    """Run a report while its rows can be read; once it is done, record who read how many rows."""
    counter = _Counter()
    with app.read(spec.plugin, actor) as ctx:
        with _blaming(spec):
            report = spec.run(ctx, parameters)
        tables = tuple(replace(t, rows=counter.rows(spec, t.rows)) for t in report.tables)
        at = ctx.now.astimezone(app.config.timezone)
        try:
            yield Requested(spec, replace(report, tables=tables), actor, at, parameters)
        finally:
            app.log_read(actor, "report", spec.name, counter.count, dumps(dict(parameters)))


class _Counter:
    """Counts rows as they are read."""

    def __init__(self) -> None:
        self.count = 0

    def rows(self, spec: ReportSpec, rows: Any) -> Iterator[Sequence[Any]]:
        with _blaming(spec):
            for row in rows:
                self.count += 1
                yield row


@contextmanager
def _blaming(spec: ReportSpec) -> Iterator[None]:
    """Name the plugin of a report that fails."""
    try:
        yield
    except (CrmError, OSError):
        raise
    except Exception as error:
        message = _("the report {name!r} of plugin {plugin!r} failed ({type}: {error}); tell its author")
        raise PluginError(
            message.format(name=spec.name, plugin=spec.plugin, type=type(error).__name__, error=error)
        ) from error
