"""Values of the log that hold others, such as the workings of a proposal: short, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmcore.i18n import _

_LONGEST = 120
"""What is longer ends in … on the terminal."""
_NAMED = 6
"""So many keys are shown."""


def is_structured(value: Any) -> bool:
    """Say whether a value holds others that hold some again, or that have names."""
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
    )


def structure(value: Any) -> str:
    """Write a structured value in one short line: `key: value; …`, of a list how long it is."""
    return _cut(value)[0]


def is_cut(value: Any) -> bool:
    """Say whether the line does not hold all of a value."""
    return is_structured(value) and _cut(value)[1]


def _cut(value: Any) -> tuple[str, bool]:
    """Return the line, and whether something is left out of it."""
    if isinstance(value, list):
        return _count(len(value)), bool(value)
    said = {key: _scalar(item) for key, item in value.items() if item not in (None, [], {})}
    line = "; ".join(f"{key}: {said[key]}" for key in list(said)[:_NAMED])
    inner = any(isinstance(item, dict | list) and item for item in value.values())
    if len(said) > _NAMED or len(line) > _LONGEST:
        return line[:_LONGEST].rstrip("; ") + " …", True
    return line, inner


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _count(len(value)) if isinstance(value, list | Mapping) else str(value)


def _count(count: int) -> str:
    return _("(1 entry)") if count == 1 else _("({count} entries)").format(count=count)
