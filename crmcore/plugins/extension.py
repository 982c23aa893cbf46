"""Hooks of plugins' own: the manifest names the module that declares them, functions there are marked with `hookspec`.

Plugins that require the declaring one implement them with the same `hookimpl`; the host keeps them as
`<plugin>.<hook>`, and `call_hook` calls them one plugin after the other, isolated as contributions are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from crmcore.errors import PluginError
from crmcore.hookspecs import FAMILIES, PROJECT
from crmcore.i18n import _
from crmcore.plugins.isolation import set_apart

if TYPE_CHECKING:
    from crmcore.plugins.discovery import Installed
    from crmcore.plugins.manifest import Manifest
    from crmcore.plugins.types import Context


class Declared(NamedTuple):
    """A hook that a plugin declares."""

    specification: Callable[..., Any]
    record: type | None
    """What its result is an iterable of; None = it returns nothing."""

    @property
    def arguments(self) -> frozenset[str]:
        """The arguments that its caller gives."""
        return frozenset(signature(self.specification).parameters) - {"actor", "ctx"}


def own_hooks(installed: Mapping[str, Installed], names: Iterable[str]) -> dict[str, Declared]:
    """Return `<plugin>.<hook>` → what is declared of it, of those of the named plugins that declare any."""
    manifests = [installed[name].manifest() for name in names if name in installed]
    return {f"{m.name}.{hook}": told for m in manifests for hook, told in declared(m).items()}


def declared(manifest: Manifest) -> dict[str, Declared]:
    """Import the module in which a plugin declares hooks and return them by name; {} where it declares none.

    PluginError says what is wrong with them.
    """
    if not manifest.hookspecs:
        return {}
    if manifest.hookspecs.split(".")[0] != manifest.package:
        raise _wrong(manifest, _("is no module of the package {package}").format(package=manifest.package))
    with set_apart():
        names = vars(import_module(manifest.hookspecs))
    marked = {name: f for name, f in names.items() if hasattr(f, f"{PROJECT}_spec")}
    if not marked:
        raise _wrong(manifest, _("declares no hook; mark its functions with hookspec"))
    return {name: _declared(manifest, name, f) for name, f in marked.items()}


def _declared(manifest: Manifest, hook: str, function: Callable[..., Any]) -> Declared:
    if hook in FAMILIES:
        raise _wrong(manifest, _("declares {hook}, which is a hook of crmcore; rename it").format(hook=hook))
    result = get_type_hints(function).get("return", Any)
    if result is type(None):
        return Declared(function, None)
    record: Any = next(iter(get_args(result)), None)
    if "plugin" not in getattr(record, "__dataclass_fields__", ()):
        message = _(
            "declares {hook}, which must return an Iterable of a dataclass with a field plugin, or None"
        )
        raise _wrong(manifest, message.format(hook=hook))
    return Declared(function, record)


def _wrong(manifest: Manifest, problem: str) -> PluginError:
    message = _("plugin {plugin!r}: hookspecs = {module!r} {problem}")
    return PluginError(message.format(plugin=manifest.name, module=manifest.hookspecs, problem=problem))


def call_hook(ctx: Context, hook: str, /, **arguments: Any) -> list[Any]:
    """Call a hook that the plugin of `ctx` declares, in every plugin that implements it, one after the other.

    Returns their records, each with its plugin's name, in the company's order. A plugin that fails is left out and its
    error kept, as with contributions. TypeError unless the hook is declared with just these arguments; `ctx` (each
    plugin's own) and `actor` are given by the host.
    """
    host = ctx._app.host  # noqa: SLF001  (the kernel's own way back)
    own = declared(host.get(ctx.plugin).manifest)
    if hook not in own or own[hook].arguments != arguments.keys():
        known = "; ".join(f"{name}({', '.join(sorted(told.arguments))})" for name, told in own.items())
        raise TypeError(f"{ctx.plugin} declares {known or 'no hook'}, and not {hook}({', '.join(arguments)})")
    results: list[Any] = host.contribute(f"{ctx.plugin}.{hook}", ctx.connection, ctx.actor, **arguments)
    return results
