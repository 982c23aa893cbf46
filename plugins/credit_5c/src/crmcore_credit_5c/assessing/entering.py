"""Entering what an investigation (信用调查) found out: checked, dated, and never changed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.api import BadConfig, translator
from crmcore_credit_5c.tables.evidence import CreditEvidence, CreditStatement

from .checking import (
    Indicators,
    NotTakenError,
    check_answer,
    check_currency,
    check_days,
    check_figure,
    check_source,
    check_text,
    indicators_of,
)
from .files import check_schema, read_json
from .models import PLUGIN
from .reads import refuse_archived, refuse_restricted

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")
PERMISSION = "credit.assess"


class Found(NamedTuple):
    """What a file or a command says of one customer; checked."""

    evidence: tuple[Mapping[str, Any], ...]
    """Columns of `credit_evidence`."""
    statements: tuple[Mapping[str, Any], ...]
    """Columns of `credit_statement`."""


class Entered(NamedTuple):
    """The numbers of what was stored."""

    evidence: list[int]
    statements: list[int]


def read_evidence(ctx: Context, path: Path) -> Found:
    """Return what a file says; BadConfig names the place of the first mistake."""
    content = read_json(path)
    return check_evidence(ctx, content, path.name)


def check_evidence(ctx: Context, content: Any, file: str) -> Found:
    """Return the rows of evidence and statements; BadConfig for what is unknown, Refused for what is future or expired."""
    check_schema(content, "credit_evidence", file)
    indicators = indicators_of(ctx)
    return Found(
        tuple(
            _Place(file, f"evidence/{i}").checked(_evidence_row, ctx, one, indicators)
            for i, one in enumerate(content.get("evidence", ()))
        ),
        tuple(
            _Place(file, f"statements/{i}").checked(_statement_row, ctx, one)
            for i, one in enumerate(content.get("statements", ()))
        ),
    )


class _Place(NamedTuple):
    """Where in a file; one value given by hand is in none."""

    file: str
    path: str

    def checked(self, check: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        """Return what a check returns; what cannot be taken is told with its place."""
        try:
            return check(*given)
        except NotTakenError as problem:
            raise problem.error(self._say(problem)) from None

    def _say(self, problem: NotTakenError) -> str:
        if not self.file:
            return problem.sentence
        message = _("{file}: {path}: {problem}")
        return message.format(file=self.file, path=f"{self.path}/{problem.key}", problem=problem.sentence)


def _evidence_row(ctx: Context, one: Mapping[str, Any], indicators: Indicators) -> dict[str, Any]:
    name, value = check_text("indicator", one["indicator"]), check_text("value", _text(one["value"]))
    check_answer(indicators, name, value)
    on, expires = _days(ctx, one, "date")
    return {
        "indicator": name,
        "value": value,
        "source": check_source(one["source"]),
        "evidence_on": on,
        "document": _document(one),
        "expires_on": expires,
    }


def _statement_row(ctx: Context, one: Mapping[str, Any]) -> dict[str, Any]:
    on, expires = _days(ctx, one, "period")
    currency: str = one.get("currency", ctx.currency)
    check_currency(currency, ctx.currency)
    for name, amount in one["figures"].items():
        check_figure(name, amount)
    return {
        "period_end": on,
        "months": one.get("months", 12),
        "currency": currency,
        "figures": {name: str(amount) for name, amount in one["figures"].items()},
        "source": check_source(one["source"]),
        "document": _document(one),
        "expires_on": expires,
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _document(one: Mapping[str, Any]) -> str | None:
    return check_text("document", one.get("document") or "") or None


def _days(ctx: Context, one: Mapping[str, Any], key: str) -> tuple[date, date | None]:
    """Return the day that an entry speaks of, by default today, and the last one on which it counts."""
    on, expires = _day(one, key) or ctx.today, _day(one, "expires")
    check_days(on, expires, ctx.today, key)
    return on, expires


def _day(one: Mapping[str, Any], key: str) -> date | None:
    text = one.get(key)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = _("{text!r} is no day; write it like 2026-03-02")
        raise NotTakenError(key, message.format(text=text), BadConfig) from None


# -- storing -----------------------------------------------------------------------------------------------------


def add_evidence(app: App, actor: str, customer_id: int, found: Found) -> Entered:
    """Store what was found out about a customer, in a transaction of its own; needs `credit.assess`.

    Refused for a restricted person, and for an archived customer.
    """
    with app.write(actor, "add credit evidence", plugin=PLUGIN, permission=PERMISSION) as tx:
        refuse_restricted(tx.ctx, customer_id)
        return store_evidence(tx, customer_id, found)


def store_evidence(tx: Tx, customer_id: int, found: Found) -> Entered:
    """Store what was found out inside a transaction; returns the numbers. Refused for an archived customer."""
    refuse_archived(tx.ctx, customer_id)
    who = {"customer_id": customer_id, "added_by": tx.actor, "added_on": tx.ctx.today, "added_at": tx.now}
    return Entered(
        tx.insert(CreditEvidence, [{**row, **who} for row in found.evidence]),
        tx.insert(CreditStatement, [{**row, **who} for row in found.statements]),
    )
