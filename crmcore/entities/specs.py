"""How the core's own tables are logged, and which of their values are personal."""

from __future__ import annotations

from sqlmodel import SQLModel

from crmcore.catalogue import Catalogue
from crmcore.db.tables import TableInfo
from crmcore.entities.tables import Actor, ActorDeputy, Contact, ContactFirm, Customer, Document, Interaction
from crmcore.plugins.tables import Plugin
from crmcore.plugins.types import TableSpec

_FULL: dict[type[SQLModel], tuple[frozenset[str], tuple[str, ...]]] = {
    Contact: (frozenset({"name", "phone", "mobile", "email", "attributes"}), ("id",)),
    ContactFirm: (frozenset({"position"}), ("contact_id",)),
    Interaction: (frozenset({"subject", "notes"}), ("contact_id", "customer_id")),
    Document: (frozenset({"title", "file_name"}), ("customer_id",)),
    Actor: (frozenset(), ()),
    ActorDeputy: (frozenset(), ()),
    Plugin: (frozenset(), ()),
}


def core_tables(catalogue: Catalogue) -> dict[str, TableInfo]:
    """Return the core's tables by entity; a customer's values are personal where the customer is a natural person."""
    fields = catalogue.fields.values()
    # What nobody vouches for, such as the values of a disabled plugin's fields, counts as personal.
    open_attributes = frozenset(f.name for f in fields if f.source == "attribute" and not f.personal)
    customer = TableInfo(
        TableSpec(Customer),
        is_personal=lambda attribute: attribute not in open_attributes,
        personal_columns=frozenset(f.name for f in fields if f.source == "column" and f.personal),
        persons=("id",),
    )
    others = [TableInfo(TableSpec(m), personal_columns=p, persons=who) for m, (p, who) in _FULL.items()]
    return {info.entity: info for info in (customer, *others)}
