"""`crm export customers` against csv.writer over a raw cursor of the same columns, each in a process of its own.

`python -m benchmarks.export [--rows N]`: CPU seconds and seconds by the clock, each less those of a company with nobody.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import crm, python, run
from benchmarks.search import make_workspace, write_file

LEAST = 0.3
RAW = """
import csv, json, sqlite3
connection = sqlite3.connect({database!r})
with open({like!r}, encoding="utf-8-sig", newline="") as file:
    header = next(csv.reader(file))
there = [row[1] for row in connection.execute("PRAGMA table_info(customer)")]
columns = [name for name in header if name in there]
others = [name for name in header if name not in there]
rows = connection.execute("SELECT " + ", ".join(columns) + ", attributes FROM customer ORDER BY code")
with open({file!r}, "w", encoding="utf-8", newline="") as file:
    writer = csv.writer(file)
    writer.writerow([*columns, *others])
    for *row, attributes in rows:
        writer.writerow([*row, *map(json.loads(attributes).get, others)])
"""


def taken(arguments: list[str]) -> tuple[float, float]:
    """Run a process; CPU seconds and seconds."""
    started = time.perf_counter()
    measured = run(arguments)
    return measured.cpu, time.perf_counter() - started


def both(folder: Path, rows: int) -> list[tuple[float, float]]:
    """Make a company, export it in both ways; CPU seconds and seconds of ours, and of the bare one."""
    folder.mkdir()
    workspace = folder / "company"
    make_workspace(workspace, None)
    if rows:
        write_file(folder / "customers.csv", rows)
        run(
            crm(
                "-C", str(workspace), "--actor", "bench", "import", "customers", str(folder / "customers.csv")
            )
        )
    with sqlite3.connect(workspace / "crm.db") as connection:
        assert connection.execute("SELECT count(*) FROM customer").fetchone() == (rows,)
    connection.close()
    ours = crm("-C", str(workspace), "--actor", "bench", "export", "customers", str(folder / "ours.csv"))
    places = {"database": workspace / "crm.db", "like": folder / "ours.csv", "file": folder / "bare.csv"}
    bare = python(RAW.format(**{name: str(path) for name, path in places.items()}))
    return [min(taken(words) for _ in range(2)) for words in (ours, bare)]


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        empty, full = both(Path(folder) / "empty", 0), both(Path(folder) / "full", rows)
    (cpu, clock), (bare_cpu, bare_clock) = (
        (some[0] - none[0], some[1] - none[1]) for some, none in zip(full, empty, strict=True)
    )
    print(
        f"export of {rows:,} customers: {rows / cpu:,.0f} rows/CPU-s, of a raw cursor {bare_cpu / cpu:.2f};"
        f" {rows / clock:,.0f} rows/s, of a raw cursor {bare_clock / clock:.2f} (limit {LEAST})"
    )


if __name__ == "__main__":
    main()
