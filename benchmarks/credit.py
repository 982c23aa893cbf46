"""Ageing of receivables against the plain SQL that somebody would write for just this, in the same run.

`python -m benchmarks.credit [--documents N] [--postgres]`. The reference knows the tables and the rate, asks one
statement for all sums, and does nothing else; ours goes through the facts, any currency, and bounds from the settings.
The claim is at most twice its time at `--documents 5000000`, today and on a past day. Times are of this process; with
PostgreSQL the work is done by the server, so that only the wall time tells.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

ACTOR = "bench"
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TODAY = NOW.date()
PAST = TODAY - timedelta(days=100)
_USD = "712"
_SUMS = """
SELECT bucket, sum(CASE currency WHEN 'CNY' THEN open ELSE open * {usd} / 100 END), count(DISTINCT customer) FROM (
SELECT CASE WHEN due >= '{d0}' THEN 0 WHEN due >= '{d1}' THEN 1 WHEN due >= '{d2}' THEN 2 WHEN due >= '{d3}' THEN 3
ELSE 4 END AS bucket, currency, open, customer FROM ({rows}) AS documents) AS aged GROUP BY bucket ORDER BY bucket
"""
_NOW = """
SELECT bill_to_id AS customer, currency, open_minor AS open, coalesce(due_on, occurred_on) AS due FROM ledger_document
WHERE kind IN ('invoice', 'return') AND state = 'posted' AND NOT cash AND open_minor <> 0 AND occurred_on <= '{day}'
"""
_THEN = """
SELECT d.bill_to_id AS customer, d.currency, d.open_minor + coalesce(s.amount, 0) AS open,
coalesce(d.due_on, d.occurred_on) AS due FROM ledger_document d LEFT JOIN (
SELECT document_id, sum(amount_minor) AS amount FROM ledger_allocation WHERE allocated_on > '{day}' GROUP BY document_id
) AS s ON s.document_id = d.id WHERE d.kind IN ('invoice', 'return') AND d.state = 'posted' AND NOT d.cash
AND d.occurred_on <= '{day}' AND d.open_minor + coalesce(s.amount, 0) <> 0
"""


def make_company(folder: Path, url: str | None, documents: int, customers: int | None = None) -> Any:
    """Make a workspace with so many documents, one fifth of them open, written past the gate; 50 for each customer."""
    import sqlalchemy as sa

    from crmcore.builtin.lifecycle.enabling import enable
    from crmcore.workspace import make_workspace

    app = make_workspace(folder / "company", url, ACTOR, lambda: NOW)
    app.config.path.write_text(app.config.path.read_text("utf-8") + 'USD = "7.12"\n', "utf-8")
    app.refresh()
    enable(app, ["trade_ledger", "credit_5c"], ACTOR)
    beside = sa.create_engine(app.engine.url)  # the gate would not have such writes
    with beside.connect() as connection:
        for statement in _filling(connection.dialect.name, documents, customers):
            connection.execute(sa.text(statement))
        connection.commit()
        # Both are told at once what is in the tables, as the databases do by themselves in time.
        connection.execute(sa.text("ANALYZE"))
        connection.commit()
    beside.dispose()
    return app


def _filling(dialect: str, documents: int, customers: int | None) -> list[str]:
    customers = customers or max(documents // 50, 10)
    lite = dialect == "sqlite"
    numbers = (
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {0}) SELECT n FROM s)"
        if lite
        else "(SELECT n FROM generate_series(1, {0}) AS s(n))"
    )
    false, attributes = ("0", "'{}'") if lite else ("false", "'{}'::jsonb")
    back = "(n * 31) % 400"
    day = f"date('{TODAY}', '-' || ({back}) || ' days')" if lite else f"DATE '{TODAY}' - ({back})::int"
    later = "date({0}, '+' || ({1}) || ' days')" if lite else "({0}) + ({1})::int"
    due = later.format(day, "15 + n % 60")
    paid = (
        f"min({later.format(day, '5 + n % 120')}, '{TODAY}')"
        if lite
        else (f"least({later.format(day, '5 + n % 120')}, DATE '{TODAY}')")
    )
    amount = "(CASE WHEN n % 50 = 0 THEN -1 ELSE 1 END) * (1000 + (n::bigint * 104729) % 900000)"
    if lite:
        amount = amount.replace("::bigint", "")
    is_open = "n % 5 = 0"
    return [
        (
            "INSERT INTO customer (id, uid, code, kind, lifecycle, name, version, attributes) SELECT n, 'b' || n, 'C' || n,"
            f" 'organisation', 'active', 'Customer ' || n, 1, {attributes} FROM {numbers.format(customers)} AS numbers"
        ),
        (
            "INSERT INTO ledger_document (id, kind, number, customer_id, bill_to_id, occurred_on, due_on, currency, net_minor,"
            " tax_minor, gross_minor, open_minor, cash, state, origin, version) SELECT n, 'invoice', 'F' || n,"
            f" 1 + (n % {customers}), 1 + (n % {customers}), {day}, {due}, CASE WHEN n % 33 = 0 THEN 'USD' ELSE 'CNY' END,"
            f" {amount}, 0, {amount}, CASE WHEN {is_open} THEN {amount} ELSE 0 END, {false}, 'posted', 'bench', 1"
            f" FROM {numbers.format(documents)} AS numbers"
        ),
        (
            "INSERT INTO ledger_document (id, kind, number, customer_id, bill_to_id, occurred_on, currency, net_minor,"
            " tax_minor, gross_minor, open_minor, cash, state, origin, version)"
            f" SELECT {documents} + n, 'payment', 'P' || n, n, n, '{TODAY}', 'CNY', 1, 0, 1, 0, {false}, 'posted', 'bench', 1"
            f" FROM {numbers.format(customers)} AS numbers"
        ),
        (
            "INSERT INTO ledger_allocation (payment_id, document_id, allocated_on, amount_minor)"
            f" SELECT {documents} + 1 + (n % {customers}), n, {paid}, {amount} FROM {numbers.format(documents)} AS numbers"
            f" WHERE NOT ({is_open})"
        ),
    ]


def plain(connection: Any, day: date) -> list[tuple[int, int, int]]:
    """Return bucket, amount, customers by the reference."""
    rows = (_NOW if day >= TODAY else _THEN).format(day=day)
    bounds = {f"d{i}": day - timedelta(days=back) for i, back in enumerate((0, 30, 60, 90))}
    found = connection.exec_driver_sql(_SUMS.format(rows=rows, usd=_USD, **bounds)).all()
    return [(bucket, int(amount), customers) for bucket, amount, customers in found]


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return wall and CPU seconds of the best of three, and what came back."""
    best = (float("inf"), float("inf"))
    found: Any = None
    for _round in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return (*best, found)


