"""The whole data platform at the size it is made for: 1 million customers, 10 million interactions and changes.

`python -m benchmarks.platform [--customers N] [--interactions N]` on SQLite; takes half an hour and 15 GB at full size.
The single benchmarks do the measuring, here they get one large company: import, find, a past card. Those of lists,
export and databases make their own: `--rows 1000000`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import as_of, search
from benchmarks.import_customers import raw_seconds
from crmcore.testing.clocks import StandingClock

ACTOR = "bench"
PART = 20_000
FIRST_DAY = datetime(2025, 1, 2, 9, tzinfo=UTC)


def make(folder: Path, customers: int, interactions: int) -> None:
    """Import the customers by the command line, measured; write the interactions through the gate."""
    search.make_workspace(folder, None)
    cpu, _seconds, peak = search.import_seconds(folder, customers)
    copy = folder.parent / "raw.db"
    alone = raw_seconds(folder / "crm.db", copy)
    copy.unlink()
    told = (
        f"import with log and index {customers / cpu:,.0f} rows/CPU-s, of bare executemany {alone / cpu:.2f}"
    )
    print(
        f"{customers:,} customers: {told} (limit {search.IMPORT_LIMITS['sqlite']}); peak {peak} MB",
        flush=True,
    )
    add_interactions(folder, interactions)


def add_interactions(folder: Path, count: int) -> None:
    """Write so many interactions, spread over the customers and over a year."""
    from crmcore.api import Customer, Interaction
    from crmcore.app import create_app
    from crmcore.entities.lookup import table_of

    app = create_app(folder)
    with app.read("records") as ctx:
        ids = list(
            ctx.connection.scalars(table_of(Customer).select().with_only_columns(table_of(Customer).c.id))
        )
    for rows in parts(ids, count):
        with app.write(ACTOR, bulk=True) as tx:
            tx.insert(Interaction, rows)
    app.close()


def parts(ids: list[int], count: int) -> Iterator[list[dict[str, Any]]]:
    """Give the rows of interactions, some at a time."""
    minute = timedelta(days=365) / max(count, 1)
    for start in range(0, count, PART):
        yield [
            {
                "code": f"B{number:08}",
                "customer_id": ids[number * 7 % len(ids)],
                "channel": ("phone", "visit", "email")[number % 3],
                "at": FIRST_DAY + number * minute,
                "subject": f"询问交货期 {number}",
            }
            for number in range(start, min(start + PART, count))
        ]


def add_changes(folder: Path, count: int) -> None:
    """Change one customer so often."""
    from crmcore.app import create_app

    clock = StandingClock(as_of.FIRST_DAY.astimezone(UTC))
    app = create_app(folder, clock=clock)
    as_of.change(app, clock, count)
    app.close()


def main() -> None:
    """Make the company and let every benchmark read it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--interactions", type=int, default=10_000_000)
    parser.add_argument("--changes", type=int, default=1_000, help="of the customer with a past")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "company"
        make(folder, given.customers, given.interactions)
        search.measure_find(folder, given.customers)
        add_changes(folder, given.changes)
        as_of.measure(folder)


if __name__ == "__main__":
    main()
