"""Contacts: the people at customers, who work for several firms and change jobs (联络人)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.services.values import (
    By,
    at_version,
    cleaned,
    contains,
    require_one_of,
    require_version,
)
from crmcore.entities.lookup import batches, customer_codes, find_customer, find_row, require_free, table_of
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.errors import CrmError, Refused, StaleVersion
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context
    from crmcore.tx import Tx

Values = Mapping[str, Any]
ROLES = (
    "decides",
    "advises",
    "opposes",
    "influences",
    "uses",
    "gatekeeper",
    "owner",
    "legal_representative",
    "key_person",
)
"""Parts that a person plays in a customer's decisions."""
_people, _links = table_of(Contact), table_of(ContactFirm)


@again
def add(app: App, by: By, customer: str, person: Values, place: Values) -> str:
    """Add a person (name, phone, mobile, email, code) with a place at a customer; returns the code."""
    row = cleaned(Contact, {"name": None, **{k: v for k, v in person.items() if k != "code" or v}})
    _check_place(place)
    with app.write(*by) as tx:
        if "code" in row:
            require_free(tx.connection, Contact, row["code"])
        else:
            row["code"] = tx.new_codes("contact", 1)[0]
        firm = find_customer(tx.connection, customer)
        _insert_place(tx, tx.insert(Contact, [row])[0], firm, place)
    return str(row["code"])


@again
def edit(  # noqa: PLR0913  (a person, a place, and the version seen)
    app: App,
    by: By,
    code: str,
    person: Values,
    place: Values,
    *,
    customer: str | None = None,
    expect_version: int | None = None,
    expect_place_version: int | None = None,
) -> None:
    """Change a person, and the present place at `customer`, which may be left out where there is just one.

    StaleVersion if person or place are not at the version that was seen.
    """
    row = cleaned(Contact, person)
    _check_place(place)
    with app.write(*by) as tx:
        number = int(find_row(tx.connection, Contact, code)["id"])
        tx.update(Contact, [(number, row)], expect_version=at_version(number, expect_version))
        if place:
            link = _one_place(tx, number, code, customer)
            values = cleaned(ContactFirm, place)
            _require_place_version(tx, code, link, values, expect_place_version)
            seen = at_version(link["id"], expect_place_version)
            tx.update(ContactFirm, [(link["id"], values)], expect_version=seen)


@again
def join(
    app: App, by: By, code: str, customer: str, place: Values, *, expect_version: int | None = None
) -> None:
    """Give a person one more place, at another customer; Refused if there is one there already.

    StaleVersion if the person is not at the version that was seen, which their places do not raise.
    """
    _check_place(place)
    with app.write(*by) as tx:
        number = _found_alone(tx, code)
        require_version(Contact, find_row(tx.connection, Contact, code), expect_version)
        _insert_place(tx, number, find_customer(tx.connection, customer), place)


@again
def leave(
    app: App,
    by: By,
    code: str,
    customer: str | None,
    until: date | None,
    *,
    expect_place_version: int | None = None,
) -> None:
    """End a person's place at a customer with a last day, by default today; StaleVersion as `edit`."""
    with app.write(*by) as tx:
        place = _one_place(tx, _found_alone(tx, code), code, customer)
        last = until or tx.ctx.today
        _require_place_version(tx, code, place, {"until": last}, expect_place_version)
        _end(tx, [place], last, at_version(place["id"], expect_place_version))


@again
def move(  # noqa: PLR0913  (a person, from where to where, and the versions seen)
    app: App,
    by: By,
    code: str,
    customer: str,
    place: Values,
    until: date | None = None,
    *,
    expect_version: int | None = None,
    expect_place_version: int | None = None,
) -> None:
    """Have a person leave all present places, by default the day before, and join another customer.

    StaleVersion if the person, or the one place that is left, is not at the version that was seen.
    """
    _check_place(place)
    with app.write(*by) as tx:
        number = _found_alone(tx, code)
        require_version(Contact, find_row(tx.connection, Contact, code), expect_version)
        firm = find_customer(tx.connection, customer)
        since = place.get("since") or tx.ctx.today
        last = until or since - timedelta(days=1)
        left = [p for p in _places(tx, number) if p["customer_id"] != firm]
        if expect_place_version:
            _require_place_version(tx, code, _only(tx, code, left), {"until": last}, expect_place_version)
        _end(tx, left, last)
        _insert_place(tx, number, firm, {**place, "since": since})


@again
def set_archived(app: App, by: By, code: str, *, archived: bool, expect_version: int | None = None) -> None:
    """Archive a person, or take them back; StaleVersion if they are not at that version."""
    with app.write(*by) as tx:
        number = int(find_row(tx.connection, Contact, code)["id"])
        put = tx.archive if archived else tx.restore
        put(Contact, [number], expect_version=at_version(number, expect_version))


def _found_alone(tx: Tx, code: str) -> int:
    """Find a person, and let nobody else change their places until this is written."""
    number = int(find_row(tx.connection, Contact, code)["id"])
    tx.update(Contact, [(number, {})])
    return number


