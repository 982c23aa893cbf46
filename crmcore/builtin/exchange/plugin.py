"""Hook implementations of the exchange: what the core itself lets be imported and exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import Context, Field, Importable, LoadContext, Loaded, Row

if TYPE_CHECKING:
    from crmcore.tx import Tx


@hookimpl
def importables() -> list[Importable]:
    """Offer customers, contacts and interactions."""
    return [
        Importable(
            "customers",
            N_("Customers"),
            _customer_fields,
            _load_customers,
            _export_customers,
            _link_customers,
        ),
        Importable("contacts", N_("Contacts"), _contact_fields, _load_contacts, _export_contacts),
        Importable(
            "interactions", N_("Interactions"), _interaction_fields, _load_interactions, _export_interactions
        ),
    ]


# Each imports what it needs when it is called: most commands need none of it.


def _customer_fields(ctx: Context) -> tuple[Field, ...]:
    from crmcore.builtin.exchange.customer_fields import customer_fields

    return customer_fields(ctx)


def _load_customers(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore.builtin.exchange.customers import load_customers

    return load_customers(tx, rows, ctx)


def _link_customers(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore.builtin.exchange.parents import link_parents

    return link_parents(tx, rows, ctx)


def _export_customers(ctx: Context) -> Iterator[Mapping[str, Any]]:
    from crmcore.builtin.exchange.customer_export import export_customers

    return export_customers(ctx)


def _contact_fields(_ctx: Context) -> tuple[Field, ...]:
    from crmcore.builtin.exchange.contacts import contact_fields

    return contact_fields()


def _load_contacts(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore.builtin.exchange.contacts import load_contacts

    return load_contacts(tx, rows, ctx)


def _export_contacts(ctx: Context) -> Iterator[Mapping[str, Any]]:
    from crmcore.builtin.exchange.contacts import export_contacts

    return export_contacts(ctx)


def _interaction_fields(_ctx: Context) -> tuple[Field, ...]:
    from crmcore.builtin.exchange.interactions import interaction_fields

    return interaction_fields()


def _load_interactions(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore.builtin.exchange.interactions import load_interactions

    return load_interactions(tx, rows, ctx)


def _export_interactions(ctx: Context) -> Iterator[Mapping[str, Any]]:
    from crmcore.builtin.exchange.interactions import export_interactions

    return export_interactions(ctx)
