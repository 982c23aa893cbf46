"""The portfolio (信用组合): what customers of each grade are allowed, use and owe past due; sums by the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Chart, Column, Report, Table, from_minor, translator, unrestricted
from crmcore_credit_5c.assessing.current import latest_released, unexpired
from crmcore_credit_5c.assessing.models import load_model
from crmcore_credit_5c.limiting.current import counting
from crmcore_credit_5c.money import KnownMoney, set_aside
from crmcore_credit_5c.receivables.claims import claims_on, customers, has_fact

from .shared import facts_known, share

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_USED = ("receivables", "orders_open", "deliveries_open")
"""The facts that exposure is added up from."""


@dataclass(slots=True)
class Line:
    """What stands in the line of one grade; minor units of the company's currency."""

    customers: int = 0
    limits: int = 0
    """How many have a limit."""
    limit_minor: int = 0
    exposure_minor: int = 0
    overdue: int = 0
    """How many have something past due."""
    overdue_minor: int = 0


@dataclass(slots=True)
class Portfolio:
    """The lines by grade, the best first; `None` = customers without a grade that counts today."""

    currency: str
    has_books: bool
    """Whether a ledger provides what exposure is added up from."""
    lines: dict[str | None, Line] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Sentences that name money without an exchange rate, which is in no sum."""


def portfolio_report(ctx: Context, parameters: Mapping[str, str]) -> Report:  # noqa: ARG001  (the host hands them to each)
    """Return grades × customers, limits, exposure, past due and shares, with a chart."""
    found = portfolio(ctx)
    notes = [_("As of {day}; amounts in {currency}.").format(day=ctx.today, currency=found.currency)]
    if not found.has_books:
        notes.append(
            _("Exposure and what is past due are not known: no plugin keeps receivables and orders.")
        )
    notes += found.left_out
    return Report(_("Credit portfolio"), (_table(found),), tuple(_charts(found)), tuple(notes))


def portfolio(ctx: Context) -> Portfolio:
    """Add up what belongs to each grade.

    Counted are customers who have a grade or a limit, or owe or have ordered something. Restricted persons are in no
    count and have no grade here; what they owe stays in the sums, among those without a grade.
    """
    found = Portfolio(ctx.currency, facts_known(ctx, "receivables", "orders_open"))
    grades = load_model(ctx).model.grades
    found.lines = {rank.grade: Line() for rank in grades}
    reading = _Reading(ctx, found)
    reading.count()
    reading.add_limits()
    if found.has_books:
        reading.add_exposure()
        reading.add_overdue()
    found.left_out = reading.left_out()
    first = [rank.grade for rank in grades]
    others = sorted(grade for grade in found.lines if grade is not None and grade not in first)
    order = [*first, *others, *([None] if None in found.lines else [])]
    found.lines = {grade: found.lines[grade] for grade in order}
    return found


class _Reading:
    """The statements behind it: one for each figure, whatever the number of customers."""

    def __init__(self, ctx: Context, found: Portfolio) -> None:
        """Select who has which grade."""
        self._ctx, self._found = ctx, found
        self._money = KnownMoney(ctx, ctx.today)
        query = latest_released().where(unexpired(ctx.today))
        shown = unrestricted(ctx.connection, query.selected_columns.customer_id)
        self._graded = query.where(*shown).subquery("graded")

    def _line(self, grade: str | None) -> Line:
        return self._found.lines.setdefault(grade, Line())

    def _by_grade(self, rows: sa.FromClause, amount: Any, *columns: Any) -> Iterable[Any]:
        """Yield grade, currency, sum and further columns of rows with a customer."""
        grade, currency = self._graded.c.grade, rows.c.currency
        query = (
            sa.select(grade, currency, sa.cast(sa.func.sum(amount), sa.BigInteger), *columns)
            .select_from(rows)
            .outerjoin(self._graded, self._graded.c.customer_id == rows.c.customer_id)
            .group_by(grade, currency)
        )
        return self._ctx.connection.execute(query)

    def count(self) -> None:
        """Count customers by grade."""
        ctx = self._ctx
        concerned = [sa.select(self._graded.c.customer_id), _ids(counting(ctx.today).subquery("held"))]
        if self._found.has_books:
            concerned += [_ids(rows, rows.c.open_minor != sa.literal_column("0")) for rows in self._used()]
        everybody = sa.union(*concerned).subquery("everybody")
        query = (
            sa.select(self._graded.c.grade, sa.func.count())
            .select_from(customers)
            .join(everybody, everybody.c.customer_id == customers.c.id)
            .outerjoin(self._graded, self._graded.c.customer_id == customers.c.id)
            .where(*unrestricted(ctx.connection, customers.c.id))
            .group_by(self._graded.c.grade)
        )
        for grade, count in ctx.connection.execute(query):
            self._line(grade).customers = count

    def _used(self) -> Iterable[sa.Subquery]:
        facts = [fact for fact in _USED if has_fact(self._ctx, fact)]
        return [self._ctx.facts.select(fact).subquery(fact) for fact in facts]

    def left_out(self) -> tuple[str, ...]:
        """Return whose money is in no sum."""
        held = counting(self._ctx.today).subquery("held")
        used = self._used() if self._found.has_books else []
        found = set_aside(
            self._ctx,
            self._money.problems,
            [(rows, rows.c.open_minor) for rows in used],
            [(held, held.c.limit_minor)],
        )
        return tuple(found.sentences(self._ctx))

    def add_limits(self) -> None:
        """Add the limits of today."""
        held = counting(self._ctx.today).subquery("held")
        rows = self._by_grade(held, held.c.limit_minor, sa.func.count())
        for grade, currency, amount, count in rows:
            line = self._line(grade)
            line.limit_minor += self._money.converted(amount, currency)
            line.limits += count

    def add_exposure(self) -> None:
        """Add what is owed, ordered and delivered."""
        for rows in self._used():
            for grade, currency, amount in self._by_grade(rows, rows.c.open_minor):
                self._line(grade).exposure_minor += self._money.converted(amount, currency)

    def add_overdue(self) -> None:
        """Add what is past due, each customer's by currency first, so that customers are counted once."""
        claims = claims_on(self._ctx, self._ctx.today)
        c = claims.rows.c
        late = claims.select(c.customer_id, c.currency, claims.open_minor.label("late_minor")).where(
            claims.open_minor > 0, claims.due_on < self._ctx.today
        )
        rows = late.subquery("late")
        for grade, currency, amount in self._by_grade(rows, rows.c.late_minor):
            self._line(grade).overdue_minor += self._money.converted(amount, currency)
        counted = (
            sa.select(self._graded.c.grade, sa.func.count(rows.c.customer_id.distinct()))
            .select_from(rows)
            .outerjoin(self._graded, self._graded.c.customer_id == rows.c.customer_id)
            .where(*unrestricted(self._ctx.connection, rows.c.customer_id))
            .group_by(self._graded.c.grade)
        )
        for grade, count in self._ctx.connection.execute(counted):
            self._line(grade).overdue = count


