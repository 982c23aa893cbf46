"""What a credit file says of evidence (证据): sources and expiry, where sources differ, the newest statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.api import Column, Table, translator
from crmcore_credit_5c.assessing.listing import conflicts, evidence_lines
from crmcore_credit_5c.assessing.models import known_indicators, text_of
from crmcore_credit_5c.assessing.wording import source_shown

from .shared import step_shown, without_empty

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")


def evidence(ctx: Context, customer_id: int) -> Iterator[Table]:
    """Yield the evidence with sources and expiry, what sources do not agree on, and the newest financial statement."""
    lines = evidence_lines(ctx, customer_id)
    titles = _titles(ctx)
    yield _evidence(lines, titles)
    differing = _conflicts(ctx, customer_id, titles)
    if differing.rows:
        yield differing
    yield from _statement(lines)


def _titles(ctx: Context) -> dict[str, str]:
    """Return indicator → what the models call it."""
    return {
        name: text_of(one.title)
        for name, versions in known_indicators(ctx).items()
        for one in versions[0].model.indicators
        if one.name == name
    }


def _evidence(lines: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> Table:
    states = {"counts": _("counts"), "older": _("older"), "expired": _("expired")}
    columns = (
        Column("indicator", _("Indicator")),
        Column("value", _("Value")),
        Column("source", _("Source")),
        Column("date", _("Day"), "date"),
        Column("expires", _("Until"), "date"),
        Column("added_by", _("Entered by")),
        Column("state", _("State")),
    )
    rows = []
    for one in lines:
        of_indicator = one["kind"] == "indicator"
        title = titles.get(one["indicator"], one["indicator"]) if of_indicator else _("Financial statement")
        value = (
            step_shown(one["value"])
            if of_indicator
            else _("{count} figures").format(count=len(one["figures"]))
        )
        source = f"{one['source']} ({one['document']})" if one["document"] else one["source"]
        state = states[one["state"]] + (" ≠" if one["conflict"] else "")
        rows.append((title, value, source, one["date"], one["expires"], one["added_by"], state))
    title = _("Evidence, the newest first (≠: sources differ)")
    return without_empty(Table("evidence", title, columns, rows), {"expires"})


def _conflicts(ctx: Context, customer_id: int, titles: Mapping[str, str]) -> Table:
    columns = (
        Column("indicator", _("Indicator")),
        Column("value", _("Value")),
        Column("source", _("Source")),
        Column("date", _("Day"), "date"),
        Column("counts", _("Counts")),
    )
    rows = [
        (
            titles.get(one["indicator"], one["indicator"]),
            step_shown(said["value"]),
            source_shown(said["source"]),
            said["date"],
            _("yes") if said["counts"] else None,
        )
        for one in conflicts(ctx, customer_id)
        for said in one["values"]
    ]
    return Table("conflicts", _("Sources differ"), columns, rows)


def _statement(lines: Iterable[Mapping[str, Any]]) -> Iterator[Table]:
    """Yield the figures of the financial statement that counts."""
    one = next((line for line in lines if line["kind"] == "statement" and line["state"] == "counts"), None)
    if one is None:
        return
    title = _("Financial statement of {months} months to {day}, in {currency}").format(
        months=one["months"], day=one["date"], currency=one["currency"]
    )
    columns = (Column("figure", _("Figure")), Column("amount", _("Amount"), "decimal"))
    rows = [(_(_figure_titles().get(name, name)), Decimal(text)) for name, text in one["figures"].items()]
    yield Table("statement", title, columns, rows)


@cache
def _figure_titles() -> dict[str, str]:
    """Return figure → its title in the published schema of evidence, to be translated."""
    path = Path(__file__).parent.parent / "schemas" / "credit_evidence.schema.json"
    entry = json.loads(path.read_text("utf-8"))["properties"]["statements"]["items"]["properties"]
    return {name: one["title"] for name, one in entry["figures"]["properties"].items()}
