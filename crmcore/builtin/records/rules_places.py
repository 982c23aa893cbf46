"""When two places of a person are one, and what is then known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Place = Mapping[str, Any]


def same_place(one: Place, other: Place) -> bool:
    """Say whether a person's places at two firms are one place once the firms are one: the same person, the same time."""
    return all(one[name] == other[name] for name in ("contact_id", "since", "until"))


def joined(kept: Place, removed: Place) -> dict[str, Any]:
    """Return what the place that is kept gets from the other: roles that it has not, a position where it has none."""
    gained = [role for role in removed["roles"] if role not in kept["roles"]]
    edits: dict[str, Any] = {"roles": [*kept["roles"], *gained]} if gained else {}
    if not kept["position"] and removed["position"]:
        edits["position"] = removed["position"]
    return edits
