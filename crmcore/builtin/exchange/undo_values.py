"""Values as they stand in the change log, turned back into what the gate takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.exchange.undo_history import ATTRIBUTE
from crmcore.db.tables import TableInfo


def row_values(info: TableInfo, logged: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row from its image in the log."""
    return {name: _value(info, name, value) for name, value in logged.items() if name in info.columns}


def edits_of(info: TableInfo, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns to set for fields, attributes among them."""
    edits: dict[str, Any] = {}
    for name, value in fields.items():
        if name.startswith(ATTRIBUTE):
            edits.setdefault("attributes", {})[name.removeprefix(ATTRIBUTE)] = value
        elif name in info.editable:
            edits[name] = _value(info, name, value)
    return edits


def _value(info: TableInfo, name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    kind = info.table.c[name].type
    kind = getattr(kind, "impl_instance", kind)
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, sa.Date):
        return date.fromisoformat(value)
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return Decimal(value)
    return value
