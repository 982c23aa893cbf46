"""What actors may do: permissions that plugins bring and the roles that get them, and what an actor may do today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from crmcore.errors import PluginError
from crmcore.i18n import translate
from crmcore.plugins import discovery

if TYPE_CHECKING:
    from crmcore.config import Config
    from crmcore.plugins.manifest import Manifest
    from crmcore.plugins.types import Context
    from crmcore.tx import Tx


def has_permission(tx: Tx | Context, permission: str) -> bool:
    """Say whether the actor of a transaction or context has a permission today, be it as somebody's deputy."""
    from crmcore.builtin.approvals.standing import standing, stood_in_for
    from crmcore.tx import Tx

    ctx = tx.ctx if isinstance(tx, Tx) else tx
    config = ctx._app.config  # noqa: SLF001  (the kernel's own way back)
    names = [
        standing(tx.connection, config, tx.actor),
        *stood_in_for(tx.connection, config, tx.actor, ctx.today),
    ]
    return any(one.has(permission) for one in names)


def given_by_plugins(config: Config) -> dict[str, frozenset[str]]:
    """Return role → permissions that the enabled plugins give it in their manifests.

    A plugin gives its own permissions only: those that bear its prefix.
    """
    given: dict[str, set[str]] = {}
    for manifest in _manifests(config):
        for role, permissions in given_by(manifest).items():
            given.setdefault(role, set()).update(permissions)
    return {role: frozenset(permissions) for role, permissions in given.items()}


def given_by(manifest: Manifest) -> dict[str, list[str]]:
    """Return role → permissions that a manifest gives it, both in order."""
    own = (f"{manifest.table_prefix}.", f"{manifest.name}.")
    given: dict[str, set[str]] = {}
    for entry in manifest.values.get("permissions", ()):
        for role in entry.get("roles", ()) if entry["name"].startswith(own) else ():
            given.setdefault(role, set()).add(entry["name"])
    return {role: sorted(given[role]) for role in sorted(given)}


def allowance(permission: str, config: Config) -> str:
    """Say what a permission allows, in the words of the kernel or of the enabled plugin that declares it."""
    from crmcore.entities.actors import PERMISSIONS

    if permission in PERMISSIONS:
        return translate("crmcore", PERMISSIONS[permission])
    for manifest in _manifests(config):
        if permission in manifest.permission_titles:
            words = translate(manifest.package, manifest.permission_titles[permission])
            # A title begins with a capital, but it goes on in a sentence here.
            return words[:1].lower() + words[1:] if words[1:2].islower() else words
    return permission


def _manifests(config: Config) -> Iterator[Manifest]:
    """Give the manifests of the enabled plugins, of those that can be read."""
    installed = discovery.installed() if config.enabled else {}
    for name in config.enabled:
        if name in installed:
            with suppress(PluginError):
                yield installed[name].manifest()