def compare(app: Any, day: date) -> None:
    """Time both on a day, check that they agree, and print how they compare."""
    from crmcore_credit_5c.receivables.ageing import Asked, ageing

    with app.read("credit_5c", ACTOR) as ctx:
        theirs = timed(lambda: plain(ctx.connection, day))
        ours = timed(lambda: ageing(ctx, Asked(day)))
    counts = [one["customers"] for one in ours[2]["buckets"]]
    assert [row[2] for row in theirs[2]] == [count for count in counts if count], "both count the same"
    name = "ageing today" if day >= TODAY else "ageing 100 days ago"
    times = [("wall", ours[0], theirs[0]), ("CPU", ours[1], theirs[1])]
    for what, value, reference in times[: 2 if app.engine.dialect.name == "sqlite" else 1]:
        ratio = value / reference if reference else 0.0
        print(
            f"{name + ', ' + what:<30} {value:8.3f} s  plain SQL {reference:8.3f} s  ratio {ratio:5.2f}  (at most 2)"
        )


def main(given: list[str] | None = None) -> None:
    """Make the company and compare today and a past day."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=500_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--folder", help="keep the company here")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        url = None
        if options.postgres:
            databases = import_module("benchmarks.databases")
            url = databases.databases(None)[0]
        app = make_company(Path(name), url, options.documents)
        for day in (TODAY, PAST):
            compare(app, day)
        app.close()


if __name__ == "__main__":
    main()
