"""What `crm credit limit` shows of limits: tables and sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from crmcore.api import Column, Session, Table, format_minor, translator
from crmcore_credit_5c.limiting.workings import shown_working

_ = translator("crmcore_credit_5c")


def workings_table(workings: Iterable[Mapping[str, Any]], currency: str) -> Table:
    """Return what each rule came to; the one that wins is marked."""
    columns = (
        Column("chosen", ""),
        Column("amount", _("Amount"), "amount"),
        Column("how", _("How it came about")),
    )
    rows = [
        ("→" if one["chosen"] else "", one["amount_minor"], shown_working(one, currency)) for one in workings
    ]
    return Table("proposals", _("Proposals; the smallest wins"), columns, rows, currency)


def show_sentences(found: Mapping[str, Any]) -> Iterable[str]:
    """Say which limit holds, who decided it and why, and what waits."""
    if found["limit_minor"] is None:
        yield _("{customer} on {on}: no credit limit").format(**found)
    else:
        shown = {**found, "amount": format_minor(found["limit_minor"], found["currency"])}
        message = (
            _("{customer} on {on}: {amount} {currency} since {since}, decided by {decided_by}")
            if found["until"] is None
            else _(
                "{customer} on {on}: {amount} {currency} from {since} until {until}, decided by {decided_by}"
            )
        )
        yield message.format(**{**shown, "decided_by": _decider(found)})
        if found["decision_reason"]:
            yield _("Reason of the decision: {reason}").format(reason=found["decision_reason"])
    if found["group"] is not None:
        group = found["group"]
        amount = format_minor(group["limit_minor"], group["currency"])
        yield _("its group, {customer}: {amount} {currency}").format(
            customer=group["customer"], amount=amount, currency=group["currency"]
        )
    if found["waiting"] is not None:
        yield _("request {number} waits for a decision").format(number=found["waiting"])


def history_table(session: Session, found: Sequence[Mapping[str, Any]]) -> Table:
    """Return the decisions on a limit: what was asked for and why, who decided, when and why."""
    zone = session.app.config.timezone
    columns = (
        Column("since", _("Since"), "date"),
        Column("until", _("Until"), "date"),
        Column("limit", _("Limit")),
        Column("grade", _("Grade")),
        Column("request", _("Request"), "integer"),
        Column("proposed_by", _("Asked by")),
        Column("reason", _("Why it was asked for")),
        Column("decided_by", _("Decided by")),
        Column("decided_at", _("Decided"), "datetime"),
        Column("decision_reason", _("Why it was decided so")),
    )
    rows = [
        (
            _day(one["since"]),
            _day(one["until"]),
            f"{format_minor(one['limit_minor'], one['currency'])} {one['currency']}",
            one["grade"],
            one["request"],
            one["proposed_by"],
            one["reason"],
            _decider(one),
            one["decided_at"].astimezone(zone),
            one["decision_reason"],
        )
        for one in found
    ]
    return Table("history", _("Decisions on the limit"), columns, rows)


def list_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Return the limits of customers, and what of them is used."""
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("limit", _("Limit")),
        Column("until", _("Until"), "date"),
        Column("exposure", _("Used"), "amount"),
        Column("headroom", _("Headroom"), "amount"),
    )
    rows = [
        (
            one["customer"],
            one["name"],
            f"{format_minor(one['limit_minor'], one['limit_currency'])} {one['limit_currency']}",
            _day(one["until"]),
            one["exposure_minor"],
            one["headroom_minor"],
        )
        for one in found
    ]
    return Table("limits", _("Credit limits"), columns, rows, found[0]["currency"])


def _decider(one: Mapping[str, Any]) -> str:
    """Return who decided, of a deputy in whose name, with the mark of a firm of one person."""
    by = _("by rule") if one["decided_by"] == "rule" else str(one["decided_by"])
    if one["decided_for"]:
        by = _("{deputy} for {absent}").format(deputy=by, absent=one["decided_for"])
    return _("{who} (asked too: single-person firm)").format(who=by) if one["single_person"] else by


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
