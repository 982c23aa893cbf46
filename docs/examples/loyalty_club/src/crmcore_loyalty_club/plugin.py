"""What the club gives to the kernel. Light: whatever is heavy is imported where it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    N_,
    CardSection,
    Context,
    DemoFile,
    Evidence,
    FactProvider,
    Importable,
    JobSpec,
    ListColumn,
    Move,
    Moved,
    Parameter,
    Report,
    ReportSpec,
    SearchTerms,
    TableSpec,
    hookimpl,
    translator,
)

if TYPE_CHECKING:
    from crmcore.api import App, Tx

_ = translator("crmcore_loyalty_club")


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep rewards, and what each customer got or spent."""
    from .tables import Entry, Reward

    return [TableSpec(Reward), TableSpec(Entry, customer_references=("customer_id",))]


@hookimpl
def importables() -> Iterable[Importable]:
    """Import and export both."""
    from .files import importables as files

    return files()


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Say what rewards cost us."""
    from .facts import investments

    return [FactProvider("investments", investments, N_("Points redeemed"))]


@hookimpl
def list_columns() -> Iterable[ListColumn]:
    """Let lists of customers show, filter and sort by points: `loyalty.points`, `loyalty.last`."""
    from .balances import select_last_days, select_points

    return [
        ListColumn("points", N_("Points"), "integer", select_points),
        ListColumn("last", N_("Last entry"), "date", select_last_days),
    ]


@hookimpl
def evidence(customer_ids: Sequence[int], indicator: str, ctx: Context) -> Iterable[Evidence]:
    """Tell credit models how many points a customer has, as the indicator `loyalty_points`."""
    if indicator != "loyalty_points":
        return []
    from .balances import standings

    return [
        Evidence(number, indicator, standing.points, _("Loyalty club"), ctx.today)
        for number, standing in standings(ctx, customer_ids).items()
    ]


@hookimpl
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterable[CardSection]:
    """Show the points on the customer card; they are not known for a past day."""
    if as_of is not None or not customer_ids:
        return []
    from .balances import standings

    labels = {"points": _("Points"), "last_booked_on": _("Last entry")}
    return [
        CardSection(number, "points", _("Loyalty points"), standing._asdict(), labels)
        for number, standing in standings(ctx, customer_ids).items()
    ]


@hookimpl
def reports() -> Iterable[ReportSpec]:
    """Offer the balances."""
    limit = Parameter("limit", N_("Rows at most"), "integer", "100")
    return [ReportSpec("loyalty_points", N_("Points of members"), _balances, (limit,))]


@hookimpl
def jobs() -> Iterable[JobSpec]:
    """Offer to book what was bought."""
    return [JobSpec("loyalty_book", N_("Give points for purchases"), _book)]


@hookimpl
def demo_data() -> Iterable[DemoFile]:
    """Make rewards for the demo company."""
    from .demo import write_rewards

    return [DemoFile(50, "rewards", "rewards.csv", write_rewards)]


@hookimpl
def search_terms() -> Iterable[SearchTerms]:
    """Let `crm find` find a customer by the reference of an entry, which stands on the member's statement."""
    from .tables import Entry

    return [SearchTerms(Entry, N_("Loyalty points"), keys=("reference",))]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let points go along as customers are merged."""
    from .merging import move_entries

    return list(move_entries(moves, tx))


def _balances(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from .reports import balances_report

    return balances_report(ctx, parameters)


def _book(app: App, actor: str) -> Mapping[str, Any]:
    from .services import book_purchases

    return book_purchases(app, actor)
