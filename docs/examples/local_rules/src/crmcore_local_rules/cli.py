"""`crm rates …`."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Group,
    Session,
    Table,
    echo,
    emit_lines,
    json_option,
    pass_session,
    show_table,
    translator,
)

_ = translator("crmcore_local_rules")
PLUGIN = "local_rules"


@click.group(cls=Group, help=N_("Exchange rates: show, sign a file"))
def rates() -> None:
    """Hold the commands below."""


@rates.command("show", cls=Command, help=N_("Show the rates that are used."))
@json_option
@pass_session
def show_command(session: Session, *, as_json: bool) -> None:
    """Show rates."""
    from .rates import read_rates

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = [
            {"month": month, "currency": currency, "rate": rate}
            for month, rates in sorted(read_rates(ctx).items())
            for currency, rate in sorted(rates.items())
        ]
    if as_json:
        emit_lines(found)
        return
    columns = (Column("month", _("Month")), Column("currency", _("Currency")), Column("rate", _("Rate")))
    show_table(Table("rates", "", columns, [tuple(line.values()) for line in found]))


@rates.command("sign", cls=Command, help=N_("Sign a file of rates with the company's key."))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_session
def sign_command(session: Session, file: Path) -> None:
    """Sign a file."""
    from .rates import KEY, sign

    with session.app.read(PLUGIN, session.actor) as ctx:
        sign(file, ctx.secret(KEY))
    echo(_("{file} is signed.").format(file=file.name))
