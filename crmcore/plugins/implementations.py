"""What pluggy finds in a plugin's module: the functions that implement hooks, checked against the specifications."""

from __future__ import annotations

from functools import cache
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pluggy

from crmcore import hookspecs
from crmcore.errors import PluginError
from crmcore.hookspecs import PROJECT
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_one_at_a_time = Lock()


def implementations(
    name: str, module: Any, own: Mapping[str, Callable[..., Any]]
) -> dict[str, pluggy.HookImpl]:
    """Have pluggy look at one plugin alone, and forget it: hook → implementation. `own`: hooks that plugins declare."""
    manager = _manager() if own else _checker()
    if own:
        manager.add_hookspecs(cast("Any", SimpleNamespace(**own)))
    with _one_at_a_time:
        try:
            manager.register(module, name)
            return {c.name: c.get_hookimpls()[0] for c in manager.get_hookcallers(module) or []}
        except pluggy.PluginValidationError as error:
            raise PluginError(
                _("plugin {plugin!r}: {error}").format(plugin=name, error=str(error).splitlines()[-1])
            ) from None
        finally:
            if manager.is_registered(module):
                manager.unregister(module)


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


# It takes longer to read the specifications than to check a plugin against them.
_checker = cache(_manager)
