"""Built-in plugin `reports`: runs the reports of all plugins, and has one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import Parameter, ReportSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmcore.plugins.types import Context, Report

_FIELDS = (
    "region",
    "channel",
    "industry",
    "legal_form",
    "customer_kind",
    "lifecycle",
    "kind",
    "owner",
    "source",
)


@hookimpl
def reports() -> list[ReportSpec]:
    """Return the composition of customers."""
    by = Parameter("by", N_("Field of the card"), "choice", "region", _FIELDS)
    return [ReportSpec("composition", N_("Composition of customers"), _composition, (by,))]


def _composition(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Import the report when it is run: this module is loaded at every start."""
    from crmcore.builtin.reports.composition import composition

    return composition(ctx, parameters["by"])
