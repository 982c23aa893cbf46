"""What the plugin gives to the kernel; everything heavy is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    N_,
    Alert,
    CardSection,
    Context,
    DemoFile,
    ErasedData,
    FactProvider,
    Importable,
    JobSpec,
    ListColumn,
    Move,
    Moved,
    Parameter,
    Person,
    PersonData,
    Report,
    ReportSpec,
    ServicePolicy,
    TableSpec,
    WorkItem,
    hookimpl,
)

if TYPE_CHECKING:
    from crmcore.api import App, Tx

_RUN = Parameter("run", N_("Run (empty = the one made last)"), "integer")


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep runs, logged in full, the classes in them, logged by range, and what people decide."""
    from .tables import AbcGrade, AbcManual, AbcMember, AbcPolicy, AbcPotential, AbcPublication, AbcRun

    about_customer: Any = {"customer_references": ("customer_id",)}
    return [
        TableSpec(AbcRun),
        TableSpec(AbcGrade, log="range", **about_customer),
        TableSpec(AbcMember, log="range", customer_references=("customer_id", "head_id")),
        TableSpec(AbcPublication),
        TableSpec(AbcManual, personal=("reason", "end_reason"), person="customer_id", **about_customer),
        TableSpec(AbcPotential, personal=("basis",), person="customer_id", **about_customer),
        TableSpec(AbcPolicy),
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let estimates and classes set by hand go along as customers are merged; runs stay as they were."""
    from .merging import move_all

    return list(move_all(moves, tx))


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give the classes that a person had, what was estimated, and what was decided by hand."""
    from crmcore.api import person_rows

    from .tables import AbcGrade, AbcManual, AbcPotential

    purposes: dict[Any, str] = {
        AbcGrade: "To serve customers by what they buy",
        AbcManual: "Why somebody set or ended a class by hand",
        AbcPotential: "What an estimate of potential is based on",
    }
    return [part for table, why in purposes.items() for part in person_rows(ctx, table, persons, why)]


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> Iterable[ErasedData]:
    """Take away what people wrote; classes and amounts stay, in the figures and under the pseudonym."""
    from crmcore.api import erase_person_rows

    from .tables import AbcManual, AbcPotential

    gone = "(erased)"
    return [
        erase_person_rows(tx, AbcManual, persons, {"reason": gone, "end_reason": None}),
        erase_person_rows(tx, AbcPotential, persons, {"basis": gone}),
    ]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide the potential of customers, as people estimated it."""
    from .facts import providers

    return providers()


@hookimpl
def importables() -> Iterable[Importable]:
    """Import and export estimates of potential."""
    from .potential_files import importables as potential_files

    return potential_files()


@hookimpl
def service_policies(customer_ids: Sequence[int], ctx: Context) -> Iterable[ServicePolicy]:
    """Serve each customer by the policy of its class."""
    from .policies import service as policy

    return list(policy.service_policies(customer_ids, ctx))


@hookimpl
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterable[CardSection]:
    """Show the class on the customer card."""
    from .policies import service as policy

    return list(policy.card_sections(customer_ids, as_of, ctx))


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> Iterable[WorkItem]:
    """Ask about each customer who fell to a worse class, and each class set by hand that soon ends."""
    from . import manual, movements

    return [*movements.drop_items(actor, since, ctx), *manual.manual_items(actor, since, ctx)]


@hookimpl
def alerts(run: str | None, ctx: Context) -> Iterable[Alert]:
    """Tell how many customers fell."""
    from . import movements

    return list(movements.drop_alerts(run, ctx))


@hookimpl
def list_columns() -> Iterable[ListColumn]:
    """Let lists of customers show, filter and sort by class."""
    from .list_columns import select_amounts, select_grades

    return [
        ListColumn("grade", N_("Class in the run"), "text", select_grades),
        ListColumn("amount", N_("Amount in the run"), "amount", select_amounts),
    ]


@hookimpl
def reports() -> Iterable[ReportSpec]:
    """Offer the classes, who is in them, and what else the purchases tell."""
    period = (
        Parameter("from", N_("First day (empty = the period of the run made last)"), "date"),
        Parameter("to", N_("Last day, included"), "date"),
        Parameter("limit", N_("Rows at most"), "integer", "1000"),
    )
    on = Parameter("on", N_("Estimates as they stood on this day (empty = today)"), "date")
    return [
        ReportSpec("abc", N_("ABC analysis"), _report("reports:abc_report"), (_RUN,)),
        ReportSpec("abc_grades", N_("Customers by class"), _report("reports:grades_report"), (_RUN,)),
        ReportSpec("abc_matrix", N_("Amount and potential"), _report("analyses.matrix:matrix_report"), (on,)),
        ReportSpec(
            "abc_sales",
            N_("Sales by month, year or customer"),
            _report("analyses.customer_sales:sales_report"),
            (_by("month", "year", "customer"), *period),
        ),
        ReportSpec(
            "abc_products",
            N_("Sales, margin and mix by product"),
            _report("analyses.products:products_report"),
            (_by("product", "line"), *period),
        ),
        ReportSpec(
            "abc_turnover", N_("Goods turnover"), _report("analyses.turnover:turnover_report"), period
        ),
        ReportSpec(
            "abc_concentration",
            N_("Concentration of customers"),
            _report("analyses.concentration:concentration_report"),
            (_RUN,),
        ),
        ReportSpec(
            "abc_composition",
            N_("Composition of customers and purchases"),
            _report("analyses.composition:composition_report"),
            (_by("legal_form", "kind", "customer_kind", "industry", "region", "channel"), *period),
        ),
        ReportSpec(
            "abc_overview",
            N_("The general manager's page"),
            _report("analyses.overview:overview_report"),
            (_RUN,),
        ),
        ReportSpec(
            "abc_transitions",
            N_("Movements between classes"),
            _report("analyses.transitions:transitions_report"),
            (
                Parameter("from_run", N_("Run before (empty = the one before of its kind)"), "integer"),
                Parameter("to_run", N_("Run after (empty = the one made last)"), "integer"),
            ),
        ),
        *_reports_on_value(),
    ]


def _reports_on_value() -> list[ReportSpec]:
    """Return the reports on what customers are worth."""
    limit = Parameter("limit", N_("Rows at most"), "integer")
    balance = (_by("year", "quarter", "month"), Parameter("periods", N_("Periods"), "integer"))
    gaps = (Parameter("customer", N_("Code of the customer")), limit)
    return [
        ReportSpec(
            "abc_questions",
            N_("Value of customers"),
            _report("analyses.questions:questions_report"),
            (limit,),
        ),
        ReportSpec("abc_worst", N_("Worst customers"), _report("analyses.worst:worst_report"), (limit,)),
        ReportSpec("abc_stars", N_("Tomorrow's stars"), _report("analyses.stars:stars_report"), (limit,)),
        ReportSpec(
            "abc_balance", N_("Balance of customers"), _report("analyses.balance:balance_report"), balance
        ),
        ReportSpec(
            "abc_gaps", N_("Gaps in what a customer buys"), _report("analyses.gaps:gaps_report"), gaps
        ),
    ]


def _by(usual: str, *others: str) -> Parameter:
    return Parameter("by", N_("By"), "choice", usual, (usual, *others))


@hookimpl
def jobs() -> Iterable[JobSpec]:
    """Offer the classification of the last full calendar year."""
    return [JobSpec("abc_run", N_("Class customers by their purchases"), _run_job)]


def _report(target: str) -> Callable[[Context, Mapping[str, str]], Report]:
    """Return a report that is imported when it is run."""

    def run(ctx: Context, parameters: Mapping[str, str]) -> Report:
        module, name = target.split(":")
        report: Report = getattr(import_module(f"crmcore_abc_analysis.{module}"), name)(ctx, parameters)
        return report

    return run


def _run_job(app: App, actor: str) -> Mapping[str, Any]:
    from .runs import run_summary
    from .services import PLUGIN, Request, make_run

    run = make_run(app, actor, Request(), source="job")
    with app.read(PLUGIN) as ctx:
        return run_summary(ctx, run)


@hookimpl
def demo_data() -> Iterable[DemoFile]:
    """Estimate the potential of the demo company's customers."""
    from .demo import write_potentials

    return [DemoFile(40, "potentials", "potentials.csv", write_potentials)]
