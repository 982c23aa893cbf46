"""What the plugin gives to the kernel; everything heavy is imported when it is asked for.

Each hook gathers what the parts of the plugin say: assessing, limiting, receivables, policies, scorecards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    N_,
    Alert,
    ApprovalKind,
    ApprovalRequest,
    CardSection,
    Context,
    DemoFile,
    ErasedData,
    FactProvider,
    Hold,
    Importable,
    JobSpec,
    ListColumn,
    Move,
    Moved,
    OrderRelease,
    Parameter,
    Person,
    PersonData,
    Report,
    ReportSpec,
    TableSpec,
    Verdict,
    WorkItem,
    hookimpl,
)

if TYPE_CHECKING:
    from crmcore.api import App, Tx


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep what each part of the plugin needs."""
    from .tables.assessments import CreditAssessment, CreditReview
    from .tables.evidence import CreditEvidence, CreditStatement
    from .tables.imports import CreditLimitImport, CreditLimitImportRow
    from .tables.limits import CreditLimit
    from .tables.models import CreditScoreModel
    from .tables.policy import CreditPolicy
    from .tables.receivables import CreditAlarm, CreditDunning, CreditUnlikely
    from .tables.scorecards import CreditScorecard

    whose: Any = {"customer_references": ("customer_id",), "person": "customer_id"}
    return [
        # models, evidence, assessments
        TableSpec(CreditScoreModel),
        TableSpec(CreditEvidence, personal=("value", "source", "withdraw_reason"), **whose),
        TableSpec(CreditStatement, personal=("figures", "source", "withdraw_reason"), **whose),
        TableSpec(
            CreditAssessment, personal=("score_centi", "grade", "factors", "inputs", "missing"), **whose
        ),
        TableSpec(CreditReview, personal=("reason",), **whose),
        # limits
        TableSpec(CreditLimit, personal=("grade", "workings", "reason"), **whose),
        TableSpec(CreditLimitImport),
        TableSpec(CreditLimitImportRow, personal=("limit_minor", "until", "payment_days"), **whose),
        TableSpec(CreditPolicy),
        # receivables
        TableSpec(CreditDunning, personal=("note",), **whose),
        TableSpec(CreditAlarm, personal=("details", "close_note"), **whose),
        TableSpec(CreditUnlikely, personal=("reason", "end_reason"), **whose),
        # scorecards
        TableSpec(CreditScorecard),
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let what is known and done about a customer's credit go along as customers are merged."""
    from .assessing import persons as assessing
    from .limiting import persons as limiting
    from .receivables import persons as receivables

    return [*assessing.move_all(moves, tx), *limiting.move(moves, tx), *receivables.move(moves, tx)]


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give all that is known of a person's credit."""
    from .assessing import persons as assessing
    from .limiting import persons as limiting
    from .receivables import persons as receivables

    return [
        *assessing.persons_data(persons, ctx),
        *limiting.export(persons, ctx),
        *receivables.export(persons, ctx),
    ]


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> Iterable[ErasedData]:
    """Take away what was said of a person's credit."""
    from .assessing import persons as assessing
    from .limiting import persons as limiting
    from .receivables import persons as receivables

    return [*assessing.erase(persons, tx), *limiting.erase(persons, tx), *receivables.erase(persons, tx)]


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> Iterable[WorkItem]:
    """Ask for what is due: assessments, steps of dunning."""
    from .assessing.cards import work_items as assessments_due
    from .receivables.dunning import dunning_items

    return [*assessments_due(actor, since, ctx), *dunning_items(actor, since, ctx)]


@hookimpl
def alerts(run: str | None, ctx: Context) -> Iterable[Alert]:
    """Tell which customers' credit is worth another look."""
    from .limiting.warning import limit_alerts
    from .receivables.alarms import alarm_alerts

    return [*limit_alerts(run, ctx), *alarm_alerts(run, ctx)]


@hookimpl
def jobs() -> Iterable[JobSpec]:
    """Offer the assessment of all who are due, and the daily look for alarms."""
    return [
        JobSpec("credit_assess_due", N_("Assess the credit of customers who are due"), _assess_job),
        JobSpec("credit_alarms", N_("Look for alarms about customers' credit"), _alarms_job, "30 5 * * *"),
    ]


def _assess_job(app: App, actor: str) -> Mapping[str, Any]:
    from .assessing.batch import assess_many

    return assess_many(app, actor)


def _alarms_job(app: App, actor: str) -> Mapping[str, Any]:
    from .receivables.alarms import raise_alarms

    return raise_alarms(app, actor)


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide the limits of customers."""
    from .facts import providers

    return providers()


@hookimpl
def importables() -> Iterable[Importable]:
    """Read evidence and financial statements of many customers from tables."""
    from .importers.specs import importables as tables

    return tables()


@hookimpl
def demo_data() -> Iterable[DemoFile]:
    """Find out about the credit of some of the demo company's customers."""
    from .demo import demo_files

    return demo_files()


@hookimpl
def release_orders(orders: Sequence[OrderRelease], ctx: Context) -> Iterable[Hold]:
    """Hold orders beyond the limit, while something is long overdue, or until they are paid for."""
    from .limiting.holding import holds

    return holds(orders, ctx)


@hookimpl
def approval_kinds() -> Iterable[ApprovalKind]:
    """Have assessments looked at twice, limits and the policy decided by the general manager, scorecards approved."""
    from .assessing.releasing import approval_kind
    from .limiting.deciding import PERMISSION, limit_kind
    from .limiting.import_deciding import import_kind
    from .policies.proposing import policy_kind
    from .scorecards.proposing import scorecard_kind

    return [
        approval_kind(N_("Credit assessment")),
        limit_kind(),
        import_kind(PERMISSION),
        policy_kind(),
        scorecard_kind(),
    ]


@hookimpl
def approve_requests(requests: Sequence[ApprovalRequest], ctx: Context) -> Iterable[Verdict]:
    """Renew limits by rule, where the company wants it."""
    from .limiting.deciding import renewals

    return renewals(requests, ctx)


@hookimpl
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterable[CardSection]:
    """Show the grade, the limit and what of it is used on the customer card."""
    from .assessing.cards import card_sections as grade_sections
    from .limiting.cards import with_limits

    return [*with_limits(grade_sections(customer_ids, as_of, ctx), customer_ids, as_of, ctx)]


@hookimpl
def list_columns() -> Iterable[ListColumn]:
    """Let lists of customers show, filter and sort by credit."""
    from .assessing.cards import select_expiry, select_grades
    from .limiting.current import select_limits

    return [
        ListColumn("grade", N_("Credit grade"), "text", select_grades),
        ListColumn("grade_until", N_("Credit grade counts until"), "date", select_expiry),
        ListColumn("limit", N_("Credit limit"), "amount", select_limits),
    ]


@hookimpl
def reports() -> Iterable[ReportSpec]:
    """Offer the credit file of a customer, and what stands in all of them."""
    limit = Parameter("limit", N_("Rows at most"), "integer", "1000")
    by = Parameter("by", N_("Days count from"), "choice", "due", ("due", "invoice"))
    as_of = Parameter("as_of", N_("On this day (empty = today)"), "date")
    period = (
        Parameter("from", N_("First day (empty = a year before the last)"), "date"),
        Parameter("to", N_("Last day, included (empty = today)"), "date"),
    )
    owner = Parameter("owner", N_("Only of this sales representative"))
    return [
        ReportSpec(
            "credit_file",
            N_("Credit file of a customer"),
            _report("reports.credit_file:credit_file"),
            (Parameter("customer", N_("Code of the customer")),),
        ),
        ReportSpec("credit_portfolio", N_("Credit portfolio"), _report("reports.portfolio:portfolio_report")),
        ReportSpec(
            "credit_ageing",
            N_("Receivables by age"),
            _report("reports.aged:ageing_report"),
            (as_of, by, limit),
        ),
        ReportSpec(
            "credit_limit_use",
            N_("Use of credit limits"),
            _report("reports.limit_use:limit_use_report"),
            (limit,),
        ),
        ReportSpec(
            "credit_approvals",
            N_("Approvals of credit"),
            _report("reports.requests:approvals_report"),
            period,
        ),
        ReportSpec(
            "credit_overdue",
            N_("Overdue by sales representative"),
            _report("reports.overdue:overdue_report"),
            (owner, limit),
        ),
    ]


def _report(target: str) -> Callable[[Context, Mapping[str, str]], Report]:
    """Return a report that is imported when it is run."""

    def run(ctx: Context, parameters: Mapping[str, str]) -> Report:
        module, name = target.split(":")
        report: Report = getattr(import_module(f"crmcore_credit_5c.{module}"), name)(ctx, parameters)
        return report

    return run
