"""`crm work`: what waits for who asks, from all plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.records.options import DAY, PLUGIN, day_of
from crmcore.builtin.records.words import shown
from crmcore.cli.kit import Command, Session, echo, emit_lines, json_option, pass_session, show_table
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_SEVERITIES = ("critical", "warning", "info")


@click.command(cls=Command, help=N_("What waits for you: work items and alerts of all plugins"))
@click.option("--since", type=DAY, help=N_("Only what arose on or after this day."))
@json_option
@pass_session
def work(session: Session, since: datetime | None, *, as_json: bool) -> None:
    """List work items and alerts, the most urgent first."""
    with session.app.read(PLUGIN, session.actor) as ctx:
        found = collect(session, ctx, day_of(since))
    if as_json:
        emit_lines(found)
    elif found:
        show_table(_work_table(found))
    else:
        echo(_("Nothing waits for {actor}.").format(actor=session.actor))


def collect(session: Session, ctx: Context, since: date | None) -> list[dict[str, Any]]:
    """Return what all plugins contribute, by severity and due day, each key of a plugin once.

    What is about a restricted person waits, whoever contributes it.
    """
    from crmcore.builtin.privacy.restricted import restricted_ids
    from crmcore.entities.lookup import customer_codes

    host, zone = session.app.host, session.app.config.timezone
    items = host.contribute("work_items", ctx.connection, ctx.actor, since=since)
    alerts = [
        alert
        for alert in host.contribute("alerts", ctx.connection, ctx.actor, run=None)
        if since is None or alert.at.astimezone(zone).date() >= since
    ]
    left_out = restricted_ids(ctx)
    items, alerts = ([one for one in all_ if one.customer_id not in left_out] for all_ in (items, alerts))
    codes = customer_codes(ctx.connection, [x.customer_id for x in (*items, *alerts) if x.customer_id])
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, one in [*(("work_item", item) for item in items), *(("alert", alert) for alert in alerts)]:
        found[one.plugin, one.key] = {
            "kind": kind,
            "plugin": one.plugin,
            "key": one.key,
            "customer": codes.get(one.customer_id or 0),
            "due": getattr(one, "due", None),
            "at": getattr(one, "at", None),
            "title": one.title,
            "severity": one.severity,
            "command": getattr(one, "command", None),
        }
    return sorted(found.values(), key=_urgency)


def _urgency(one: Mapping[str, Any]) -> tuple[int, date, str, str]:
    return (_SEVERITIES.index(one["severity"]), one["due"] or date.max, one["plugin"], one["key"])


def _work_table(found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("severity", _("Severity")),
        Column("due", _("Due"), "date"),
        Column("customer", _("Customer")),
        Column("title", _("What")),
        Column("command", _("Command")),
    )
    rows = [
        (shown(one["severity"]), one["due"], one["customer"], one["title"], one["command"]) for one in found
    ]
    return Table("work", "", columns, rows)
