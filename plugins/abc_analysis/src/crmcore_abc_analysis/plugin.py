"""What the plugin gives to the kernel; everything heavy is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    N_,
    Alert,
    CardSection,
    Context,
    JobSpec,
    Parameter,
    Report,
    ReportSpec,
    ServicePolicy,
    TableSpec,
    WorkItem,
    hookimpl,
)

if TYPE_CHECKING:
    from crmcore.api import App

_RUN = Parameter("run", N_("Run (empty = the one made last)"), "integer")


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep runs, logged in full, and the classes in them, logged by range."""
    from .tables import AbcGrade, AbcRun

    return [TableSpec(AbcRun), TableSpec(AbcGrade, log="range", customer_references=("customer_id",))]


@hookimpl
def service_policies(customer_ids: Sequence[int], ctx: Context) -> Iterable[ServicePolicy]:
    """Serve each customer by the policy of its class."""
    from . import policy

    return list(policy.service_policies(customer_ids, ctx))


@hookimpl
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterable[CardSection]:
    """Show the class on the customer card."""
    from . import policy

    return list(policy.card_sections(customer_ids, as_of, ctx))


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> Iterable[WorkItem]:
    """Ask about each customer who fell to a worse class."""
    from . import movements

    return list(movements.drop_items(actor, since, ctx))


@hookimpl
def alerts(run: str | None, ctx: Context) -> Iterable[Alert]:
    """Tell how many customers fell."""
    from . import movements

    return list(movements.drop_alerts(run, ctx))


@hookimpl
def reports() -> Iterable[ReportSpec]:
    """Offer the classes, and the customers in them."""
    return [
        ReportSpec("abc", N_("ABC analysis"), _abc_report, (_RUN,)),
        ReportSpec("abc_grades", N_("Customers by class"), _grades_report, (_RUN,)),
    ]


@hookimpl
def jobs() -> Iterable[JobSpec]:
    """Offer the classification of the last full calendar year."""
    return [JobSpec("abc_run", N_("Class customers by their purchases"), _run_job)]


def _abc_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from .reports import abc_report

    return abc_report(ctx, parameters)


def _grades_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from .reports import grades_report

    return grades_report(ctx, parameters)


def _run_job(app: App, actor: str) -> Mapping[str, Any]:
    from .runs import run_summary
    from .services import PLUGIN, Request, make_run

    run = make_run(app, actor, Request(), source="job")
    with app.read(PLUGIN) as ctx:
        return run_summary(ctx, run)
