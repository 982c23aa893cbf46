"""Who stands where today: actors with their permissions, and for whom they stand in."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.approvals.rules import Standing
from crmcore.entities.actors import actor_table, deputy_table, permissions_of

if TYPE_CHECKING:
    from crmcore.config import Config

_c = actor_table.c


def standing(connection: sa.Connection, config: Config, code: str) -> Standing:
    """Return what an actor may do; one who is archived, or is not there, may do nothing."""
    query = sa.select(_c.code, _c.roles).where(_c.code == code, _c.archived_at.is_(None))
    row = connection.execute(query).first()
    return _standing(row, config) if row else Standing(code, frozenset())


def stood_in_for(connection: sa.Connection, config: Config, code: str, today: date) -> list[Standing]:
    """Return those in whose name an actor may act today as well, by code; who is archived has no deputies."""
    deputy, d = actor_table.alias("deputy"), deputy_table.c
    query = (
        sa.select(_c.code, _c.roles)
        .distinct()
        .join(deputy_table, d.absent_id == _c.id)
        .join(deputy, deputy.c.id == d.deputy_id)
        .where(
            deputy.c.code == code,
            deputy.c.archived_at.is_(None),
            _c.archived_at.is_(None),
            d.since <= today,
            d.until >= today,
        )
        .order_by(_c.code)
    )
    return [_standing(row, config) for row in connection.execute(query)]


def everybody(
    connection: sa.Connection, config: Config, today: date
) -> list[tuple[Standing, list[Standing]]]:
    """Return all actors, each with those for whom they stand in today."""
    codes = connection.scalars(sa.select(_c.code).where(_c.archived_at.is_(None)).order_by(_c.code)).all()
    return [
        (standing(connection, config, code), stood_in_for(connection, config, code, today)) for code in codes
    ]


def _standing(row: sa.Row[Any, Any], config: Config) -> Standing:
    return Standing(row.code, frozenset(permissions_of(row.roles, config)), frozenset(row.roles))
