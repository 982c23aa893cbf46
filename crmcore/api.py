"""All that a plugin may import from the core (with `crmcore.testing` for its tests).

What is cheap is imported here; what needs SQLModel or the command line is loaded when first asked for,
so that a plugin's light `plugin.py` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.errors import (
    BadConfig,
    CrmError,
    Guarded,
    MissingFact,
    NotFound,
    PluginError,
    Refused,
    StaleVersion,
    UsageProblem,
)
from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_, language, translator
from crmcore.money import convert, format_minor, from_minor, minor_digits, to_minor
from crmcore.plugins.types import (
    Alert,
    CardSection,
    Change,
    Chart,
    Column,
    Context,
    DemoFile,
    FactProvider,
    Field,
    Importable,
    JobSpec,
    LoadContext,
    Loaded,
    Parameter,
    Refusal,
    Rejected,
    Report,
    ReportSpec,
    Row,
    ServicePolicy,
    Table,
    TableSpec,
    WorkItem,
)
from crmcore.text import clean_name, display_width, printable

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.cli.kit import (
        Command,
        Group,
        Session,
        echo,
        emit,
        emit_lines,
        json_option,
        pass_session,
        show_chart,
        show_table,
    )
    from crmcore.db.base import BigId, JsonText, UtcDateTime, metadata
    from crmcore.entities.lookup import customer_codes, customer_ids, find_customer
    from crmcore.entities.tables import Actor, Contact, Customer, Interaction
    from crmcore.tx import Tx

_LAZY = {
    "App": "crmcore.app",
    "Tx": "crmcore.tx",
    **dict.fromkeys(("BigId", "JsonText", "UtcDateTime", "metadata"), "crmcore.db.base"),
    **dict.fromkeys(("Actor", "Contact", "Customer", "Interaction"), "crmcore.entities.tables"),
    **dict.fromkeys(("customer_codes", "customer_ids", "find_customer"), "crmcore.entities.lookup"),
    **dict.fromkeys(
        (
            "Command",
            "Group",
            "Session",
            "echo",
            "emit",
            "emit_lines",
            "json_option",
            "pass_session",
            "show_chart",
            "show_table",
        ),
        "crmcore.cli.kit",
    ),
}

__all__ = [
    "N_",
    "Actor",
    "Alert",
    "App",
    "BadConfig",
    "BigId",
    "CardSection",
    "Change",
    "Chart",
    "Column",
    "Command",
    "Contact",
    "Context",
    "CrmError",
    "Customer",
    "DemoFile",
    "FactProvider",
    "Field",
    "Group",
    "Guarded",
    "Importable",
    "Interaction",
    "JobSpec",
    "JsonText",
    "LoadContext",
    "Loaded",
    "MissingFact",
    "NotFound",
    "Parameter",
    "PluginError",
    "Refusal",
    "Refused",
    "Rejected",
    "Report",
    "ReportSpec",
    "Row",
    "ServicePolicy",
    "Session",
    "StaleVersion",
    "Table",
    "TableSpec",
    "Tx",
    "UsageProblem",
    "UtcDateTime",
    "WorkItem",
    "clean_name",
    "convert",
    "customer_codes",
    "customer_ids",
    "display_width",
    "echo",
    "emit",
    "emit_lines",
    "find_customer",
    "format_minor",
    "from_minor",
    "hookimpl",
    "json_option",
    "language",
    "metadata",
    "minor_digits",
    "pass_session",
    "printable",
    "show_chart",
    "show_table",
    "to_minor",
    "translator",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'crmcore.api' has no attribute {name!r}")
