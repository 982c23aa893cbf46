"""Import of customers with validation, codes and change log, against raw executemany of the same rows into the same table."""

from __future__ import annotations

import argparse
import csv
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import crm, run

HEADER = (
    "客户代号",
    "客户名称",
    "简称",
    "地区",
    "通路代号",
    "行业",
    "税籍号码",
    "电话",
    "地址",
    "收款期限",
    "注册资本",
)


def write_file(path: Path, rows: int) -> None:
    """Write a customers file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i in range(rows):
            writer.writerow(
                (f"B{i:07}", f"演示商贸{i}有限公司", f"演示{i}", ("华东", "华南", "华北")[i % 3], ("KA", "TT")[i % 2], "食品批发",
                 f"9199{i:014}", f"0000-{i:08}", f"示例路{i}号", 30 + i % 3 * 15, 100 + i % 900)
            )  # fmt: skip


def raw_seconds(database: Path, copy: Path) -> float:
    """Insert the imported rows again with bare executemany into the same table with its indexes; CPU seconds."""
    source = sqlite3.connect(database)
    rows = source.execute("SELECT * FROM customer").fetchall()
    ddl = [
        sql
        for (sql,) in source.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'customer' AND sql IS NOT NULL"
        )
    ]
    source.close()
    target = sqlite3.connect(copy)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=NORMAL")
    for statement in ddl:
        target.execute(statement)
    places = ", ".join("?" * len(rows[0]))
    started = time.process_time()
    for start in range(0, len(rows), 5000):
        target.executemany(f"INSERT INTO customer VALUES ({places})", rows[start : start + 5000])
    target.commit()
    taken = time.process_time() - started
    target.close()
    return taken


def measure(rows: int) -> tuple[float, float, float]:
    """Return CPU seconds of the import, of the raw insert, and the peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        workspace, file = Path(folder) / "company", Path(folder) / "customers.csv"
        write_file(file, rows)
        subprocess.run(
            [sys.executable, "-m", "crmcore", "--actor", "bench", "init", str(workspace)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        words = ("-C", str(workspace), "--actor", "bench", "import", "customers", str(file), "--json")
        empty = Path(folder) / "empty.csv"
        empty.write_text(",".join(HEADER) + "\n", encoding="utf-8")
        start = run(crm(*words[:-2], str(empty), "--json"))
        taken = run(crm(*words))
        raw = raw_seconds(workspace / "crm.db", Path(folder) / "raw.db")
    return taken.cpu - start.cpu, raw, taken.peak_mb


def main() -> None:
    """Print rates, ratio and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    for rows in parser.parse_args().rows:
        taken, raw, peak = measure(rows)
        print(
            f"import of {rows:,} customers: {rows / taken:,.0f} rows/CPU-s, raw executemany {rows / raw:,.0f}; "
            f"ratio {raw / taken:.2f} (limit 0.30); peak {peak:.0f} MB (self {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024})"
        )


if __name__ == "__main__":
    main()
