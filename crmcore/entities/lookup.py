"""From codes to rows and back, in batches; what everybody needs who works with records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from crmcore.entities.tables import Actor, Customer
from crmcore.errors import NotFound, Refused
from crmcore.i18n import N_, _

BATCH = 500
NOUNS = {
    "actor": N_("actor"),
    "contact": N_("contact"),
    "customer": N_("customer"),
    "document": N_("document"),
    "interaction": N_("interaction"),
}


def table_of(model: type[SQLModel]) -> sa.Table:
    """Return the SQLAlchemy table of a table class."""
    table: sa.Table = model.__table__  # type: ignore[attr-defined]
    return table


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut distinct values into sorted lists of at most 500, as many as one statement may be given."""
    distinct = sorted(set(values))
    for start in range(0, len(distinct), BATCH):
        yield distinct[start : start + BATCH]


def customer_ids(connection: sa.Connection, codes: Iterable[str]) -> dict[str, int]:
    """Return code → id of the customers that exist, archived ones among them; of merged ones who holds what they had."""
    from crmcore.builtin.duplicates.heirs import with_heirs

    c = table_of(Customer).c
    found: dict[str, int] = {}
    for part in batches(codes):
        rows = connection.execute(sa.select(c.code, c.id).where(c.code.in_(part)))
        found.update((row.code, row.id) for row in rows)
    return with_heirs(connection, found)


def customer_codes(connection: sa.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return id → code of the customers that exist."""
    return codes_of(connection, Customer, ids)


def codes_of(connection: sa.Connection, model: type[SQLModel], ids: Iterable[int]) -> dict[int, str]:
    """Return id → code of rows of any table that has both."""
    c = table_of(model).c
    found: dict[int, str] = {}
    for part in batches(ids):
        rows = connection.execute(sa.select(c.id, c.code).where(c.id.in_(part)))
        found.update((row.id, row.code) for row in rows)
    return found


def find_customer(connection: sa.Connection, code: str) -> int:
    """Return a customer's id, as `customer_ids`; NotFound names the code, and the customer that may be meant."""
    from crmcore.builtin.duplicates.heirs import with_heirs

    return with_heirs(connection, {code: int(find_row(connection, Customer, code)["id"])})[code]


def find_row(connection: sa.Connection, model: type[SQLModel], code: str) -> sa.RowMapping:
    """Return the row with a code; NotFound names the code, and the one that may be meant."""
    table = table_of(model)
    query = sa.select(table).where(table.c.code == code)
    found = connection.execute(query).mappings().first() if code.isprintable() else None
    if found is None:
        hint = _did_you_mean(connection, table, code) if code.isprintable() else ""
        message = _("there is no {what} {code!r}{hint}")
        raise NotFound(message.format(what=_(NOUNS[table.name]), code=code, hint=hint))
    return found


def require_free(connection: sa.Connection, model: type[SQLModel], code: str) -> None:
    """Raise Refused if a code is taken: codes never change hands."""
    table = table_of(model)
    if connection.scalar(sa.select(table.c.id).where(table.c.code == code)) is not None:
        message = _("there is a {what} {code!r} already; choose another code")
        raise Refused(message.format(what=_(NOUNS[table.name]), code=code))


def require_actor(connection: sa.Connection, code: str) -> None:
    """Raise NotFound or Refused unless an actor exists and is not archived: owners are actors."""
    if find_row(connection, Actor, code)["archived_at"] is not None:
        raise Refused(_("actor {code!r} is archived; name another").format(code=code))


def _did_you_mean(connection: sa.Connection, table: sa.Table, code: str) -> str:
    """Guess among the neighbours in the index and the same name: it costs the same in a million rows."""
    from difflib import get_close_matches

    c = table.c
    near = (
        sa.select(c.code).where(c.code <= code).order_by(c.code.desc()).limit(20),
        sa.select(c.code).where(c.code > code).order_by(c.code).limit(20),
        sa.select(c.code).where(c.code.in_([code.upper(), code.lower(), code.strip()])),
    )
    codes = sorted({found for query in near for found in connection.scalars(query)})
    best = get_close_matches(code, codes, n=1)
    if "name" in c:
        same_name = sa.select(c.code).where(c.name == code).order_by(c.code).limit(1)
        best = list(connection.scalars(same_name)) or best
    return " " + _("(did you mean {near!r}?)").format(near=best[0]) if best else ""
