"""What a credit file says of money: the limit and how it came about, exposure, age, dunning, alarms, default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Column, Table, customer_codes, format_minor, translator
from crmcore_credit_5c.limiting.exposure import Exposure, exposures
from crmcore_credit_5c.limiting.reading import history, limit_on
from crmcore_credit_5c.limiting.workings import shown_working
from crmcore_credit_5c.receivables.ageing import Asked, ageing
from crmcore_credit_5c.receivables.alarms import sentence
from crmcore_credit_5c.receivables.defaults import default_test
from crmcore_credit_5c.receivables.dunning import steps_taken
from crmcore_credit_5c.receivables.open_alarms import alarms
from crmcore_credit_5c.receivables.overdue import overdue
from crmcore_credit_5c.tables.receivables import OPEN

from .aged import bucket_columns
from .shared import facts_known, money_text, pairs

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_SHOWN = 10
"""So many decisions, steps and alarms are shown."""
_NEEDS = {
    "receivables": ("receivables",),
    "exposure": ("receivables", "orders_open"),
    "default": ("receivables", "settlements"),
}


def tables(ctx: Context, code: str, customer_id: int) -> Iterator[Table]:
    """Yield the tables; what needs a ledger is left out where there is none."""
    yield from _limit(ctx, code)
    if facts_known(ctx, *_NEEDS["exposure"]):
        yield _exposure(ctx, customer_id)
    if facts_known(ctx, *_NEEDS["receivables"]):
        yield _ageing(ctx, code, customer_id)
    yield _dunning(ctx, customer_id)
    yield _alarms(ctx, customer_id)
    if facts_known(ctx, *_NEEDS["default"]):
        yield _default(ctx, code)


def notes(ctx: Context) -> Iterator[str]:
    """Say what the company keeps no books of."""
    missing = {fact for facts in _NEEDS.values() for fact in facts if not facts_known(ctx, fact)}
    if missing:
        yield _("No data: needs {facts}, which no enabled plugin provides.").format(
            facts=_(", ").join(sorted(missing))
        )


# -- limit ---------------------------------------------------------------------------------------------------------


def _limit(ctx: Context, code: str) -> Iterator[Table]:
    found = limit_on(ctx, code, told=True)
    rows = [
        (_("Credit limit"), money_text(found["limit_minor"], found["currency"])),
        (_("Limit since"), found["since"]),
        (_("Limit until"), found["until"]),
        (_("Payment days"), found["payment_days"]),
        (_("Grade at the time"), found["grade"]),
        (_("Asked by"), found["proposed_by"]),
        (_("Decided by"), _decided_by(found)),
        (_("Request"), found["request"]),
        (_("Why it was asked for"), found["reason"]),
        (_("Why it was decided so"), found["decision_reason"]),
        (_("Waiting request"), found["waiting"]),
    ]
    if found["group"] is not None:
        group = found["group"]
        amount = money_text(group["limit_minor"], group["currency"])
        rows.append((_("Limit of the group"), f"{amount} ({group['customer']})"))
    yield pairs("limit", _("Limit"), rows)
    if found["proposals"]:
        yield _workings(found)
    yield _history(ctx, code)


def _decided_by(one: Mapping[str, Any]) -> str | None:
    """Return who decided, of a deputy in whose name, with the mark of a firm of one person."""
    by = _("by rule") if one["decided_by"] == "rule" else one["decided_by"]
    if one["decided_for"]:
        by = _("{deputy} for {absent}").format(deputy=by, absent=one["decided_for"])
    return _("{who} (asked too: single-person firm)").format(who=by) if one["single_person"] else by


def _workings(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("chosen", _("Counts")),
        Column("amount", _("Amount"), "amount"),
        Column("how", _("How it came about")),
    )
    rows = [
        (_("yes") if one["chosen"] else None, one["amount_minor"], shown_working(one, found["currency"]))
        for one in found["proposals"]
    ]
    return Table("workings", _("Workings of the limit; the smallest wins"), columns, rows, found["currency"])


def _history(ctx: Context, code: str) -> Table:
    columns = (
        Column("since", _("Since"), "date"),
        Column("until", _("Until"), "date"),
        Column("limit", _("Limit")),
        Column("grade", _("Grade")),
        Column("proposed_by", _("Asked by")),
        Column("decided_by", _("Decided by")),
        Column("request", _("Request"), "integer"),
        Column("reason", _("Why it was asked for")),
        Column("decision_reason", _("Why it was decided so")),
    )
    rows = [
        (
            one["since"],
            one["until"],
            money_text(one["limit_minor"], one["currency"]),
            one["grade"],
            one["proposed_by"],
            _decided_by(one),
            one["request"],
            one["reason"],
            one["decision_reason"],
        )
        for one in islice(history(ctx, code, told=True), _SHOWN)
    ]
    return Table("limit_history", _("Decisions on the limit"), columns, rows)


# -- what is used and owed -----------------------------------------------------------------------------------------


def _exposure(ctx: Context, customer_id: int) -> Table:
    columns = (
        Column("whose", _("Whose")),
        Column("limit", _("Limit"), "amount"),
        Column("receivables", _("Receivables"), "amount"),
        Column("orders", _("Orders"), "amount"),
        Column("deliveries", _("of which delivered"), "amount"),
        Column("exposure", _("Exposure"), "amount"),
        Column("headroom", _("Headroom"), "amount"),
    )
    own = exposures(ctx, [customer_id])[customer_id]
    group = exposures(ctx, [customer_id], group=True)[customer_id]
    rows = [_used(_("the customer"), own)]
    if group != own:
        head = customer_codes(ctx.connection, [group.customer_id])[group.customer_id]
        rows.append(_used(_("the group of {customer}").format(customer=head), group))
    return Table("exposure", _("Exposure"), columns, rows, own.currency)


def _used(whose: str, one: Exposure) -> tuple[Any, ...]:
    parts = (one.receivables_minor, one.orders_minor, one.deliveries_minor)
    return whose, one.limit_minor, *parts, one.exposure_minor, one.headroom_minor


def _ageing(ctx: Context, code: str, customer_id: int) -> Table:
    """Return what is open by age, and what of it is past due, in one row."""
    found = ageing(ctx, Asked(customer=code))
    late = overdue(ctx, [customer_id]).get(customer_id)
    columns = (
        Column("total", _("Open"), "amount"),
        *bucket_columns([one["bucket"] for one in found["buckets"]]),
        Column("past_due", _("Past due"), "amount"),
        Column("days", _("Oldest, in days"), "integer"),
    )
    amounts = [one["amount_minor"] for one in found["buckets"]]
    row = (found["total_minor"], *amounts, late.amount_minor if late else 0, late.days if late else None)
    rows = [row] if any(amounts) or late else []
    return Table("ageing", _("Receivables by age"), columns, rows, found["currency"])


# -- what was done -------------------------------------------------------------------------------------------------


def _dunning(ctx: Context, customer_id: int) -> Table:
    c = steps_taken.c
    query = sa.select(steps_taken).where(c.customer_id == customer_id).order_by(c.id.desc()).limit(_SHOWN)
    columns = (
        Column("done_on", _("Day"), "date"),
        Column("step", _("Step")),
        Column("amount", _("Past due then")),
        Column("author", _("Done by")),
        Column("note", _("What came of it")),
    )
    rows = [
        (
            row.done_on,
            f"{row.step}. {row.title}",
            f"{format_minor(row.amount_minor, row.currency)} {row.currency}",
            row.author,
            row.note,
        )
        for row in ctx.connection.execute(query)
    ]
    return Table("dunning", _("Dunning"), columns, rows)


def _alarms(ctx: Context, customer_id: int) -> Table:
    c = alarms.c
    query = sa.select(alarms).where(c.customer_id == customer_id).order_by(c.id.desc()).limit(_SHOWN)
    columns = (
        Column("raised_on", _("Day"), "date"),
        Column("what", _("Alarm")),
        Column("state", _("State")),
        Column("closed_on", _("Closed on"), "date"),
        Column("closed_by", _("Closed by")),
        Column("note", _("What came of it")),
    )
    rows = [
        (
            row.raised_on,
            sentence(row.kind, row.details),
            _("open") if row.state == OPEN else _("closed"),
            row.closed_on,
            row.closed_by,
            row.close_note,
        )
        for row in ctx.connection.execute(query)
    ]
    return Table("alarms", _("Alarms"), columns, rows)


def _default(ctx: Context, code: str) -> Table:
    """Return how the default test came out, in the words of `crm credit default`."""
    from crmcore_credit_5c.cli.watching import default_sentence

    found = default_test(ctx, code)
    state, _line, amounts = default_sentence(found).partition("\n")
    mark = found["unlikely_to_pay"]
    said = _("{reason} ({author}, {marked_on})").format(**mark) if mark else None
    rows = ((_("State"), state), (_("In figures"), amounts.strip()), (_("Unlikely to pay"), said))
    return pairs("default", _("Default"), rows)
