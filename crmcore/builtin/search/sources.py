"""Whose values are found, and under which numbers they stand in the index."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zlib import crc32

import sqlalchemy as sa

from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Contact, Customer
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import SearchTerms

SHIFT = 40
"""A document's number is its kind, shifted by so many bits, plus the id of the row: customers have their ids, for
small numbers take less room in the index and less time."""
LAST = (1 << SHIFT) - 1
"""The highest id that fits."""
KINDS = {"customer": 0, "contact": 1}
_PLUGINS = 1 << 21
"""Tables of plugins have greater numbers than the core's, each its own from its name."""


@dataclass(frozen=True)
class Source:
    """A table whose rows are found."""

    table: sa.Table
    names: tuple[str, ...]
    keys: tuple[str, ...]
    phones: tuple[str, ...]
    customer: str
    """Column that holds the customer's id; of contacts their places say it."""
    title: str = ""
    plugin: str = ""

    @property
    def entity(self) -> str:
        """Name of the table."""
        return str(self.table.name)

    @cached_property
    def first(self) -> int:
        """The number of the document that a row with id 0 would have."""
        kind = KINDS.get(self.entity)
        return (crc32(self.entity.encode()) % _PLUGINS + _PLUGINS if kind is None else kind) << SHIFT

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns that are looked at, in the order in which terms are made of them."""
        return (*self.names, *self.keys, *self.phones)

    @cached_property
    def query(self) -> sa.Select[Any]:
        """A query for the id and those columns."""
        return sa.select(self.table.c.id, *(self.table.c[name] for name in self.columns))


CUSTOMERS = Source(table_of(Customer), ("name", "short_name"), ("code", "tax_id"), ("phone",), "id")
CONTACTS = Source(table_of(Contact), ("name",), ("code", "email"), ("phone", "mobile"), "")
OWN = {"customer": CUSTOMERS, "contact": CONTACTS}


def sources(app: App) -> dict[str, Source]:
    """Return all tables whose rows are found: customers, contacts, and those of the running plugins."""
    found = dict(OWN)
    for spec in app.host.registered("search_terms"):
        name = table_of(spec.table).name
        if problem := problem_of(spec, found):
            app.warn(
                _("plugin {plugin!r}: search_terms: {problem}").format(plugin=spec.plugin, problem=problem)
            )
            continue
        found[name] = Source(
            table_of(spec.table), spec.names, spec.keys, spec.phones, spec.customer, spec.title, spec.plugin
        )
    return found


def source_of(app: App, entity: str) -> Source | None:
    """Return what is found of a table; plugins are not started for one of the core's."""
    return OWN.get(entity) if entity in app.core_tables else sources(app).get(entity)


def problem_of(spec: SearchTerms, found: Container[str]) -> str:
    """Say what is wrong with what a plugin registered, or nothing."""
    table = table_of(spec.table)
    if table.name in found:
        return _("table {table} is registered twice").format(table=table.name)
    columns = (spec.customer, *spec.names, *spec.keys, *spec.phones)
    missing = [name for name in columns if name not in table.c]
    return (
        _("table {table} has no column {column}").format(table=table.name, column=missing[0])
        if missing
        else ""
    )
