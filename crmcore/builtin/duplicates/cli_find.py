"""`crm duplicates find`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.records.options import BULK, DAY, SHOWN, bulk, day_of, given, limit_option
from crmcore.cli.kit import Command, Session, echo, emit_lines, json_option, pass_session, show_table
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmcore.builtin.duplicates.finding import Found

PLUGIN = "duplicates"
certainty_option = click.option(
    "--certainty",
    type=click.Choice(["certain", "likely", "possible"]),
    default="likely",
    help=N_("How sure at least (default: likely)."),
)


@click.command(cls=Command, help=N_("Look for customers that may be one and the same, and list them."))
@click.option("--since", type=DAY, help=N_("Only pairs of which one customer was changed from this day on."))
@certainty_option
@click.option(
    "--exact",
    is_flag=True,
    help=N_("Only where a tax id, a phone or a name is equal; similar names are not looked for."),
)
@click.option("--rebuild", is_flag=True, help=N_("Make the keys by which customers are compared anew."))
@limit_option
@json_option
@pass_session
def find_command(
    session: Session, since: datetime | None, certainty: str, limit: int | None, **options: Any
) -> None:
    """Find pairs and list them."""
    from crmcore.builtin.duplicates.finding import find_pairs
    from crmcore.builtin.duplicates.listing import count_pairs, list_pairs

    as_json = options.pop("as_json")
    found = find_pairs(session.app, session.actor, since=day_of(since), **options)
    limit = limit if as_json else limit or SHOWN
    with session.app.read(PLUGIN, session.actor) as ctx:
        pairs = (pair for pair, _one, _other in list_pairs(ctx, limit=certainty, most=limit))
        with recorded(session, ctx, pairs, {"certainty": certainty, "limit": limit}) as shown:
            if as_json:
                emit_lines(shown)
                return
            lines = list(shown)
        counts = count_pairs(ctx.connection)
    _show(lines, found, counts, certainty)


def recorded(session: Session, ctx: Any, pairs: Iterable[Any], filters: Mapping[str, Any]) -> Any:
    """Give pairs that are read, and record the reading; more than a screen of them only to who may list in bulk."""
    from crmcore.db.base import dumps

    coming = iter(pairs)
    first = list(islice(coming, BULK + 1))
    if 0 < len(first) <= BULK:
        session.app.log_read(session.actor, "list", "customer", len(first), dumps(given(**filters)))

    def every() -> Iterable[Any]:
        yield from first
        yield from coming

    return bulk(session, ctx, "customer", every(), filters)


def _show(
    lines: Sequence[Mapping[str, Any]], found: Found, counts: Mapping[str, int], certainty: str
) -> None:
    from crmcore.builtin.duplicates.words import shown_certainty

    message = _("{judged} pairs were compared, {new} are new, {gone} are no longer alike.")
    echo(message.format(judged=f"{found.judged:,}", new=f"{found.new:,}", gone=f"{found.gone:,}"))
    if lines:
        show_table(pairs_table(lines))
    known = ", ".join(
        f"{shown_certainty(name)} {counts[name]:,}"
        for name in ("certain", "likely", "possible")
        if name in counts
    )
    echo(_("Waiting for a decision: {counts}").format(counts=known or "0"))
    if lines:
        echo(_("Decide with: crm duplicates review"))
    elif counts:
        echo(_("None is {certainty} or surer; see --certainty").format(certainty=shown_certainty(certainty)))


def pairs_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    """Return pairs as a table for people."""
    from crmcore.builtin.duplicates.words import shown_certainty, shown_why

    columns = (
        Column("a", _("Customer")),
        Column("b", _("Other")),
        Column("score", _("Score"), "integer"),
        Column("certainty", _("Certainty")),
        Column("why", _("Why")),
    )
    rows = [
        (one["a"], one["b"], one["score"], shown_certainty(one["certainty"]), shown_why(one["why"]))
        for one in lines
    ]
    return Table("pairs", "", columns, rows)
