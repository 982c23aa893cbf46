"""Customers: add, edit, archive, list (客户). Values are typed as in the field catalogue, keyed by field name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.duplicates.heirs import merged_row, old_codes, require_own
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.services import values as checks
from crmcore.builtin.records.services.values import By, at_version
from crmcore.entities.lookup import (
    batches,
    codes_of,
    find_row,
    require_actor,
    require_free,
    table_of,
)
from crmcore.entities.tables import Contact, ContactFirm, Customer
from crmcore.errors import CrmError, Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import CardSection, Context
    from crmcore.tx import Tx

Values = Mapping[str, Any]
_table, _people, _links = table_of(Customer), table_of(Contact), table_of(ContactFirm)
_ON_CARD = ("code", "name", "roles", "position", "phone", "mobile", "email", "since", "until")


@again
def add(app: App, by: By, values: Values) -> str:
    """Add a customer and return its code, made from the company's pattern if none is given."""
    _check(app, {"name": None, **values})
    with app.write(*by) as tx:
        row = _row(app, tx, values, None)
        if "code" in row:
            require_free(tx.connection, Customer, row["code"])
        else:
            row["code"] = tx.new_codes("customer", 1)[0]
        _write_contacts(app, tx, tx.insert(Customer, [row])[0], values)
    return str(row["code"])


@again
def edit(app: App, by: By, code: str, values: Values, *, expect_version: int | None = None) -> str:
    """Change fields of a customer (None clears) and return its code; StaleVersion if it is not at that version."""
    _check(app, values)
    with app.write(*by) as tx:
        number = int(find_row(tx.connection, Customer, code)["id"])
        require_own(tx.connection, {code: number})
        row = _row(app, tx, values, number)
        if row.get("code", code) != code:
            require_free(tx.connection, Customer, row["code"])
        tx.update(Customer, [(number, row)], expect_version=at_version(number, expect_version))
        _write_contacts(app, tx, number, values)
    return str(row.get("code", code))


@again
def set_archived(
    app: App, by: By, codes: Sequence[str], *, archived: bool, expect_version: int | None = None
) -> int:
    """Archive customers, or take them back; returns how many were not so before.

    expect_version: of the one customer named; StaleVersion if it is not at that version.
    """
    with app.write(*by) as tx:
        found = {code: int(find_row(tx.connection, Customer, code)["id"]) for code in codes}
        require_own(tx.connection, found)
        ids = list(found.values())
        put = tx.archive if archived else tx.restore
        return put(Customer, ids, expect_version=at_version(ids[0], expect_version))


def _check(app: App, values: Values) -> None:
    for name, value in values.items():
        field = app.catalogue.require_writable(name)
        if value is None:
            if name in _table.c and not _table.c[name].nullable:
                raise CrmError(_("{field} must not be empty").format(field=name))
            continue
        problem = app.catalogue.problem(name, str(value) if isinstance(value, date) else value)
        if problem is None and name == "code" and not value.isprintable():
            problem = _("holds characters that cannot be seen")
        if problem:
            checks.refuse(field.name, value, problem)


def _row(app: App, tx: Tx, values: Values, own_id: int | None) -> dict[str, Any]:
    """Turn fields of the card into columns; owner and parent must exist."""
    row: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in values.items():
        source = app.catalogue.fields[name].source
        if name == "parent":
            row["parent_id"] = _parent(tx.connection, value, own_id)
        elif source == "column":
            row[name] = _for_column(name, value)
        elif source == "attribute":
            attributes[name] = str(value) if isinstance(value, date) else value
    if row.get("owner"):
        require_actor(tx.connection, row["owner"])
    if attributes:
        row["attributes"] = attributes if own_id else {k: v for k, v in attributes.items() if v is not None}
    return row


def _for_column(name: str, value: Any) -> Any:
    """Return a value of the card as its column takes it: a day as a date."""
    return date.fromisoformat(value) if name == "since" and isinstance(value, str) else value


def _parent(connection: sa.Connection, code: str | None, own_id: int | None) -> int | None:
    """Return the parent's id; Refused if the customer would be its own ancestor."""
    if not code:
        return None
    checks.alone_with_groups(connection)
    parent = merged_row(connection, code)
    seen: set[int] = set()
    above: Any = parent
    while above is not None and above["id"] not in seen:
        if above["id"] == own_id:
            message = _("parent = {code!r} is not allowed: the customer would be its own ancestor")
            raise Refused(message.format(code=code))
        seen.add(above["id"])
        query = sa.select(_table).where(_table.c.id == above["parent_id"])
        above = connection.execute(query).mappings().first()
    return int(parent["id"])


