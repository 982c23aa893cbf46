"""Who read sensitive fields of customers: recorded, whose and which, never their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import CardSection

_OF = "/"


def read_of(card: Mapping[str, Any], sections: Sequence[CardSection]) -> frozenset[str]:
    """Return what a whole card shows: its attributes, and of a person the sensitive sections, as `plugin/section`."""
    of_person = sections if card["kind"] == "person" else ()
    return frozenset(card["attributes"]) | {f"{s.plugin}{_OF}{s.name}" for s in of_person if s.sensitive}


def record_sensitive(app: App, actor: str, fields: Mapping[str, frozenset[str]]) -> None:
    """Record that sensitive fields with a value, or sections, were read; `fields`: code → what was read."""
    sensitive = {field.name for field in app.catalogue.fields.values() if field.sensitive}
    found = {code: {n for n in names if n in sensitive or _OF in n} for code, names in fields.items()}
    read = {code: names for code, names in found.items() if names}
    if read:
        codes = list(read)
        whose = codes[0] if len(codes) == 1 else f"{codes[0]}…{codes[-1]}"
        names = ",".join(sorted(set().union(*read.values())))
        app.log_read(actor, "sensitive", "customer", len(codes), f"{whose}: {names}")
