"""Customers that may be there already under another code: the same tax id, or the same name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import sqlalchemy as sa

from crmcore.builtin.exchange.sql import among
from crmcore.entities.tables import Customer
from crmcore.i18n import translator
from crmcore.plugins.types import Row

_ = translator("crmcore")

_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_WIDE = str.maketrans("()", "（）")


def folded_name(name: str) -> str:
    """Reduce a name to what makes it the same: width, case, blanks and punctuation do not matter."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return text if text.isalnum() else "".join(filter(str.isalnum, text)) or text


def spellings(name: str) -> set[str]:
    """Return how a name is usually written, so that the index on names finds it."""
    narrow = unicodedata.normalize("NFKC", name)
    if narrow == name and name.isalnum():
        return {name}
    found = {name, narrow, narrow.translate(_WIDE)}
    return found | {text.replace(" ", "") for text in found} if " " in narrow else found


def find_duplicates(connection: sa.Connection, rows: Mapping[int, Row]) -> dict[int, str]:
    """Return customer id → sentence for each of the rows just made that may repeat an earlier customer.

    rows: customer id → row. The database finds equal names and tax ids by its indexes; how else a name is usually
    written is looked for only where it can be written otherwise.
    """
    if not rows:
        return {}
    found = {**_same_spelling(connection, rows), **_same(connection, rows)}
    return {number: found[number] for number in rows if number in found}


def _same(connection: sa.Connection, rows: Mapping[int, Row]) -> dict[int, str]:
    """Find equal tax ids and names: one probe of each index for each row, however many have the same name."""
    earlier = _table.alias()
    codes = {
        column: sa.select(earlier.c.code)
        .where(earlier.c[column] == _table.c[column], earlier.c.id < _table.c.id)
        .correlate(_table)
        for column in ("tax_id", "name")
    }
    query = sa.select(
        _table.c.id, *(code.limit(1).scalar_subquery().label(column) for column, code in codes.items())
    ).where(_table.c.id.between(min(rows), max(rows)), sa.or_(*(code.exists() for code in codes.values())))
    found = {}
    for match in connection.execute(query).mappings():
        if match["id"] in rows:
            column = "tax_id" if match["tax_id"] is not None else "name"
            found[match["id"]] = sentence(rows[match["id"]], match[column], column)
    return found


def _same_spelling(connection: sa.Connection, rows: Mapping[int, Row]) -> dict[int, str]:
    """Find names that differ in width, case, blanks or punctuation."""
    if is_plain("".join(row.values["name"] for row in rows.values())):
        return {}
    odd = {n: row for n, row in rows.items() if not is_plain(row.values["name"])}
    names = {text for row in odd.values() for text in spellings(row.values["name"])}
    query = (
        sa.select(_table.c.id, _table.c.name, _table.c.code)
        .where(among(connection, _table.c.name, names))
        .order_by(_table.c.id)
    )
    known: dict[str, tuple[int, str]] = {}
    for number, name, code in connection.execute(query):
        known.setdefault(folded_name(name), (number, code))
    found = {}
    for number, row in odd.items():
        other, code = known.get(folded_name(row.values["name"]), (number, ""))
        if other < number:
            found[number] = sentence(row, code, "name")
    return found


def sentence(row: Row, other: str, column: str) -> str:
    """Say which customer a row may repeat, and why."""
    same = {
        "name": _("{code} may be {other}: the same name {value!r}"),
        "tax_id": _("{code} may be {other}: the same tax id {value!r}"),
    }
    return same[column].format(code=row.values["code"], other=other, value=row.values[column])


def is_plain(text: str) -> bool:
    """Tell whether a name can be written in one way only."""
    return text.isalnum() and unicodedata.is_normalized("NFKC", text) and text.casefold() == text
