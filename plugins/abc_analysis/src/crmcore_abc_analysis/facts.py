"""What the plugin tells others: the potential of customers, as people estimated it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider

from .tables import AbcPotential

potentials: sa.Table = AbcPotential.__table__  # type: ignore[attr-defined]


def potential(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each provider)
    """Select all estimates, older ones too."""
    c = potentials.c
    return sa.select(c.customer_id, c.estimated_on, c.currency, c.amount_minor)


def providers() -> list[FactProvider]:
    """Return the facts."""
    return [FactProvider("potential", potential)]
