"""What is installed: distributions that name a module in the entry point group `crmcore.plugins`; nothing is imported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import Distribution, EntryPoint, distributions

from crmcore.errors import PluginError
from crmcore.i18n import _
from crmcore.plugins.manifest import Manifest, read_manifest

GROUP = "crmcore.plugins"


@dataclass(frozen=True)
class Installed:
    """A plugin as its distribution names it."""

    name: str
    module: str
    distribution: str
    version: str
    record_hash: str
    rival: str | None = None
    """Another distribution that claims the same name."""

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.module.split(".")[0]

    @cached_property
    def _manifest(self) -> Manifest:
        return read_manifest(self.name, self.package)

    def manifest(self) -> Manifest:
        """Return its manifest, read once."""
        return self._manifest


def installed() -> dict[str, Installed]:
    """Return the installed plugins by name, in the order of their names."""
    found: dict[str, Installed] = {}
    seen: set[str] = set()
    for distribution in distributions():
        title, version, own = _plugins_of(distribution)
        if not title or title in seen:
            continue
        seen.add(title)
        for entry in own:
            rival = found[entry.name].distribution if entry.name in found else None
            found[entry.name] = Installed(
                entry.name,
                entry.value.split(":")[0],
                title,
                version,
                _fingerprint(distribution, f"{title} {version}"),
                rival,
            )
    return dict(sorted(found.items()))


def _plugins_of(distribution: Distribution) -> tuple[str, str, list[EntryPoint]]:
    """Return a distribution's name, version and plugins; none of one whose description is damaged."""
    try:
        written = distribution.read_text("entry_points.txt")
        if not written or GROUP not in written:  # nearly all; parsing takes longer than looking
            return "", "", []
        own = [e for e in distribution.entry_points if e.group == GROUP]
        if not own:
            return "", "", []
        told = distribution.metadata  # parsed anew each time it is asked for
        return str(told["Name"] or ""), str(told["Version"] or ""), own
    except Exception:  # noqa: BLE001  (whatever lies on the path may be damaged in any way; the house stands)
        return "", "", []


def _fingerprint(distribution: Distribution, title: str) -> str:
    try:
        editable = json.loads(distribution.read_text("direct_url.json") or "{}")["dir_info"]["editable"]
    except (ValueError, KeyError, TypeError):  # none, or a damaged one
        editable = False
    if editable:  # its RECORD says nothing of its code
        return sha256(f"{title} editable".encode()).hexdigest()
    record = distribution.read_text("RECORD") or title
    return sha256("\n".join(sorted(record.splitlines())).encode()).hexdigest()


def get_installed(name: str) -> Installed:
    """Return an installed plugin; PluginError if it is not there, or claimed by two distributions."""
    all_installed = installed()
    if name not in all_installed:
        from difflib import get_close_matches

        near = get_close_matches(name, all_installed, n=1)
        hint = _("did you mean {near!r}?").format(near=near[0]) if near else _("install its package first")
        raise PluginError(_("there is no plugin {name!r}; {hint}").format(name=name, hint=hint))
    plugin = all_installed[name]
    if plugin.rival:
        raise PluginError(
            _(
                "the plugin name {name!r} is claimed by two distributions, {one} and {other}; uninstall one"
            ).format(name=name, one=plugin.rival, other=plugin.distribution)
        )
    return plugin
