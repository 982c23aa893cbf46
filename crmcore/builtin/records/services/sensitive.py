"""Who read sensitive fields of customers: recorded, whose and which, never their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmcore.app import App


def record_sensitive(app: App, actor: str, fields: Mapping[str, frozenset[str]]) -> None:
    """Record that sensitive fields with a value were read; `fields`: code → what was read."""
    sensitive = {field.name for field in app.catalogue.fields.values() if field.sensitive}
    read = {code: sensitive & names for code, names in fields.items() if sensitive & names}
    if read:
        codes = list(read)
        whose = codes[0] if len(codes) == 1 else f"{codes[0]}…{codes[-1]}"
        names = ",".join(sorted(set().union(*read.values())))
        app.log_read(actor, "sensitive", "customer", len(codes), f"{whose}: {names}")
