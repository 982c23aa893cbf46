"""The rules of merging (客户合并): which customers may become one, and which value of a field stays.

The customer that remains keeps what it has; what it has not, it gets from the other. A field for which people chose
the other's value gets that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

EMPTY: tuple[Any, ...] = (None, "", [], {})
SETTLED = frozenset({"code", "kind"})
"""Fields of which nobody chooses: they are the customer's own, or alike anyway."""

Hindrance = Literal["same", "kinds", "from_merged", "into_merged", "into_archived"]


class Side(NamedTuple):
    """One of the two customers, as far as it matters whether they may be merged."""

    id: int
    kind: str
    archived: bool
    merged: bool


class Choice(NamedTuple):
    """One field on which the two differ."""

    field: str
    of_from: Any
    of_into: Any
    by: Literal["kept", "filled", "taken"]
    """`kept`: the remaining customer's own; `filled`: it had none; `taken`: people chose the other's."""

    @property
    def stays(self) -> Any:
        """The value that the customer has afterwards."""
        return self.of_into if self.by == "kept" else self.of_from


def hindrance(gone: Side, remaining: Side) -> Hindrance | None:
    """Say why one customer may not be merged into the other; None = it may. An archived one may go, not remain."""
    if gone.id == remaining.id:
        return "same"
    if gone.merged:
        return "from_merged"
    if remaining.merged:
        return "into_merged"
    if gone.kind != remaining.kind:
        return "kinds"
    return "into_archived" if remaining.archived else None


def choices(
    of_from: Mapping[str, Any], of_into: Mapping[str, Any], take: Collection[str] = ()
) -> list[Choice]:
    """Return the fields on which two customers differ and what becomes of each; where the one that goes has none, none."""
    found = []
    for name, value in of_from.items():
        own = of_into.get(name)
        if value in EMPTY or value == own or name in SETTLED:
            continue
        by: Literal["kept", "filled", "taken"] = "kept"
        if own in EMPTY:
            by = "filled"
        elif name in take:
            by = "taken"
        found.append(Choice(name, value, own, by))
    return found


def head_after(
    gone: int, remaining: int, above_gone: list[int], above_remaining: list[int], *, take: bool = False
) -> int | None:
    """Return the head of the remaining customer's group, so that nobody becomes their own ancestor.

    above_…: the heads above each of the two, the nearest first. Where the one that goes stood above the other, it is
    followed in its place; else the other keeps its own head, or gets the head of the one that goes if it has none or
    people chose so, unless it stands above that one itself.
    """
    if gone in above_remaining:
        return above_gone[0] if above_gone else None
    own = above_remaining[0] if above_remaining else None
    if above_gone and remaining not in above_gone and (own is None or take):
        return above_gone[0]
    return own
