"""What a check of the change log finds."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What does not fit, and at which entry; None where the log cannot tell."""

    seq: int | None
    problem: str


def lowest(*findings: Finding | None) -> Finding | None:
    """Return what stands lowest in the log."""
    found = [finding for finding in findings if finding is not None]
    return min(found, key=lambda one: (one.seq is None, one.seq or 0), default=None)
