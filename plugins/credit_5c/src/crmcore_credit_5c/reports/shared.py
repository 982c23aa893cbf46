"""What the reports have in common: parameters read, tables of two columns, names of people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Actor, Column, Table, UsageProblem, format_minor, translator
from crmcore_credit_5c.receivables.claims import has_fact

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
_actors: sa.Table = Actor.__table__  # type: ignore[attr-defined]
_PLACES = Decimal("0.0001")
_BARS = 12
"""More bars than these nobody reads."""


def day_of(parameters: Mapping[str, str], name: str) -> date | None:
    """Return a day that was asked for; the kernel has checked that it is one."""
    text = parameters.get(name, "").strip()
    return date.fromisoformat(text) if text else None


def limit_of(parameters: Mapping[str, str]) -> int:
    """Return how many rows a list may have; UsageProblem below 1."""
    given = int(parameters.get("limit") or 1000)
    if given < 1:
        raise UsageProblem(_("limit={value} shows nothing; give 1 or more").format(value=given))
    return given


def facts_known(ctx: Context, *facts: str) -> bool:
    """Tell whether the company keeps the books for all of these facts."""
    return all(has_fact(ctx, fact) for fact in facts)


def money_text(amount_minor: int | None, currency: str | None) -> str:
    """Write an amount with its currency; nothing for none."""
    if amount_minor is None or currency is None:
        return ""
    return f"{format_minor(amount_minor, currency)} {currency}"


def pairs(name: str, title: str, rows: Iterable[tuple[str, Any]]) -> Table:
    """Return a table of what is known, one line each; what is not known is left out."""
    kept = [(label, str(value)) for label, value in rows if value not in (None, "")]
    return Table(name, title, (Column("field", _("Field")), Column("value", _("Value"))), kept)


def without_empty(table: Table, names: Collection[str]) -> Table:
    """Leave out those of these columns in which nothing stands: they take room from the others."""
    rows = list(table.rows)
    kept = [
        place
        for place, column in enumerate(table.columns)
        if column.name not in names or any(row[place] not in (None, "") for row in rows)
    ]
    columns = tuple(table.columns[place] for place in kept)
    return replace(table, columns=columns, rows=[tuple(row[place] for place in kept) for row in rows])


def owners(ctx: Context, codes: Iterable[str | None]) -> dict[str | None, str]:
    """Return code → what a sales representative is called; for None that nobody is."""
    found: dict[str | None, str] = {None: _("nobody")}
    wanted = sorted({code for code in codes if code})
    found.update({code: code for code in wanted})
    for start in range(0, len(wanted), 500):
        query = sa.select(_actors.c.code, _actors.c.name).where(
            _actors.c.code.in_(wanted[start : start + 500])
        )
        for code, name in ctx.connection.execute(query):
            found[code] = named(name, code)
    return found


def named(name: str, code: str) -> str:
    """Return a name with its code, the code alone where it is the name."""
    return code if name == code else f"{name} ({code})"


def first_bars(rows: Sequence[Any]) -> Sequence[Any]:
    """Return as many rows as a chart shows."""
    return rows[:_BARS]


def share(part: int, whole: int) -> Decimal | None:
    """Return a part of a whole, to a hundredth of a percent; None of nothing or less."""
    return (Decimal(part) / Decimal(whole)).quantize(_PLACES) if whole > 0 else None


def step_shown(value: str | None) -> str:
    """Return a value as people read it: a step of the shipped scales in their language, a number as it is."""
    words = {
        "excellent": _("excellent"),
        "good": _("good"),
        "fair": _("fair"),
        "poor": _("poor"),
        "yes": _("yes"),
        "no": _("no"),
    }
    return words.get(value or "", value or "")
