"""Rows of one chunk that speak of the same thing are taken one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from crmcore.plugins.types import Loaded, Rejected, Row

Repeats = list[tuple[Row, Row]]
"""Rows that say the same as the row of their key before them, with that row."""


def waves(rows: Sequence[Row], key: Callable[[Row], Any], repeats: Repeats) -> Iterator[list[Row]]:
    """Cut rows so that no key comes twice in a part: the second row of a key is an edit of the first.

    A row that says the same as the row of its key before it goes to `repeats` and costs nothing.
    """
    if len({key(row) for row in rows}) == len(rows):
        yield list(rows)
        return
    waiting = list(rows)
    while waiting:
        wave: dict[Any, Row] = {}
        latest: dict[Any, Row] = {}
        later: list[Row] = []
        for row in waiting:
            value = key(row)
            if value not in wave:
                wave[value] = latest[value] = row
            elif row.values == latest[value].values:
                repeats.append((row, latest[value]))
            else:
                later.append(row)
                latest[value] = row
        yield list(wave.values())
        waiting = later


def settle(repeats: Repeats, loaded: Loaded) -> None:
    """Count the rows that only repeat another: rejected where that was."""
    reasons = {rejection.line: rejection for rejection in loaded.rejected}
    for row, before in repeats:
        found = reasons.get(before.line)
        if found is None:
            loaded.unchanged += 1
        else:
            rejection = Rejected(row.line, found.column, found.value, found.reason)
            loaded.rejected.append(rejection)
            reasons[row.line] = rejection
