"""Names for new plugins: what is one, and what is taken."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from crmcore.errors import PluginError, Refused, UsageProblem
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.plugins.discovery import Installed

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TITLE = re.compile(r"[^\"\\@%]+")
LONGEST = 31
"""As many characters as a table prefix may have: PostgreSQL cuts names off at 63, and more is put behind it."""
_LONGEST_TITLE = 80


def check_name(name: str) -> None:
    """Raise UsageProblem for what is no name, Refused for one that is taken."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        message = _(
            "{name!r} is no name for a plugin; write lower-case letters, digits and single _ between them, {most} characters at most, such as loyalty_points"
        )
        raise UsageProblem(message.format(name=name, most=LONGEST))
    if owner := _owner(name):
        message = _("the name {name!r} is taken by {owner}; choose another")
        raise Refused(message.format(name=name, owner=owner))


def check_title(title: str) -> None:
    """Raise UsageProblem for a title that could not stand in every file of the plugin."""
    if not _TITLE.fullmatch(title) or not title.isprintable() or len(title) > _LONGEST_TITLE:
        message = _('{title!r} is no title; write one line of {most} characters at most, without " \\ @ %')
        raise UsageProblem(message.format(title=title, most=_LONGEST_TITLE))


def _owner(name: str) -> str:
    """Return what has the name already, or whose command, tables or package would collide with the plugin's."""
    from crmcore.builtin.lifecycle.examination import TAKEN
    from crmcore.cli.main import COMMANDS
    from crmcore.plugins.discovery import installed

    if name in {*TAKEN, "crm"} or name.replace("_", "-") in COMMANDS:
        return "crmcore"
    for plugin in installed().values():
        if plugin.name == name or name in _claims(plugin):
            return plugin.distribution
    if _begins_tables_of_the_core(name):
        return "crmcore"
    return f"crmcore_{name}" if find_spec(f"crmcore_{name}") else ""


def _begins_tables_of_the_core(name: str) -> bool:
    """Say whether tables of the core or its built-ins bear this prefix: they would pass for the plugin's."""
    from crmcore.db.base import metadata
    from crmcore.plugins.host import BUILTINS

    modules = ("crmcore.app", *(f"crmcore.builtin.{builtin}.tables" for builtin in BUILTINS))
    for module in filter(find_spec, modules):
        import_module(module)  # with it its tables are known
    return any(f"{table}_".startswith(f"{name}_") for table in metadata.tables)


def _claims(plugin: Installed) -> set[str]:
    """Return the prefix and the commands of an installed plugin; of one whose manifest is broken, none."""
    try:
        manifest = plugin.manifest()
    except PluginError:
        return set()
    return {manifest.table_prefix, *(command["name"].replace("-", "_") for command in manifest.commands)}