def _check_place(place: Values) -> None:
    for role in place.get("roles") or ():
        require_one_of("role", role, ROLES)


def _insert_place(tx: Tx, number: int, firm: int, place: Values) -> None:
    if any(link["customer_id"] == firm for link in _places(tx, number)):
        raise Refused(_("the contact works there already; change the place with: crm contact edit"))
    row = cleaned(ContactFirm, place)
    if row.get("since") and row.get("until") and row["until"] < row["since"]:
        raise CrmError(_("until must not be before since"))
    tx.insert(ContactFirm, [{"contact_id": number, "customer_id": firm, **row}])


def _places(tx: Tx, number: int) -> Sequence[sa.RowMapping]:
    """Read the places that a person has today."""
    present = sa.or_(_links.c.until.is_(None), _links.c.until >= tx.ctx.today)
    query = sa.select(_links).where(_links.c.contact_id == number, present).order_by(_links.c.id)
    return tx.connection.execute(query).mappings().all()


def _one_place(tx: Tx, number: int, code: str, customer: str | None) -> sa.RowMapping:
    places = _places(tx, number)
    if customer is not None:
        firm = find_customer(tx.connection, customer)
        places = [place for place in places if place["customer_id"] == firm]
    return _only(tx, code, places)


def _only(tx: Tx, code: str, places: Sequence[sa.RowMapping]) -> sa.RowMapping:
    """Return the place that is meant; CrmError where there is none, or where there are several."""
    if len(places) == 1:
        return places[0]
    if not places:
        raise CrmError(
            _("contact {code!r} has no such place now; see: crm contact show {code}").format(code=code)
        )
    firms = customer_codes(tx.connection, [place["customer_id"] for place in places]).values()
    message = _("contact {code!r} works at {firms}; name one of them")
    raise CrmError(message.format(code=code, firms=", ".join(sorted(firms))))


def _require_place_version(
    tx: Tx, code: str, place: sa.RowMapping, values: Values, expected: int | None
) -> None:
    """Refuse to change a place that is not as it was seen, in the words by which people know it."""
    if not expected or place["version"] == expected:
        return
    shown = "; ".join(
        _("{field}: now {now!r}, yours {yours!r}").format(
            field=name, now=_written(place[name]), yours=_written(yours)
        )
        for name, yours in values.items()
    )
    message = _(
        "the place of contact {code} at {customer} was changed since you read it (version {now}, you saw {seen}): {shown}; read it again"
    )
    (customer,) = customer_codes(tx.connection, [place["customer_id"]]).values()
    raise StaleVersion(
        message.format(code=code, customer=customer, now=place["version"], seen=expected, shown=shown)
    )


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, date) else value


def _end(tx: Tx, places: Iterable[sa.RowMapping], until: date, seen: Mapping[int, int] | None = None) -> None:
    """Let places end on a day, but not before they began."""
    edits = [(place["id"], {"until": max(until, place["since"] or until)}) for place in places]
    tx.update(ContactFirm, edits, expect_version=seen)


# -- reading -----------------------------------------------------------------------------------------------------


def select(
    connection: sa.Connection,
    customer: str | None = None,
    after: str | None = None,
    *,
    text: str | None = None,
    archived: bool = False,
) -> sa.Select[Any]:
    """Build the list of contacts by code, `after` one; text: what stands in name, numbers or e-mail address."""
    query = sa.select(_people).where(*hidden(connection, (_people.c.id, "contact"))).order_by(_people.c.code)
    if not archived:
        query = query.where(_people.c.archived_at.is_(None))
    if after is not None:
        query = query.where(_people.c.code > find_row(connection, Contact, after)["code"])
    if text is not None:
        c = _people.c
        query = query.where(contains(text, c.name, c.phone, c.mobile, c.email))
    if customer is not None:
        firm = find_customer(connection, customer)
        query = query.where(
            _people.c.id.in_(sa.select(_links.c.contact_id).where(_links.c.customer_id == firm))
        )
    return query


def as_json(ctx: Context, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the published JSON of contacts with all their places, the present ones first."""
    links: list[sa.RowMapping] = []
    for part in batches(row["id"] for row in rows):
        query = sa.select(_links).where(_links.c.contact_id.in_(part))
        links += ctx.connection.execute(query).mappings().all()
    firms = customer_codes(ctx.connection, [link["customer_id"] for link in links])
    links.sort(key=lambda link: (link["until"] is not None and link["until"] < ctx.today, link["id"]))
    places: dict[int, list[dict[str, Any]]] = {}
    for link in links:
        place = {"customer": firms[link["customer_id"]]}
        place |= {name: link[name] for name in ("roles", "position", "since", "until", "version")}
        places.setdefault(link["contact_id"], []).append(place)
    return [
        {
            **{name: row[name] for name in ("code", "uid", "name", "phone", "mobile", "email")},
            "attributes": row["attributes"],
            "firms": places.get(row["id"], []),
            "archived": row["archived_at"] is not None,
            "version": row["version"],
        }
        for row in rows
    ]
