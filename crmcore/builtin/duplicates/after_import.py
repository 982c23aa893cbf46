"""Customers of a finished import looked at: whom do they look like. A small import only; a large one is for the night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import until_done
from crmcore.builtin.duplicates.candidates import pairs_of
from crmcore.builtin.duplicates.checking import likely_pairs
from crmcore.builtin.duplicates.finding import PLUGIN, keep_judged
from crmcore.builtin.duplicates.judging import Judged, at_least, judge
from crmcore.builtin.duplicates.keeping import is_kept, refresh
from crmcore.builtin.duplicates.reading import customers
from crmcore.builtin.duplicates.words import shown_certainty
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import codes_of
from crmcore.entities.tables import Customer
from crmcore.i18n import translator

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_ = translator("crmcore")

MOST_NEW = 1_000
MOST_WITHOUT_KEYS = 5_000
"""Where keys were never made, they are made for so many customers at most: nobody waits for a minute."""
MOST_ASKED = 100
"""Among more, and in a company that was just copied or restored, the search index is asked about so many new customers."""


def warnings_of(app: App, actor: str, number: int, created: int) -> list[str]:
    """Return a sentence on the new customers of an import that look like others; these pairs wait for a decision then."""
    if not 0 < created <= MOST_NEW:
        return []
    with app.read(PLUGIN, actor) as ctx:
        has_keys = is_kept(ctx.connection) or not _many(ctx)
    if has_keys:
        refresh(app)
    with app.read(PLUGIN, actor) as ctx:
        ids = _created(ctx, number)
        likely = _by_keys(ctx, ids) if has_keys else _by_search(app, ctx, ids[:MOST_ASKED])
        sentences = [_sentence(ctx, likely)] if likely else []
    if likely:
        until_done(lambda: keep_judged(app, actor, likely))
    return sentences


def _by_keys(ctx: Context, ids: list[int]) -> list[Judged]:
    judged = judge(ctx, sorted(set(pairs_of(ctx.connection, ids, exact=False))))
    return [one for one in judged if one.certainty in at_least("likely")]


def _by_search(app: App, ctx: Context, ids: list[int]) -> list[Judged]:
    found = {one.pair: one for number in ids for one in likely_pairs(app, ctx, number)}
    return [found[pair] for pair in sorted(found)]


def _many(ctx: Context) -> bool:
    """Tell whether there are too many customers to make the keys of all at once, by one look at the last of them."""
    query = sa.select(customers.c.id).order_by(customers.c.id).offset(MOST_WITHOUT_KEYS).limit(1)
    return ctx.connection.scalar(query) is not None


def _created(ctx: Context, number: int) -> list[int]:
    """Return the customers that an import has made."""
    c = change_log.c
    query: sa.Select[Any] = (
        sa.select(c.entity_id)
        .join(change_tx, change_tx.c.id == c.tx_id)
        .where(
            change_tx.c.source == f"import:{number}",
            c.seq.between(change_tx.c.first_seq, change_tx.c.last_seq),
        )
        .where(c.entity == "customer", c.operation == "create")
    )
    return sorted(ctx.connection.scalars(query))


def _sentence(ctx: Context, likely: list[Judged]) -> str:
    best = max(likely, key=lambda one: one.score)
    codes = codes_of(ctx.connection, Customer, best.pair)
    message = _(
        "{count} pairs look like one customer, such as {other} and {code} ({certainty}); decide with: crm duplicates review"
    )
    return message.format(
        count=len(likely),
        other=codes[best.pair[0]],
        code=codes[best.pair[1]],
        certainty=shown_certainty(best.certainty),
    )
