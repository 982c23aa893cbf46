"""Does the index agree with the rows: looked at in samples, so that a million customers take a moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.search import tables
from crmcore.builtin.search.index import features, read_state
from crmcore.builtin.search.rebuilding import row_texts
from crmcore.builtin.search.sources import LAST, Source, sources
from crmcore.builtin.search.words import features_shown
from crmcore.entities.lookup import batches
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

POINTS = 40
"""At so many places, evenly spread, rows and index are compared; and the newest ones."""
AT_EACH = 3
NEWEST = 50


def check_index(app: App) -> tuple[bool, str]:
    """Return whether the index is as it should be, and what was found; samples of rows and of the index are compared."""
    with app.read() as ctx:
        if read_state(ctx.connection, "waits") is not None:
            return False, _("it is not built yet; run: crm search rebuild")
        built = read_state(ctx.connection, "built")
        mixed = read_state(ctx.connection, "mixed") is not None
        found = [_compare(ctx.connection, source) for source in sources(app).values()]
    compared, wrong = sum(count for count, _wrong in found), [row for _count, rows in found for row in rows]
    if wrong:
        message = _(
            "{count} of {compared} rows looked at differ from the index, such as {row}; run: crm search rebuild"
        )
        return False, message.format(count=len(wrong), compared=compared, row=wrong[0])
    if mixed:
        return False, _("some rows were written without crmcore[search]; run: crm search rebuild")
    return _features(built, compared)


def _features(built: dict[str, Any] | None, compared: int) -> tuple[bool, str]:
    mine = features()
    if built is None:
        return compared == 0, _("empty")
    if built != mine:
        if all(mine[name] or not built.get(name) for name in mine):
            return False, _(
                "it was built with less ({features}) than there is now; run: crm search rebuild"
            ).format(features=features_shown(built))
        return False, _(
            "it was built with more ({features}) than there is here; install it with: pip install 'crmcore[search]'"
        ).format(features=features_shown(built))
    message = _("{count} rows looked at agree; {features}")
    return True, message.format(count=compared, features=features_shown(built))


def _compare(connection: sa.Connection, source: Source) -> tuple[int, list[str]]:
    """Return how many rows of a table were compared, and those that differ."""
    ids = sorted(_sample(connection, source))
    expected = {number: set(text.split()) for number, text in row_texts(connection, source, ids)}
    there = _indexed(connection, source, ids)
    differing = [i for i in ids if expected.get(i) != there.get(i)]
    return len(ids), [f"{source.entity} {number}" for number in differing]


def _sample(connection: sa.Connection, source: Source) -> set[int]:
    """Return ids at evenly spread places, of rows and of what the index holds: a row may lack on either side."""
    highest = connection.scalar(sa.select(sa.func.max(source.table.c.id))) or 0
    points = {highest * place // POINTS for place in range(POINTS)}
    found: set[int] = set()
    c = source.table.c
    for point in points:
        found.update(connection.scalars(sa.select(c.id).where(c.id > point).order_by(c.id).limit(AT_EACH)))
        found.update(_documents(connection, source, "ASC", AT_EACH, after=point))
    found.update(connection.scalars(sa.select(c.id).order_by(c.id.desc()).limit(NEWEST)))
    found.update(_documents(connection, source, "DESC", NEWEST))
    return found


def _documents(
    connection: sa.Connection, source: Source, order: str, limit: int, *, after: int = 0
) -> Iterable[int]:
    column = _number(connection)
    statement = (
        f"SELECT {column} FROM {tables.INDEX} WHERE {column} > :after AND {column} <= :last"  # noqa: S608
        f" ORDER BY {column} {order} LIMIT {limit}"
    )
    ends = {"after": source.first + after, "last": source.first + LAST}
    return [number - source.first for number in connection.scalars(sa.text(statement), ends)]


def _indexed(connection: sa.Connection, source: Source, ids: list[int]) -> dict[int, set[str]]:
    column = _number(connection)
    terms = (
        "terms" if connection.dialect.name == "sqlite" else "array_to_string(tsvector_to_array(terms), ' ')"
    )
    found: dict[int, set[str]] = {}
    for part in batches(ids):
        numbers = ", ".join(str(source.first + number) for number in part)
        statement = f"SELECT {column}, {terms} FROM {tables.INDEX} WHERE {column} IN ({numbers})"  # noqa: S608
        rows = connection.execute(sa.text(statement))
        found.update((number - source.first, set(text.split())) for number, text in rows)
    return found


def _number(connection: sa.Connection) -> str:
    return "rowid" if connection.dialect.name == "sqlite" else "doc"
