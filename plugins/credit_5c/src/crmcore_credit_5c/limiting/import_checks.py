"""Files of limits checked: what each row would do, or why it cannot be taken; nothing is asked of the database row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    customer_ids,
    format_minor,
    minor_digits,
    restricted_ids,
    to_minor,
    translator,
)
from crmcore_credit_5c.assessing.reads import archived, archived_sentence, restricted_sentence
from crmcore_credit_5c.limiting.current import Record, counting_rows, last_day
from crmcore_credit_5c.limiting.import_rows import last_decisions, waiting
from crmcore_credit_5c.limiting.proposing import KIND
from crmcore_credit_5c.money import Money
from crmcore_credit_5c.rules.imports import (
    MOST_DAYS,
    Asked,
    Problem,
    State,
    problem_of,
    state_of,
    twice,
)

if TYPE_CHECKING:
    from crmcore.api import Context
    from crmcore_credit_5c.limiting.import_file import FileRow, LimitFile

_ = translator("crmcore_credit_5c")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file, and what it comes to."""

    line: int
    customer: str
    """The code as it stands there; "" where the row could not be read."""
    state: State
    problem: Problem | None = None
    sentence: str | None = None
    """Why it is rejected."""
    customer_id: int = 0
    asked: Asked | None = None
    own_minor: int = 0
    """The limit in the company's currency, at today's rate."""
    held: Asked | None = None
    """The limit that holds today."""
    after_id: int | None = None
    """The last decision on its limit."""


class _Rejection(Exception):
    """Why a row cannot be taken."""

    def __init__(self, problem: Problem, sentence: str) -> None:
        super().__init__(sentence)
        self.problem: Problem = problem


def checked(ctx: Context, file: LimitFile) -> list[Line]:
    """Return the rows of a file, by line, each with what it would do to the limits of today."""
    look = _Look(ctx, file.rows)
    lines = [Line(one.line, "", "rejected", "unreadable", one.sentence) for one in file.unreadable]
    lines += [look.line(row) for row in file.rows]
    return sorted(lines, key=lambda line: line.line)


class _Look:
    """What the database knows of the customers in a file, looked up at once."""

    def __init__(self, ctx: Context, rows: Sequence[FileRow]) -> None:
        self.ctx = ctx
        self.ids = customer_ids(ctx.connection, {row.customer for row in rows})
        known = set(self.ids.values())
        self.archived = archived(ctx, known)
        self.restricted = restricted_ids(ctx)
        self.waiting = waiting(ctx, known, KIND)
        self.held = counting_rows(ctx, known, ctx.today)
        self.last = last_decisions(ctx, known)
        self.twice = twice((row.line, self.ids[row.customer]) for row in rows if row.customer in self.ids)
        self.largest_minor = largest_limit(ctx)
        self.money = Money(ctx, ctx.today)
        self.lacking = self.money.lacking({row.currency for row in rows})

    def line(self, row: FileRow) -> Line:
        """Return what a row comes to."""
        try:
            return self._taken(row)
        except _Rejection as why:
            return Line(row.line, row.customer, "rejected", why.problem, str(why))

    def _taken(self, row: FileRow) -> Line:
        number = self._customer(row)
        if row.currency in self.lacking:
            raise _Rejection("currency", self.lacking[row.currency])
        asked = Asked(self._minor(row), row.currency, row.until, row.payment_days)
        own_minor = self.money.converted(asked.limit_minor, asked.currency)
        problem = problem_of(asked, own_minor, self.largest_minor, self.ctx.today)
        if problem is not None:
            raise _Rejection(problem, self._values_sentence(problem, asked))
        if row.line in self.twice:
            message = _("customer {customer} stands on line {other}, too; keep one of the two")
            shown = message.format(customer=row.customer, other=self.twice[row.line])
            raise _Rejection("twice", shown)
        held = _asked(self.held.get(number))
        state = state_of(asked, held)
        if state != "unchanged":
            self._refuse(number, row.customer)
        return Line(
            row.line,
            row.customer,
            state,
            customer_id=number,
            asked=asked,
            own_minor=own_minor,
            held=held,
            after_id=self.last.get(number),
        )

    def _customer(self, row: FileRow) -> int:
        if row.customer not in self.ids:
            message = _("there is no customer {customer}; add it, or correct the code")
            raise _Rejection("unknown_customer", message.format(customer=row.customer))
        number = self.ids[row.customer]
        if number in self.restricted:
            raise _Rejection("restricted", restricted_sentence(row.customer))
        return number

    def _refuse(self, number: int, code: str) -> None:
        """Raise _Rejection where nothing can be asked for this customer."""
        if number in self.archived:
            raise _Rejection("archived", archived_sentence(code))
        if number in self.waiting:
            message = _("its limit waits for a decision already; decide on request {number} first")
            raise _Rejection("waiting", message.format(number=self.waiting[number]))

    def _minor(self, row: FileRow) -> int:
        try:
            return row.limit_minor
        except ValueError as error:
            message = _("{amount} is no amount in {currency}: {reason}")
            shown = message.format(amount=f"{row.limit:f}", currency=row.currency, reason=error)
            raise _Rejection("decimals", shown) from None

    def _values_sentence(self, problem: Problem, asked: Asked) -> str:
        sentences: Mapping[Problem, str] = {
            "negative": _("a limit of {amount} {currency} is below 0; correct it"),
            "implausible": _(
                "{amount} {currency} is above {most} {own}, the largest plausible limit; correct it, or change the setting largest_limit"
            ),
            "until_past": _("its last day, {until}, is past; name a later one, or leave it empty"),
            "payment_days": _("{days} is not from 0 to {most_days} payment days; correct it"),
        }
        return sentences[problem].format(
            amount=format_minor(asked.limit_minor, asked.currency),
            currency=asked.currency,
            most=format_minor(self.largest_minor, self.ctx.currency),
            own=self.ctx.currency,
            until=asked.until,
            days=asked.payment_days,
            most_days=MOST_DAYS,
        )


def largest_limit(ctx: Context) -> int:
    """Return the largest plausible limit in minor units; what is finer than the currency is cut off."""
    exponent = Decimal(1).scaleb(-minor_digits(ctx.currency))
    return to_minor(Decimal(ctx.settings["largest_limit"]).quantize(exponent, "ROUND_FLOOR"), ctx.currency)


def _asked(row: Record | None) -> Asked | None:
    """Return a decision that holds as a row would ask for it."""
    if row is None:
        return None
    return Asked(row["limit_minor"], row["currency"], last_day(row["ends_on"]), row["payment_days"])


def row_json(line: Line) -> dict[str, Any]:
    """Return a row as schemas/limit_import.schema.json has it."""
    asked, held = line.asked, line.held
    return {
        "line": line.line,
        "customer": line.customer,
        "state": line.state,
        "limit_minor": None if asked is None else asked.limit_minor,
        "currency": None if asked is None else asked.currency,
        "until": None if asked is None or asked.until is None else asked.until.isoformat(),
        "payment_days": None if asked is None else asked.payment_days,
        "before_minor": None if held is None else held.limit_minor,
        "before_currency": None if held is None else held.currency,
        "problem": line.problem,
        "reason": line.sentence,
    }
