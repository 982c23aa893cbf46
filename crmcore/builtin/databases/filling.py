"""Fill an empty database with the rows of another: the one engine behind backup, restore and copy.

All in one transaction of the target, and what was written is read again and compared before it commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.databases.counters import go_on_after, last_number
from crmcore.builtin.databases.drawing import condition_left_out, draw
from crmcore.builtin.databases.layout import SERVERS_OWN, Layout, layouts, quoted
from crmcore.builtin.databases.plan import Plan, make_tables
from crmcore.builtin.databases.reading import batches, utc
from crmcore.builtin.databases.sums import Batch, Sum
from crmcore.db.base import dumps
from crmcore.db.engine import gate
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence


_GROWS = {"read_log"}
"""To copy is itself written down there."""


@dataclass(frozen=True)
class Copied:
    """One table that was copied, and compared."""

    name: str
    rows: int
    sha256: str


def fill(source: sa.Connection, target: sa.Connection, plan: Plan) -> list[Copied]:
    """Make the tables of the plan in an empty target and copy the rows, in the target's open transaction."""
    utc(target)
    make_tables(target, plan.folders, plan.revisions)
    plan.lost.extend(draw(source, target, plan.kept, plan.made))
    there = layouts(source, sorted(plan.tables))
    _compare_columns(there, layouts(target, sorted(plan.tables)))
    with gate(target), _bare(target, plan):
        for layout in there:
            target.exec_driver_sql(f"DELETE FROM {quoted(layout.name)}")  # noqa: S608  (what migrations put there)
        done = [_copy(source, target, layout) for layout in there]
    with gate(target):
        for layout in there:
            go_on_after(target, layout, last_number(source, layout))
    for layout, copied in zip(there, done, strict=True):
        compare(copied, summed(target, layout))
    return done


def already_there(source: sa.Connection, target: sa.Connection, plan: Plan) -> list[Copied] | None:
    """Return the tables of the plan if a target holds just what `fill` would put there; else None."""
    names = sorted(plan.tables)
    if not names or not set(names) <= set(sa.inspect(target).get_table_names()) or _same(source, target):
        return None
    utc(target)
    there, here = layouts(source, names), layouts(target, names)
    if any(one.columns.keys() != other.columns.keys() for one, other in zip(there, here, strict=True)):
        return None
    found = {layout.name: summed(target, layout) for layout in there}
    odd = [layout for layout in there if found[layout.name] != summed(source, layout, moving=True)]
    if any(layout.name not in _GROWS for layout in odd):
        return None
    with gate(target):
        for layout in odd:
            target.exec_driver_sql(f"DELETE FROM {quoted(layout.name)}")  # noqa: S608  (our own table)
            found[layout.name] = _copy(source, target, layout)
            go_on_after(target, layout, last_number(source, layout))
    return list(found.values())


def _same(source: sa.Connection, target: sa.Connection) -> bool:
    """Say whether a server is to be copied onto itself: then it sees who reads."""
    if source.dialect.name != "postgresql":
        return False
    reader = source.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND datname = current_database()"
    return bool(target.exec_driver_sql(query, (reader,)).scalar())


def summed(connection: sa.Connection, layout: Layout, *, moving: bool = False) -> Copied:
    """Count and sum the rows of a table."""
    total = Sum(layout)
    with closing(batches(connection, layout, moving=moving)) as given:
        for batch in given:
            total.add(batch)
    return Copied(layout.name, total.rows, total.sha256)


def compare(wanted: Copied, found: Copied) -> None:
    """Refuse a table that is not what it should be."""
    if wanted != found:
        message = _(
            "table {table} would not hold the same rows ({wanted} read, {found} written, or other values); nothing was kept"
        )
        raise CrmError(message.format(table=wanted.name, wanted=wanted.rows, found=found.rows))


def _compare_columns(there: Sequence[Layout], here: Sequence[Layout]) -> None:
    for one, other in zip(there, here, strict=True):
        if one.columns.keys() != other.columns.keys() or one.key != other.key:
            odd = sorted(one.columns.keys() ^ other.columns.keys()) or [*one.key, *other.key]
            message = _(
                "table {table} has other columns than its migrations make ({columns}); nothing was copied"
            )
            raise CrmError(message.format(table=one.name, columns=", ".join(odd)))


