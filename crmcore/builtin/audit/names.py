"""What people call the fields of rows: as the card does, whatever their columns are called."""

from __future__ import annotations

REFERENCES = {
    "parent_id": "customer",
    "customer_id": "customer",
    "contact_id": "contact",
    "from_id": "customer",
    "into_id": "customer",
}
"""Columns that name another row: people read its code."""
TECHNICAL = frozenset({"id", "uid", "version"})
_ATTRIBUTE = "attributes."


def field_name(name: str) -> str:
    """Return what people call a column or an attribute: `parent` for `parent_id`, an attribute by its bare name."""
    return name.removesuffix("_id") if name in REFERENCES else name.removeprefix(_ATTRIBUTE)
