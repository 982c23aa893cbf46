"""Which roles hold a plugin's permissions: by crm.toml, and by its own manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.builtin.permissions import given_by

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.lifecycle.known import Known


def roles_with(app: App, known: Known) -> dict[str, list[str]]:
    """Return the roles of crm.toml that hold permissions of the plugin, with those permissions."""
    own = set(known.permissions)
    prefixes = () if known.manifest else (f"{known.prefix}.", f"{known.name}.")
    found = {
        role: [p for p in permissions if p in own or p.startswith(prefixes or ("\0",))]
        for role, permissions in app.config.data["roles"].items()
    }
    return {role: permissions for role, permissions in found.items() if permissions}


def grants(app: App, known: Known) -> dict[str, Any]:
    """Return role → permissions by the manifest; a role that crm.toml sets has what stands there and nothing else."""
    given, own = given_by(known.manifest) if known.manifest else {}, app.config.data["roles"]
    return {
        "grants": {role: permissions for role, permissions in given.items() if role not in own},
        "not_granted": {
            role: left
            for role, permissions in given.items()
            if role in own
            and (left := [p for p in permissions if p not in own[role] and "*" not in own[role]])
        },
    }
