"""Duplicates: exact keys against the bare self-join in the same database, and similar names with their memory.

The limit of exact keys is for a million customers: `python -m benchmarks.duplicates --rows 1000000`. On SQLite CPU
seconds count, which others on the machine disturb least; on PostgreSQL, whose work is done elsewhere, those that pass.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import crm, run
from benchmarks.search import make_workspace, names, postgres_server

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.app import App

Clock = Callable[[], float]
LIMIT = 3.0
SHARE = 100
"""One of so many customers was entered twice."""
HEADER = ("code", "name", "short_name", "tax_id", "phone", "address", "contact", "contact_mobile")
_SIGNS = "明华强丽伟芳磊洋勇艳杰娟涛超霞平刚桂英玉萍红建国志文斌鑫宇浩"
_ROADS = (
    "中山路",
    "解放路",
    "人民路",
    "建设路",
    "延安路",
    "长江路",
    "新华路",
    "工业大道",
    "科技路",
    "滨河路",
)
_JOIN = (
    "SELECT count(*) FROM duplicate_key AS a JOIN duplicate_key AS b ON b.key = a.key AND b.customer_id > a.customer_id"
    " WHERE a.key >= 0"
)
_BY_COLUMN = "SELECT count(*) FROM customer AS a JOIN customer AS b ON b.{0} = a.{0} AND b.id > a.id"


def rows_of(count: int) -> Iterator[tuple[Any, ...]]:
    """Give customers; one of a hundred comes again, its name and phone written otherwise."""
    from crmcore.builtin.demo.identifiers import Issuer

    chance = random.Random(8)
    issuer = Issuer(chance)
    for i, (name, short) in enumerate(names(count - count // SHARE)):
        person = chance.choice("王李张刘陈杨赵黄") + "".join(chance.choices(_SIGNS, k=2))
        address = (
            f"{name[:2]}市{chance.choice(_ROADS)}{chance.randrange(1, 3000)}号{chance.randrange(101, 2900)}室"
        )
        row = (
            f"B{i:07}",
            name,
            short,
            issuer.tax_id("91"),
            f"0571-{i:08}",
            address,
            person,
            f"10200{i:06}"[:11],
        )
        yield row
        if i % (SHARE - 1) == 0 and i < (count // SHARE) * (SHARE - 1):
            yield (f"D{i:07}", short, "", "", f"+86 571 {i:08}", address, "", "")


def fill(workspace: Path, count: int) -> None:
    """Import the customers."""
    file = workspace.parent / "customers.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        writer.writerows(rows_of(count))
    run(crm("-C", str(workspace), "--actor", "bench", "import", "customers", str(file), "--json"))


def best(clock: Clock, call: Callable[[], Any], times: int = 3) -> float:
    """Return the least seconds of several calls."""
    found: list[float] = []
    for _time in range(times):
        started = clock()
        call()
        found.append(clock() - started)
    return min(found)


def measure_exact(app: App, count: int, clock: Clock) -> None:
    """Print what equal keys take, and the bare self-joins."""
    from crmcore.builtin.duplicates.finding import find_pairs
    from crmcore.builtin.duplicates.keeping import refresh

    keys = best(clock, lambda: refresh(app), times=1)
    with app.read() as ctx:
        bare = best(clock, lambda: scalar(ctx.connection, _JOIN))
        columns = best(
            clock, lambda: [scalar(ctx.connection, _BY_COLUMN.format(c)) for c in ("tax_id", "name")], times=1
        )
        pairs = scalar(ctx.connection, _JOIN)
        alone = best(clock, lambda: collect(ctx.connection))
    command = ("-C", str(app.config.folder), "--actor", "bench", "duplicates", "find", "--exact")
    first = seconds_of(command, clock)
    with app.read() as ctx:
        kept = scalar(ctx.connection, "SELECT count(*) FROM duplicate_pair")
    again = min(seconds_of(command, clock) for _time in range(3))
    inside = best(clock, lambda: find_pairs(app, "bench", exact=True))
    print(
        f"  keys of {count:,} customers made in {keys:.1f} s ({count / keys:,.0f}/s), once;"
        f" {pairs:,} pairs share an exact one"
    )
    print(
        f"  bare self-join on the keys {bare:.2f} s, on the columns tax_id and name {columns:.2f} s;"
        f" crm duplicates find --exact ({kept:,} kept) {first:.2f} s, again {again:.2f} s"
    )
    print(
        f"  ratio to the join on the keys: pairs alone {alone / bare:.2f}, the command {first / bare:.2f},"
        f" again {again / bare:.2f} (limit {LIMIT:.0f}), of which the search {inside / bare:.2f}",
        flush=True,
    )


def seconds_of(command: Sequence[str], clock: Clock) -> float:
    """Return what a command takes, start and end of its process included."""
    started = time.perf_counter()
    cpu = run(crm(*command)).cpu
    return cpu if clock is time.process_time else time.perf_counter() - started


def collect(connection: sa.Connection) -> None:
    """Collect the pairs that share an exact key, each once, as a search does before it judges them."""
    from crmcore.builtin.duplicates.candidates import Pairs, pairs_of_all

    found = Pairs()
    found.add(pairs_of_all(connection, exact=True))
    found.close()


def scalar(connection: sa.Connection, statement: str) -> int:
    """Return the one value of a statement."""
    return int(connection.exec_driver_sql(statement).scalar() or 0)


def measure_similar(workspace: Path, count: int) -> None:
    """Print what comparing similar names takes, in a process of its own, and its peak memory."""
    words = ("-C", str(workspace), "--actor", "bench", "duplicates", "find", "--json", "--limit", "1")
    empty = run(crm("-C", str(workspace), "customer", "list", "--limit", "1", "--json"))
    started = time.perf_counter()
    whole = run(crm(*words))
    seconds = time.perf_counter() - started
    print(
        f"  similar names among {count:,}: {seconds:.1f} s, {count / seconds:,.0f} customers/s, CPU {whole.cpu:.1f} s;"
        f" peak {whole.peak_mb:.0f} MB, of them {empty.peak_mb:.0f} MB for any command"
    )


def measure(count: int, url: str | None) -> None:
    """Fill a company and measure in it."""
    from crmcore.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "company"
        make_workspace(workspace, url)
        fill(workspace, count)
        print(f"{'PostgreSQL' if url else 'SQLite'}, {count:,} customers:")
        app = create_app(workspace)
        measure_exact(app, count, time.perf_counter if url else time.process_time)
        app.close()
        measure_similar(workspace, count)


def main() -> None:
    """Print seconds, ratios and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[25_000, 100_000])
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too")
    given = parser.parse_args()
    for count in given.rows:
        measure(count, None)
        if given.postgres:
            import psycopg

            with postgres_server() as server:
                with psycopg.connect(server, autocommit=True) as connection:
                    connection.execute("DROP DATABASE IF EXISTS crm_duplicates_bench")
                    connection.execute("CREATE DATABASE crm_duplicates_bench")
                measure(count, server.replace("/postgres?", "/crm_duplicates_bench?"))


if __name__ == "__main__":
    main()
