"""ABC over purchases in SQLite, written back, against a pipeline written by hand for just this.

The reference uses the standard library only: it folds the purchases on the covering index, ranks by windows on
one row per customer, and writes them sorted with executemany, all in one transaction; it has no change log,
checksum or codes. The claim is at most twice its time at `--rows 1000000`. A second reference replaces the windows
by a loop in Python, which is the fastest that we could write by hand; it is printed, too, without a limit.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measuring import crm, report

YEAR = (date(2025, 1, 1), date(2025, 12, 31))
_FOLD = """
SELECT customer_id, sum(CASE currency WHEN 'CNY' THEN net_minor ELSE (net_minor * 712 + 50) / 100 END) AS total
FROM ledger_line WHERE counts > 0 AND counts & 1 <> 0 AND occurred_on BETWEEN ? AND ? GROUP BY customer_id
"""
_WINDOWS = f"""
WITH fold AS MATERIALIZED ({_FOLD})
SELECT customer_id, total, rank() OVER (ORDER BY total DESC), count(*) OVER (),
ifnull(sum(max(total, 0)) OVER (ORDER BY total DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
FROM fold ORDER BY customer_id
"""
_TABLE = """
CREATE TABLE hand_grade (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL,
customer_id INTEGER NOT NULL REFERENCES customer(id), grade VARCHAR(8) NOT NULL, rank INTEGER NOT NULL,
amount_minor INTEGER NOT NULL, ahead_minor INTEGER NOT NULL, since_run INTEGER NOT NULL,
UNIQUE (run_id, customer_id))
"""
_INSERT = """
INSERT INTO hand_grade (run_id, customer_id, grade, rank, amount_minor, ahead_minor, since_run)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def make_company(folder: Path, rows: int, customers: int) -> Path:
    """Make a workspace with so many posted invoice lines of so many customers, written past the gate."""
    workspace = folder / "company"
    for words in (("init", str(workspace)), ("-C", str(workspace), "plugins", "enable", *_PLUGINS)):
        subprocess.run(crm("--actor", "bench", *words), check=True, stdout=subprocess.DEVNULL)
    toml = workspace / "crm.toml"
    toml.write_text(toml.read_text("utf-8") + 'USD = "7.12"\n', "utf-8")
    with sqlite3.connect(workspace / "crm.db") as database:
        _insert(database, "customer", _customers(customers))
        _insert(database, "ledger_document", _documents(rows, customers))
        _insert(database, "ledger_line", _lines(rows, customers))
        database.execute("ANALYZE")
    database.close()
    return workspace


_PLUGINS = ("trade_ledger", "abc_analysis")


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    names, places = ", ".join(first), ", ".join(f":{name}" for name in first)
    sql = f"INSERT INTO {table} ({names}) VALUES ({places})"
    database.execute(sql, first)
    database.executemany(sql, rows)


def _customers(count: int) -> Iterator[dict[str, Any]]:
    for i in range(1, count + 1):
        yield {"id": i, "uid": f"bench-{i}", "code": f"C{i:07}", "kind": "organisation", "lifecycle": "active",
               "name": f"Customer {i}", "version": 1, "attributes": "{}"}  # fmt: skip


def _purchases(rows: int, customers: int) -> Iterator[tuple[int, int, str, str, int]]:
    """Yield number, customer, day, currency, amount: few customers buy most, 2 % are credit notes."""
    rng = random.Random(20251121)
    days = [(YEAR[0] + timedelta(days=day)).isoformat() for day in range(365)]
    for number in range(1, rows + 1):
        customer = 1 + min(int(customers * rng.random() ** 1.5), customers - 1)
        amount = int(rng.lognormvariate(8, 1.5)) + 1
        currency = "CNY" if rng.random() < 0.97 else "USD"
        yield number, customer, rng.choice(days), currency, -amount if rng.random() < 0.02 else amount


def _documents(rows: int, customers: int) -> Iterator[dict[str, Any]]:
    for number, customer, day, currency, amount in _purchases(rows, customers):
        yield {"id": number, "kind": "invoice", "number": f"F{number}", "customer_id": customer, "bill_to_id": customer,
               "occurred_on": day, "currency": currency, "net_minor": amount, "tax_minor": 0, "gross_minor": amount,
               "open_minor": 0, "cash": 0, "state": "posted", "origin": "bench", "version": 1}  # fmt: skip


def _lines(rows: int, customers: int) -> Iterator[dict[str, Any]]:
    for number, customer, day, currency, amount in _purchases(rows, customers):
        yield {"document_id": number, "line": 1, "kind": "invoice", "customer_id": customer, "occurred_on": day,
               "currency": currency, "net_minor": amount, "tax_minor": 0, "counts": 7}  # fmt: skip


Graded = list[tuple[int, int, str, int, int, int, int]]


def by_hand(path: Path, start: date, rank: Callable[[sqlite3.Connection, tuple[str, str]], Graded]) -> float:
    """Grade and write back with the standard library alone; CPU seconds."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA foreign_keys=ON")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("DROP TABLE IF EXISTS hand_grade")
    database.execute(_TABLE)
    started = time.process_time()
    graded = rank(database, (start.isoformat(), YEAR[1].isoformat()))
    database.execute("BEGIN IMMEDIATE")
    database.executemany(_INSERT, graded)
    database.execute("COMMIT")
    taken = time.process_time() - started
    database.close()
    return taken


def by_windows(database: sqlite3.Connection, period: tuple[str, str]) -> Graded:
    """Rank with window functions."""
    rows = database.execute(_WINDOWS, period).fetchall()
    bounds = _bounds(len(rows))
    return [
        (1, customer, _grade(rank, amount, bounds), rank, amount, ahead, 1)
        for customer, amount, rank, _count, ahead in rows
    ]


def by_loop(database: sqlite3.Connection, period: tuple[str, str]) -> Graded:
    """Rank with a loop."""
    totals = database.execute(_FOLD, period).fetchall()
    totals.sort(key=lambda row: -row[1])
    bounds = _bounds(len(totals))
    graded = []
    rank = ahead = bought = 0
    before = None
    for position, (customer, amount) in enumerate(totals, 1):
        if amount != before:
            rank, before, ahead = position, amount, bought
        bought += max(amount, 0)
        graded.append((1, customer, _grade(rank, amount, bounds), rank, amount, ahead, 1))
    graded.sort(key=lambda row: row[1])
    return graded


def _bounds(count: int) -> tuple[int, int, int]:
    return -(-count // 100), -(-count // 20), -(-count // 5)


def _grade(rank: int, amount: int, bounds: tuple[int, int, int]) -> str:
    if amount <= 0 or rank > bounds[2]:
        return "D"
    return "A" if rank <= bounds[0] else "B" if rank <= bounds[1] else "C"


def by_plugin(workspace: Path, start: date) -> float:
    """Make a run with abc_analysis; CPU seconds."""
    from crmcore.app import create_app
    from crmcore_abc_analysis.services import Request, make_run

    app = create_app(workspace)
    try:
        with app.read("abc_analysis"):
            started = time.process_time()
        make_run(app, "bench", Request(start, YEAR[1]))
        return time.process_time() - started
    finally:
        app.close()


def agreement(path: Path) -> int:
    """Count the customers to whom the last run and the hand give another class or rank."""
    with sqlite3.connect(path) as database:
        (differ,) = database.execute(
            "SELECT count(*) FROM abc_grade a JOIN abc_run r ON r.id = a.run_id AND r.state = 'current'"
            " LEFT JOIN hand_grade h ON h.run_id = 1 AND h.customer_id = a.customer_id WHERE (a.grade, a.rank) IS NOT (h.grade, h.rank)"
        ).fetchone()
    database.close()
    return int(differ)


def measure(rows: int, customers: int, repeat: int) -> tuple[dict[str, float], int]:
    """Return the least CPU seconds of each way, measured turn by turn, and how many classes differ."""
    taken: dict[str, list[float]] = {"plugin": [], "windows": [], "loop": []}
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_company(Path(folder), rows, customers)
        path = workspace / "crm.db"
        for turn in range(repeat):
            # Another first day, before any purchase: the same work, but not a run that is known already.
            start = YEAR[0] - timedelta(days=turn)
            taken["plugin"].append(by_plugin(workspace, start))
            taken["loop"].append(by_hand(path, start, by_loop))
            taken["windows"].append(by_hand(path, start, by_windows))
        return {way: min(seconds) for way, seconds in taken.items()}, agreement(path)


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--customers", type=int, help="by default a tenth of the rows")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    customers = given.customers or max(given.rows // 10, 1)
    seconds, differ = measure(given.rows, customers, given.repeat)
    what = f"ABC of {given.rows:,} purchases, {customers:,} customers"
    report(what, seconds["plugin"], seconds["windows"], "limit 2.0 at 1,000,000")
    report("  against a loop instead of windows", seconds["plugin"], seconds["loop"], "no limit")
    print(f"  {differ} classes differ: the reference rounds each converted purchase, we round sums")


if __name__ == "__main__":
    main()