def _write_contacts(app: App, tx: Tx, number: int, values: Values) -> None:
    """Hand the card's fields that live with the contacts to them."""
    theirs = {name: v for name, v in values.items() if app.catalogue.fields[name].source == "contact"}
    if theirs:
        from crmcore.builtin.records.card_contacts import write_card_contacts

        write_card_contacts(tx, {number: theirs})


# -- reading -----------------------------------------------------------------------------------------------------


class Known(NamedTuple):
    """What else was known of customers on a past day: parents by id, the people on each card, and whom it was merged from."""

    day: date
    parents: Mapping[int, str]
    people: Mapping[int, list[dict[str, Any]]]
    merged: Mapping[int, list[str]]


def cards(
    app: App, ctx: Context, rows: Sequence[sa.RowMapping | Values], known: Known | None = None
) -> list[tuple[dict[str, Any], list[CardSection]]]:
    """Return the published JSON of customers, each with its sections as the plugins gave them.

    `known`: with rows of a past day, what belongs to them; None for the present.
    """
    ids = [row["id"] for row in rows]
    if known is None:
        parents = codes_of(ctx.connection, Customer, [row["parent_id"] for row in rows if row["parent_id"]])
        known = Known(ctx.today, parents, _people_at(ctx, ids), old_codes(ctx.connection, ids))
        as_of = None
    else:
        as_of = known.day
    sections: dict[int, list[CardSection]] = {number: [] for number in ids}
    for section in app.host.contribute(
        "card_sections", ctx.connection, ctx.actor, customer_ids=ids, as_of=as_of
    ):
        sections.setdefault(section.customer_id, []).append(section)
    fields = app.catalogue.fields  # asked for once: it looks whether the company's file has changed
    columns = [f.name for f in fields.values() if f.source == "column" and f.name != "code"]
    return [
        (
            {
                "code": row["code"],
                "uid": row["uid"],
                **{n: known.parents.get(row["parent_id"]) if n == "parent" else row[n] for n in columns},
                "attributes": {n: v for n, v in row["attributes"].items() if n in fields},
                "contacts": known.people.get(row["id"], []),
                "sections": [
                    {"plugin": s.plugin, "name": s.name, "title": s.title, "data": s.data}
                    for s in sections[row["id"]]
                ],
                "archived": row["archived_at"] is not None,
                "version": row["version"],
                "merged_from": known.merged.get(row["id"], []),
            },
            sections[row["id"]],
        )
        for row in rows
    ]


def shown_people(pairs: Sequence[tuple[Values, Values]], day: date) -> list[dict[str, Any]]:
    """Return people as cards show them, who had left by a day last; a pair is a place at the firm and its contact."""
    ordered = sorted(pairs, key=lambda pair: pair[0]["until"] is not None and pair[0]["until"] < day)
    return [{n: person[n] if n in _people.c else link[n] for n in _ON_CARD} for link, person in ordered]


def _people_at(ctx: Context, customer_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the contacts on customers' cards, those who have left last, archived ones left out."""
    found: dict[int, list[dict[str, Any]]] = {}
    query = _people_on_cards().where(*hidden(ctx.connection, (_people.c.id, "contact")))
    for part in batches(customer_ids):
        for number, *person in ctx.connection.execute(query, {"ids": part, "today": ctx.today}):
            found.setdefault(number, []).append(dict(zip(_ON_CARD, person, strict=True)))
    return found


@cache
def _people_on_cards() -> sa.Select[Any]:
    """Select who is on the cards of `ids`; built once, which takes as long as reading a page of them."""
    gone = sa.case((_links.c.until < sa.bindparam("today"), 1), else_=0)
    return (
        sa.select(_links.c.customer_id, *(_people.c[n] if n in _people.c else _links.c[n] for n in _ON_CARD))
        .join(_people, _people.c.id == _links.c.contact_id)
        .where(_links.c.customer_id.in_(sa.bindparam("ids", expanding=True)), _people.c.archived_at.is_(None))
        .order_by(_links.c.customer_id, gone, _links.c.id)
    )
