"""`crm loyalty …`."""

from __future__ import annotations

import click

from crmcore.api import N_, Command, Group, Session, echo, emit, json_option, pass_session, translator

_ = translator("crmcore_loyalty_club")


@click.group(cls=Group, help=N_("Loyalty points: show, redeem"))
def loyalty() -> None:
    """Hold the commands below."""


@loyalty.command("show", cls=Command, help=N_("Show the points of a customer."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show points."""
    from crmcore.api import find_customer

    from .balances import NOTHING, standings
    from .services import PLUGIN

    with session.app.read(PLUGIN, session.actor) as ctx:
        number = find_customer(ctx.connection, code)
        standing = standings(ctx, [number]).get(number, NOTHING)
    if as_json:
        emit({"customer": code, **standing._asdict()})
    else:
        echo(_("{code} has {points} points.").format(code=code, points=standing.points))


@loyalty.command("redeem", cls=Command, help=N_("Spend points of a customer on a reward."))
@click.argument("code")
@click.argument("reward")
@json_option
@pass_session
def redeem_command(session: Session, code: str, reward: str, *, as_json: bool) -> None:
    """Redeem points."""
    from .services import redeem

    left = redeem(session.app, session.actor, code, reward)
    if as_json:
        emit({"customer": code, **left._asdict()})
    else:
        echo(_("Redeemed; {points} points are left.").format(points=left.points))
