"""Restrict a person, and lift that: kept, not used, until it is clear what holds (限制处理)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.privacy.guard import exempt
from crmcore.builtin.privacy.persons import by_code, refuse_erased, same_persons
from crmcore.builtin.privacy.rows import WHOSE
from crmcore.builtin.privacy.tables import Restriction
from crmcore.builtin.records.services.values import cleaned
from crmcore.entities.lookup import table_of
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Person

_table = table_of(Restriction)
_NOW = _table.c.lifted_at.is_(None)
PERMISSION = "privacy.manage"


@again
def restrict(app: App, actor: str, code: str, reason: str) -> dict[str, Any]:
    """Restrict a person and who is the same; Refused where they are restricted already."""
    row = cleaned(Restriction, {"reason": reason})
    with (
        app.write(actor, "", "privacy", plugin="privacy", permission=PERMISSION) as tx,
        exempt(tx.connection),
    ):
        person = by_code(tx.connection, code)
        refuse_erased(tx.connection, person)
        fresh = [one for one in same_persons(tx.connection, [person]) if not _open(tx.connection, one)]
        if person.uid not in {one.uid for one in fresh}:
            raise Refused(_("{code} is restricted already").format(code=person.code))
        rows = [{WHOSE[one.entity]: one.id, **row, "since": tx.now, "actor": actor} for one in fresh]
        tx.insert(Restriction, rows)
    return as_json(app, person)


@again
def unrestrict(app: App, actor: str, code: str) -> dict[str, Any]:
    """Lift the restriction of a person and of who is the same; Refused where there is none."""
    with (
        app.write(actor, "", "privacy", plugin="privacy", permission=PERMISSION) as tx,
        exempt(tx.connection),
    ):
        person = by_code(tx.connection, code)
        whole = same_persons(tx.connection, [person])
        ids = [number for one in whole for number in _open(tx.connection, one)]
        if not ids:
            raise Refused(_("{code} is not restricted").format(code=person.code))
        tx.update(Restriction, [(number, {"lifted_at": tx.now, "lifted_by": actor}) for number in ids])
    return as_json(app, person)


def _open(connection: sa.Connection, person: Person) -> list[int]:
    query = sa.select(_table.c.id).where(_NOW, _table.c[WHOSE[person.entity]] == person.id)
    return list(connection.scalars(query))


def as_json(app: App, person: Person) -> dict[str, Any]:
    """Return the published JSON of whether a person is restricted, and since when."""
    query = sa.select(_table).where(_table.c[WHOSE[person.entity]] == person.id).order_by(_table.c.id.desc())
    with app.read("privacy") as ctx:
        row = ctx.connection.execute(query).mappings().first()
    now = row is not None and row["lifted_at"] is None
    return {
        "entity": person.entity,
        "code": person.code,
        "restricted": now,
        "since": row["since"] if row and now else None,
        "reason": row["reason"] if row and now else None,
        "by": row["actor"] if row and now else None,
    }
