"""Built-in plugin `records`: customers, contacts, interactions, documents, actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from crmcore.plugins.types import Context, ErasedData, Move, Moved, Person, PersonData, WorkItem
    from crmcore.tx import Tx


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> list[WorkItem]:
    """Tell an actor of the interactions that they, or whom they stand in for, should have followed up by today."""
    from crmcore.builtin.records.services.follow_ups import follow_ups

    return follow_ups(actor, since, ctx)


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Move people, interactions, documents and the daughters of a group."""
    from crmcore.builtin.records.services.moving import move_all

    return move_all(moves, tx)


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> list[PersonData]:
    """Give the records of persons: themselves, their places, interactions and documents."""
    from crmcore.builtin.records.services.persons import export

    return export(ctx, persons)


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx, ctx: Context) -> list[ErasedData]:
    """Leave of persons a record under a pseudonym, and no word of what was said and filed about them."""
    from crmcore.builtin.records.services.persons import erase

    return erase(tx, persons, ctx)
