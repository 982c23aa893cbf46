"""Import a plugin's module and look at its hook implementations before anything of it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore import __version__
from crmcore.deprecated import warn_of_hook
from crmcore.errors import PluginError
from crmcore.hookspecs import FAMILIES
from crmcore.i18n import _
from crmcore.plugins.implementations import implementations
from crmcore.plugins.isolation import set_apart
from crmcore.plugins.version_ranges import within

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pluggy

    from crmcore.plugins.extension import Declared
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
    declared: Mapping[str, Declared] = field(default_factory=dict)
    """Hooks of plugins' own that it may implement: its own ones and those of plugins that it requires."""
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


def check_api_range(name: str, api: str) -> None:
    """Raise PluginError unless this core lies in the plugin's range."""
    fits = within(__version__, api)
    if fits is None:
        raise PluginError(
            _("plugin {plugin!r}: api = {api!r} is not a version range").format(plugin=name, api=api)
        )
    if not fits:
        raise PluginError(
            _(
                "plugin {plugin!r} needs crmcore {api}, this is {version}; install a matching version of either"
            ).format(plugin=name, api=api, version=__version__)
        )


def load_functions(
    name: str, module: str, own: Mapping[str, Declared] | None = None
) -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
    """Import a plugin's module and return its hook implementations; PluginError names what pluggy would accept silently.

    own: what `own_hooks` gives for this plugin and those that it requires: the hooks that it may implement besides.
    """
    with set_apart():
        imported = import_module(module)
    names = {key: key.partition(".")[2] for key in own or {}}
    specifications = {names[key]: hook.specification for key, hook in (own or {}).items()}
    functions = {}
    for hook, implementation in implementations(name, imported, specifications).items():
        _check_implementation(name, hook, implementation, names.values())
        for key in [key for key in names if names[key] == hook] or [hook]:
            functions[key] = (implementation.function, tuple(implementation.argnames))
            warn_of_hook(key, *functions[key])
    return functions


def _check_implementation(
    plugin: str, hook: str, implementation: pluggy.HookImpl, own: Collection[str]
) -> None:
    if hook not in FAMILIES and hook not in own:
        from difflib import get_close_matches

        near = get_close_matches(hook, [*FAMILIES, *own], n=1)
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
    family = FAMILIES.get(hook, "contribution")
    if (implementation.tryfirst or implementation.trylast) and family == "contribution":
        raise PluginError(
            _("plugin {plugin!r}: {hook} may not ask to be first or last; the order is the company's").format(
                plugin=plugin, hook=hook
            )
        )
