"""Actors: add them, grant and revoke roles, name deputies, archive; the last administrator stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.records.services.values import (
    By,
    at_version,
    cleaned,
    require_one_of,
    require_version,
)
from crmcore.entities.actors import ROLES, actor_table, deputy_table, permissions_of
from crmcore.entities.lookup import codes_of, find_row, require_actor, require_free
from crmcore.entities.tables import Actor, ActorDeputy
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context
    from crmcore.tx import Tx

KINDS = ("human", "job", "plugin")
_MANAGE = "actors.manage"


@again
def add(app: App, by: By, values: Mapping[str, Any]) -> None:
    """Add an actor: code, name, kind, roles."""
    row = cleaned(Actor, {"code": None, "name": None, **values})
    require_one_of("kind", row.get("kind"), KINDS)
    for role in row.get("roles", ()):
        require_one_of("role", role, (*ROLES, *app.config.data["roles"]))
    with app.write(*by, permission=_MANAGE) as tx:
        require_free(tx.connection, Actor, row["code"])
        tx.insert(Actor, [row])


@again
def grant(app: App, by: By, code: str, role: str, *, expect_version: int | None = None) -> None:
    """Give an actor one more role; StaleVersion if it is not at that version."""
    require_one_of("role", role, (*ROLES, *app.config.data["roles"]))
    with app.write(*by, permission=_MANAGE) as tx:
        row = _found_alone(tx, code)
        edits = [(row["id"], {"roles": sorted({*row["roles"], role})})]
        tx.update(Actor, edits, expect_version=at_version(row["id"], expect_version))


@again
def revoke(app: App, by: By, code: str, role: str, *, expect_version: int | None = None) -> None:
    """Take a role from an actor; Refused if nobody could manage actors then, StaleVersion as `grant`."""
    with app.write(*by, permission=_MANAGE) as tx:
        row = _found_alone(tx, code)
        edits = [(row["id"], {"roles": [r for r in row["roles"] if r != role]})]
        tx.update(Actor, edits, expect_version=at_version(row["id"], expect_version))
        _require_administrator(app, tx)


@again
def set_archived(app: App, by: By, code: str, *, archived: bool, expect_version: int | None = None) -> None:
    """Archive an actor, who then may not act, or take one back; Refused for the last administrator."""
    with app.write(*by, permission=_MANAGE) as tx:
        number = int(_found_alone(tx, code)["id"])
        put = tx.archive if archived else tx.restore
        put(Actor, [number], expect_version=at_version(number, expect_version))
        _require_administrator(app, tx)


@again
def appoint(  # noqa: PLR0913  (who stands in for whom, when, and the version seen)
    app: App,
    by: By,
    deputy: str,
    absent: str,
    since: date,
    until: date,
    *,
    expect_version: int | None = None,
) -> None:
    """Let an actor stand in for another from a first to a last day.

    StaleVersion if the first is not at that version, which those for whom they stand in do not raise.
    """
    if until < since:
        raise CrmError(_("until must not be before since"))
    if deputy == absent:
        raise CrmError(_("nobody stands in for themselves"))
    with app.write(*by, permission=_MANAGE) as tx:
        require_actor(tx.connection, deputy)
        if expect_version:
            require_version(Actor, _found_alone(tx, deputy), expect_version)
        ids = [find_row(tx.connection, Actor, code)["id"] for code in (deputy, absent)]
        row = {"deputy_id": ids[0], "absent_id": ids[1], "since": since, "until": until}
        tx.insert(ActorDeputy, [row])


def _found_alone(tx: Tx, code: str) -> sa.RowMapping:
    """Find an actor while nobody else changes any: of two administrators who revoke each other's role one stays."""
    every = sa.select(actor_table.c.id).order_by(actor_table.c.id)
    tx.connection.execute(every.with_for_update(key_share=True)).all()
    return find_row(tx.connection, Actor, code)


def _require_administrator(app: App, tx: Tx) -> None:
    query = sa.select(actor_table.c.roles).where(actor_table.c.archived_at.is_(None))
    if not any("*" in permissions_of(roles, app.config) for roles in tx.connection.scalars(query)):
        raise Refused(
            _("that was the last administrator; grant the role administrator to another actor first")
        )


def stands_in_for(ctx: Context, code: str) -> list[str]:
    """Return the codes of those whose work an actor sees today: the own one, and of whom they are the deputy."""
    deputy, absent = actor_table.alias(), actor_table.alias()
    query = (
        sa.select(absent.c.code)
        .join(deputy_table, deputy_table.c.absent_id == absent.c.id)
        .join(deputy, deputy.c.id == deputy_table.c.deputy_id)
        .where(deputy.c.code == code, deputy_table.c.since <= ctx.today, deputy_table.c.until >= ctx.today)
    )
    return [code, *ctx.connection.scalars(query)]


def select(after: str | None = None, *, archived: bool = False) -> sa.Select[Any]:
    """Build the list of actors by code, `after` one."""
    query = sa.select(actor_table).order_by(actor_table.c.code)
    if not archived:
        query = query.where(actor_table.c.archived_at.is_(None))
    return query if after is None else query.where(actor_table.c.code > after)


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of actors with those who stand in for them and for whom they do."""
    links = ctx.connection.execute(sa.select(deputy_table).order_by(deputy_table.c.since)).mappings().all()
    codes = codes_of(
        ctx.connection, Actor, [n for link in links for n in (link["deputy_id"], link["absent_id"])]
    )

    def period(link: sa.RowMapping, other: str) -> dict[str, Any]:
        return {"actor": codes[link[other]], "since": link["since"], "until": link["until"]}

    return [
        {
            **{name: row[name] for name in ("code", "uid", "kind", "name", "roles")},
            "deputies": [period(link, "deputy_id") for link in links if link["absent_id"] == row["id"]],
            "deputy_of": [period(link, "absent_id") for link in links if link["deputy_id"] == row["id"]],
            "archived": row["archived_at"] is not None,
            "version": row["version"],
        }
        for row in rows
    ]
