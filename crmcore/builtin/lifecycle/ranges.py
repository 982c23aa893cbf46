"""Do the versions of a set of plugins meet: the core in everyone's range, what is required in the range asked for.

Where they do not, the smallest change that would do is worked out: as few plugins as possible to change or leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from crmcore import __version__
from crmcore.errors import PluginError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from packaging.specifiers import SpecifierSet

    from crmcore.app import App
    from crmcore.plugins.manifest import Manifest

CORE = "crmcore"


@dataclass(frozen=True)
class Need:
    """One plugin's demand on the version of the core or of another plugin."""

    plugin: str
    on: str
    range: str
    found: str
    """The version that is there."""

    @property
    def specifier(self) -> SpecifierSet:
        """The range; PluginError if it is none."""
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            return SpecifierSet(self.range)
        except InvalidSpecifier:
            raise PluginError(
                _("plugin {plugin!r}: {range!r}, wanted of {on}, is not a version range").format(
                    plugin=self.plugin, range=self.range, on=self.on
                )
            ) from None

    @property
    def met(self) -> bool:
        """Whether the version that is there fits."""
        from packaging.version import InvalidVersion

        try:
            return self.specifier.contains(self.found, prereleases=True)
        except InvalidVersion:
            return False

    @property
    def sentence(self) -> str:
        """What does not meet."""
        if self.on == CORE:
            message = _("plugin {plugin!r} needs crmcore {range}, this is {found}")
        else:
            message = _("plugin {plugin!r} needs {on} {range}, installed is {found}")
        return message.format(plugin=self.plugin, on=self.on, range=self.range, found=self.found)


def needs_of(manifests: Mapping[str, Manifest], versions: Mapping[str, str]) -> list[Need]:
    """Return what the plugins of a set demand of the core and of each other."""
    needs = []
    for name, manifest in sorted(manifests.items()):
        needs.append(Need(name, CORE, manifest.api, __version__))
        needs += [
            Need(name, required, wanted, versions[required])
            for required, wanted in manifest.requirements.items()
            if wanted and required in versions
        ]
    return needs


def check_ranges(app: App, new: Mapping[str, Manifest]) -> None:
    """Raise PluginError if the enabled set with these plugins would not meet; it names the smallest change that would."""
    problems = range_problems(app, new)
    if problems:
        raise PluginError("; ".join(problems))


def range_problems(app: App, new: Mapping[str, Manifest]) -> list[str]:
    """Say what would not meet in the enabled set with these plugins, and last the smallest change that would do."""
    manifests = {**app.manifests, **new}
    versions = {name: app.installed[name].version for name in manifests if name in app.installed}
    needs = needs_of(manifests, versions)
    unmet = [need for need in needs if {need.plugin, need.on} & new.keys() and not need.met]
    if not unmet:
        return []
    change = smallest_change(needs, unmet, {need.on: need.found for need in needs} | versions)
    return [need.sentence for need in unmet] + ([change] if change else [])


def smallest_change(needs: Collection[Need], unmet: Collection[Need], versions: Mapping[str, str]) -> str:
    """Say in one sentence which fewest plugins to change or leave out, so that nothing unmet is left.

    To change what is required comes before changing who requires it, plugins before the core.
    """
    concerned = {need.plugin for need in unmet} | {need.on for need in unmet}
    asked = {need.on for need in unmet}
    order = sorted(concerned, key=lambda name: (name == CORE, name not in asked, name))
    for size in range(1, len(order) + 1):
        for chosen in combinations(order, size):
            steps = _steps(chosen, needs, unmet, versions)
            if steps:
                return _("the smallest change that would do: {steps}").format(steps=_(" and ").join(steps))
    return ""


def _steps(
    chosen: tuple[str, ...], needs: Collection[Need], unmet: Collection[Need], versions: Mapping[str, str]
) -> list[str]:
    """Return what to do with each of the chosen so that all meet, or nothing if that cannot do."""
    if any(need.plugin not in chosen and need.on not in chosen for need in unmet):
        return []
    steps = []
    for name in chosen:
        demands = [need for need in needs if need.on == name and need.plugin not in chosen]
        if not can_meet(demands):
            return []
        if any(need.on == name and need.plugin not in chosen for need in unmet):
            parts = (part.strip() for need in demands for part in need.range.split(",") if part.strip())
            wanted = ",".join(dict.fromkeys(parts))
            steps.append(_("install {name} {range}").format(name=name, range=wanted))
        else:
            steps.append(_leave(name, needs, unmet, versions))
    return steps


def _leave(name: str, needs: Collection[Need], unmet: Collection[Need], versions: Mapping[str, str]) -> str:
    """Say that another version is wanted of a plugin that asks for too much, or none where nobody requires it."""
    fits = ", ".join(f"{need.on} {versions[need.on]}" for need in unmet if need.plugin == name)
    if any(need.on == name for need in needs):
        return _("install a version of {name} that works with {versions}").format(name=name, versions=fits)
    return _("install a version of {name} that works with {versions}, or leave {name} out").format(
        name=name, versions=fits
    )


def can_meet(demands: Iterable[Need]) -> bool:
    """Tell whether any version lies in all of these ranges; tried are the bounds that they name and their neighbours."""
    from packaging.specifiers import SpecifierSet

    together = SpecifierSet()
    for need in demands:
        together &= need.specifier
    return any(together.contains(version, prereleases=True) for version in _candidates(together))


def _candidates(specifiers: SpecifierSet) -> list[str]:
    """Return versions at, just above and just below the bounds of a range, and far from all of them."""
    from packaging.version import InvalidVersion, Version

    found = ["0", "0.0.1", "99999"]
    for specifier in specifiers:
        bound = specifier.version.removesuffix(".*")
        try:
            Version(bound)
        except InvalidVersion:  # of ===, which takes any text
            continue
        release = Version(bound).release
        below = [*release[:-1], release[-1] - 1, 99999] if release[-1] else []
        found += [bound, f"{Version(bound).base_version}.1", f"{Version(bound).base_version}.0.1"]
        found += [".".join(map(str, below))] if below else []
    return found
