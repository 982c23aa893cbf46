"""Every hook of the kernel.

Four families (see docs/explanation/hooks.md):

* *decision*: runs inside the writing transaction; an exception refuses the write and names the plugin;
* *strategy*: the company chooses one provider;
* *contribution*: runs one plugin at a time on a read-only connection; a failure is kept, shown, and in the end quarantined;
* *registration*: called once when the plugin is loaded; returns specs.

All work on batches. A plugin implements those that it needs, with the arguments that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from crmcore.builtin.analytics.bench import Bench
    from crmcore.plugins import types as t
    from crmcore.tx import Tx

PROJECT = "crmcore"
hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)

Family = Literal["decision", "strategy", "contribution", "registration"]

FAMILIES: dict[str, Family] = {
    "validate_changes": "decision",
    "approve_requests": "decision",
    "release_orders": "decision",
    "move_references": "decision",
    "export_persons": "decision",
    "erase_persons": "decision",
    "service_policies": "strategy",
    "code_generator": "strategy",
    "currency_rates": "strategy",
    "workdays": "strategy",
    "analytics_engine": "strategy",
    "card_sections": "contribution",
    "work_items": "contribution",
    "alerts": "contribution",
    "evidence": "contribution",
    "observe_changes": "contribution",
    "models": "registration",
    "facts": "registration",
    "importables": "registration",
    "list_columns": "registration",
    "search_terms": "registration",
    "reports": "registration",
    "jobs": "registration",
    "approval_kinds": "registration",
    "demo_data": "registration",
}


class Hooks(Protocol):
    """The hooks with their types; the functions below are what pluggy knows."""

    def validate_changes(self, changes: Sequence[t.Change], ctx: t.Context) -> Iterable[t.Refusal]: ...
    def approve_requests(
        self, requests: Sequence[t.ApprovalRequest], ctx: t.Context
    ) -> Iterable[t.Verdict]: ...
    def release_orders(self, orders: Sequence[t.OrderRelease], ctx: t.Context) -> Iterable[t.Hold]: ...
    def export_persons(self, persons: Sequence[t.Person], ctx: t.Context) -> Iterable[t.PersonData]: ...
    def erase_persons(
        self, persons: Sequence[t.Person], tx: Tx, ctx: t.Context
    ) -> Iterable[t.ErasedData]: ...
    def move_references(self, moves: Sequence[t.Move], tx: Tx, ctx: t.Context) -> Iterable[t.Moved]: ...
    def service_policies(self, customer_ids: Sequence[int], ctx: t.Context) -> Iterable[t.ServicePolicy]: ...
    def card_sections(
        self, customer_ids: Sequence[int], as_of: date | None, ctx: t.Context
    ) -> Iterable[t.CardSection]: ...
    def work_items(self, actor: str, since: date | None, ctx: t.Context) -> Iterable[t.WorkItem]: ...
    def alerts(self, run: str | None, ctx: t.Context) -> Iterable[t.Alert]: ...
    def evidence(
        self, customer_ids: Sequence[int], indicator: str, ctx: t.Context
    ) -> Iterable[t.Evidence]: ...
    def observe_changes(self, changes: Sequence[t.Change], ctx: t.Context) -> None: ...
    def models(self) -> Iterable[t.TableSpec]: ...
    def facts(self) -> Iterable[t.FactProvider]: ...
    def importables(self) -> Iterable[t.Importable]: ...
    def list_columns(self) -> Iterable[t.ListColumn]: ...
    def search_terms(self) -> Iterable[t.SearchTerms]: ...
    def reports(self) -> Iterable[t.ReportSpec]: ...
    def jobs(self) -> Iterable[t.JobSpec]: ...
    def approval_kinds(self) -> Iterable[t.ApprovalKind]: ...
    def demo_data(self) -> Iterable[t.DemoFile]: ...
    def code_generator(self) -> Mapping[str, CodeGenerator]: ...
    def currency_rates(self) -> Mapping[str, CurrencyRates]: ...
    def workdays(self) -> Mapping[str, Workdays]: ...
    def analytics_engine(self) -> Mapping[str, EngineFactory]: ...


CodeGenerator = Callable[[str, Sequence[int], date], Sequence[str]]
"""(pattern, sequence numbers, today) → one code per number."""

CurrencyRates = Callable[[str, str, date, "t.Context"], Decimal | None]
"""(from, to, day, ctx) → how many units of `to` one unit of `from` is worth; None = unknown."""

Workdays = Callable[[Sequence[date], "t.Context"], Iterable["t.Workday"]]
"""(days, ctx) → a `Workday` for each of the days."""

EngineFactory = type["Bench"]
"""A subclass of `crmcore.api.Bench`; it is called with (app, name of the plugin that asks)."""


@hookspec
def validate_changes(changes: Sequence[t.Change], ctx: t.Context) -> Iterable[t.Refusal]:  # type: ignore[empty-body]
    """Refuse proposed changes before they are written, in the same transaction.

    changes: what is about to be written, customers, contacts, interactions and other tracked rows mixed.
    ctx: the plugin's context; `ctx.connection` reads inside the transaction.
    Returns a `Refusal` for each change that must not happen; nothing = all may.
    Example: `return [Refusal(i, "dealers need a tax id", "tax_id") for i, c in enumerate(changes) if ...]`
    Since 0.1.
    """


@hookspec
def approve_requests(requests: Sequence[t.ApprovalRequest], ctx: t.Context) -> Iterable[t.Verdict]:  # type: ignore[empty-body]
    """Approve or reject requests for approval by rule, as they are made; the rest is left to people.

    requests: those that are being made, of all kinds mixed; `id` is 0, since they are not written yet.
    ctx: the plugin's context; `ctx.connection` reads inside the transaction.
    Returns a `Verdict` for each request that it settles; where plugins differ, a rejection counts.
    Example: `return [Verdict(i, "approve", "within the budget of the fair") for i, r in enumerate(requests) if ...]`
    Since 0.1.
    """


@hookspec
def release_orders(orders: Sequence[t.OrderRelease], ctx: t.Context) -> Iterable[t.Hold]:  # type: ignore[empty-body]
    """Hold orders back that must not be released for delivery now.

    orders: those that are about to be released together; the customers who are billed, and those above them, are locked.
    ctx: the plugin's context; `ctx.connection` reads inside the transaction of the release.
    Returns a `Hold` for each reason against an order; nothing = all may be delivered.
    Example: `return [Hold(i, "overdue", "an invoice is 45 days overdue", "credit.override") for i, o in enumerate(orders) if ...]`
    Since 0.1.
    """


@hookspec
def export_persons(persons: Sequence[t.Person], ctx: t.Context) -> Iterable[t.PersonData]:  # type: ignore[empty-body]
    """Give all that the plugin holds of natural persons, who asked for it.

    persons: contacts and customers that are persons. Every plugin that stores personal data must answer.
    ctx: the plugin's context; `ctx.connection` reads.
    Returns a `PersonData` for each person and table with rows; `person_rows` makes them.
    Example: `return person_rows(ctx, Gift, persons, "To know what a customer was given")`
    Since 0.1.
    """


@hookspec
def erase_persons(persons: Sequence[t.Person], tx: Tx, ctx: t.Context) -> Iterable[t.ErasedData]:  # type: ignore[empty-body]
    """Take away all that the plugin holds of natural persons; their keys are destroyed in the same erasure.

    persons: contacts and customers that are persons. Every plugin that stores personal data must answer.
    tx: the transaction of the erasure, to write with; it may be a rehearsal that is rolled back, so nothing but it may
    be touched. ctx: the plugin's context.
    Returns an `ErasedData` for each table; `erase_person_rows` does it. What a law wants kept says so, and why.
    Example: `return [erase_person_rows(tx, Gift, persons, {"note": None})]`
    Since 0.1.
    """


@hookspec
def move_references(moves: Sequence[t.Move], tx: Tx, ctx: t.Context) -> Iterable[t.Moved]:  # type: ignore[empty-body]
    """Move rows from one customer to another as they are merged; who names customers in its tables must answer.

    moves: who goes into whom. With `undo` the merge is taken back: rows that it had changed, moved, made or deleted are
    as before already, and only what is worked out from them is to be brought up to date.
    tx: the transaction of the merge, to write with; what raises in it refuses the merge. ctx: the plugin's context.
    Returns a `Moved` for each column of `TableSpec.customer_references`; rows left out of it refuse the merge.
    Example: `return [move_rows(tx, Point, "customer_id", moves)]`
    Since 0.1.
    """


@hookspec
def service_policies(customer_ids: Sequence[int], ctx: t.Context) -> Iterable[t.ServicePolicy]:  # type: ignore[empty-body]
    """Say how customers are served; one provider per company.

    customer_ids: the customers asked for; those without a policy are left out of the result.
    Returns one `ServicePolicy` per customer known to the provider.
    Example: `return [ServicePolicy(i, "A", 14, "manager", 1, Decimal("0.08"), "manager", since, why) for i in ...]`
    Since 0.1.
    """


@hookspec
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: t.Context) -> Iterable[t.CardSection]:  # type: ignore[empty-body]
    """Add sections to customer cards.

    customer_ids: the cards being shown. as_of: a past day, or None for now.
    Returns any number of `CardSection` per customer.
    Example: `return [CardSection(i, "grade", _("Customer class"), {"grade": "A"}) for i in customer_ids]`
    Since 0.1.
    """


@hookspec
def work_items(actor: str, since: date | None, ctx: t.Context) -> Iterable[t.WorkItem]:  # type: ignore[empty-body]
    """Tell an actor what waits for them (`crm work`).

    actor: the code of the actor who asks. since: only matters that arose on or after this day; None = all.
    Returns `WorkItem`s; the same matter keeps the same key.
    Example: `return [WorkItem("abc:drop:12", 12, today, "Call: fell from A to C", "warning", "crm abc explain C000012")]`
    Since 0.1.
    """


@hookspec
def alerts(run: str | None, ctx: t.Context) -> Iterable[t.Alert]:  # type: ignore[empty-body]
    """Tell what somebody should know (`crm work`).

    run: a run of an analysis or job to look at, or None for all that is still open.
    Returns `Alert`s.
    Example: `return [Alert("abc:drop:7:12", 12, at, "fell from A to C")]`
    Since 0.1.
    """


@hookspec
def evidence(customer_ids: Sequence[int], indicator: str, ctx: t.Context) -> Iterable[t.Evidence]:  # type: ignore[empty-body]
    """Tell what the plugin knows of customers' credit, one indicator at a time.

    customer_ids: the customers asked for. indicator: name of what is asked, as a credit model calls it.
    Returns any number of `Evidence` of that indicator per customer; nothing for an indicator that it does not know.
    Example: `return [Evidence(i, "lawsuits", n, "court register", ctx.today) for i, n in ... if indicator == "lawsuits"]`
    Since 0.1.
    """


@hookspec
def observe_changes(changes: Sequence[t.Change], ctx: t.Context) -> None:
    """Learn of committed changes after a cursor that the host keeps: at least once, in order.

    changes: up to 1,000 entries of the change log with `seq`; personal values are readable here.
    Returns nothing. A change that raises parks its row for this plugin; others go on.
    Example: `mirror([c for c in changes if c.entity == "customer"])`
    Since 0.1.
    """


@hookspec
def models() -> Iterable[t.TableSpec]:  # type: ignore[empty-body]
    """Name the tables that the plugin keeps; their names bear its prefix.

    Returns a `TableSpec` per table.
    Example: `from .tables import Point; return [TableSpec(Point, customer_references=("customer_id",))]`
    Since 0.1.
    """


@hookspec
def facts() -> Iterable[t.FactProvider]:  # type: ignore[empty-body]
    """Provide rows for named facts such as `purchases`.

    Returns a `FactProvider` per fact; its `select` gives exactly the columns of that fact.
    Example: `return [FactProvider("purchases", select_purchases)]`
    Since 0.1.
    """


@hookspec
def importables() -> Iterable[t.Importable]:  # type: ignore[empty-body]
    """Name the entities that can be imported and exported.

    Returns an `Importable` per entity: its fields, a loader for a chunk of rows, an exporter.
    Example: `return [Importable("points", N_("Loyalty points"), FIELDS, load_points, export_points)]`
    Since 0.1.
    """


@hookspec
def list_columns() -> Iterable[t.ListColumn]:  # type: ignore[empty-body]
    """Name the columns that lists of customers can show, filter and sort by.

    Returns a `ListColumn` per column; its `select` gives `customer_id` and `value`.
    Example: `return [ListColumn("balance", N_("Points"), "integer", select_balances)]`
    Since 0.1.
    """


@hookspec
def search_terms() -> Iterable[t.SearchTerms]:  # type: ignore[empty-body]
    """Name the plugin's tables by whose values customers are found (`crm find`).

    Returns a `SearchTerms` per table; the rows are kept in the index in the transaction that writes them.
    Example: `return [SearchTerms(Card, N_("Loyalty card"), keys=("number",), phones=("phone",))]`
    Since 0.1.
    """


@hookspec
def reports() -> Iterable[t.ReportSpec]:  # type: ignore[empty-body]
    """Name the reports that can be run.

    Returns a `ReportSpec` per report; running it gives data, renderers give it a form.
    Example: `return [ReportSpec("abc", N_("ABC analysis"), abc_report)]`
    Since 0.1.
    """


@hookspec
def jobs() -> Iterable[t.JobSpec]:  # type: ignore[empty-body]
    """Name the jobs that can be run.

    Returns a `JobSpec` per job; it may be killed and run again at any time.
    Example: `return [JobSpec("abc_run", N_("Classify customers"), classify)]`
    Since 0.1.
    """


@hookspec
def approval_kinds() -> Iterable[t.ApprovalKind]:  # type: ignore[empty-body]
    """Name the kinds of requests for approval that the plugin makes.

    Returns an `ApprovalKind` per kind: who may decide, what is done once it is approved, when it expires.
    Example: `return [ApprovalKind("loyalty_bonus", N_("Extra points"), "loyalty.approve", give_points)]`
    Since 0.1.
    """


@hookspec
def demo_data() -> Iterable[t.DemoFile]:  # type: ignore[empty-body]
    """Generate files for the demo company, to be imported by the ordinary importers.

    Returns a `DemoFile` per file.
    Example: `return [DemoFile(30, "purchases", "purchases.csv", write_purchases)]`
    Since 0.1.
    """


@hookspec
def code_generator() -> Mapping[str, CodeGenerator]:  # type: ignore[empty-body]
    """Offer ways of making codes, by name; the company chooses one in `[strategies] code_generator`.

    Returns name → function (pattern, sequence numbers, today) → codes.
    Example: `return {"pattern": codes_from_pattern}`
    Since 0.1.
    """


@hookspec
def currency_rates() -> Mapping[str, CurrencyRates]:  # type: ignore[empty-body]
    """Offer sources of exchange rates, by name; the company chooses one in `[strategies] currency_rates`.

    Returns name → function (from, to, day, ctx) → rate as Decimal, or None where it knows none.
    Example: `return {"table": rate_from_config}`
    Since 0.1.
    """


@hookspec
def workdays() -> Mapping[str, Workdays]:  # type: ignore[empty-body]
    """Offer calendars of working days, by name; the company chooses one in `[strategies] workdays`.

    Returns name → function (days, ctx) → a `Workday` for each of the days, in any order.
    Example: `return {"plant": days_of_the_plant}`
    Since 0.1.
    """


@hookspec
def analytics_engine() -> Mapping[str, EngineFactory]:  # type: ignore[empty-body]
    """Offer engines on which analyses are computed, by name; chosen per call, or in `[analytics] engine`.

    Returns name → subclass of `Bench`, which reads, defines and answers with the engine's means.
    Example: `return {"warehouse": WarehouseBench}`
    Since 0.1.
    """