def _copy(source: sa.Connection, target: sa.Connection, layout: Layout) -> Copied:
    total = Sum(layout)
    same = source.dialect.name == target.dialect.name
    write = _into_sqlite if target.dialect.name == "sqlite" else _into_postgres

    with closing(batches(source, layout, moving=True)) as given:

        def read() -> Iterator[Batch]:
            for batch in given:
                total.add(batch)
                yield batch if same else _translated(layout, batch, target.dialect.name)

        write(target, layout, read())
    return Copied(layout.name, total.rows, total.sha256)


def _translated(layout: Layout, batch: Batch, dialect: str) -> Batch:
    """Write JSON as we write it: PostgreSQL gives it back with blanks."""
    places = [place for place, kind in enumerate(layout.columns.values()) if kind == "json"]
    if dialect != "sqlite" or not places:
        return batch
    columns: list[Sequence[Any]] = list(zip(*batch, strict=True))
    for place in places:
        columns[place] = [None if text is None else dumps(json.loads(text)) for text in columns[place]]
    return list(zip(*columns, strict=True))


def _into_sqlite(target: sa.Connection, layout: Layout, read: Iterator[Batch]) -> None:
    driver: Any = target.connection.driver_connection
    names = ", ".join(map(quoted, layout.columns))
    marks = ", ".join("?" * len(layout.columns))
    statement = f"INSERT INTO {quoted(layout.name)} ({names}) VALUES ({marks})"  # noqa: S608  (quoted names)
    for batch in read:
        driver.executemany(statement, batch).close()


def _into_postgres(target: sa.Connection, layout: Layout, read: Iterator[Batch]) -> None:
    driver: Any = target.connection.driver_connection
    names = ", ".join(map(quoted, layout.columns))
    statement = f"COPY {quoted(layout.name)} ({names}) FROM STDIN"
    own = [i for i, name in enumerate(layout.columns) if name in SERVERS_OWN.get(layout.name, ())]
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in read:
            for row in _of_no_server(batch, own) if own else batch:
                copy.write_row(row)


def _of_no_server(batch: Batch, own: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Give transactions of elsewhere the number 0: below every number that this server gives, so that no reader waits for them."""
    for row in batch:
        yield tuple(0 if place in own else value for place, value in enumerate(row))


class _Again(NamedTuple):
    """Something that is taken away while rows go in, and made again."""

    away: str
    make: str
    or_say: str = ""
    """What is said where rows keep it from being made; without it that is an error."""


@contextmanager
def _bare(target: sa.Connection, plan: Plan) -> Iterator[None]:
    """Take indexes, foreign keys and conditions away while rows go in, and make them again: sorted at once, and checked at once."""
    again = _of_sqlite(target, plan.tables) if target.dialect.name == "sqlite" else _of_postgres(target, plan)
    driver: Any = target.connection.driver_connection
    for one in reversed(again):
        driver.execute(one.away).close()
    yield
    for one in again:
        try:
            with target.begin_nested() if one.or_say else nullcontext():
                driver.execute(one.make).close()
        except (driver.IntegrityError, driver.DataError):  # broken by a row, or not to be computed for it
            if not one.or_say:
                raise
            plan.lost.append(one.or_say)


def _of_sqlite(target: sa.Connection, tables: Sequence[str]) -> list[_Again]:
    query = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    rows = target.exec_driver_sql(query).all()
    return [_Again(f"DROP INDEX {quoted(name)}", sql) for name, table, sql in rows if table in tables]


def _of_postgres(target: sa.Connection, plan: Plan) -> list[_Again]:
    keys = target.exec_driver_sql(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype = 'c',"
        " conname, (SELECT relname FROM pg_class WHERE pg_class.oid = conrelid)"
        " FROM pg_constraint WHERE contype IN ('f', 'c') AND connamespace = current_schema()::regnamespace"
        " AND conrelid <> 0"
    ).all()
    indexes = target.exec_driver_sql(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = current_schema()::regnamespace"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
    ).all()
    again = [_Again(f"DROP INDEX {name}", made) for name, made in indexes]
    for table, name, told, condition, plain, of in keys:
        if condition and of not in plan.kept:
            continue  # what migrations make must hold
        sentence = condition_left_out(plain, of) if condition else ""
        alter = f"ALTER TABLE {table}"
        again.append(
            _Again(f"{alter} DROP CONSTRAINT {name}", f"{alter} ADD CONSTRAINT {name} {told}", sentence)
        )
    return again
