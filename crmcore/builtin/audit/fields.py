"""Which fields a history may be asked for."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from crmcore.builtin.audit.names import TECHNICAL, field_name
from crmcore.changes import PERSONAL
from crmcore.errors import NotFound
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo


def require_field(app: App, tables: Iterable[TableInfo], name: str) -> None:
    """Raise NotFound, with the field that may be meant, for one that no row of these tables has."""
    known = {PERSONAL: None}
    for info in tables:
        known |= {field_name(column): None for column in info.columns if column not in TECHNICAL}
        if info.entity == "customer":
            known |= dict.fromkeys(app.catalogue.fields)
    known.pop("attributes", None)
    if name not in known:
        near = get_close_matches(name, [field for field in known if not field.startswith("$")], n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        message = _("no field {field!r} was ever changed here{hint}; see them all without --field")
        raise NotFound(message.format(field=name, hint=hint))