def _ids(rows: sa.Subquery, *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(rows.c.customer_id).where(*where)


def _table(found: Portfolio) -> Table:
    books = (
        Column("exposure", _("Exposure"), "amount"),
        Column("share", _("Share of exposure"), "share"),
        Column("use", _("Use of limits"), "share"),
        Column("overdue_customers", _("Customers past due"), "integer"),
        Column("overdue", _("Past due"), "amount"),
        Column("overdue_share", _("Past due of exposure"), "share"),
    )
    columns = (
        Column("grade", _("Grade")),
        Column("customers", _("Customers"), "integer"),
        Column("limits", _("With a limit"), "integer"),
        Column("limit", _("Limits"), "amount"),
        *(books if found.has_books else ()),
    )
    return Table("grades", _("Customers by grade"), columns, _rows(found), found.currency)


def _rows(found: Portfolio) -> list[tuple[Any, ...]]:
    whole = Line()
    for line in found.lines.values():
        for name in Line.__slots__:
            setattr(whole, name, getattr(whole, name) + getattr(line, name))
    names = [*((_name(grade), line) for grade, line in found.lines.items()), (_("Total"), whole)]
    return [_row(name, line, whole, has_books=found.has_books) for name, line in names]


def _row(name: str, line: Line, whole: Line, *, has_books: bool) -> tuple[Any, ...]:
    known = (name, line.customers, line.limits, line.limit_minor)
    if not has_books:
        return known
    return (
        *known,
        line.exposure_minor,
        share(line.exposure_minor, whole.exposure_minor),
        share(line.exposure_minor, line.limit_minor),
        line.overdue,
        line.overdue_minor,
        share(line.overdue_minor, line.exposure_minor),
    )


def _name(grade: str | None) -> str:
    return _("without a grade") if grade is None else grade


def _charts(found: Portfolio) -> Iterable[Chart]:
    if not any(line.customers for line in found.lines.values()):
        return
    labels = tuple(map(_name, found.lines))
    lines = list(found.lines.values())
    counts = tuple(Decimal(line.customers) for line in lines)
    yield Chart("customers", _("Customers by grade"), "bar", labels, counts)
    if found.has_books:
        title = _("Exposure by grade ({currency})").format(currency=found.currency)
        amounts = tuple(from_minor(line.exposure_minor, found.currency) for line in lines)
        yield Chart("exposure", title, "bar", labels, amounts)
