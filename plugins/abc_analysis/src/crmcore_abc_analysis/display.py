"""What the terminal shows of an explanation and of the list of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from crmcore.api import Column, Table, format_minor, translator

_ = translator("crmcore_abc_analysis")
PURCHASES_SHOWN = 20


def explanation_lines(explanation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences of an explanation as `explain.explain` returns it."""
    currency = explanation["currency"]
    start, end = explanation["period"]
    yield _("{customer}: class {grade}, rank {rank} of {customers}; in this class since {since}").format(
        **explanation
    )
    yield _("Why: {why}.").format(why=explanation["why"])
    if explanation["group"]:
        yield _("It counts in the group of {head}, {members} customers together").format(
            **explanation["group"]
        )
    yield _(
        "Comes to {amount} {currency}, {share:.2%} of all; {cumulative:.2%} together with those before it"
    ).format(
        amount=format_minor(explanation["amount_minor"], currency),
        currency=currency,
        share=explanation["share"],
        cumulative=explanation["cumulative_share"],
    )
    yield _("Run {run}, {start} to {end}, cut-offs {preset}, settings {settings}").format(
        run=explanation["run"],
        start=start,
        end=end,
        preset=explanation["rule"]["preset"],
        settings=explanation["settings_version"],
    )
    if explanation["purchases_files"]:
        yield _("The purchases behind it lie in files: {files}").format(files=explanation["purchases_files"])
    if explanation["inputs_changed"]:
        yield _(
            "Its purchases have changed since this run; run again: crm abc run --from {start} --to {end}"
        ).format(start=start, end=end)


def explanation_tables(explanation: Mapping[str, Any]) -> Iterator[Table]:
    """Yield bounds, neighbours, conversions if there were any, and the purchases by currency."""
    currency = explanation["currency"]
    yield _bounds(explanation["bounds"], explanation["rule"]["by"], currency)
    yield _neighbours(explanation, currency)
    amounts = explanation["amounts"]
    if explanation["basis"] != "purchases" or any(amount["currency"] != currency for amount in amounts):
        yield _conversions(amounts, currency)
    documents = explanation["documents"]
    for name in sorted({document["currency"] for document in documents}):
        yield _purchases(documents, name)


def _bounds(bounds: Iterable[Mapping[str, Any]], by: str, currency: str) -> Table:
    titles = {"rank": _("Up to rank"), "amount": _("Up to amount"), "threshold": _("From amount")}
    ends = Column("bound", titles[by], "integer" if by == "rank" else "amount")
    columns = (
        Column("grade", _("Class")),
        Column("within", _("Share"), "share"),
        ends,
        Column("customers", _("Customers"), "integer"),
        Column("least", _("Smallest amount"), "amount"),
    )
    rows = [
        (
            bound["grade"],
            Decimal(bound["within"]) if bound["within"] else None,
            bound["bound"],
            bound["customers"],
            bound["least_minor"],
        )
        for bound in bounds
    ]
    return Table("bounds", _("Where the classes end"), columns, rows, currency)


def _neighbours(explanation: Mapping[str, Any], currency: str) -> Table:
    columns = (
        Column("rank", _("Rank"), "integer"),
        Column("customer", _("Code")),
        Column("grade", _("Class")),
        Column("amount", _("Amount"), "amount"),
    )
    near = explanation["neighbours"]
    listed = (*near["before"], explanation, *near["after"])
    rows = [(n["rank"], n["customer"], n["grade"], n["amount_minor"]) for n in listed]
    return Table("neighbours", _("Neighbours"), columns, rows, currency)


def _conversions(amounts: Iterable[Mapping[str, Any]], currency: str) -> Table:
    columns = (
        Column("component", _("What counts")),
        Column("currency", _("Currency")),
        Column("amount", _("Sum")),
        Column("rate", _("Rate")),
        Column("converted", _("Amount"), "amount"),
    )
    names = component_names()
    rows = [
        (
            names[a["component"]],
            a["currency"],
            format_minor(a["amount_minor"], a["currency"]),
            a["rate"] or "",
            a["converted_minor"],
        )
        for a in amounts
    ]
    return Table("conversions", _("What counts, at the rates of the run"), columns, rows, currency)


def component_names() -> Mapping[str, str]:
    """Return the parts that an amount is made of, in the user's language."""
    return {
        "purchases": _("purchases"),
        "margin": _("gross margin"),
        "cost_to_serve": _("cost to serve"),
        "investments": _("investments"),
        "cost_of_credit": _("cost of credit"),
        "potential": _("potential"),
    }


def _purchases(documents: Sequence[Mapping[str, Any]], currency: str) -> Table:
    mine = [document for document in documents if document["currency"] == currency]
    title = _("Purchases in {currency}").format(currency=currency)
    if len(mine) > PURCHASES_SHOWN:
        title = _("Purchases in {currency}, the last {shown} of {count}; all with --json").format(
            currency=currency, shown=PURCHASES_SHOWN, count=len(mine)
        )
    columns = (
        Column("date", _("Date"), "date"),
        Column("document", _("Document")),
        Column("line", _("Line"), "integer"),
        Column("amount", _("Amount"), "amount"),
    )
    rows = [
        (
            date.fromisoformat(document["date"]),
            document["number"] or str(document["document"]),
            document["line"],
            document["amount_minor"],
        )
        for document in mine[-PURCHASES_SHOWN:]
    ]
    return Table("purchases", title, columns, rows, currency)


def run_table(runs: Iterable[Mapping[str, Any]]) -> Table:
    """Return the runs as `services.list_runs` yields them."""
    columns = (
        Column("run", _("Run"), "integer"),
        Column("state", _("State")),
        Column("start", _("From"), "date"),
        Column("end", _("To"), "date"),
        Column("basis", _("Basis")),
        Column("level", _("Level")),
        Column("preset", _("Cut-offs")),
        Column("by", _("By")),
        Column("customers", _("Customers"), "integer"),
        Column("amount", _("Amount")),
        Column("settings", _("Settings")),
        Column("actor", _("Made by")),
    )
    states = {"building": _("being made"), "current": _("current"), "old": _("old")}
    measures = {"rank": _("rank"), "amount": _("amount"), "threshold": _("threshold")}
    bases, levels = basis_names(), {"single": _("single customers"), "group": _("groups")}
    rows = [
        (
            run["run"],
            states[run["state"]],
            *map(date.fromisoformat, run["period"]),
            bases[run["basis"]],
            levels[run["level"]],
            run["preset"],
            measures[run["by"]],
            run["customers"],
            f"{format_minor(run['amount_minor'], run['currency'])} {run['currency']}",
            run["settings_version"],
            run["actor"],
        )
        for run in runs
    ]
    return Table("runs", _("Runs"), columns, rows)


def basis_names() -> Mapping[str, str]:
    """Return what customers can be classed by, in the user's language."""
    return {
        "purchases": _("purchases"),
        "margin": _("gross margin"),
        "profit": _("customer profit"),
        "potential": _("potential"),
    }


def change_table(rows: Iterable[Mapping[str, Any]], currency: str) -> Table:
    """Return the changes as `changes.changes_since` yields them."""
    columns = (
        Column("customer", _("Code")),
        Column("grade", _("Class")),
        Column("then", _("In the run"), "amount"),
        Column("now", _("Now"), "amount"),
    )
    cells = [(row["customer"], row["grade"], row["then_minor"], row["now_minor"]) for row in rows]
    return Table("changes", _("Changed amounts"), columns, cells, currency)
