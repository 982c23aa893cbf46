"""Points and grades of all customers against the bare aggregate query, in the same run.

`python -m benchmarks.credit_scores [--customers N] [--postgres]`. The reference is the one statement that anybody needs
who wants a score from the books: sums by customer, fetched row by row. Ours works the points of six indicators out of
the same sums, the total and the grade, and fetches these. The claim is at most three times its time at
`--customers 1000000`. With PostgreSQL the work is done by the server, so that only the wall time tells.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.credit import ACTOR, TODAY, make_company, timed

MODEL = {
    "name": "books",
    "title": "From the books",
    "grades": [
        {"grade": grade, "min_score": least} for grade, least in (("A", "75"), ("B", "55"), ("C", "0"))
    ],
    "factors": [
        {
            "name": "payment",
            "title": "Payment",
            "weight": "1",
            "indicators": [
                {
                    "name": name,
                    "title": name,
                    "weight": weight,
                    "measure": {
                        "kind": "facts",
                        "of": name,
                        "bands": [
                            *({"up_to": b, "points": str(100 - 25 * i)} for i, b in enumerate(bounds)),
                            {"points": "0"},
                        ],
                    },
                }
                for name, weight, bounds in (
                    ("days_beyond_terms", "0.5", ("0", "15", "30")),
                    ("share_overdue", "0.3", ("0", "0.2", "0.5")),
                    ("oldest_overdue_days", "0.2", ("0", "30", "90")),
                )
            ],
        }
    ],
}
_BARE = (
    (
        "SELECT bill_to_id, sum(CASE WHEN open_minor > 0 THEN open_minor ELSE 0 END),"
        " sum(CASE WHEN open_minor > 0 AND coalesce(due_on, occurred_on) < '{day}' THEN open_minor ELSE 0 END),"
        " min(CASE WHEN open_minor > 0 THEN coalesce(due_on, occurred_on) END) FROM ledger_document"
        " WHERE kind IN ('invoice', 'return') AND state = 'posted' AND NOT cash GROUP BY bill_to_id"
    ),
    (
        "SELECT d.bill_to_id, sum(a.amount_minor * {late}), sum(a.amount_minor)"
        " FROM ledger_allocation a JOIN ledger_document d ON d.id = a.document_id"
        " WHERE d.due_on IS NOT NULL AND a.amount_minor > 0 AND a.allocated_on > '{year_ago}' GROUP BY d.bill_to_id"
    ),
)


def bare(connection: Any) -> int:
    """Fetch the sums by customer, and return how many rows that were."""
    lite = connection.dialect.name == "sqlite"
    days = "julianday(a.allocated_on) - julianday(d.due_on)" if lite else "a.allocated_on - d.due_on"
    late = f"max({days}, 0)" if lite else f"greatest({days}, 0)"
    year_ago = TODAY.replace(year=TODAY.year - 1)
    rows = 0
    for statement in _BARE:
        text = statement.format(day=TODAY, late=late, year_ago=year_ago)
        result = connection.execution_options(yield_per=10_000).exec_driver_sql(text)
        rows += sum(len(part) for part in result.partitions())
    return rows


def compare(app: Any, customers: int) -> None:
    """Time both, and print how they compare."""
    from crmcore_credit_5c.assessing.models import check_content
    from crmcore_credit_5c.assessing.scored import score_all

    version = check_content(MODEL, None, "books.json")
    with app.read("credit_5c", ACTOR) as ctx:
        theirs = timed(lambda: bare(ctx.connection))
        ours = timed(lambda: Counter(one.grade for one in score_all(ctx, version)))
    assert ours[2].total() == customers, "every customer is scored"
    print(f"grades: {dict(sorted(ours[2].items()))}")
    for what, value, reference in (("wall", ours[0], theirs[0]), ("CPU", ours[1], theirs[1])):
        ratio = value / reference if reference else 0.0
        print(
            f"{f'scores of {customers}, {what}':<30} {value:8.3f} s  bare {reference:8.3f} s  ratio {ratio:5.2f}  (at most 3)"
        )


def main(given: list[str] | None = None) -> None:
    """Make the company and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=5, help="for each customer")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--folder", help="keep the company here")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        url = None
        if options.postgres:
            url = import_module("benchmarks.databases").databases(None)[0]
        documents = options.customers * options.documents
        app = make_company(Path(name), url, documents, customers=options.customers)
        compare(app, options.customers)
        app.close()


if __name__ == "__main__":
    main()
