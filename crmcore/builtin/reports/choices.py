"""What people call the choices of a report's parameters; JSON names them as they are typed."""

from __future__ import annotations

from crmcore.builtin.records.words import shown
from crmcore.builtin.reports.services import Requested
from crmcore.i18n import N_, translate

_TITLES = {
    "region": N_("Region"),
    "channel": N_("Channel"),
    "industry": N_("Industry"),
    "legal_form": N_("Form of organisation"),
    "customer_kind": N_("Customer kind"),
    "lifecycle": N_("Lifecycle"),
    "kind": N_("Kind"),
    "owner": N_("Owner"),
    "source": N_("Source"),
    "year": N_("Year"),
    "quarter": N_("Quarter"),
    "month": N_("Month"),
    "customer": N_("Customer"),
    "product": N_("Product"),
    "line": N_("Product line"),
    "due": N_("Due date"),
    "invoice": N_("Invoice date"),
    "any": N_("all"),
    "current": N_("current"),
    "auto": N_("by the lifecycle"),
    "us": N_("us"),
    "delivery": N_("delivery address"),
    "registered": N_("registered address"),
}


def parameter_shown(made: Requested, name: str) -> str:
    """Return the value of a parameter as people read it: a choice by its title, where it has one."""
    value = made.parameters[name]
    choices = [choice for p in made.spec.parameters if p.name == name for choice in p.choices]
    if value not in choices:
        return value
    return translate("crmcore", _TITLES[value]) if value in _TITLES else shown(value)
