"""The hooks: the module can be imported, its hooks are known and have the right arguments, its registrations are usable."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.facts import FACTS
from crmcore.hookspecs import FAMILIES, PROJECT
from crmcore.i18n import _
from crmcore.plugins.discovery import installed
from crmcore.plugins.extension import own_hooks
from crmcore.plugins.host import call_registration, call_strategy
from crmcore.plugins.loading import Hosted, load_functions

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

_NAMED = frozenset({"analytics_engine", "code_generator", "currency_rates", "workdays"})
"""Strategies that answer with name → provider, without a company."""


def load(subject: Subject) -> Hosted:
    """Import the plugin and those that it requires; raises whatever the import raises."""
    import_module("crmcore.entities.tables")  # so that foreign keys find what they point to
    known = installed()
    for name in subject.required:
        other = known[name]
        functions = load_functions(name, other.module)
        if "models" in functions:  # its tables may be pointed at
            call_registration(Hosted(name, other.manifest(), functions=functions), "models")
    plugin = subject.installed
    hosted = Hosted(plugin.name, subject.manifest, plugin.distribution, plugin.version)
    hosted.declared = own_hooks(known, (plugin.name, *subject.manifest.requires))
    hosted.functions = load_functions(plugin.name, plugin.module, hosted.declared)
    return hosted


def check_hooks(subject: Subject) -> Finding:
    """Import the module, hold its hooks against the specifications, call what can be called without a company."""
    hosted = load(subject)
    problems = _forgotten(subject)
    for hook in hosted.functions:
        if FAMILIES.get(hook) == "registration":
            specs = call_registration(hosted, hook)
            problems += [
                _("there is no fact {fact!r}; known are {known}").format(fact=s.fact, known=", ".join(FACTS))
                for s in specs
                if hook == "facts" and s.fact not in FACTS
            ]
        elif hook in _NAMED:
            call_strategy(hosted, hook)
    if not hosted.functions and not hosted.manifest.hookspecs and not hosted.manifest.commands:
        problems.append(_("it has no hook, and no command either; mark its functions with @hookimpl"))
    return finding(problems, ", ".join(hosted.hooks) or _("it has no hook"))


def _forgotten(subject: Subject) -> list[str]:
    """Name functions that are called like a hook and not marked as one: nobody would ever call them."""
    module: Any = import_module(subject.installed.module)
    return [
        _("{module} has a function {hook} without @hookimpl, which nobody calls").format(
            module=module.__name__, hook=name
        )
        for name in FAMILIES
        if getattr(function := getattr(module, name, None), "__module__", "") == module.__name__
        and callable(function)
        and not hasattr(function, f"{PROJECT}_impl")
    ]
