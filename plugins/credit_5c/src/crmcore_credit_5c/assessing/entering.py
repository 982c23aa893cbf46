"""Entering what an investigation (信用调查) found out: checked, dated, and never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.api import BadConfig, Refused, translator
from crmcore_credit_5c.rules.bands import points_of
from crmcore_credit_5c.rules.model import Indicator
from crmcore_credit_5c.rules.plausible import Implausible, implausible
from crmcore_credit_5c.tables.evidence import CreditEvidence, CreditStatement

from .files import check_schema, read_json
from .given import value_of
from .models import PLUGIN, known_indicators
from .reads import refuse_restricted

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")
PERMISSION = "credit.assess"
_FIGURES_BELOW = Decimal(10) ** 15


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
    known = known_indicators(ctx)
    indicators = {
        name: [one for version in versions for one in version.model.indicators if one.name == name]
        for name, versions in known.items()
    }
    return Found(
        tuple(
            _evidence_row(ctx, one, indicators, _Place(file, f"evidence/{i}"))
            for i, one in enumerate(content.get("evidence", ()))
        ),
        tuple(
            _statement_row(ctx, one, _Place(file, f"statements/{i}"))
            for i, one in enumerate(content.get("statements", ()))
        ),
    )


class _Place(NamedTuple):
    """Where in a file; one value given by hand is in none."""

    file: str
    path: str

    def say(self, sentence: str, key: str) -> str:
        if not self.file:
            return sentence
        message = _("{file}: {path}: {problem}")
        return message.format(file=self.file, path=f"{self.path}/{key}", problem=sentence)


def _evidence_row(
    ctx: Context, one: Mapping[str, Any], indicators: Mapping[str, Sequence[Indicator]], place: _Place
) -> dict[str, Any]:
    name, value = one["indicator"], _text(one["value"])
    if name not in indicators:
        raise BadConfig(place.say(_unknown(name, indicators), "indicator"))
    if all(points_of(each.measure, value_of(value)) is None for each in indicators[name]):
        raise BadConfig(place.say(_not_understood(indicators[name][0], value), "value"))
    for each in indicators[name]:
        if (problem := implausible(each.measure, value_of(value))) is not None:
            raise BadConfig(place.say(_not_plausible(problem, name, value), "value"))
    on, expires = _days(ctx, one.get("date"), one.get("expires"), place, "date")
    return {
        "indicator": name,
        "value": value,
        "source": one["source"].strip(),
        "evidence_on": on,
        "document": one.get("document"),
        "expires_on": expires,
    }


def _statement_row(ctx: Context, one: Mapping[str, Any], place: _Place) -> dict[str, Any]:
    on, expires = _days(ctx, one["period"], one.get("expires"), place, "period")
    return {
        "period_end": on,
        "months": one.get("months", 12),
        "currency": one.get("currency", ctx.currency),
        "figures": {name: _figure(name, amount, place) for name, amount in one["figures"].items()},
        "source": one["source"].strip(),
        "document": one.get("document"),
        "expires_on": expires,
    }


def _figure(name: str, amount: Any, place: _Place) -> str:
    """Return an amount as text; BadConfig for one written as a number that is larger than its text could be."""
    if abs(Decimal(str(amount))) >= _FIGURES_BELOW:
        message = _("{value} is too large for {name}; amounts below 10^15 can be entered")
        raise BadConfig(place.say(message.format(value=amount, name=name), f"figures/{name}"))
    return str(amount)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip()


def _unknown(name: str, indicators: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, indicators, n=1)
    if near:
        return _("no model asks for an indicator {name!r}; did you mean {near!r}?").format(
            name=name, near=near[0]
        )
    return _("no model asks for an indicator {name!r}; see: crm credit model show").format(name=name)


def _not_understood(indicator: Indicator, value: str) -> str:
    if indicator.measure.steps:
        steps = ", ".join(step.value for step in indicator.measure.steps)
        message = _("{value!r} is no answer to {name}; answers are {steps}")
        return message.format(value=value, name=indicator.name, steps=steps)
    message = _("{value!r} is no number, which {name} asks for; write it like 0.45")
    return message.format(value=value, name=indicator.name)


def _not_plausible(problem: Implausible, name: str, value: str) -> str:
    sentences: dict[Implausible, str] = {
        "too_large": _("{value} is too large for {name}; numbers up to 10^12 can be entered"),
        "no_share": _("{value} is no share from 0 to 1, which {name} asks for; write it like 0.45"),
        "negative": _("{value} is below 0, which {name} never is; correct it"),
        "negative_ratio": _("{value} is below 0: a negative {name} is not assessable; leave it out"),
    }
    return sentences[problem].format(name=name, value=value)


def _days(
    ctx: Context, given_on: str | None, given_expires: str | None, place: _Place, key: str
) -> tuple[date, date | None]:
    """Return the two days; Refused for evidence of the future, and for what has expired already."""
    on = _day(given_on, place, key) if given_on else ctx.today
    expires = _day(given_expires, place, "expires") if given_expires else None
    if on > ctx.today:
        message = _("{day} is in the future; evidence is of today or before")
        raise Refused(place.say(message.format(day=on), key))
    if expires is not None and expires < ctx.today:
        message = _("it expired on {day}; find out what holds now")
        raise Refused(place.say(message.format(day=expires), "expires"))
    return on, expires


def _day(text: str, place: _Place, key: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = _("{text!r} is no day; write it like 2026-03-02").format(text=text)
        raise BadConfig(place.say(message, key)) from None


# -- storing -----------------------------------------------------------------------------------------------------


def add_evidence(app: App, actor: str, customer_id: int, found: Found) -> Entered:
    """Store what was found out about a customer, in a transaction of its own; needs `credit.assess`.

    Refused for a restricted person.
    """
    with app.write(actor, "add credit evidence", plugin=PLUGIN, permission=PERMISSION) as tx:
        refuse_restricted(tx.ctx, customer_id)
        return store_evidence(tx, customer_id, found)


def store_evidence(tx: Tx, customer_id: int, found: Found) -> Entered:
    """Store what was found out inside a transaction; returns the numbers."""
    who = {"customer_id": customer_id, "added_by": tx.actor, "added_on": tx.ctx.today, "added_at": tx.now}
    return Entered(
        tx.insert(CreditEvidence, [{**row, **who} for row in found.evidence]),
        tx.insert(CreditStatement, [{**row, **who} for row in found.statements]),
    )
