"""The chaos plugin: every hook, sound until a file beside it says which one is to do what."""

from __future__ import annotations

import inspect
from pathlib import Path

from crmcore import hookspecs
from crmcore.hookspecs import FAMILIES

MISDEEDS = Path(__file__).with_name("misdeeds.py")
_HEAD = '''
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args, get_origin

from crmcore.api import Workday, hookimpl
from crmcore.plugins.results import hints_of
from crmcore.plugins.host import RESULT_TYPES
from . import misdeeds

SWITCH = Path(__file__).with_name("switch")
VALUES = {
    str: "chaos", int: 1, bool: False, date: date(2026, 3, 1), datetime: datetime(2026, 3, 1, tzinfo=UTC),
    Decimal: Decimal(1), Mapping: {}, tuple: (), Callable: lambda *_: None,
}

def record_of(kind):
    """Make a record with something right in each field, whatever hook it is for."""
    from dataclasses import MISSING, fields
    hints = hints_of(kind)
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return kind(**{name: value_of(hints[name]) for name in needed})

def value_of(hint):
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return arguments[0]
    if origin is type:
        from crmcore.api import Customer
        return Customer
    return VALUES[origin] if origin in VALUES else VALUES[hint] if hint in VALUES else value_of(arguments[0])

class Good:
    def __init__(self, hook, family):
        self.hook, self.family = hook, family

    @property
    def record(self):
        return record_of(RESULT_TYPES[self.hook]) if self.hook in RESULT_TYPES else None

    def __call__(self):
        if self.hook in PROVIDERS:
            return PROVIDERS[self.hook]
        if self.record is None:
            return None if self.family == "contribution" else {}
        return [self.record] if self.family in {"contribution", "strategy"} else []

PROVIDERS = {
    "code_generator": {"mine": lambda pattern, numbers, today: [f"M{n}" for n in numbers]},
    "currency_rates": {"mine": lambda source, target, day, ctx: Decimal(7)},
    "workdays": {"mine": lambda days, ctx: [Workday(day, day.day == 7, True) for day in days]},
}

def behave(hook, family, arguments):
    good = Good(hook, family)
    where, _, misdeed = (SWITCH.read_text() if SWITCH.exists() else "").partition("=")
    if where != hook:
        return good()
    return getattr(misdeeds, misdeed)(good, arguments.get("ctx"), arguments)
'''
_HOOK = """
@hookimpl
def {hook}({names}):
    return behave({hook!r}, {family!r}, {{{pairs}}})
"""


def chaos_plugin() -> str:
    """Write the module: all hooks that there are, with all their arguments."""
    parts = [_HEAD]
    for hook, family in FAMILIES.items():
        names = list(inspect.signature(getattr(hookspecs, hook)).parameters)
        pairs = ", ".join(f"{name!r}: {name}" for name in names)
        parts.append(_HOOK.format(hook=hook, family=family, names=", ".join(names), pairs=pairs))
    return "\n".join(parts)


WITNESS = """
from crmcore.api import CardSection, Report, ReportSpec, WorkItem, Alert, hookimpl
from datetime import UTC, datetime

SEEN = []

@hookimpl
def card_sections(customer_ids):
    return [CardSection(i, "witness", "Witness", {"decimal": str(1 / __import__("decimal").Decimal(3))}) for i in customer_ids]

@hookimpl
def work_items(actor):
    return [WorkItem("w", None, None, "witness")]

@hookimpl
def alerts():
    return [Alert("a", None, datetime(2026, 3, 1, tzinfo=UTC), "witness")]

@hookimpl
def validate_changes(changes):
    SEEN.extend((c.operation, dict(c.after or {}).get("name")) for c in changes)

@hookimpl
def observe_changes(changes, ctx):
    with (ctx.workspace / "observed").open("a", encoding="utf-8") as file:
        file.writelines(f"{c.entity} {c.operation}\\n" for c in changes)

@hookimpl
def reports():
    return [ReportSpec("witnessed", "Witness", lambda ctx, parameters: Report("Witness"))]
"""
