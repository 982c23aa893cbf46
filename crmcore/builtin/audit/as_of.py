"""A customer's card as it was known on a past day: the row, its parent, its people, and what plugins say of that day."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.finding import find, gone
from crmcore.builtin.audit.past import end_of, past_rows
from crmcore.builtin.records.services.customers import Known, cards, shown_people
from crmcore.errors import NotFound, UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import CardSection, Context


def card_as_of(app: App, ctx: Context, code: str, day: date) -> tuple[dict[str, Any], list[CardSection]]:
    """Return a customer's card as it was known at the end of a day of the company, with the plugins' sections.

    `code`: of then, else of now. NotFound where the customer was not known yet, or no more; UsageProblem for a day that
    is still to come.
    """
    if day > ctx.today:
        message = _("{day} is still to come; --as-of takes a day up to {today}")
        raise UsageProblem(message.format(day=day, today=ctx.today))
    moment = end_of(day, app.config.timezone)
    info = app.core_tables["customer"]
    found = find(ctx.connection, code, ["customer"])
    rows = past_rows(ctx.connection, info, [one.id for one in found], moment)
    there = sorted((rows[one.id] for one in found if one.id in rows), key=lambda row: row["code"] != code)
    if there:
        return cards(app, ctx, there[:1], _known(app, ctx.connection, there[0], day, moment))[0]
    message = _("customer {code!r} was not known on {day}; see when it came with: crm history {code}")
    raise NotFound(message.format(code=code, day=day))


def _known(app: App, connection: sa.Connection, row: dict[str, Any], day: date, moment: datetime) -> Known:
    parents: dict[int, str] = {}
    if row["parent_id"] is not None:
        above = past_rows(connection, app.core_tables["customer"], [row["parent_id"]], moment)
        parents = {number: past["code"] for number, past in above.items()}
    people = {row["id"]: _people(app, connection, row["id"], day, moment)}
    return Known(day, parents, people, {row["id"]: _merged(app, connection, row["id"], moment)})


def _merged(app: App, connection: sa.Connection, customer_id: int, moment: datetime) -> list[str]:
    """Return the codes of the customers that had been merged into it then."""
    info = app.tables["customer_merge"]
    ids = set(connection.scalars(sa.select(info.table.c.id).where(info.table.c.customer_id == customer_id)))
    ids |= gone(connection, [info.entity], "customer_id", [customer_id]).get(info.entity, set())
    merges = past_rows(connection, info, ids, moment)
    return [str(m["code"]) for _number, m in sorted(merges.items()) if m["customer_id"] == customer_id]


def _people(
    app: App, connection: sa.Connection, customer_id: int, day: date, moment: datetime
) -> list[dict[str, Any]]:
    """Return the contacts on the card then: of links that are there, and of those removed or moved since.

    Who is restricted today is left out, whatever the day.
    """
    from crmcore.builtin.privacy.restricted import ids_of

    info = app.core_tables["contact_firm"]
    ids = set(connection.scalars(sa.select(info.table.c.id).where(info.table.c.customer_id == customer_id)))
    ids |= gone(connection, [info.entity], "customer_id", [customer_id]).get(info.entity, set())
    links = [
        link
        for _number, link in sorted(past_rows(connection, info, ids, moment).items())
        if link["customer_id"] == customer_id
    ]
    people = past_rows(connection, app.core_tables["contact"], {link["contact_id"] for link in links}, moment)
    shown = people.keys() - ids_of(connection, "contact")
    there = [(link, people[link["contact_id"]]) for link in links if link["contact_id"] in shown]
    return shown_people([(link, person) for link, person in there if person["archived_at"] is None], day)
