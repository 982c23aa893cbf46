"""Interactions with customers through every channel, each owned by somebody until it is done (互动, 首问负责制)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.services.values import By, at_version, cleaned, contains, require_one_of
from crmcore.entities.lookup import (
    codes_of,
    customer_codes,
    find_customer,
    find_row,
    require_actor,
    table_of,
)
from crmcore.entities.tables import Contact, Interaction

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context
    from crmcore.tx import Tx

Values = Mapping[str, Any]
DIRECTIONS = ("in", "out")
_table = table_of(Interaction)


@again
def add(app: App, by: By, customer: str, values: Values) -> str:
    """Add an interaction and return its code; its owner is who adds it, unless another is named.

    values: channel, subject, notes, at (aware; now if absent), direction, contact (code), owner, due_on.
    """
    row = _checked({"channel": None, "subject": None, **values})
    with app.write(*by) as tx:
        firm = find_customer(tx.connection, customer)
        row = {"owner": by.actor, "at": tx.now, **_references(tx, row), "customer_id": firm}
        row["code"] = tx.new_codes("interaction", 1)[0]
        tx.insert(Interaction, [row])
    return str(row["code"])


@again
def edit(app: App, by: By, code: str, values: Values, *, expect_version: int | None = None) -> None:
    """Change an interaction; `done_at` closes it, another `owner` takes it over."""
    row = _checked(values)
    with app.write(*by) as tx:
        number = int(find_row(tx.connection, Interaction, code)["id"])
        edits = [(number, _references(tx, row))]
        tx.update(Interaction, edits, expect_version=at_version(number, expect_version))


def _checked(values: Values) -> dict[str, Any]:
    require_one_of("direction", values.get("direction"), DIRECTIONS)
    contact = {"contact": values["contact"]} if "contact" in values else {}
    return {**cleaned(Interaction, {k: v for k, v in values.items() if k != "contact"}), **contact}


def _references(tx: Tx, values: Values) -> dict[str, Any]:
    row = dict(values)
    if "contact" in row:
        code = row.pop("contact")
        row["contact_id"] = find_row(tx.connection, Contact, code)["id"] if code else None
    if row.get("owner"):
        require_actor(tx.connection, row["owner"])
    return row


# -- reading -----------------------------------------------------------------------------------------------------


def select(  # noqa: PLR0913  (by what a timeline is chosen)
    connection: sa.Connection,
    *,
    customer: str | None = None,
    contact: str | None = None,
    owner: str | None = None,
    channel: str | None = None,
    text: str | None = None,
    between: tuple[datetime | None, datetime | None] = (None, None),
    undone: bool = False,
    after: str | None = None,
) -> sa.Select[Any]:
    """Build the timeline, the newest first, behind the interaction `after`.

    text: what stands in subject or notes; between: from this moment, until before that one; undone: only what is due
    and not done.
    """
    whose = hidden(connection, (_table.c.customer_id, "customer"), (_table.c.contact_id, "contact"))
    query = sa.select(_table).where(_table.c.archived_at.is_(None), *whose)
    if customer is not None:
        query = query.where(_table.c.customer_id == find_customer(connection, customer))
    if contact is not None:
        query = query.where(_table.c.contact_id == find_row(connection, Contact, contact)["id"])
    if text is not None:
        query = query.where(contains(text, _table.c.subject, _table.c.notes))
    start, end = between
    query = query if start is None else query.where(_table.c.at >= start)
    query = query if end is None else query.where(_table.c.at < end)
    for column, value in ((_table.c.owner, owner), (_table.c.channel, channel)):
        query = query if value is None else query.where(column == value)
    if undone:
        query = query.where(_table.c.due_on.is_not(None), _table.c.done_at.is_(None))
    if after is not None:
        last = find_row(connection, Interaction, after)
        query = query.where(sa.tuple_(_table.c.at, _table.c.id) < sa.tuple_(last["at"], last["id"]))
    return query.order_by(_table.c.at.desc(), _table.c.id.desc())


def overdue(ctx: Context, owners: Sequence[str], since: date | None = None) -> Sequence[sa.RowMapping]:
    """Read what these owners have due by today and not done, and what nobody owns: it falls between no departments."""
    query = sa.select(_table).where(
        _table.c.due_on <= ctx.today,
        _table.c.done_at.is_(None),
        _table.c.archived_at.is_(None),
        sa.or_(_table.c.owner.in_(owners), _table.c.owner.is_(None)),
        *hidden(ctx.connection, (_table.c.customer_id, "customer"), (_table.c.contact_id, "contact")),
    )
    if since is not None:
        query = query.where(_table.c.due_on >= since)
    return ctx.connection.execute(query.order_by(_table.c.due_on, _table.c.id).limit(1000)).mappings().all()


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of interactions."""
    firms = customer_codes(ctx.connection, [row["customer_id"] for row in rows])
    people = codes_of(ctx.connection, Contact, [row["contact_id"] for row in rows if row["contact_id"]])
    names = ("channel", "direction", "subject", "notes", "at", "owner", "due_on", "done_at")
    return [
        {
            "code": row["code"],
            "uid": row["uid"],
            "customer": firms[row["customer_id"]],
            "contact": people.get(row["contact_id"]),
            **{name: row[name] for name in names},
            "archived": row["archived_at"] is not None,
            "version": row["version"],
        }
        for row in rows
    ]
