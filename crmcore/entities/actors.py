"""Who may do what: actors, their roles, their deputies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.permissions import allowance
from crmcore.entities.tables import Actor, ActorDeputy
from crmcore.errors import Refused
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from crmcore.config import Config

_EVERYTHING = "*"
_DESK = frozenset({"records.write", "records.import", "records.export", "records.merge"})
ROLES: dict[str, frozenset[str]] = {
    "administrator": frozenset({_EVERYTHING}),
    "general_manager": _DESK | {"approve", "documents.lend"},
    "sales_manager": _DESK | {"documents.lend"},
    "sales_representative": frozenset({"records.write"}),
    "credit_controller": _DESK,
    "service_desk": frozenset({"records.write"}),
    "reader": frozenset(),
}
"""Role → permissions; a company adds its own in crm.toml [roles]."""

PERMISSIONS: dict[str, str] = {
    "records.write": N_("change customers, contacts, interactions and documents"),
    "records.import": N_("import files"),
    "records.export": N_("export and list in bulk"),
    "records.merge": N_("merge customers"),
    "privacy.manage": N_("export, restrict and erase persons"),
    "actors.manage": N_("add actors and grant roles"),
    "plugins.manage": N_("enable and disable plugins"),
    "database.manage": N_("migrate, back up and copy the database"),
    "approve": N_("approve requests"),
    "documents.lend": N_("lend papers"),
}

actor_table: sa.Table = Actor.__table__  # type: ignore[attr-defined]
deputy_table: sa.Table = ActorDeputy.__table__  # type: ignore[attr-defined]


def permissions_of(roles: list[str], config: Config, *, plugins: bool = True) -> set[str]:
    """Return all permissions that these roles give: as crm.toml says, or else as the kernel and the plugins do."""
    own = config.data["roles"]
    given = config.given_by_plugins if plugins else {}
    return {
        p
        for role in roles
        for p in own.get(role, ROLES.get(role, frozenset()) | given.get(role, frozenset()))
    }


def require_permission(connection: sa.Connection, config: Config, actor: str, permission: str) -> None:
    """Raise Refused unless the actor exists, is not archived and has the permission."""
    row = connection.execute(sa.select(actor_table).where(actor_table.c.code == actor)).first()
    if row is None:
        if connection.scalar(sa.select(sa.func.count()).select_from(actor_table)) == 0:
            return  # the first actor of a new workspace adds itself
        raise Refused(
            _("there is no actor {code!r}; an administrator adds it with: crm actor add {code}").format(
                code=actor
            )
        )
    if row.archived_at is not None:
        raise Refused(_("actor {code!r} is archived and may not act").format(code=actor))
    # What the kernel asks for no plugin can give, and nobody waits for their manifests.
    allowed = permissions_of(row.roles, config, plugins=permission not in PERMISSIONS)
    if permission not in allowed and _EVERYTHING not in allowed:
        raise Refused(
            _(
                "actor {code!r} may not {what}; an administrator grants a role with: crm actor grant {code} ROLE"
            ).format(code=actor, what=allowance(permission, config))
        )
