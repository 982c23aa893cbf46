"""Amount bands: who decides on a request depends on how much it is about (按金额分级审批).

* The company lists for a kind of request up to which amount who decides; the last band may be without end.
* Who decides on a larger amount decides on a smaller one, too.
* Beyond the last band decides who has the permission that the kind itself asks for.
* A request without an amount, or in a currency of which no rate is known, is treated as larger than any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from crmcore.builtin.approvals.rules import of_permission, of_role
from crmcore.errors import BadConfig
from crmcore.i18n import _


class Band(NamedTuple):
    """Up to an amount of the company's currency decides who holds something."""

    up_to: Decimal | None
    """None = any amount."""
    holder: str
    """A permission or a role, as `rules.of_permission` and `rules.of_role` write it."""
    deputies: bool
    """Whether somebody may decide in the name of a holder who is absent."""


class Authority(NamedTuple):
    """Who may decide on one request, by the bands that held when it was made."""

    up_to: Decimal | None
    holders: tuple[str, ...]
    deputies: bool


def authority(bands: Sequence[Band], amount: Decimal | None, permission: str) -> Authority | None:
    """Return who decides on an amount (None = unknown) of a kind with its own permission; None = beyond the bands."""
    for place, band in enumerate(bands):
        if band.up_to is None or (amount is not None and amount <= band.up_to):
            holders = [one.holder for one in bands[place:]]
            if bands[-1].up_to is not None:
                holders.append(of_permission(permission))
            return Authority(band.up_to, tuple(dict.fromkeys(holders)), band.deputies)
    return None


def highest(bands: Sequence[Band], holds: Collection[str]) -> Band | None:
    """Return the highest band on whose amounts somebody decides by what they hold; None = on none."""
    return next((band for band in reversed(bands) if band.holder in holds), None)


def bands_of(settings: Mapping[str, Any], kind: str, roles: Collection[str]) -> list[Band]:
    """Return the bands of a kind, in order, as the settings list them; BadConfig names the first that is none.

    roles: those that there are in the company.
    """
    given = settings["bands"].get(kind, [])
    bands = [_band(entry, f"bands.{kind}.{place}", roles) for place, entry in enumerate(given)]
    for place, (one, following) in enumerate(pairwise(bands), 1):
        if one.up_to is None:
            raise _wrong(f"bands.{kind}.{place - 1}", _("has no up_to; only the last band may do without"))
        if following.up_to is not None and following.up_to <= one.up_to:
            problem = _("ends at {up_to}, which is not above the band before it; list the smallest first")
            raise _wrong(f"bands.{kind}.{place}", problem.format(up_to=following.up_to))
    return bands


def _band(entry: Mapping[str, Any], path: str, roles: Collection[str]) -> Band:
    permission, role = entry.get("permission"), entry.get("role")
    if (permission is None) == (role is None):
        raise _wrong(path, _("must name who decides: either a permission or a role"))
    if role is not None and role not in roles:
        known = ", ".join(sorted(roles))
        raise _wrong(path, _("names the role {role!r}; known are {known}").format(role=role, known=known))
    up_to = Decimal(entry["up_to"]) if "up_to" in entry else None
    holder = of_role(role) if role is not None else of_permission(str(permission))
    return Band(up_to, holder, entry.get("deputies", True))


def _wrong(path: str, problem: str) -> BadConfig:
    message = _("crm.toml: plugins.approvals.{path} {problem}")
    return BadConfig(message.format(path=path, problem=problem))
