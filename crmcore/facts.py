"""Named facts: relations with fixed columns, provided by plugins, one provider per fact and company."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from crmcore.errors import CrmError, MissingFact, PluginError
from crmcore.i18n import _
from crmcore.plugins.health import message_of
from crmcore.plugins.isolation import set_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from decimal import Decimal

    import sqlalchemy as sa

    from crmcore.plugins.types import FactProvider

FACTS: dict[str, tuple[str, ...]] = {
    "purchases": (
        "customer_id",
        "occurred_on",
        "currency",
        "amount_minor",
        "cost_minor",
        "quantity_micro",
        "product_id",
        "document_id",
        "line",
    ),
    "receivables": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "due_on",
        "currency",
        "amount_minor",
        "open_minor",
    ),
    "payments": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "currency",
        "amount_minor",
        "allocated_minor",
    ),
    "orders_open": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "due_on",
        "currency",
        "open_minor",
    ),
    "orders": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "currency",
        "amount_minor",
        "state",
    ),
    "deliveries_open": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "currency",
        "open_minor",
    ),
    "order_invoices": (
        "customer_id",
        "order_id",
        "document_id",
        "occurred_on",
        "due_on",
        "currency",
        "amount_minor",
    ),
    "settlements": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "due_on",
        "settled_on",
        "currency",
        "amount_minor",
    ),
    "documents": ("document_id", "customer_id", "kind", "document", "occurred_on"),
    "products": ("product_id", "code", "name", "line", "unit"),
    "stock": ("product_id", "as_of", "quantity_micro", "currency", "value_minor"),
    "cost_to_serve": ("customer_id", "occurred_on", "kind", "currency", "amount_minor"),
    "investments": ("customer_id", "occurred_on", "kind", "currency", "amount_minor"),
    "complaints": ("customer_id", "occurred_on", "complaint_id", "severity"),
    "wallet": ("customer_id", "as_of", "currency", "amount_minor"),
    "potential": ("customer_id", "estimated_on", "currency", "amount_minor"),
    "credit_limits": ("customer_id", "valid_from", "currency", "limit_minor"),
}
"""Fact → its columns in order. `_minor`: integer minor units of `currency`; `_micro`: millionths.

purchases: lines of posted invoices minus returns and credit notes (negative), net of VAT, by document date;
cost_minor, quantity_micro and product_id may be NULL. receivables: due_on may be NULL; open_minor = amount minus
allocations; a cash sale is nobody's debt and not among them. payments: allocated_minor ≤ amount_minor. orders_open: what is released and not yet delivered;
due_on may be NULL. orders: all orders but drafts that were cancelled; state is draft, released, delivered, invoiced or
cancelled; amount_minor with tax, not below 0. deliveries_open: delivered and not yet invoiced, with tax; a return not yet
credited is negative. order_invoices: what of an order, with tax, became part of an invoice; order_id is the document_id of
the fact orders, document_id that of the invoice. settlements: one row per allocation to an invoice (positive) or credit note (negative), on the day
it was settled, which may lie before occurred_on (paid in advance); document and days are of what was settled, customer_id
is who is billed; due_on may be NULL.
documents: the number that people know a document by, for the `document_id` of the same provider's other facts.
products: what the `product_id` of the same provider's other facts is; line and unit may be NULL.
stock: what lay in the warehouses at the end of a day, at cost; one row per product and day counted.
cost_to_serve: what serving a customer cost (visits, freight, service), positive. investments: what we spent to win or
keep it (time, samples, hospitality), positive. complaints: one row each; severity 1 = the gravest, may be NULL.
wallet: what a customer buys in a year of such goods, from us and others, as estimated on a day.
potential: what a customer could buy from us in a year, as estimated on a day. credit_limits: the limit that holds from
a day on until the next row.
"""


def check_rate(rate: object, *_arguments: object) -> None:
    """Raise ValueError unless a source of exchange rates gave a positive Decimal, or None."""
    from decimal import Decimal

    if rate is not None and not (isinstance(rate, Decimal) and rate.is_finite() and rate > 0):
        raise ValueError(
            _("{rate!r} is no exchange rate; it must be a positive Decimal or None").format(rate=rate)
        )


class Facts:
    """The facts of one company, as one plugin asks for them."""

    def __init__(
        self,
        providers: Callable[[], Mapping[str, list[FactProvider]]],
        chosen: Mapping[str, str],
        settings_of: Callable[[str], Mapping[str, Any]],
        rate: Callable[[str, str, date], Decimal | None],
    ) -> None:
        """Take the company's choices and where providers (asked when first needed), settings and rates come from."""
        self._ask_providers = providers
        self._chosen = chosen
        self._settings_of = settings_of
        self._rate = rate

    @cached_property
    def _providers(self) -> Mapping[str, list[FactProvider]]:
        return self._ask_providers()

    def available(self) -> tuple[str, ...]:
        """Return the names of the facts that have a provider."""
        return tuple(sorted(self._providers))

    def provider(self, fact: str) -> FactProvider:
        """Return the provider of a fact; MissingFact if there is none, or two without a choice."""
        if fact not in FACTS:
            raise MissingFact(
                _("there is no fact {fact!r}; known are {known}").format(fact=fact, known=", ".join(FACTS))
            )
        providers = self._providers.get(fact, [])
        names = [p.plugin for p in providers]
        if not providers:
            raise MissingFact(
                _("no enabled plugin provides the fact {fact!r}; enable one, such as trade_ledger").format(
                    fact=fact
                )
            )
        if fact in self._chosen:
            for provider in providers:
                if provider.plugin == self._chosen[fact]:
                    return provider
            raise MissingFact(
                _("crm.toml: strategies.{fact} = {value!r} does not provide it; {known} do").format(
                    fact=fact, value=self._chosen[fact], known=", ".join(names)
                )
            )
        if len(providers) > 1:
            raise MissingFact(
                _(
                    "the fact {fact!r} has several providers: {known}; choose one in crm.toml: strategies.{fact}"
                ).format(fact=fact, known=", ".join(names))
            )
        return providers[0]

    def select(self, fact: str) -> sa.Select[Any]:
        """Return the rows of a fact as a selectable with exactly the columns of `FACTS[fact]`."""
        provider = self.provider(fact)
        settings = self._settings_of(provider.plugin)
        try:
            with set_apart():
                selectable = provider.select(settings)
                labels = tuple(column.key for column in selectable.selected_columns)
        except (KeyboardInterrupt, CrmError):
            raise
        except BaseException as error:
            raise PluginError(
                _("plugin {plugin!r} fails to provide the fact {fact!r} ({type}: {message})").format(
                    plugin=provider.plugin, fact=fact, type=type(error).__name__, message=message_of(error)
                )
            ) from error
        if labels != FACTS[fact]:
            raise MissingFact(
                _(
                    "plugin {plugin!r} provides the fact {fact!r} with the columns {got}; it must have {wanted}"
                ).format(
                    plugin=provider.plugin,
                    fact=fact,
                    got=", ".join(map(str, labels)),
                    wanted=", ".join(FACTS[fact]),
                )
            )
        return selectable

    def rate(self, source: str, target: str, day: date) -> Decimal:
        """Return how many units of `target` one unit of `source` is worth on a day; refused when unknown."""
        from decimal import Decimal

        if source == target:
            return Decimal(1)
        rate = self._rate(source, target, day)
        if rate is None:
            raise CrmError(
                _(
                    'no exchange rate from {source} to {target} on {day}; add {source} = "…" to [currency.rates] in crm.toml'
                ).format(source=source, target=target, day=day)
            )
        return rate
