"""What a scorecard is, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmcore.api import Column, Table, translator

_ = translator("crmcore_credit_5c")
_MOST_VALUES = 4


def column_table(found: Mapping[str, Any]) -> Table:
    """Return the columns that count, the strongest first, and what each can cost."""
    costs = {one["column"]: one for one in found["reasons"]}
    columns = (
        Column("column", _("Column")),
        Column("value", _("Information value")),
        Column("lost_to_average", _("Costs at most against the average")),
        Column("lost_to_best", _("Against the best")),
    )
    rows = [
        (
            one["column"],
            f"{one['value']:.3f}",
            f"{costs[one['column']]['lost_to_average']:.0f}",
            f"{costs[one['column']]['lost_to_best']:.0f}",
        )
        for one in sorted(found["columns"], key=lambda one: -one["value"])
    ]
    return Table("scorecard_columns", _("Columns that count"), columns, rows)


def points_table(found: Mapping[str, Any]) -> Table:
    """Return the points of each bin."""
    columns = (
        Column("column", _("Column")),
        Column("bin", _("Values")),
        Column("good", _("Good"), "integer"),
        Column("bad", _("Bad"), "integer"),
        Column("points", _("Points")),
    )
    rows = [
        (column["column"], words, one["good"], one["bad"], f"{one['points']:+.1f}")
        for column in found["columns"]
        for one, words in zip(column["bins"], _bin_words(column["bins"]), strict=True)
    ]
    return Table("scorecard_points", _("Points by value"), columns, rows)


def _bin_words(bins: Sequence[Mapping[str, Any]]) -> list[str]:
    words, least = [], None
    for one in bins:
        if one["kind"] == "below":
            words.append(_range(least, one.get("below")))
            least = one.get("below")
        else:
            words.append(_texts(one))
    return words


def _range(least: float | None, below: float | None) -> str:
    if least is None and below is None:
        return _("any number")
    if least is None:
        return f"< {below:g}"
    return f"≥ {least:g}" if below is None else f"{least:g} … < {below:g}"


def _texts(one: Mapping[str, Any]) -> str:
    if one["kind"] == "missing":
        return _("(missing)")
    values = list(one.get("values", ()))
    shown = " | ".join(values[:_MOST_VALUES]) + (" …" if len(values) > _MOST_VALUES else "")
    if one["kind"] == "other":
        return f"{shown} | " * bool(values) + _("(others)")
    return shown


def score_table(scores: Sequence[Mapping[str, Any]]) -> Table:
    """Return scores by line of the file."""
    columns = (
        Column("line", _("Line"), "integer"),
        Column("score", _("Score")),
        Column("probability", _("Probability of turning bad"), "share"),
        Column("grade", _("Grade")),
        Column("reasons", _("What cost most points")),
    )
    rows = [
        (
            one["line"],
            f"{one['score']:.1f}",
            one["probability"],
            one["grade"],
            "; ".join(f"{reason['column']} -{reason['lost']:.0f}" for reason in one["reasons"]),
        )
        for one in scores
    ]
    return Table("scores", _("Scores"), columns, rows)
