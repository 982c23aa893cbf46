"""Computing a run: read sums, convert, rank, class; in plain Python, or on an engine where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import sqlalchemy as sa

from crmcore.api import CrmError, choose_engine, open_bench, translator

from .inputs import (
    Money,
    Total,
    Wanted,
    checksum,
    components,
    money_of,
    purchases_are_in_files,
    read_sums,
    remarks_on,
    sums_of,
    totals_of,
)
from .rules.classes import Rule, floors_of, grade_for, positive_total, steps_of
from .runs import grades, holding, members_now

if TYPE_CHECKING:
    from types import TracebackType

    from crmcore.api import App

_ = translator("crmcore_abc_analysis")

PYTHON = "python"
CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be computed."""

    wanted: Wanted
    rule: Rule
    currency: str
    rounding: str


@dataclass(frozen=True, slots=True)
class Computed:
    """What a run comes to as a whole."""

    money: Money
    customers: int
    purchases: int
    amount_minor: int
    positive_minor: int
    checksum: str
    remarks: Mapping[str, Any]
    engine: str
    members: Sequence[tuple[int, int]] = ()
    """Of a run by groups: customer id and the id of its head, sorted."""


def too_much() -> CrmError:
    """Return the refusal of amounts beyond 64 bits."""
    return CrmError(_("the amounts of the period add up to more than can be stored; take a shorter period"))


def row_of(
    run_id: int, snapshot_id: int, customer: int, grade: str, amount_minor: int, since: int | None
) -> dict[str, Any]:
    """Return a new row of abc_grade; `since` None = the class begins with this run."""
    return {
        "snapshot_id": snapshot_id,
        "run_id": run_id,
        "until_run": None,
        "customer_id": customer,
        "grade": grade,
        "amount_minor": amount_minor,
        "since_run": run_id if since is None else since,
    }


