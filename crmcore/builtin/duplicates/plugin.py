"""The built-in plugin `duplicates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import JobSpec, SearchTerms, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmcore.app import App
    from crmcore.plugins.types import Context, ErasedData, Move, Moved, Person, PersonData
    from crmcore.tx import Tx


@hookimpl
def models() -> list[TableSpec]:
    """Return the tables of pairs and of merges; why two were merged may tell of a natural person."""
    from crmcore.builtin.duplicates.merge_tables import CustomerMerge
    from crmcore.builtin.duplicates.tables import DuplicatePair

    about: tuple[str, ...] = ("customer_id",)
    return [
        TableSpec(
            DuplicatePair,
            customer_references=("low_id", "high_id"),
            personal=("reason",),
            person="customer_id",
        ),
        TableSpec(CustomerMerge, customer_references=about, personal=("reason",), person="customer_id"),
    ]


@hookimpl
def search_terms() -> list[SearchTerms]:
    """Let `crm find` find a customer by the codes of those that were merged into it."""
    from crmcore.builtin.duplicates.merge_tables import CustomerMerge

    return [SearchTerms(CustomerMerge, N_("Merged customer"), keys=("code",))]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Close the pair of the two, keep what was found of others, and let earlier merges follow."""
    from crmcore.builtin.duplicates.pairs_moving import move_pairs

    return move_pairs(moves, tx)


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> list[PersonData]:
    """Give merges and judged pairs."""
    from crmcore.builtin.duplicates.persons import export

    return export(ctx, persons)


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx) -> list[ErasedData]:
    """Take away why customers were merged or held apart, and the keys by which they are found."""
    from crmcore.builtin.duplicates.persons import erase

    return erase(tx, persons)


@hookimpl
def jobs() -> list[JobSpec]:
    """Return the job that looks for pairs at night."""
    return [JobSpec("find_duplicates", N_("Look for customers that were entered twice"), _find, "10 3 * * *")]


def _find(app: App, actor: str) -> Mapping[str, Any]:
    from crmcore.builtin.duplicates.finding import find_pairs

    return find_pairs(app, actor)._asdict()
