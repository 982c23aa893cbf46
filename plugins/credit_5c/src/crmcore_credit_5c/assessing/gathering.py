"""Gathering what is known of customers for a model: evidence, statements, facts, fields, other plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Customer, collect_evidence
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.rules.bands import Value, points_of
from crmcore_credit_5c.rules.model import Indicator, Model
from crmcore_credit_5c.rules.ratios import assess
from crmcore_credit_5c.tables.evidence import CreditEvidence

from .given import Given, Known, known, value_of
from .statements import Filed, filed_statements, newest_period
from .trade import FACT_OF, trade_values

if TYPE_CHECKING:
    from crmcore.api import Context

evidence: sa.Table = CreditEvidence.__table__  # type: ignore[attr-defined]
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]

Said = dict[str, list[Given]]
"""Indicator → what is said of it."""
Notes = dict[str, tuple[str, str]]
"""Indicator → why nothing is: a short name and a word for the sentence."""
NO_RATE = "no_rate"
"""The note where money cannot be converted; what else is said does not count then, for it may be older."""


def gather(ctx: Context, customer_ids: Sequence[int], model: Model) -> dict[int, dict[str, Known]]:
    """Return customer → indicator → all that is said of it; a fixed number of statements for each 500 customers."""
    names = [one.name for one in model.indicators]
    said: dict[int, Said] = {customer: {name: [] for name in names} for customer in customer_ids}
    notes: dict[int, Notes] = {customer: {} for customer in customer_ids}
    _add_entered(ctx, said, names)
    _add_told(ctx, said, names)
    _add_facts(ctx, said, notes, _by_source(model, "facts"))
    _add_ratios(ctx, said, notes, _by_source(model, "ratio"))
    _add_fields(ctx, said, _by_source(model, "field"))
    measures = {one.name: one for one in model.indicators}
    return {
        customer: {
            name: _known(ctx, measures[name], given, notes[customer].get(name)) for name, given in own.items()
        }
        for customer, own in said.items()
    }


def _known(ctx: Context, indicator: Indicator, given: list[Given], note: tuple[str, str] | None) -> Known:
    """Sort out what the model does not understand, and say why nothing is left."""
    fitting = [one for one in given if points_of(indicator.measure, one.value) is not None]
    found = known(fitting, ctx.today)
    if note is not None and note[0] == NO_RATE:
        found.note = note
    elif not found.given:
        if found.expired:
            found.note = ("expired", found.expired[0].expires.isoformat() if found.expired[0].expires else "")
        elif given:
            found.note = ("not_understood", given[0].text)
        else:
            found.note = note or ("nothing", "")
    return found


def lacking_rates(own: Mapping[str, Known]) -> list[str]:
    """Return the currencies without an exchange rate for which a customer cannot be assessed."""
    words = [one.note[1] for one in own.values() if one.note is not None and one.note[0] == NO_RATE]
    return sorted({currency for word in words for currency in word.split(", ")})


def _by_source(model: Model, kind: str) -> dict[str, list[str]]:
    """Return the fact, ratio or field → the indicators that take it."""
    found: dict[str, list[str]] = {}
    for one in model.indicators:
        if one.measure.kind == kind:
            found.setdefault(one.measure.of, []).append(one.name)
    return found


def _add_entered(ctx: Context, said: dict[int, Said], names: Sequence[str]) -> None:
    c = evidence.c
    for part in parts(said):
        query = sa.select(evidence).where(
            c.customer_id.in_(part), c.indicator.in_(names), c.withdrawn_on.is_(None), c.value.is_not(None)
        )
        for row in ctx.connection.execute(query):
            given = Given(
                value_of(row.value), row.source, row.evidence_on, row.document, row.expires_on, row.id
            )
            said[row.customer_id][row.indicator].append(given)


def _add_told(ctx: Context, said: dict[int, Said], names: Sequence[str]) -> None:
    """Ask the other plugins; what they date in the future does not count yet."""
    for one in collect_evidence(ctx, list(said), names):
        if one.customer_id in said and one.indicator in said[one.customer_id] and one.at <= ctx.today:
            source = f"plugin:{one.plugin} {one.source}".strip()
            given = Given(_plain(one.value), source, one.at, one.document or None, one.expires)
            said[one.customer_id][one.indicator].append(given)


def _plain(value: Any) -> Value:
    return ("yes" if value else "no") if isinstance(value, bool) else value_of(str(value))


def _add_facts(
    ctx: Context, said: dict[int, Said], notes: dict[int, Notes], wanted: Mapping[str, list[str]]
) -> None:
    if not wanted:
        return
    told = trade_values(ctx, wanted.keys(), said)
    for customer, own in said.items():
        for fact_indicator, names in wanted.items():
            value = told.values.get(customer, {}).get(fact_indicator)
            lacking = told.no_rate.get(customer, {}).get(fact_indicator)
            for name in names:
                if lacking:
                    notes[customer][name] = (NO_RATE, ", ".join(sorted(lacking)))
                elif value is not None:
                    own[name].append(Given(value, f"fact:{FACT_OF[fact_indicator]}", ctx.today))
                elif fact_indicator in told.missing:
                    notes[customer][name] = ("no_fact", told.missing[fact_indicator])
                else:
                    notes[customer][name] = ("no_trade", "")


def _add_ratios(
    ctx: Context, said: dict[int, Said], notes: dict[int, Notes], wanted: Mapping[str, list[str]]
) -> None:
    if not wanted:
        return
    filed = filed_statements(ctx, said)
    for customer, own in said.items():
        newest = newest_period(filed.get(customer, []), ctx.today)
        for ratio, names in wanted.items():
            for one in newest:
                value = assess(ratio, one.statement)
                for name in names:
                    if isinstance(value, Fraction):
                        own[name].append(_from_statement(one, value))
                    else:
                        notes[customer].setdefault(name, _why_not(value))
            if not newest:
                notes[customer].update(dict.fromkeys(names, ("no_statement", "")))


def _from_statement(filed: Filed, value: Fraction) -> Given:
    return Given(value, filed.source, filed.period_end, filed.document, filed.expires)


def _why_not(value: tuple[str, ...] | None) -> tuple[str, str]:
    return ("not_assessable", "") if value is None else ("no_figures", ", ".join(value))


def _add_fields(ctx: Context, said: dict[int, Said], wanted: Mapping[str, list[str]]) -> None:
    if not wanted:
        return
    for part in parts(said):
        for row in ctx.connection.execute(sa.select(customers).where(customers.c.id.in_(part))).mappings():
            card = {**(row.get("attributes") or {}), **row}
            for field, names in wanted.items():
                value = _field_value(card.get(field), ctx.today)
                for name in names if value is not None else ():
                    said[row["id"]][name].append(Given(value, f"field:{field}", ctx.today))  # type: ignore[arg-type]


def _field_value(value: Any, today: date) -> Value | None:
    """Return a value of the card; of a day the years since then (of 365.25 days)."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return _plain(value)
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        return value_of(str(value))
    return Fraction((today - day).days * 4, 1461)
