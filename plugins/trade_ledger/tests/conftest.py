"""What the tests of the ledger share: a company with some customers, and loading rows as the import engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, Customer, Importable, LoadContext, Loaded, Row
from crmcore.testing import ACTOR, AppMaker
from crmcore_trade_ledger.importers.specs import importables

PLUGIN = "trade_ledger"


def read_cell(kind: str, text: Any) -> Any:
    """Read a cell as the import engine would: amounts exact, days as days."""
    readers: dict[str, Callable[[Any], Any]] = {
        "amount": Decimal,
        "decimal": Decimal,
        "integer": int,
        "date": date.fromisoformat,
        "boolean": lambda value: value == "yes",
    }
    return readers.get(kind, str)(text)


@dataclass
class Books:
    """A workspace with the ledger, and the ways into it that tests use."""

    app: App
    imports: int = 0
    places: dict[str, Any] = field(default_factory=dict)

    def load(
        self,
        name: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        chunk: int = 5_000,
        sha: str = "a" * 64,
        create_customers: bool = False,
        clear_empty: bool = False,
        stop_after: int | None = None,
        start_at: int = 0,
        rejects: bool = False,
        dry_run: bool = False,
        fail: bool = False,
    ) -> Loaded:
        """Load rows of texts; `stop_after` chunks the import is broken off, `start_at` rows it goes on.

        `fail`: each chunk fails at its end and is rolled back.
        """
        importable = next(spec for spec in importables() if spec.name == name)
        parsed = list(self._parse(importable, rows, rejects=rejects))
        if not start_at:
            self.imports += 1
        with self.app.read(PLUGIN) as view:
            ctx = LoadContext(
                import_id=self.imports,
                file_sha256=sha,
                settings=view.settings,
                currency=view.currency,
                today=view.today,
                create_customers=create_customers,
                columns=frozenset(name for row in rows for name in row),
                clear_empty=clear_empty,
                seen={} if dry_run else None,
            )
        total = Loaded()
        chunks = [parsed[start : start + chunk] for start in range(start_at, len(parsed), chunk)]
        for part in chunks[:stop_after]:
            add(total, self._load_chunk(importable, part, ctx, take_back=dry_run or fail))
        return total

    def counted(
        self, name: str, rows: Sequence[Mapping[str, Any]], **options: Any
    ) -> tuple[int, int, int, int]:
        """Load rows; return how many were created, updated, unchanged, rejected."""
        done = self.load(name, rows, **options)
        return done.created, done.updated, done.unchanged, len(done.rejected)

    def reasons(self, name: str, rows: Sequence[Mapping[str, Any]], **options: Any) -> list[tuple[int, str]]:
        """Load rows; return the lines and fields of those that were rejected."""
        return [(rejected.line, rejected.column) for rejected in self.load(name, rows, **options).rejected]

    def _load_chunk(
        self, importable: Importable, rows: Sequence[Row], ctx: LoadContext, *, take_back: bool
    ) -> Loaded:
        loaded = Loaded()
        try:
            with self.app.write(ACTOR, source=f"import:{ctx.import_id}", plugin=PLUGIN) as tx:
                loaded = importable.load(tx, rows, ctx)
                if take_back:
                    raise _TakeBack  # noqa: TRY301
        except _TakeBack:
            pass
        done = loaded.created + loaded.updated + loaded.unchanged + len(loaded.rejected)
        assert done == len(rows), "every row is counted once"
        return loaded

    def _parse(
        self, importable: Importable, rows: Sequence[Mapping[str, Any]], *, rejects: bool
    ) -> Iterator[Row]:
        columns = {spec.name: spec for spec in importable.fields}  # type: ignore[union-attr]
        for number, row in enumerate(rows, 1):
            values = {
                name: read_cell(columns[name].type, cell) for name, cell in row.items() if cell is not None
            }
            yield Row(number + 1, number, values, number + 1 if rejects else None)

    def fact(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a fact in a stable order."""
        with self.app.read(PLUGIN) as ctx:
            rows = [dict(row) for row in ctx.connection.execute(ctx.facts.select(name)).mappings()]
        return sorted(rows, key=lambda row: (row["document_id"], row.get("line", 0)))

    def purchases(self) -> dict[str, int]:
        """Return customer code → net purchases in minor units."""
        totals: dict[str, int] = {}
        for row in self.fact("purchases"):
            code = self.codes()[row["customer_id"]]
            totals[code] = totals.get(code, 0) + row["amount_minor"]
        return totals

    def codes(self) -> dict[int, str]:
        """Return customer id → code."""
        with self.app.read() as ctx:
            return {
                row.id: row.code for row in ctx.connection.execute(sa.text("SELECT id, code FROM customer"))
            }

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self.app.read() as ctx:
            return [dict(row) for row in ctx.connection.execute(sa.text(sql)).mappings()]

    def open(self) -> dict[str, int]:
        """Return number → what is open of invoices, returns, payments and orders."""
        return {
            row["number"]: row["open_minor"]
            for row in self.rows("SELECT number, open_minor FROM ledger_document")
        }

    def lines(self, columns: str = "l.line, l.net_minor") -> list[tuple[Any, ...]]:
        """Return columns of all lines `l` with their document `d`, by kind, number and line."""
        query = (
            f"SELECT d.number AS number_, {columns} FROM ledger_line l"  # noqa: S608
            " JOIN ledger_document d ON d.id = l.document_id ORDER BY d.kind, d.number, l.line"
        )
        return [tuple(row.values()) for row in self.rows(query)]


class _TakeBack(Exception):
    """Rolls a dry run's chunk back."""


def add(total: Loaded, part: Loaded) -> None:
    """Add one chunk's counts to the import's."""
    total.created += part.created
    total.updated += part.updated
    total.unchanged += part.unchanged
    total.rejected += part.rejected
    total.warnings += part.warnings


BooksMaker = Callable[..., Books]


@pytest.fixture
def make_books(make_app: AppMaker) -> BooksMaker:
    """Make a company with the ledger and the customers C1 … C5."""

    def make(database: str = "sqlite", settings: str = "") -> Books:
        text = f"\n[plugins.trade_ledger]\n{settings}\n" if settings else ""
        app = make_app([PLUGIN], database, settings=text)
        with app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": f"C{i}", "name": f"Customer {i}"} for i in range(1, 6)])
        return Books(app)

    return make


@pytest.fixture
def books(make_books: BooksMaker, database: str) -> Books:
    """Return such a company, on each kind of database."""
    return make_books(database)
