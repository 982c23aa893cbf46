"""Import a plugin's module and look at its hook implementations before anything of it is called."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pluggy

from crmcore import __version__, hookspecs
from crmcore.errors import PluginError
from crmcore.hookspecs import FAMILIES, PROJECT
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmcore.plugins.manifest import Manifest


@dataclass
class Hosted:
    """A plugin that runs, or should run and cannot."""

    name: str
    manifest: Manifest
    distribution: str = "crmcore"
    version: str = __version__
    builtin: bool = False
    state: str = "enabled"
    error: dict[str, Any] | None = None
    failures: int = 0
    functions: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = field(default_factory=dict)
    """Hook → (function, names of the arguments that it takes)."""
    recorded_hooks: tuple[str, ...] = ()
    """The hooks that it had when it was enabled: a plugin that cannot run closes its decisions."""

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks that it implements, or implemented when it was enabled."""
        return tuple(sorted(self.functions or self.recorded_hooks))

    @property
    def decisions(self) -> frozenset[str]:
        """The hooks whose refusal counts: those that it has now and those that it had when it was enabled."""
        return frozenset((*self.functions, *self.recorded_hooks))

    @property
    def running(self) -> bool:
        """Whether its functions may be called."""
        return self.state == "enabled"


def prints_aside() -> AbstractContextManager[object]:
    """Let what a plugin prints go to stderr: stdout is the command's, often JSON."""
    return redirect_stdout(sys.stderr)


def check_api_range(name: str, api: str) -> None:
    """Raise PluginError unless this core lies in the plugin's range."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = SpecifierSet(api).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise PluginError(
            _("plugin {plugin!r}: api = {api!r} is not a version range").format(plugin=name, api=api)
        ) from None
    if not fits:
        raise PluginError(
            _(
                "plugin {plugin!r} needs crmcore {api}, this is {version}; install a matching version of either"
            ).format(plugin=name, api=api, version=__version__)
        )


def load_functions(name: str, module: str) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
    """Import a plugin's module and return its hook implementations; PluginError names what pluggy would accept silently."""
    with prints_aside():
        imported = import_module(module)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(imported, name)
    except pluggy.PluginValidationError as error:
        raise PluginError(
            _("plugin {plugin!r}: {error}").format(plugin=name, error=str(error).splitlines()[-1])
        ) from None
    functions = {}
    for caller in manager.get_hookcallers(imported) or []:
        implementation = caller.get_hookimpls()[0]
        _check_implementation(name, caller.name, implementation)
        functions[caller.name] = (implementation.function, tuple(implementation.argnames))
    return functions


def _check_implementation(plugin: str, hook: str, implementation: pluggy.HookImpl) -> None:
    if hook not in FAMILIES:
        from difflib import get_close_matches

        near = get_close_matches(hook, FAMILIES, n=1)
        raise PluginError(
            _(
                "plugin {plugin!r}: crmcore {version} has no hook {hook!r}{hint}; use a hook of this version or install the core that the plugin wants"
            ).format(
                plugin=plugin,
                version=__version__,
                hook=hook,
                hint=" " + _("(did you mean {near!r}?)").format(near=near[0]) if near else "",
            )
        )
    if implementation.wrapper or implementation.hookwrapper:
        raise PluginError(
            _("plugin {plugin!r}: {hook} may not be a wrapper").format(plugin=plugin, hook=hook)
        )
    if (implementation.tryfirst or implementation.trylast) and FAMILIES[hook] == "contribution":
        raise PluginError(
            _("plugin {plugin!r}: {hook} may not ask to be first or last; the order is the company's").format(
                plugin=plugin, hook=hook
            )
        )
