"""The first page of a list of customers against the bare keyset query of the same rows, at the driver's cursor.

`python -m benchmarks.lists [--rows N] [--postgres]`: 50 customers as `crm customer list --json` prints them, whole cards
and the usual columns; below which time 95 of 100 lie. The bare query and the page take turns.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measuring import crm
from benchmarks.search import make_workspace, postgres_server

LIMIT = 5.0
PAGE = 50
ROUNDS = 200
FIELDS = {
    "discount": {"title": "Discount", "type": "number", "x-index": True},
    "route": {"title": "Route", "type": "string", "maxLength": 20, "x-index": True},
}
COLUMNS = (
    "id",
    "uid",
    "code",
    "kind",
    "lifecycle",
    "name",
    "owner",
    "region",
    "since",
    "version",
    "attributes",
)
GRADES = (
    "JOIN abc_grade g ON g.customer_id = c.id JOIN abc_run r ON g.snapshot_id = coalesce(r.snapshot_id, r.id)"
    " AND g.run_id <= r.id AND (g.until_run IS NULL OR g.until_run > r.id)"
    " WHERE r.state = 'current' AND r.basis = 'purchases' AND r.level = 'single' AND c.archived_at IS NULL"
)
"""How the class of a customer is found."""


class Case(NamedTuple):
    """A list as it is asked for, and the bare query of the same rows."""

    name: str
    where: tuple[tuple[str, str, Any], ...]
    sort: str
    bare: str
    values: tuple[Any, ...] = ()
    after: str | None = None
    rounds: int = ROUNDS


def rows_of(count: int) -> Iterator[tuple[Any, ...]]:
    """Give the customers."""
    chance = random.Random(9)
    for n in range(1, count + 1):
        attributes = {
            "address": f"示例路{n}号",
            "discount": chance.randrange(100_000) / 100,
            "route": f"r{n % 997}",
        }
        if n % 5 == 0:
            del attributes["discount"]
        lifecycle = chance.choice(("active", "active", "active", "prospect", "former"))
        owner, since = f"rep{chance.randrange(200):03}", f"20{chance.randrange(10, 26)}-03-01"
        name, text = f"演示商贸{n}有限公司", json.dumps(attributes, ensure_ascii=False)
        yield n, f"{n:036}", f"B{n:07}", "organisation", lifecycle, name, owner, "华东", since, 1, text


def fill(place: Path | str, rows: int) -> None:
    """Write customers and one run of classes past the gate: who reads lists does not ask who wrote them."""
    grades = (
        "SELECT {n}, 1, 1, NULL, id, CASE WHEN id % 20 = 0 THEN 'A' WHEN id % 5 = 0 THEN 'B' ELSE 'C' END,"
    )
    grades = f"INSERT INTO abc_grade {grades.format(n='id')} id * 7919 % 1000000, 1 FROM customer"
    run = (
        "INSERT INTO abc_run (id, state, period_start, period_end, basis, level, by, preset, currency, settings,"
        " settings_version, rates, input_checksum, fingerprint, customers, purchases, amount_minor, positive_minor,"
        " remarks, engine, duration_ms, actor, made_on, created_at, version) VALUES (1, 'current', '2026-01-01',"
        " '2026-06-30', 'purchases', 'single', 'share', 'x', 'CNY', '{}', '1', '{}', 'x', 'x', 1, 1, 1, 1, '{}',"
        " 'python', 1, 'bench', '2026-07-01', '2026-07-01', 1)"
    )
    names = ", ".join(COLUMNS)
    if isinstance(place, Path):
        connection = sqlite3.connect(place)
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO customer ({names}) VALUES ({marks})", rows_of(rows))
        connection.execute(run)
        connection.execute(grades)
        connection.commit()
        connection.close()
        return
    import psycopg

    with psycopg.connect(place.replace("postgresql+psycopg", "postgresql"), autocommit=True) as server:
        with server.cursor().copy(f"COPY customer ({names}) FROM STDIN") as copy:
            for row in rows_of(rows):
                copy.write_row(row)
        server.execute(run)
        server.execute(grades)
        server.execute("VACUUM ANALYZE")


def cases(rows: int, dialect: str) -> list[Case]:
    """Return what is asked."""
    from crmcore.builtin.records.services.list_elements import attribute_sql

    present, page = "SELECT * FROM customer c WHERE archived_at IS NULL", f"LIMIT {PAGE}"
    discount = attribute_sql("discount", "number", dialect, "c.attributes")
    route = attribute_sql("route", "text", dialect, "c.attributes")
    some = f"{discount} >= -9e999" if dialect == "sqlite" else f"{discount} IS NOT NULL"
    middle, own = f"B{rows // 2:07}", (("owner", "=", "rep007"), ("lifecycle", "=", "prospect"))
    graded = f"SELECT c.* FROM customer c {GRADES}"
    walk = graded.replace("JOIN abc_grade", "CROSS JOIN abc_grade").replace(" ON g.customer_id = c.id", "")
    first_a = (walk if dialect == "sqlite" else graded).replace(
        " WHERE ", " WHERE g.customer_id = c.id AND g.grade = ? AND "
    )
    return [
        Case("by code", (), "code", f"{present} ORDER BY code {page}"),
        Case("deep in the list", (), "code", f"{present} AND code > ? ORDER BY code {page}", (middle,), middle),
        Case(
            "owner and lifecycle", own, "code",
            f"{present} AND owner = ? AND lifecycle = ? ORDER BY code {page}", ("rep007", "prospect"),
        ),
        Case("attribute", (("route", "=", "r7"),), "code", f"{present} AND {route} = ? ORDER BY code {page}", ("r7",)),
        Case("sort by attribute", (), "discount", f"{present} AND {some} ORDER BY {discount}, code {page}"),
        Case("sort down", (), "-discount", f"{present} AND {some} ORDER BY {discount} DESC, code {page}"),
        Case("since, the newest", (), "-since", f"{present} AND since >= ? ORDER BY since DESC, code {page}", ("2025-03-01",), rounds=10),
        Case("class", (("abc.grade", "=", "A"),), "code", f"{first_a} ORDER BY c.code {page}", ("A",)),
        Case("sort by amount", (), "abc.amount", f"{graded} ORDER BY g.amount_minor, c.code {page}", rounds=10),
    ]  # fmt: skip


def pages(app: Any, ctx: Any, case: Case) -> dict[str, Callable[[], list[str]]]:
    """Return what makes the page: whole cards, and columns."""
    from crmcore.builtin.records.roster import Roster
    from crmcore.builtin.records.services.customer_list import Condition, CustomerList, Order
    from crmcore.builtin.records.services.list_columns import PluginColumns
    from crmcore.cli.kit import Session
    from crmcore.db.base import dumps

    session = Session()
    session.__dict__["app"] = app
    order = Order(case.sort.removeprefix("-"), case.sort.startswith("-"))

    def page(names: Sequence[str]) -> list[str]:
        columns = PluginColumns(app, ctx)
        wanted = [Condition(*condition) for condition in case.where]
        found = CustomerList(app, ctx, columns, wanted, order, case.after).find(PAGE, names)
        roster = Roster(session, ctx, columns, names, found)
        return [dumps(line.values) for part in roster.pages() for line in part]

    return {
        "cards": lambda: page(()),
        "columns": lambda: page(("code", "name", "owner", "lifecycle", "since")),
    }


def p95(times: list[float]) -> float:
    """Return the time below which 95 of 100 lie, in milliseconds."""
    return statistics.quantiles(times, n=20)[-1] * 1_000


def stopwatch(server: int | None) -> Callable[[Callable[[], object]], float]:
    """Return what tells how long a work keeps the processor, in this process and in a server's: the machine may be shared.

    Of a server that cannot be looked at it is the time that passes.
    """
    seen = Path(f"/proc/{server}/schedstat")
    clock = time.perf_counter if server and not seen.exists() else time.process_time

    def spent() -> float:
        return int(seen.read_text(encoding="ascii").split()[0]) / 1e9 if seen.exists() else 0.0

    def seconds(work: Callable[[], object]) -> float:
        there, here = spent(), clock()
        work()
        here = clock() - here
        return here + spent() - there

    return seconds


def measure(workspace: Path) -> None:
    """Print for each list what the page takes, and what the bare query takes."""
    from crmcore.app import create_app

    app = create_app(workspace)
    with app.read("records", "bench") as ctx:
        driver: Any = ctx.connection.connection.driver_connection
        dialect = ctx.connection.dialect.name
        rows = int(ctx.connection.exec_driver_sql("SELECT max(id) FROM customer").scalar() or 0)
        seconds = stopwatch(None if dialect == "sqlite" else driver.info.backend_pid)
        for case in cases(rows, dialect):
            statement = (
                case.bare.replace("%", "%%").replace("?", "%s") if dialect == "postgresql" else case.bare
            )

            def bare(statement: str = statement, case: Case = case) -> list[Any]:
                return list(driver.execute(statement, case.values).fetchall())

            makers = {"bare": bare, **pages(app, ctx, case)}
            lengths = {len(make()) for make in makers.values()}
            assert lengths == {PAGE}, (case.name, lengths)
            times: dict[str, list[float]] = {name: [] for name in makers}
            for _round in range(case.rounds):
                for name, make in makers.items():
                    times[name].append(seconds(make))
            alone = p95(times.pop("bare"))
            told = ", ".join(
                f"{name} {p95(t):8.2f} ms ratio {p95(t) / alone:5.1f}" for name, t in times.items()
            )
            print(f"  {case.name:20} bare {alone:8.2f} ms, {told} (limit {LIMIT:.0f})", flush=True)
    app.close()


def run(folder: Path, rows: int, url: str | None) -> None:
    """Make a company with so many customers, and measure."""
    workspace = folder / "company"
    make_workspace(workspace, url)
    (workspace / "customer_card.schema.json").write_text(json.dumps({"properties": FIELDS}), encoding="utf-8")
    words = ("-C", str(workspace), "--actor", "bench")
    subprocess.run(crm(*words, "plugins", "enable", "abc_analysis"), check=True, stdout=subprocess.DEVNULL)
    fill(url or workspace / "crm.db", rows)
    subprocess.run(crm(*words, "db", "migrate"), check=True, stdout=subprocess.DEVNULL)
    print(f"{'PostgreSQL' if url else 'SQLite'}, {rows:,} customers, a page of {PAGE}:", flush=True)
    measure(workspace)


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), given.rows, None)
    if given.postgres:
        import psycopg

        with postgres_server() as server, tempfile.TemporaryDirectory() as folder:
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute("DROP DATABASE IF EXISTS crm_lists_bench")
                connection.execute("CREATE DATABASE crm_lists_bench")
            run(Path(folder), given.rows, server.replace("/postgres?", "/crm_lists_bench?"))


if __name__ == "__main__":
    main()
