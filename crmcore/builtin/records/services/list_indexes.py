"""Indexes of the attributes that say `x-index`, so that lists find and sort by them: made, dropped, looked after.

Whose fields there are changes with crm.toml, the company's own fields and the plugins, not with versions of the
program: so they are no migrations, but are compared with the field catalogue by `crm db migrate`, when plugins are
enabled or disabled, and by `crm doctor`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.records.services.list_elements import attribute_sql, kind_of
from crmcore.db.engine import gate
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.catalogue import CatalogueField

PREFIX = "ix_customer_attr_"
LONGEST_TEXT = 500
"""Characters; an entry of an index is a third of a page at most, and PostgreSQL refuses rows with longer ones."""
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Differences:
    """What the database lacks of the indexes that fields ask for, and has too many."""

    missing: Mapping[str, CatalogueField]
    """Name of the index → its field."""
    surplus: tuple[str, ...]


def is_indexed(field: CatalogueField) -> bool:
    """Say whether a field asks for an index and can have one."""
    return bool(field.schema.get("x-index")) and (field.source == "column" or _fits(field))


def unfit(app: App) -> list[str]:
    """Return the fields that ask for an index and may hold texts that are too long for one."""
    return [field.name for field in _asking(app) if not _fits(field)]


def differences(app: App, connection: sa.Connection) -> Differences:
    """Compare the indexes that there are with those that fields ask for."""
    wanted = {_name(field): field for field in _asking(app) if _fits(field)}
    there = set(_present(connection))
    missing = {name: field for name, field in wanted.items() if name not in there}
    return Differences(missing, () if app.no_plugins else tuple(sorted(there - wanted.keys())))


def settle(app: App) -> list[str]:
    """Make the indexes that are missing and drop those that no field asks for; returns the names of both."""
    with app.engine.connect() as connection:
        found = differences(app, connection)
    if not found.missing and not found.surplus:
        return []
    with app.operations() as connection:
        make(connection, found.missing.values())
        with gate(connection):
            for name in found.surplus:
                connection.exec_driver_sql(f'DROP INDEX IF EXISTS "{name}"')
    return sorted([*found.missing, *found.surplus])


def settle_or_warn(app: App) -> None:
    """Settle the indexes after the plugins changed; what goes wrong is told, since lists work without, too."""
    try:
        settle(app)
    except CrmError as error:
        app.warn(str(error))


def check_list_indexes(app: App) -> tuple[bool, str]:
    """Return whether each field that says `x-index` has its index, and what was found."""
    with app.read() as ctx:
        found = differences(app, ctx.connection)
    if long := unfit(app):
        message = _("{fields}: x-index needs a maxLength of at most {most}, an enum, or the format date")
        return False, message.format(fields=", ".join(long), most=LONGEST_TEXT)
    if found.missing:
        fields = ", ".join(field.name for field in found.missing.values())
        return False, _("fields without their index: {fields}; run: crm db migrate").format(fields=fields)
    if found.surplus:
        message = _("no field asks for {indexes} any more; run: crm db migrate")
        return False, message.format(indexes=", ".join(found.surplus))
    return True, ", ".join(field.name for field in _asking(app)) or _("no field asks for one")


def make_missing(app: App, connection: sa.Connection) -> None:
    """Make the indexes that are missing, in an open transaction of this or of another database."""
    with gate(connection):
        found = differences(app, connection)
    make(connection, found.missing.values())


def make(connection: sa.Connection, fields: Iterable[CatalogueField]) -> None:
    """Make the indexes of fields; CrmError names the one whose values do not allow it."""
    for field in fields:
        element = attribute_sql(field.name, kind_of(field.schema), connection.dialect.name, "attributes")
        statement = f'CREATE INDEX IF NOT EXISTS "{_name(field)}" ON customer ({element}, code)'
        try:
            with gate(connection):
                connection.exec_driver_sql(statement)
        except sa.exc.DBAPIError as error:
            message = _(
                "the index of the field {field!r} cannot be made ({error}); run again: crm db migrate"
            )
            said = next(iter(str(error.orig).splitlines()), "")
            raise CrmError(message.format(field=field.name, error=said)) from error


# -- inside ------------------------------------------------------------------------------------------------------


def _asking(app: App) -> list[CatalogueField]:
    fields = app.catalogue.fields.values()
    return [field for field in fields if field.source == "attribute" and field.schema.get("x-index")]


def _fits(field: CatalogueField) -> bool:
    schema = field.schema
    bounded = "enum" in schema or schema.get("format") == "date"
    return kind_of(schema) != "text" or bounded or schema.get("maxLength", LONGEST_TEXT + 1) <= LONGEST_TEXT


def _name(field: CatalogueField) -> str:
    """Name an index; a field that gets another type gets another index."""
    name = f"{PREFIX}{kind_of(field.schema)}_{field.name}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 9]}_{sha256(name.encode()).hexdigest()[:8]}"


def _present(connection: sa.Connection) -> list[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'customer'"
        if connection.dialect.name == "sqlite"
        else "SELECT indexname FROM pg_indexes WHERE tablename = 'customer' AND schemaname = current_schema()"
    )
    return [name for (name,) in connection.exec_driver_sql(query) if name.startswith(PREFIX)]
