"""What the company's settings say of approvals: its bands, and whether one person asks and decides."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.builtin.approvals.bands import Authority, Band, authority, bands_of
from crmcore.entities.actors import ROLES
from crmcore.errors import CrmError
from crmcore.money import from_minor

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import ApprovalRequest, Context

_SETTINGS = "approvals"


def is_single_person(app: App) -> bool:
    """Say whether this is a one-person firm, where whoever asks may decide (一人公司)."""
    return bool(app.settings(_SETTINGS)["single_person"])


def company_bands(app: App, kind: str) -> list[Band]:
    """Return the bands of a kind that hold now, its own or those of the kind that it names; BadConfig names the first that is none."""
    settings, roles = app.settings(_SETTINGS), {*ROLES, *app.config.data["roles"]}
    found = bands_of(settings, kind, roles)
    if not found:
        others = {one.bands_of for one in app.host.registered("approval_kinds") if one.name == kind}
        found = [band for other in sorted(others) for band in bands_of(settings, other, roles)]
    return found


def authority_over(app: App, ctx: Context, request: ApprovalRequest, permission: str) -> Authority | None:
    """Return who may decide on a request by the company's bands; None = who has its kind's permission."""
    bands = company_bands(app, request.kind)
    return authority(bands, _own_amount(ctx, request), permission) if bands else None


def _own_amount(ctx: Context, request: ApprovalRequest) -> Decimal | None:
    """Return how much it is in the company's currency at today's rate; None where that is not known."""
    if request.amount_minor is None or request.currency is None:
        return None
    amount = from_minor(request.amount_minor, request.currency)
    try:
        return amount * ctx.facts.rate(request.currency, ctx.currency, ctx.today)
    except CrmError:  # no rate, or no source of rates that works: the highest band is never too low
        return None
