"""Ids in lists as long as one statement may be given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_MOST = 500


def parts(ids: Iterable[int], size: int = _MOST) -> Iterator[list[int]]:
    """Cut distinct ids, sorted, into lists of at most `size`."""
    distinct = sorted(set(ids))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]
