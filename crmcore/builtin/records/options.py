"""What the commands of records have in common: options, lists, the recording of what is read in bulk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crmcore.cli.kit import Session, echo, emit_lines, show_table
from crmcore.errors import UsageProblem
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.builtin.records.services.values import By
    from crmcore.plugins.types import Context, Table

T = TypeVar("T")
PLUGIN = "records"
SHOWN = 50
"""Rows of a table for people, where no limit is given."""
_LARGEST = 2**63 - 1
BULK = 100
"""A longer list is a read in bulk: it needs the permission, and is recorded."""
DAY = click.DateTime(["%Y-%m-%d"])


class _Number(click.IntRange):
    """A number that a database can hold; the limit is told only to who goes beyond it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse what is too large."""
        number: int = super().convert(value, param, ctx)
        if number > _LARGEST:
            self.fail(_("{number} is too large; {most} is the largest").format(number=value, most=_LARGEST))
        return number


NUMBER = _Number(min=1)

reason_option = click.option("--reason", default="", help=N_("Why; it stands in the change log."))
version_option = click.option(
    "--expect-version",
    type=NUMBER,
    metavar="N",
    help=N_("Refuse the edit unless the record still has this version."),
)
beside_version_option = click.option(
    "--expect-version",
    type=NUMBER,
    metavar="N",
    help=N_(
        "Refuse it unless the record itself still has this version; places and deputies do not raise it."
    ),
)
limit_option = click.option(
    "--limit",
    type=NUMBER,
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)
after_option = click.option(
    "--after", metavar="CODE", help=N_("Go on behind the last code of the list before.")
)

ToJson = Callable[["Context", "Sequence[sa.RowMapping]"], Iterable[dict[str, Any]]]


def by(session: Session, reason: str = "") -> By:
    """Return who acts, and why."""
    from crmcore.builtin.records.services.values import By

    return By(session.actor, reason)


def day_of(value: datetime | None) -> date | None:
    """Return the day that an option named."""
    return value.date() if value else None


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def require_some(values: Mapping[str, Any]) -> None:
    """Raise UsageProblem where an edit was asked for and nothing to change was given."""
    if not values:
        raise UsageProblem(_("nothing to change was given; see the options with --help"))


def local(session: Session, moment: datetime | None) -> datetime | None:
    """Return a moment in the company's time zone, for people."""
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(session.app.config.timezone)


def in_bulk(
    session: Session, ctx: Context, entity: str, rows: Iterable[T], filters: Mapping[str, Any]
) -> Iterable[T]:
    """Return rows that are streamed: beyond `BULK` of them only who may gets any, and what was read is recorded.

    For commands of plugins that list customers or documents; a shorter list is everybody's. Refused otherwise.
    """
    coming = iter(rows)
    first = list(islice(coming, BULK + 1))
    if len(first) <= BULK:
        return first
    from crmcore.entities.actors import require_permission

    require_permission(ctx.connection, session.app.config, session.actor, "records.export")
    return _recorded(session, entity, chain(first, coming), filters)


@contextmanager
def bulk(
    session: Session, ctx: Context, entity: str, rows: Iterable[T], filters: Mapping[str, Any]
) -> Iterator[Iterable[T]]:
    """Give rows as `in_bulk` does, and see to it that what was read is recorded at once when the reading ends."""
    taken = in_bulk(session, ctx, entity, rows, filters)
    try:
        yield taken
    finally:
        if isinstance(taken, Generator):
            taken.close()


def _recorded(session: Session, entity: str, rows: Iterable[T], filters: Mapping[str, Any]) -> Iterator[T]:
    """Record the reading before its first row, for who is killed has read it all the same, and in the end how much it was."""
    from crmcore.db.base import dumps
    from crmcore.db.system import read_log

    app, count = session.app, 0
    number = app.log_read(session.actor, "list", entity, BULK + 1, dumps(given(**filters)))
    try:
        for row in rows:
            count += 1
            yield row
    finally:
        with app.operations() as connection:
            connection.execute(read_log.update().where(read_log.c.id == number), {"count": count})


def list_records(
    session: Session,
    ctx: Context,
    query: sa.Select[Any],
    to_json: ToJson,
    to_table: Callable[[Sequence[dict[str, Any]]], Table],
    options: Mapping[str, Any],
) -> None:
    """Print a list, as JSON Lines streamed or as a table; `options`: limit, as_json and the filters."""
    from crmcore.builtin.records.services.list_reading import at_most

    options = dict(options)
    limit, as_json = options.pop("limit"), options.pop("as_json")
    limit = limit if as_json else limit or SHOWN
    entity = query.get_final_froms()[0].name  # type: ignore[attr-defined]
    result = ctx.connection.execute(at_most(query, limit), execution_options={"yield_per": 500}).mappings()
    found = (item for part in result.partitions() for item in to_json(ctx, part))
    with bulk(session, ctx, entity, found, options) as records:
        if as_json:
            emit_lines(records)
            return
        shown = list(records)
    print_page(to_table(shown), len(shown), limit)


def print_page(table: Table, count: int, limit: int | None, last: str = "") -> None:
    """Print a table; where it is as long as its limit, say how to go on.

    last: code of the last row, where that does not stand in the first column.
    """
    rows = list(table.rows)
    show_table(type(table)(table.name, table.title, table.columns, rows, table.currency))
    if not rows:
        echo(_("(none)"))
    elif limit is not None and count >= limit:
        echo(_("There may be more: --after {code}, or --limit N").format(code=last or rows[-1][0]))
