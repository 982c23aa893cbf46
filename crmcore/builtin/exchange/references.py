"""Which customer a row speaks of: by its code, or by a name that only one customer has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from crmcore.builtin.duplicates.heirs import heirs
from crmcore.builtin.exchange.duplicates import folded_name, spellings
from crmcore.builtin.exchange.sql import among
from crmcore.entities.lookup import customer_ids
from crmcore.entities.tables import Actor, Customer
from crmcore.i18n import translator
from crmcore.plugins.types import LoadContext, Loaded, Refusal, Rejected, Row
from crmcore.tx import Tx

_ = translator("crmcore")

OWNERS_NAMED = 5
_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_actor: sa.Table = Actor.__table__  # type: ignore[attr-defined]


def find_customers(tx: Tx, rows: Sequence[Row], ctx: LoadContext, loaded: Loaded) -> dict[int, int]:
    """Return line → customer id; rows whose customer is unknown are rejected, or their customer is made if asked for.

    Rows without `customer` and `customer_name` are left out of the result and not rejected.
    """
    codes = customer_ids(tx.connection, {row.values["customer"] for row in rows if "customer" in row.values})
    if ctx.create_customers:
        codes |= _made(tx, rows, codes, loaded)
    names = _ids_by_name(tx.connection, rows)
    found: dict[int, int] = {}
    for row in rows:
        code, name = row.values.get("customer"), row.values.get("customer_name")
        if code is not None:
            if code in codes:
                found[row.line] = codes[code]
            else:
                _reject(loaded, row, "customer", _("there is no customer with this code"))
        elif name is not None:
            ids = names.get(folded_name(name), set())
            if len(ids) == 1:
                found[row.line] = next(iter(ids))
            else:
                reason = (
                    _("several customers have this name") if ids else _("there is no customer of this name")
                )
                _reject(loaded, row, "customer_name", reason)
    rejected = {rejection.line for rejection in loaded.rejected}
    return {line: number for line, number in found.items() if line not in rejected}


def warn_of_owners(connection: sa.Connection, rows: Iterable[Row], loaded: Loaded) -> None:
    """Say which owners are no actors: real files have names there, and the rows are taken all the same."""
    owners = {row.values["owner"] for row in rows if "owner" in row.values}
    if not owners:
        return
    actors = sa.select(_actor.c.code).where(among(connection, _actor.c.code, owners))
    strangers = sorted(owners - set(connection.scalars(actors)))
    loaded.warnings += [
        _("owner {owner!r} is no actor yet; add one with: crm actor add {owner}").format(owner=owner)
        for owner in strangers[:OWNERS_NAMED]
    ]


def _ids_by_name(connection: sa.Connection, rows: Sequence[Row]) -> dict[str, set[int]]:
    nameless = [row for row in rows if "customer" not in row.values]
    names = {
        text
        for row in nameless
        if "customer_name" in row.values
        for text in spellings(row.values["customer_name"])
    }
    found: dict[str, set[int]] = {}
    if names:
        query = sa.select(_table.c.id, _table.c.name).where(among(connection, _table.c.name, names))
        called = {row.id: row.name for row in connection.execute(query)}
        holders = heirs(connection, called)
        for number, name in called.items():
            found.setdefault(folded_name(name), set()).add(holders.get(number, number))
    return found


def _made(tx: Tx, rows: Sequence[Row], known: dict[str, int], loaded: Loaded) -> dict[str, int]:
    """Make the customers that rows name and nobody knows: called by the name in the row, or by the code."""
    new: dict[str, str] = {}
    for row in rows:
        code = row.values.get("customer")
        if code is not None and code not in known:
            new.setdefault(code, row.values.get("customer_name", code))
    codes = sorted(new)
    refusals: dict[int, Refusal] = {}
    ids = tx.insert(
        Customer, [{"code": code, "name": new[code]} for code in codes], refused=refusals.__setitem__
    )
    loaded.warnings += [
        f"{codes[index]}: {refusal.message} [{refusal.plugin}]" for index, refusal in refusals.items()
    ]
    return {code: number for code, number in zip(codes, ids, strict=True) if number}


def _reject(loaded: Loaded, row: Row, column: str, reason: str) -> None:
    loaded.rejected.append(Rejected(row.line, column, str(row.values.get(column, "")), reason))
