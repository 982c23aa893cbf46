"""Who exported, listed in bulk, ran reports or read sensitive fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.system import read_log

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

COLUMNS = ("at", "actor", "authenticated_as", "what", "entity", "count", "filter")
_c = read_log.c


def reads(
    ctx: Context,
    *,
    by: str | None = None,
    what: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield recorded reads, the newest first: by an actor, of a kind, from a moment on and before another."""
    query = sa.select(read_log).order_by(_c.id.desc()).limit(limit)
    wanted = {_c.actor: by, _c.what: what}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if since is not None:
        query = query.where(_c.at >= since)
    if until is not None:
        query = query.where(_c.at < until)
    result = ctx.connection.execute(query, execution_options={"yield_per": 500}).mappings()
    for row in result:
        yield {name: row[name] for name in COLUMNS}
