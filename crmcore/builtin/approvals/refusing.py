"""Why an actor may not decide on a request: where amount bands say so, with the band, the amount and who may."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.builtin.approvals.bands import highest
from crmcore.builtin.approvals.company import company_bands, is_single_person
from crmcore.builtin.approvals.queries import deciders
from crmcore.builtin.approvals.rules import Decision, Hindrance, Standing
from crmcore.builtin.approvals.sentences import hindrance_sentence, needed
from crmcore.builtin.approvals.standing import everybody
from crmcore.builtin.approvals.words import shown_band
from crmcore.errors import BadConfig
from crmcore.i18n import N_, _
from crmcore.money import format_minor

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.app import App
    from crmcore.builtin.approvals.bands import Band
    from crmcore.tx import Tx

_NAMED = 5
"""So many of those who may decide are named."""
_BEYOND = N_(
    "actor {actor!r} decides on amounts {reach} only, and request {number} is about {amount}: that needs {what}; {who}"
)
_NOT_ALLOWED = N_(
    "actor {actor!r} may not decide on request {number} about {amount} (amount band: {band}): it needs {what}; {who}"
)
_IN_PERSON = N_(
    "request {number} about {amount} is decided in person: within its amount band ({band}) nobody decides for somebody absent; {who}"
)


def refusal(
    app: App, tx: Tx, row: sa.RowMapping, found: Hindrance, standings: Sequence[Standing], decision: Decision
) -> str:
    """Return the sentence with which a decision is refused; `standings`: the actor, and for whom they stand in."""
    if row["holders"] is None or found not in {"not_allowed", "in_person"}:
        return hindrance_sentence(found, row, tx.actor, decision, app.config.timezone)
    currency = app.config.currency
    reach = _reach(app, row, standings)
    beyond = found == "not_allowed" and reach is not None
    message = _IN_PERSON if found == "in_person" else _BEYOND if beyond else _NOT_ALLOWED
    return _(message).format(
        actor=tx.actor,
        number=row["id"],
        amount=_amount(row),
        band=shown_band(row["up_to"], currency),
        reach=shown_band(reach, currency),
        what=needed(row),
        who=_who(app, tx, row),
    )


def _reach(app: App, row: sa.RowMapping, standings: Sequence[Standing]) -> str | None:
    """Return up to which amount the actor decides on requests of this kind; None = on none, or that is not why."""
    bands: list[Band] = []
    with suppress(BadConfig):  # the sentence is about the request; whoever asks next is told of the settings
        bands = company_bands(app, row["kind"])
    own, *absent = standings
    lent = [band for band in bands if band.deputies]
    found = [highest(bands, own.holds), *(highest(lent, one.holds) for one in absent)]
    ends = [band.up_to for band in found if band is not None]
    if not ends or None in ends:
        return None
    most = max(end for end in ends if end is not None)
    is_lower = row["up_to"] is None or most < Decimal(row["up_to"])
    return f"{most:f}" if is_lower else None


def _amount(row: sa.RowMapping) -> str:
    if row["amount_minor"] is None:
        return _("no stated amount")
    return f"{format_minor(row['amount_minor'], row['currency'])} {row['currency']}"


def _who(app: App, tx: Tx, row: sa.RowMapping) -> str:
    """Name those who may decide today, to be asked."""
    actors = everybody(tx.connection, app.config, tx.ctx.today)
    able = deciders(row, actors, tx.ctx.today, single_person=is_single_person(app))
    if not able:
        return _("nobody may today, an administrator grants a role with: crm actor grant CODE ROLE")
    names = ", ".join([*able[:_NAMED], *["…"][: len(able) > _NAMED]])
    return _("ask one of: {names}").format(names=names)
