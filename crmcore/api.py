"""All that a plugin may import from the core (with `crmcore.testing` for its tests).

What is cheap is imported here; what needs SQLModel or the command line is loaded when first asked for,
so that a plugin's light `plugin.py` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.deprecated import warn_of_name
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
from crmcore.hookspecs import hookimpl, hookspec
from crmcore.i18n import N_, language, translator
from crmcore.money import CURRENCIES, convert, format_minor, from_minor, minor_digits, to_minor
from crmcore.plugins.types import (
    Alert,
    ApprovalKind,
    ApprovalRequest,
    CardSection,
    Change,
    Chart,
    Column,
    Context,
    DemoFile,
    ErasedData,
    Evidence,
    FactProvider,
    Field,
    Form,
    FormField,
    FormPart,
    Hold,
    Importable,
    JobSpec,
    Labels,
    ListColumn,
    LoadContext,
    Loaded,
    Move,
    Moved,
    OrderRelease,
    Parameter,
    Person,
    PersonData,
    Refusal,
    Rejected,
    Report,
    ReportSpec,
    Row,
    SearchTerms,
    ServicePolicy,
    Table,
    TableSpec,
    Verdict,
    Workday,
    WorkItem,
)
from crmcore.text import clean_name, display_width, printable

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.analytics.bench import Bench
    from crmcore.builtin.analytics.engines import available_engines, choose_engine, open_bench
    from crmcore.builtin.analytics.loading import unload
    from crmcore.builtin.analytics.sql import div_whole
    from crmcore.builtin.approvals.requests import (
        approval_table,
        decide_approval,
        find_approvals,
        latest_approvals,
        request_approvals,
    )
    from crmcore.builtin.audit.then import rows_as_of
    from crmcore.builtin.documents.for_customer import documents_for
    from crmcore.builtin.duplicates.moving import keep_rows, move_rows
    from crmcore.builtin.evidence import collect_evidence, gives_evidence
    from crmcore.builtin.exchange.currencies import currency_code
    from crmcore.builtin.exchange.guard import guard
    from crmcore.builtin.exchange.outside import OutsideTable, read_table
    from crmcore.builtin.holds import ask_holds
    from crmcore.builtin.locking import lock_customers
    from crmcore.builtin.numbers import new_number
    from crmcore.builtin.permissions import has_permission
    from crmcore.builtin.privacy.restricted import log_read, restricted_ids, unrestricted
    from crmcore.builtin.privacy.rows import erase_person_rows, person_rows
    from crmcore.builtin.records.options import in_bulk
    from crmcore.builtin.records.words import shown
    from crmcore.builtin.reports.output import run_report
    from crmcore.builtin.strategies.workdays import company_zone, is_workday, next_workday
    from crmcore.changes import LoadedRange
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
    from crmcore.collector import collector_off
    from crmcore.db.base import BigId, JsonText, UtcDateTime, metadata
    from crmcore.entities.lookup import customer_codes, customer_ids, find_customer
    from crmcore.entities.tables import Actor, Contact, ContactFirm, Customer, Interaction
    from crmcore.plugins.extension import call_hook
    from crmcore.tx import Tx

_LAZY = {
    "App": "crmcore.app",
    "Tx": "crmcore.tx",
    "collector_off": "crmcore.collector",
    "LoadedRange": "crmcore.changes",
    "Bench": "crmcore.builtin.analytics.bench",
    "div_whole": "crmcore.builtin.analytics.sql",
    "unload": "crmcore.builtin.analytics.loading",
    **dict.fromkeys(
        ("available_engines", "choose_engine", "open_bench"), "crmcore.builtin.analytics.engines"
    ),
    "call_hook": "crmcore.plugins.extension",
    "run_report": "crmcore.builtin.reports.output",
    **dict.fromkeys(
        ("approval_table", "decide_approval", "find_approvals", "latest_approvals", "request_approvals"),
        "crmcore.builtin.approvals.requests",
    ),
    "ask_holds": "crmcore.builtin.holds",
    **dict.fromkeys(("collect_evidence", "gives_evidence"), "crmcore.builtin.evidence"),
    "currency_code": "crmcore.builtin.exchange.currencies",
    "guard": "crmcore.builtin.exchange.guard",
    **dict.fromkeys(("OutsideTable", "read_table"), "crmcore.builtin.exchange.outside"),
    "has_permission": "crmcore.builtin.permissions",
    "lock_customers": "crmcore.builtin.locking",
    "new_number": "crmcore.builtin.numbers",
    "rows_as_of": "crmcore.builtin.audit.then",
    "documents_for": "crmcore.builtin.documents.for_customer",
    **dict.fromkeys(("keep_rows", "move_rows"), "crmcore.builtin.duplicates.moving"),
    "shown": "crmcore.builtin.records.words",
    "in_bulk": "crmcore.builtin.records.options",
    **dict.fromkeys(("company_zone", "is_workday", "next_workday"), "crmcore.builtin.strategies.workdays"),
    **dict.fromkeys(("log_read", "restricted_ids", "unrestricted"), "crmcore.builtin.privacy.restricted"),
    **dict.fromkeys(("erase_person_rows", "person_rows"), "crmcore.builtin.privacy.rows"),
    **dict.fromkeys(("BigId", "JsonText", "UtcDateTime", "metadata"), "crmcore.db.base"),
    **dict.fromkeys(
        ("Actor", "Contact", "ContactFirm", "Customer", "Interaction"), "crmcore.entities.tables"
    ),
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
    "CURRENCIES",
    "N_",
    "Actor",
    "Alert",
    "App",
    "ApprovalKind",
    "ApprovalRequest",
    "BadConfig",
    "Bench",
    "BigId",
    "CardSection",
    "Change",
    "Chart",
    "Column",
    "Command",
    "Contact",
    "ContactFirm",
    "Context",
    "CrmError",
    "Customer",
    "DemoFile",
    "ErasedData",
    "Evidence",
    "FactProvider",
    "Field",
    "Form",
    "FormField",
    "FormPart",
    "Group",
    "Guarded",
    "Hold",
    "Importable",
    "Interaction",
    "JobSpec",
    "JsonText",
    "Labels",
    "ListColumn",
    "LoadContext",
    "Loaded",
    "LoadedRange",
    "MissingFact",
    "Move",
    "Moved",
    "NotFound",
    "OrderRelease",
    "OutsideTable",
    "Parameter",
    "Person",
    "PersonData",
    "PluginError",
    "Refusal",
    "Refused",
    "Rejected",
    "Report",
    "ReportSpec",
    "Row",
    "SearchTerms",
    "ServicePolicy",
    "Session",
    "StaleVersion",
    "Table",
    "TableSpec",
    "Tx",
    "UsageProblem",
    "UtcDateTime",
    "Verdict",
    "WorkItem",
    "Workday",
    "approval_table",
    "ask_holds",
    "available_engines",
    "call_hook",
    "choose_engine",
    "clean_name",
    "collect_evidence",
    "collector_off",
    "company_zone",
    "convert",
    "currency_code",
    "customer_codes",
    "customer_ids",
    "decide_approval",
    "display_width",
    "div_whole",
    "documents_for",
    "echo",
    "emit",
    "emit_lines",
    "erase_person_rows",
    "find_approvals",
    "find_customer",
    "format_minor",
    "from_minor",
    "gives_evidence",
    "guard",
    "has_permission",
    "hookimpl",
    "hookspec",
    "in_bulk",
    "is_workday",
    "json_option",
    "keep_rows",
    "language",
    "latest_approvals",
    "lock_customers",
    "log_read",
    "metadata",
    "minor_digits",
    "move_rows",
    "new_number",
    "next_workday",
    "open_bench",
    "pass_session",
    "person_rows",
    "printable",
    "read_table",
    "request_approvals",
    "restricted_ids",
    "rows_as_of",
    "run_report",
    "show_chart",
    "show_table",
    "shown",
    "to_minor",
    "translator",
    "unload",
    "unrestricted",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        warn_of_name(name)
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'crmcore.api' has no attribute {name!r}")
