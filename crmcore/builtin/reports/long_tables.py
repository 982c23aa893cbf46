"""Long tables in parts of whole pages: a table of any length takes the memory of one part.

typst settles where pages end. So it is asked first: of each part it says on which page each row stands. Those on the last
page begin the next part, since there is room for more on it. Then all pages are counted, and the parts are set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from crmcore.builtin.reports.engine import Engine

LONG = 500
"""Rows that are set at once."""

Part = Mapping[str, Any]


def in_parts(engine: Engine, content: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a report; each knows how many pages come before and how many there are."""
    tables = content["tables"]
    if all(len(table["rows"]) <= LONG for table in tables):
        return [content]
    counted = list(_counted(engine, content))
    before, pages = 0, sum(one.pages for one in counted)
    parts: list[Part] = []
    for one in counted:
        parts.append({**one.part, "before": before, "pages": pages})
        before += one.pages
    return parts


class _Counted(NamedTuple):
    part: Part
    pages: int


def _counted(engine: Engine, content: Mapping[str, Any]) -> Iterator[_Counted]:
    """Give the short tables with all the rest, and then each long one; the first part has the head of the report."""
    long = [table for table in content["tables"] if len(table["rows"]) > LONG]
    short = [table for table in content["tables"] if len(table["rows"]) <= LONG]
    rest = {**content, "top": [], "head": False}
    if short or content["top"]:
        part = {**content, "tables": short, "lying": False}
        ((pages,),) = engine.query(part, "<pages>")
        yield _Counted(part, pages)
        rest["notes"] = []
    else:
        rest["head"] = True
    for number, table in enumerate(long):
        last = number == len(long) - 1
        for one in _slices(engine, rest, table, notes=last):
            yield one
            rest["head"] = False


def _slices(
    engine: Engine, rest: Mapping[str, Any], table: Mapping[str, Any], *, notes: bool
) -> Iterator[_Counted]:
    rows: Sequence[Any] = table["rows"]
    begin = 0
    while begin < len(rows):
        end = min(begin + LONG, len(rows))
        part = _part(rest, table, begin, end, notes=notes and end == len(rows))
        (pages,), of_rows = engine.query({**part, "marks": True}, "<pages>", "<row>")
        kept = _on_whole_pages(of_rows)
        if kept and end < len(rows):
            pages, end = pages - 1, begin + kept
            part = _part(rest, table, begin, end, notes=False)
        yield _Counted(part, pages)
        rest = {**rest, "head": False}
        begin = end


def _part(
    rest: Mapping[str, Any], table: Mapping[str, Any], begin: int, end: int, *, notes: bool
) -> dict[str, Any]:
    some = {**table, "rows": table["rows"][begin:end], "title": "" if begin else table["title"]}
    return {**rest, "tables": [some], "lying": table["wide"], "notes": rest["notes"] if notes else []}


def _on_whole_pages(pages: Sequence[int]) -> int:
    """Return how many rows stand on pages that are full: all but those of the last page."""
    return sum(1 for page in pages if page < pages[-1])
