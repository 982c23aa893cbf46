"""A customer's card as of a past day, with N changes to take back, against the card of today.

`python -m benchmarks.as_of [--changes N] [--postgres]`: in process (95th of 100) and as a command (CPU seconds).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from benchmarks.measuring import best_of, crm
from benchmarks.search import postgres_server
from crmcore.testing.clocks import StandingClock

if TYPE_CHECKING:
    from crmcore.app import App

LIMIT = 10.0
ACTOR = "bench"
FIRST_DAY = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
ROUNDS = 300


def make(folder: Path, url: str | None, changes: int) -> None:
    """Make a company of a thousand customers, the first of them with so many changes on days after the first."""
    from crmcore.workspace import make_workspace

    clock = StandingClock(FIRST_DAY.astimezone(UTC))
    app = make_workspace(folder, url, ACTOR, clock=clock)
    change(app, clock, changes)
    app.close()


def change(app: App, clock: StandingClock, changes: int) -> None:
    """Add the customers, and change the first of them so often."""
    from crmcore.api import Customer

    with app.write(ACTOR, "first") as tx:
        rows = [
            {"code": f"K{n:04}", "name": f"示例贸易有限公司{n}", "phone": f"+86 571 {n:07}", "region": "华东"}
            for n in range(1_000)
        ]
        (first, *_others) = tx.insert(Customer, rows)
    for number in range(changes):
        clock.now = (FIRST_DAY + timedelta(days=1, minutes=number)).astimezone(UTC)
        values: dict[str, Any] = {"phone": f"+86 21 {number:07}", "attributes": {"fax": f"{number}"}}
        with app.write(ACTOR, "a change") as tx:
            tx.update(Customer, [(first, values)])


def p95(calls: Sequence[Callable[[], Any]]) -> list[float]:
    """Return below which time 95 of 100 of each call lie, in seconds; they take turns, so that noise meets both."""
    times: list[list[float]] = [[] for _call in calls]
    for _round in range(20 + ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            taken.append(time.perf_counter() - started)
    return [statistics.quantiles(taken[20:], n=20)[-1] for taken in times]


def measure(folder: Path) -> None:
    """Print both ratios."""
    from crmcore.app import create_app
    from crmcore.builtin.audit.as_of import card_as_of
    from crmcore.builtin.records.services.customers import cards
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Customer

    app = create_app(folder)
    day = FIRST_DAY.date()
    with app.read("records", ACTOR) as ctx:
        now, then = p95(
            [
                lambda: cards(app, ctx, [find_row(ctx.connection, Customer, "K0000")]),
                lambda: card_as_of(app, ctx, "K0000", day),
            ]
        )
    app.close()
    told("in process, 95th of 100", then, now)
    words = ("-C", str(folder), "--actor", ACTOR, "customer", "show", "K0000", "--json")
    now = best_of(5, crm(*words)).cpu
    told("as a command, CPU", best_of(5, crm(*words, "--as-of", day.isoformat())).cpu, now)


def told(what: str, then: float, now: float) -> None:
    """Print one line."""
    shown = f"as of {then * 1_000:8.2f} ms, today {now * 1_000:8.2f} ms, ratio {then / now:5.1f}"
    print(f"  {what:26} {shown} (limit {LIMIT:.0f})", flush=True)


def database(server: str) -> str:
    """Make an empty database and return its address."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS crm_as_of_bench")
        connection.execute("CREATE DATABASE crm_as_of_bench")
    return server.replace("/postgres?", "/crm_as_of_bench?")


def main() -> None:
    """Measure on SQLite, and on PostgreSQL if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lite"
        print(f"SQLite, {given.changes} changes")
        make(folder, None, given.changes)
        measure(folder)
    if given.postgres:
        with postgres_server() as url, tempfile.TemporaryDirectory() as name:
            print(f"PostgreSQL, {given.changes} changes")
            folder = Path(name) / "served"
            make(folder, database(url), given.changes)
            measure(folder)


if __name__ == "__main__":
    main()
