"""Finding pairs: keys brought up to date, pairs that share one judged, what is at least possible kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.again import until_done
from crmcore.builtin.duplicates.alike import has_rapidfuzz, missing_sentence
from crmcore.builtin.duplicates.candidates import Pair, Pairs, pairs_of, pairs_of_all
from crmcore.builtin.duplicates.judging import Judged, judge
from crmcore.builtin.duplicates.keeping import changed_since, refresh
from crmcore.builtin.duplicates.tables import DuplicatePair
from crmcore.builtin.exchange.sql import among
from crmcore.collector import collector_off
from crmcore.entities.actors import require_permission
from crmcore.entities.lookup import table_of

if TYPE_CHECKING:
    from crmcore.app import App

PLUGIN = "duplicates"
PERMISSION = "records.write"
AT_ONCE = 1_000
Progress = Callable[[int], None]
"""Told of the pairs judged so far, after each part."""
pair_table = table_of(DuplicatePair)
_c = pair_table.c


class Found(NamedTuple):
    """What a run did."""

    judged: int
    new: int
    changed: int
    gone: int
    """Open pairs that are no longer alike: one was edited, archived or merged."""


class Known(NamedTuple):
    """What is kept of a pair."""

    id: int
    state: str
    stored: dict[str, Any]
    """As `Judged.stored`."""


def find_pairs(
    app: App,
    actor: str,
    *,
    since: date | None = None,
    exact: bool = False,
    rebuild: bool = False,
    progress: Progress = lambda _pairs: None,
) -> Found:
    """Look for pairs and keep them; what was decided of a pair stays.

    since: only pairs of which one customer was changed from that day on. exact: only pairs with an equal tax id, phone
    or name. rebuild: make the keys of all customers anew.
    """
    with app.read(PLUGIN, actor) as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)
    if not exact and not has_rapidfuzz():
        app.warn(missing_sentence())
        exact = True
    refresh(app, anew=rebuild)
    with closing(Pairs()) as candidates, closing(Pairs()) as alike:
        changed = _collect(app, candidates, since, exact=exact)
        judged = new = changes = 0
        for part in candidates.parts(AT_ONCE):
            added, edited = until_done(partial(_take, app, actor, part, None if exact else alike))
            judged, new, changes = judged + len(part), new + added, changes + edited
            progress(judged)
        gone = 0 if exact else _drop_gone(app, actor, alike, changed)
    return Found(judged, new, changes, gone)


def _collect(app: App, candidates: Pairs, since: date | None, *, exact: bool) -> set[int] | None:
    """Collect the pairs that share a key; returns the customers that were changed, None where all are looked at."""
    with app.read(PLUGIN) as ctx:
        if since is None:
            candidates.add(pairs_of_all(ctx.connection, exact=exact))
            return None
        start = datetime.combine(since, time(), app.config.timezone).astimezone(UTC)
        ids = changed_since(ctx.connection, start)
        candidates.add(pairs_of(ctx.connection, ids, exact=exact))
        return set(ids)


def _take(app: App, actor: str, part: Sequence[Pair], alike: Pairs | None) -> tuple[int, int]:
    """Judge some pairs and keep what they come to; returns how many are new, and how many are judged otherwise now.

    alike: is told of the pairs that are possible at least.
    """
    with collector_off(), app.read(PLUGIN, actor) as ctx:
        judged = judge(ctx, part)
    if alike is not None:
        alike.add(one.pair for one in judged)
    return keep_judged(app, actor, judged)


def keep_judged(app: App, actor: str, judged: Sequence[Judged]) -> tuple[int, int]:
    """Keep pairs that were judged; returns how many are new, and how many were judged otherwise before."""
    with app.read(PLUGIN, actor) as ctx:
        known = known_pairs(ctx.connection, [one.pair for one in judged])
    fresh, edits = [], []
    for one in judged:
        kept = known.get(one.pair)
        if kept is None:
            fresh.append(one)
        elif kept.state == "open" and kept.stored != one.stored:
            edits.append((kept.id, one))
    if fresh or edits:
        with app.write(actor, "find duplicates", PLUGIN, plugin=PLUGIN, bulk=True) as tx:
            rows = [
                {"low_id": one.pair[0], "high_id": one.pair[1], "found_at": tx.now, **one.stored}
                for one in fresh
            ]
            tx.insert(DuplicatePair, rows)
            tx.update(DuplicatePair, [(number, one.stored) for number, one in edits])
    return len(fresh), len(edits)


def known_pairs(connection: sa.Connection, pairs: Iterable[Pair]) -> dict[Pair, Known]:
    """Return what is kept of pairs already."""
    wanted = set(pairs)
    lows = sorted({low for low, _high in wanted})
    query = sa.select(_c.low_id, _c.high_id, _c.id, _c.state, _c.score, _c.certainty, _c.why)
    rows = connection.execute(query.where(among(connection, _c.low_id, lows)))
    return {
        (low, high): Known(number, state, {"score": score, "certainty": certainty, "why": why})
        for low, high, number, state, score, certainty, why in rows
        if (low, high) in wanted
    }


def _drop_gone(app: App, actor: str, alike: Pairs, changed: set[int] | None) -> int:
    """Take away open pairs that are no longer alike, of those that were looked at."""
    count, last = 0, 0
    while True:
        with app.read(PLUGIN, actor) as ctx:
            query = sa.select(_c.id, _c.low_id, _c.high_id).where(_c.state == "open", _c.id > last)
            rows = ctx.connection.execute(query.order_by(_c.id).limit(AT_ONCE)).all()
        if not rows:
            return count
        last = rows[-1].id
        gone = [
            row.id
            for row in rows
            if (changed is None or {row.low_id, row.high_id} & changed)
            and (row.low_id, row.high_id) not in alike
        ]
        if gone:
            with app.write(actor, "find duplicates", PLUGIN, plugin=PLUGIN, bulk=True) as tx:
                count += tx.delete(DuplicatePair, gone)
