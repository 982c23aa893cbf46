"""`crm credit exposure`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Session,
    Table,
    echo,
    emit,
    json_option,
    pass_session,
    show_table,
    translator,
)

_ = translator("crmcore_credit_5c")


@click.command(
    "exposure", cls=Command, help=N_("Show what of a customer's limit is used, or of its group's.")
)
@click.argument("code")
@click.option("--group", is_flag=True, help=N_("Of the whole group below the top parent."))
@json_option
@pass_session
def exposure_command(session: Session, code: str, *, group: bool, as_json: bool) -> None:
    """Show an exposure."""
    from crmcore.api import find_customer
    from crmcore_credit_5c.assessing.reads import record_read
    from crmcore_credit_5c.limiting.proposing import PLUGIN
    from crmcore_credit_5c.limiting.reading import exposure_json, limit_of_group

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = exposure_json(ctx, code, group=group)
        binding = None if as_json or found["limit_minor"] is not None else limit_of_group(ctx, code)
        record_read(ctx, find_customer(ctx.connection, code), "credit exposure")
    if as_json:
        emit(found)
        return
    show_table(_table(found))
    if binding is not None:
        message = _(
            "{customer} has no limit of its own; that of its group, {top}, binds it: crm credit exposure {customer} --group"
        )
        echo(message.format(customer=code, top=binding))


def _table(found: Mapping[str, Any]) -> Table:
    titles = {
        "limit_minor": _("Credit limit"),
        "receivables_minor": _("Open receivables"),
        "orders_minor": _("Released orders, not invoiced"),
        "exposure_minor": _("Exposure"),
        "headroom_minor": _("Headroom"),
    }
    title = _("Exposure of the group of {customer}") if found["group"] else _("Exposure of {customer}")
    columns = (Column("what", ""), Column("amount", _("Amount"), "amount"))
    rows = [(words, found[name]) for name, words in titles.items()]
    return Table("exposure", title.format(customer=found["limit_of"]), columns, rows, found["currency"])
