"""Pairs as they are listed: their customers' codes, and what is alike in the words of the rows of today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.duplicates.cards import Card
from crmcore.builtin.duplicates.judging import at_least
from crmcore.builtin.duplicates.reading import customers, read_cards
from crmcore.builtin.duplicates.tables import DuplicatePair
from crmcore.entities.lookup import table_of

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

pair_table = table_of(DuplicatePair)
_c = pair_table.c
_AT_ONCE = 200
_BOTH_HERE = [
    sa.exists().where(customers.c.id == side, customers.c.archived_at.is_(None))
    for side in (_c.low_id, _c.high_id)
]
"""Asked of each pair: a list of the customers who are here is as long as the company's."""
Pair = dict[str, Any]
_FIELDS = {
    "tax_id": {"tax_id", "organisation_code", "other_tax_id"},
    "phones": {"phone", "mobile", "local_phone", "shared_phone"},
    "address": {"address", "house", "shared_address"},
    "contacts": {"contact"},
    "place": {"place", "other_place"},
    "unit": {"other_unit"},
    "kind": {"other_kind"},
    "group": {"group"},
}
"""What of the cards a likeness is about; of all others it is the name."""


def list_pairs(
    ctx: Context, *, limit: str, state: str = "open", most: int | None = None
) -> Iterator[tuple[Pair, Card, Card]]:
    """Give pairs in a state, the surest first, each with both cards; `limit`: how sure at least.

    Pairs of archived customers and of restricted persons are left out.
    """
    query = (
        sa.select(pair_table)
        .where(_c.state == state, *_BOTH_HERE)
        .order_by(_c.score.desc(), _c.id)
        .limit(most)
    )
    query = query.where(_c.certainty.in_(at_least(limit))) if state == "open" else query
    result = ctx.connection.execute(query, execution_options={"yield_per": _AT_ONCE}).mappings()
    for rows in result.partitions():
        yield from _with_cards(ctx, rows)


def read_pair(ctx: Context, number: int) -> Pair:
    """Return the published JSON of one pair, archived customers among them."""
    row = ctx.connection.execute(sa.select(pair_table).where(_c.id == number)).mappings().one()
    cards = read_cards(ctx.connection, (row["low_id"], row["high_id"]), ctx.today, archived=True)
    return as_json(row, cards[row["low_id"]], cards[row["high_id"]])


def count_pairs(connection: sa.Connection) -> dict[str, int]:
    """Return certainty → how many open pairs there are of customers that are not archived."""
    query = sa.select(_c.certainty, sa.func.count()).where(_c.state == "open", *_BOTH_HERE)
    rows = connection.execute(query.group_by(_c.certainty)).all()
    return {row[0]: row[1] for row in rows}


def _with_cards(ctx: Context, rows: Sequence[sa.RowMapping]) -> Iterator[tuple[Pair, Card, Card]]:
    ids = {row[side] for row in rows for side in ("low_id", "high_id")}
    cards = read_cards(ctx.connection, ids, ctx.today)
    for row in rows:
        one, other = cards.get(row["low_id"]), cards.get(row["high_id"])
        if one is not None and other is not None:
            yield as_json(row, one, other), one, other


def as_json(row: sa.RowMapping, one: Card, other: Card) -> Pair:
    """Return the published JSON of a pair."""
    return {
        "a": one.row["code"],
        "b": other.row["code"],
        "score": row["score"],
        "certainty": row["certainty"],
        "why": explained(row["why"], one, other),
        "state": row["state"],
        "reason": row["reason"],
        "found_at": row["found_at"],
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"],
        "version": row["version"],
    }


def explained(why: Sequence[Sequence[Any]], one: Card, other: Card) -> list[dict[str, Any]]:
    """Return each likeness and difference with what stands on the two cards today."""
    return [
        {"kind": kind, "score": points, "a": value_of(kind, one), "b": value_of(kind, other)}
        for kind, points in why
    ]


def value_of(kind: str, card: Card) -> str | None:
    """Return what a card says of one likeness; an identity number is never shown in full."""
    field = next((field for field, kinds in _FIELDS.items() if kind in kinds), "name")
    if field == "tax_id":
        return card.tax_id.shown if card.tax_id else None
    if field in {"phones", "contacts"}:
        return ", ".join(sorted(getattr(card, field))) or None
    value = {"place": card.place, "unit": card.name.unit, "group": ""}.get(field, card.row.get(field))
    return str(value) if value else None
