"""Built-in plugin `printing`: customer cards (客户资料卡), the roster (客户名册), address labels, for paper."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import Parameter, ReportSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crmcore.plugins.types import Context, Report

_WHICH = (
    Parameter("customer", N_("Customers: codes with commas between them"), "text", ""),
    Parameter("lifecycle", N_("Lifecycle"), "choice", "any", ("any", "prospect", "active", "former")),
    Parameter("region", N_("Region"), "text", ""),
    Parameter("channel", N_("Channel"), "text", ""),
    Parameter("owner", N_("Owner"), "text", ""),
)
_CARD = (
    Parameter("form", N_("Form of the card"), "choice", "auto", ("auto", "prospect", "current", "former")),
    Parameter("for", N_("Who gets it"), "choice", "us", ("us", "customer")),
)
_SHEET = (
    Parameter("address", N_("Which address"), "choice", "delivery", ("delivery", "registered")),
    Parameter("sheet", N_("Labels across × down"), "text", "3x8"),
    Parameter("top", N_("Margin above and below, mm"), "text", "0"),
    Parameter("side", N_("Margin at the sides, mm"), "text", "0"),
    Parameter("gap_across", N_("Gap between columns, mm"), "text", "0"),
    Parameter("gap_down", N_("Gap between rows, mm"), "text", "0"),
    Parameter("used", N_("Labels of the first sheet that are gone"), "integer", "0"),
)


@hookimpl
def reports() -> list[ReportSpec]:
    """Return the three papers; each is for every renderer, but meant to be printed."""
    return [
        ReportSpec("customer_card", N_("Customer cards"), _run("cards:card_report"), (*_WHICH, *_CARD)),
        ReportSpec("customer_roster", N_("Roster of customers"), _run("roster:roster_report"), _WHICH),
        ReportSpec("address_labels", N_("Address labels"), _run("labels:label_report"), (*_WHICH, *_SHEET)),
    ]


def _run(target: str) -> Callable[[Context, Mapping[str, str]], Report]:
    """Import a report when it is run: this module is loaded at every start."""

    def run(ctx: Context, parameters: Mapping[str, str]) -> Report:
        module, name = target.split(":")
        report: Report = getattr(import_module(f"crmcore.builtin.printing.{module}"), name)(ctx, parameters)
        return report

    return run
