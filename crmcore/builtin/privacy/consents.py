"""Consents: to which purpose, how, from when until when (同意)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.privacy.guard import exempt
from crmcore.builtin.privacy.persons import TABLES, by_code, refuse_erased, same_persons
from crmcore.builtin.privacy.rows import WHOSE
from crmcore.builtin.privacy.tables import Consent
from crmcore.builtin.records.services.values import at_version, cleaned
from crmcore.entities.lookup import codes_of, table_of
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmcore.app import App
    from crmcore.plugins.types import Context, Person

_table = table_of(Consent)


@again
def give(app: App, actor: str, code: str, purpose: str, how: str, on: date | None) -> int:
    """Note that a person consents to a purpose; Refused where that is in force already. Returns its number."""
    allowed = app.settings("privacy")["purposes"]
    if purpose not in allowed:
        message = _(
            "{purpose!r} is no purpose of this company; known are {known}; add it to purposes in [plugins.privacy]"
        )
        raise CrmError(message.format(purpose=purpose, known=", ".join(allowed) or _("none")))
    row = cleaned(Consent, {"purpose": purpose, "how": how})
    if not row["how"]:
        raise CrmError(_("say with --how in what form it was given, so that it can be shown later"))
    with app.write(actor, "", plugin="privacy") as tx, exempt(tx.connection):
        person = by_code(tx.connection, code)
        refuse_erased(tx.connection, person)
        day = on or tx.ctx.today
        if day > tx.ctx.today:
            raise CrmError(_("{day} is not yet; a consent is noted once it is given").format(day=day))
        if _in_force(tx.connection, person, purpose):
            message = _("{code} consents to {purpose} already")
            raise Refused(message.format(code=person.code, purpose=purpose))
        values = {WHOSE[person.entity]: person.id, **row, "given_on": day, "recorded_by": actor}
        return tx.insert(Consent, [values])[0]


@again
def withdraw(  # noqa: PLR0913  (who, whose, for what, how, when, and the version seen)
    app: App,
    actor: str,
    code: str,
    purpose: str,
    how: str,
    *,
    on: date | None = None,
    expect_version: int | None = None,
) -> int:
    """Note that a person takes a consent back; Refused where there is none. Returns its number."""
    row = cleaned(Consent, {"withdrawn_how": how})
    with app.write(actor, "", plugin="privacy") as tx, exempt(tx.connection):
        person = by_code(tx.connection, code)
        found = _in_force(tx.connection, person, purpose)
        if not found:
            message = _("{code} has given no consent to {purpose} that could be withdrawn")
            raise Refused(message.format(code=person.code, purpose=purpose))
        day, number = on or tx.ctx.today, int(found[0]["id"])
        if day < found[0]["given_on"]:
            message = _("it was given on {given}, so it cannot be withdrawn on {day}")
            raise CrmError(message.format(given=found[0]["given_on"], day=day))
        edits = [(int(one["id"]), {"withdrawn_on": day, **row}) for one in found]
        tx.update(Consent, edits, expect_version=at_version(number, expect_version))
    return number


def _in_force(connection: sa.Connection, person: Person, purpose: str) -> Sequence[sa.RowMapping]:
    mine = sa.or_(*(_table.c[WHOSE[p.entity]] == p.id for p in same_persons(connection, [person])))
    query = sa.select(_table).where(mine, _table.c.purpose == purpose, _table.c.withdrawn_on.is_(None))
    return connection.execute(query.order_by(_table.c.id)).mappings().all()


def select(
    connection: sa.Connection, code: str | None = None, purpose: str | None = None, after: int | None = None
) -> sa.Select[Any]:
    """Build the list of consents by number, withdrawn ones among them."""
    query = sa.select(_table).order_by(_table.c.id)
    if code is not None:
        persons = same_persons(connection, [by_code(connection, code)])
        query = query.where(sa.or_(*(_table.c[WHOSE[p.entity]] == p.id for p in persons)))
    if purpose is not None:
        query = query.where(_table.c.purpose == purpose)
    return query if after is None else query.where(_table.c.id > after)


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of consents."""
    codes = {
        entity: codes_of(ctx.connection, model, [row[WHOSE[entity]] for row in rows if row[WHOSE[entity]]])
        for entity, model in TABLES.items()
    }
    names = ("purpose", "how", "given_on", "withdrawn_on", "withdrawn_how", "recorded_by", "version")
    found = []
    for row in rows:
        entity = "contact" if row["contact_id"] else "customer"
        whose = {"entity": entity, "person": codes[entity].get(row[WHOSE[entity]])}
        found.append({"number": row["id"], **whose, **{name: row[name] for name in names}})
    return found


def one_as_json(app: App, number: int) -> dict[str, Any]:
    """Return one consent."""
    with app.read("privacy") as ctx:
        rows = ctx.connection.execute(sa.select(_table).where(_table.c.id == number)).mappings().all()
        return as_json(ctx, rows)[0]