class Changes(Protocol):
    """What a run writes: the rows that a run before it does not have, and the end of those that it has no more."""

    @property
    def count(self) -> int:
        """How many rows are new, and how many end."""

    def rows(self, run_id: int, snapshot_id: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the new rows in chunks, sorted by customer."""

    def ended(self) -> Iterator[list[int]]:
        """Yield the ids of the rows that end, in chunks."""

    def load(self, run_id: int, actor: str) -> Sequence[Any] | None:
        """Write the new rows of a run in full past the gate; returns their ranges for the log.

        None where the engine has no quick way.
        """


class Engine(Protocol):
    """Something that computes a run."""

    def compute(self) -> Computed:
        """Read and class; CrmError for unknown rates."""

    def compare(self, base: sa.Row[Any] | None, held: sa.Row[Any] | None) -> Changes | None:
        """Compare with the run `base`, None = all is new; classes that are those of the run `held` go on.

        None where `base` cannot be seen from here.
        """


class Computing:
    """A run while it is computed: chooses the engine, and closes it."""

    plan: Plan

    def __init__(self, app: App, engine: str | None, planned: Callable[[], Plan], plugin: str) -> None:
        """Take what to compute, asked while the engine starts; `engine` None = as the configuration says."""
        self._planned = planned
        self._app = app
        self._asked = engine
        self._plugin = plugin
        self._stack = ExitStack()
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        """Open the engine: the one asked for, or as the company's configuration says."""
        name = choose_engine(self._app, self._asked)
        if name == PYTHON:
            self.plan = self._planned()
            self._engine = InPython(self._app, self.plan, self._plugin)
            return self
        with ExitStack() as opened:
            bench = opened.enter_context(open_bench(self._app, name, self._plugin))
            from .on_bench import OnBench

            self.plan = self._planned()
            self._engine = OnBench(self._app, self.plan, bench, name)
            self._stack = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the engine."""
        self._stack.__exit__(kind, error, trace)

    @property
    def engine(self) -> Engine:
        """The engine, once it is open."""
        if self._engine is None:
            raise RuntimeError("enter first")
        return self._engine

    def compute(self) -> Computed:
        """Read and class; CrmError for unknown rates."""
        return self.engine.compute()

    def compare(self, base: sa.Row[Any] | None, held: sa.Row[Any] | None) -> Changes | None:
        """Compare with the run `base`; None where it cannot be seen from here."""
        return self.engine.compare(base, held)


Graded = tuple[int, str, int]
"""Customer, class, amount."""


class InPython:
    """Computes in plain Python: needs nothing, and holds a row per customer in memory."""

    def __init__(self, app: App, plan: Plan, plugin: str) -> None:
        """Take what to compute."""
        self._app = app
        self._plan = plan
        self._plugin = plugin
        self._rows: list[Graded] = []

    def compute(self) -> Computed:
        """Read and class."""
        plan = self._plan
        with self._app.read(self._plugin) as ctx:
            if purchases_are_in_files(ctx, plan.wanted.basis):
                raise CrmError(
                    _("the purchases lie in files: {files}; take --engine duckdb or --engine spark").format(
                        files=ctx.settings["purchases_files"]
                    )
                )
            parts, missing = components(ctx, plan.wanted)
            sums = read_sums(ctx.connection, sums_of(parts, plan.wanted.level))
            currencies = {row.currency for row in sums}
            money = money_of(ctx, currencies, plan.currency, plan.wanted.end, plan.rounding)
            remarks = remarks_on(ctx, plan.wanted, missing)
            members = members_now(ctx.connection, plan.wanted.level)
        totals = totals_of(sums, money)
        self._rows = _graded(totals, plan.rule)
        return Computed(
            money=money,
            customers=len(totals),
            purchases=sum(total.purchases for total in totals),
            amount_minor=sum(total.amount_minor for total in totals),
            positive_minor=positive_total(total.amount_minor for total in totals),
            checksum=checksum(totals),
            remarks=remarks,
            engine=PYTHON,
            members=members,
        )

    def compare(self, base: sa.Row[Any] | None, held: sa.Row[Any] | None) -> Changes:
        """Compare with the run `base`."""
        known = {row[0]: row[1:] for row in self._rows_of(base)}
        since: dict[str, dict[int, int]] = {}
        for customer, _id, grade, _amount, first in self._rows_of(held):
            since.setdefault(grade, {})[customer] = first
        return _ChangesInPython(self._rows, known, since)

    def _rows_of(self, run: sa.Row[Any] | None) -> Sequence[Any]:
        if run is None:
            return ()
        columns = (
            grades.c.customer_id,
            grades.c.id,
            grades.c.grade,
            grades.c.amount_minor,
            grades.c.since_run,
        )
        with self._app.read(self._plugin) as ctx:
            return ctx.connection.execute(sa.select(*columns).where(holding(run))).all()


def _graded(totals: Sequence[Total], rule: Rule) -> list[Graded]:
    floors = floors_of(rule, steps_of(total.amount_minor for total in totals))
    return [(customer, grade_for(amount, floors), amount) for customer, amount, _purchases in totals]


class _ChangesInPython:
    """Changes found in memory."""

    def __init__(
        self,
        rows: Sequence[Graded],
        known: Mapping[int, tuple[int, str, int, int]],
        since: Mapping[str, Mapping[int, int]],
    ) -> None:
        self._since = since
        self._fresh = [row for row in rows if not self._goes_on(row, known)] if known else rows
        written, now = ({row[0] for row in part} for part in (self._fresh, rows))
        self._gone = sorted(row[0] for c, row in known.items() if c in written or c not in now)

    def _goes_on(self, row: Graded, known: Mapping[int, tuple[int, str, int, int]]) -> bool:
        """Tell whether a row says the same as before: class, amount, and since which run it is so."""
        customer, grade, amount = row
        before = known.get(customer)
        return before is not None and before[1:] == (grade, amount, self._since_of(customer, grade))

    def _since_of(self, customer: int, grade: str) -> int | None:
        return self._since.get(grade, {}).get(customer)

    @property
    def count(self) -> int:
        return len(self._fresh) + len(self._gone)

    def rows(self, run_id: int, snapshot_id: int) -> Iterator[list[dict[str, Any]]]:
        for first in range(0, len(self._fresh), CHUNK):
            yield [
                row_of(run_id, snapshot_id, customer, grade, amount, self._since_of(customer, grade))
                for customer, grade, amount in self._fresh[first : first + CHUNK]
            ]

    def ended(self) -> Iterator[list[int]]:
        for first in range(0, len(self._gone), CHUNK):
            yield self._gone[first : first + CHUNK]

    def load(self, run_id: int, actor: str) -> None:  # noqa: ARG002
        return None
