"""The customer card and the roster as the terminal shows them (客户资料卡, 客户名册)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.builtin.records.words import shown, shown_all
from crmcore.cli.kit import Session, echo, show_table
from crmcore.db.base import dumps
from crmcore.i18n import _
from crmcore.money import format_minor
from crmcore.plugins.types import CardSection, Column, Table

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.catalogue import CatalogueField

_HEADING = {"code", "name"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
PERIOD = 2
"""A list of so many days is a period."""


def print_card(session: Session, card: Mapping[str, Any], sections: Sequence[CardSection]) -> None:
    """Print a customer's card: fields with a value, people, and what plugins know."""
    archived = " " + _("(archived)") if card["archived"] else ""
    restricted = " " + _("(restricted)") if card.get("restricted") else ""
    echo(f"{card['code']}  {card['name']}{archived}{restricted}")
    columns = (Column("field", _("Field")), Column("value", _("Value")))
    show_table(Table("card", "", columns, list(_fields(session, card))))
    if card["contacts"]:
        show_table(_people(card["contacts"]))
    for section in sections:
        show_table(section_table(section, session.app.config.currency))


def _fields(session: Session, card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    values = {**card, **card["attributes"]}
    for field in session.app.catalogue.fields.values():
        value = values.get(field.name)
        if field.name not in _HEADING and value is not None and field.source in {"column", "attribute"}:
            yield field.shown_title, field_text(field, value)
    if card["merged_from"]:
        yield _("Merged from"), ", ".join(card["merged_from"])
    yield _("Version"), str(card["version"])


def field_text(field: CatalogueField | None, value: Any) -> str:
    """Write a value of a field of the card for people, stored words in their language."""
    return shown(value) if field and "enum" in field.schema else _text(value)


def _people(contacts: Iterable[Mapping[str, Any]]) -> Table:
    columns = (
        Column("code", _("Code")),
        Column("name", _("Name")),
        Column("position", _("Position")),
        Column("roles", _("Roles")),
        Column("phone", _("Phone")),
        Column("mobile", _("Mobile")),
        Column("email", _("E-mail")),
        Column("until", _("Until"), "date"),
    )
    rows = [
        tuple(shown_all(c["roles"]) if n == "roles" else c[n] for n in (column.name for column in columns))
        for c in contacts
    ]
    return Table("contacts", _("Contacts"), columns, rows)


def section_table(section: CardSection, currency: str) -> Table:
    """Return what a plugin knows: under its labels if it has any, money, shares and periods as people write them."""
    columns = (Column("field", _("Field")), Column("value", _("Value")))
    money = str(section.data.get("currency") or currency)
    rows = [
        (section.labels.get(key, key), _figure(key, value, money))
        for key, value in section.data.items()
        if (key in section.labels or not section.labels) and key != "currency"
    ]
    return Table(section.name, section.title, columns, rows)


def _figure(key: str, value: Any, currency: str) -> str:
    if isinstance(value, bool) or value is None:
        return _text(value)
    if key.endswith("_minor") and isinstance(value, int):
        return f"{format_minor(value, currency)} {currency}"
    if key.endswith("share") and isinstance(value, int | float | Decimal):
        return f"{value:.2%}"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, list | tuple) and len(value) == PERIOD and all(map(_is_day, value)):
        return _("{start} to {end}").format(start=value[0], end=value[1])
    return _text(value)


def _is_day(value: Any) -> bool:
    return isinstance(value, date) or (isinstance(value, str) and bool(_DAY.fullmatch(value)))


def _text(value: Any) -> str:
    """Write a JSON value for people."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple) and not any(isinstance(item, dict | list) for item in value):
        return ", ".join(map(str, value))
    if isinstance(value, dict | list):
        return dumps(value)
    return "" if value is None else str(value)


def customer_table(rows: Iterable[sa.RowMapping]) -> Table:
    """Return the roster."""
    columns = (
        Column("code", _("Code")),
        Column("name", _("Name")),
        Column("kind", _("Kind")),
        Column("lifecycle", _("Lifecycle")),
        Column("owner", _("Owner")),
        Column("region", _("Region")),
        Column("channel", _("Channel")),
        Column("phone", _("Phone")),
    )
    words = {"kind", "lifecycle"}
    listed = [tuple(shown(r[c.name]) if c.name in words else r[c.name] for c in columns) for r in rows]
    return Table("customers", "", columns, listed)
