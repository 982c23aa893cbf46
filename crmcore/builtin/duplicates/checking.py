"""One customer looked at when it is entered: does it look like one that is there, is its tax id right.

The search index names who may be the same, so that this takes a moment among a million customers, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from crmcore.builtin.again import until_done
from crmcore.builtin.duplicates.finding import PLUGIN, Known, keep_judged, known_pairs
from crmcore.builtin.duplicates.judging import Judged, at_least, judge
from crmcore.builtin.duplicates.reading import read_cards
from crmcore.builtin.duplicates.words import shown_certainty, shown_kind, tax_id_warning
from crmcore.builtin.search.finding import find
from crmcore.entities.lookup import customer_ids, find_row
from crmcore.entities.tables import Customer
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.duplicates.cards import Card
    from crmcore.plugins.types import Context

MOST_TOLD = 3
_LOOKED_AT = 20
COMPARED = frozenset(
    {"name", "short_name", "kind", "tax_id", "phone", "address", "contact", "contact_mobile"}
)
"""Fields of the card on which it depends whom a customer looks like."""


def warn_of_entry(app: App, actor: str, code: str, fields: Collection[str]) -> None:
    """Warn of what was just entered: a tax id that cannot be, customers that look like this one.

    fields: which fields were entered. Pairs that are likely wait for `crm duplicates review` from now on.
    """
    if COMPARED.isdisjoint(fields):
        return
    with app.read(PLUGIN, actor) as ctx:
        row = find_row(ctx.connection, Customer, code)
        found = likely_pairs(app, ctx, int(row["id"]))
        sentences = list(_sentences(ctx, code, int(row["id"]), found[:MOST_TOLD]))
    if "tax_id" in fields and (problem := tax_id_warning(row["tax_id"])):
        app.warn(problem)
    for sentence in sentences:
        app.warn(sentence)
    if found:
        until_done(lambda: keep_judged(app, actor, found))


def likely_pairs(app: App, ctx: Context, number: int) -> list[Judged]:
    """Return the likely pairs of a customer, the surest first, but for those of which it was said that they are two."""
    card = read_cards(ctx.connection, [number], ctx.today).get(number)
    if card is None:
        return []
    codes = {
        hit.code
        for text, phone in _asked(card)
        for hit in find(app, ctx, text, phone=phone, limit=_LOOKED_AT)
    }
    others = set(customer_ids(ctx.connection, codes).values()) - {number}
    judged = judge(ctx, [(min(number, other), max(number, other)) for other in sorted(others)])
    known = known_pairs(ctx.connection, [one.pair for one in judged])
    new = [one for one in judged if one.certainty in at_least("likely") and _is_open(known.get(one.pair))]
    return sorted(new, key=lambda one: (-one.score, one.pair))


def _is_open(known: Known | None) -> bool:
    return known is None or known.state == "open"


def _asked(card: Card) -> Iterator[tuple[str, bool]]:
    """Give what to ask the search index for, and whether it is a phone."""
    yield card.name.core, False
    if card.tax_id is not None:
        yield card.tax_id.text, False
    yield from ((number, True) for number in sorted(card.phones))


def _sentences(ctx: Context, code: str, number: int, found: list[Judged]) -> Iterator[str]:
    others = {one.pair[0] if one.pair[1] == number else one.pair[1] for one in found}
    cards = read_cards(ctx.connection, others, ctx.today)
    for one in found:
        other = cards[one.pair[0] if one.pair[1] == number else one.pair[1]]
        message = _(
            "{code} looks like {other} {name} ({certainty}: {why}); decide with: crm duplicates review"
        )
        yield message.format(
            code=code,
            other=other.row["code"],
            name=other.row["name"],
            certainty=shown_certainty(one.certainty),
            why=", ".join(shown_kind(reason.kind) for reason in one.why if reason.points > 0),
        )
