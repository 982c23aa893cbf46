"""`crm credit limit import|rows`: the limits of a file, proposed and looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Refused,
    Session,
    Table,
    echo,
    emit,
    emit_lines,
    format_minor,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

_ = translator("crmcore_credit_5c")
_FILE = click.Path(path_type=Path)
_SHOWN = 50


@click.command(
    "import",
    cls=Command,
    help=N_(
        "Ask for the limits in FILE, a CSV file or a workbook (.xlsx), by one request.\n\n"
        "Its columns are the code of the customer and the limit; where there are any, the currency, the last day and the"
        " payment days. They are found by their headers."
    ),
)
@click.argument("file", type=_FILE)
@click.option("--dry-run", is_flag=True, help=N_("Only show what the file would do; nothing is asked for."))
@click.option(
    "--skip-rejected",
    is_flag=True,
    help=N_("Ask for the good rows though others are rejected; else one that is rejected stops the file."),
)
@click.option("--reason", default="", metavar="TEXT", help=N_("Why; who decides reads it."))
@click.option(
    "--map", "map_file", type=_FILE, metavar="FILE", help=N_("Mapping file that says how columns are read.")
)
@click.option("--encoding", help=N_("Encoding of a CSV file (else found out: UTF-8 or GB18030)."))
@click.option("--sheet", help=N_("Sheet of a workbook (else the first)."))
@click.option("--date-order", type=click.Choice(["dmy", "mdy"]), help=N_("How 03/04/2024 is read."))
@json_option
@pass_session
def import_command(
    session: Session,
    file: Path,
    reason: str,
    *,
    dry_run: bool,
    skip_rejected: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Ask for the limits of a file; exit 1 where nothing is asked for because of rejected rows."""
    from crmcore_credit_5c.limiting.importing import Wish, propose_file

    wish = Wish(reason, dry_run, skip_rejected, reading)
    found = propose_file(session.app, session.actor, file, wish)
    if as_json:
        emit(found)
    else:
        for warning in found["warnings"]:
            session.app.warn(warning)
        _show(found)
    if found["rejected"] and found["request"] is None and not dry_run:
        raise Refused(_nothing_sentence(found))


def _nothing_sentence(found: Mapping[str, Any]) -> str:
    message = (
        _(
            "nothing was asked for, since rows are rejected ({rejected} of {read}); correct them, or ask for the others with --skip-rejected"
        )
        if found["customers"]
        else _(
            "nothing was asked for: rows are rejected ({rejected} of {read}), and the others ask for nothing; correct them"
        )
    )
    return message.format(rejected=f"{found['rejected']:,}", read=f"{found['read']:,}")


def _show(found: Mapping[str, Any]) -> None:
    echo(f"{found['file']} (SHA-256 {found['sha256'][:12]}…)")
    for title, count in _counts(found):
        echo(f"{title}: {count:,}")
    asked = [row for row in found["rows"] if row["state"] in ("new", "changed")]
    rejected = [row for row in found["rows"] if row["state"] == "rejected"]
    if asked:
        _show_some(_asked_table(asked[:_SHOWN]), len(asked))
    if rejected:
        _show_some(_rejected_table(rejected[:_SHOWN]), len(rejected))
    for sentence in _outcome(found):
        echo(sentence)


def _counts(found: Mapping[str, Any]) -> list[tuple[str, int]]:
    titles = {
        "read": _("Rows"),
        "new": _("New"),
        "changed": _("Changed"),
        "unchanged": _("Unchanged"),
        "rejected": _("Rejected"),
    }
    return [(title, found[name]) for name, title in titles.items()]


def _outcome(found: Mapping[str, Any]) -> Iterable[str]:
    currency = found["currency"]
    shown = {
        "count": f"{found['customers']:,}",
        "sum": format_minor(found["sum_minor"], currency),
        "largest": format_minor(found["largest_minor"], currency),
        "currency": currency,
        "request": found["request"],
    }
    if found["customers"]:
        yield _("Limits asked for: {count}, together {sum} {currency}, the largest {largest}.").format(
            **shown
        )
    if found["dry_run"]:
        yield _("Dry run: nothing was asked for.")
    elif found["request"] is not None:
        message = (
            _("They are approved by rule, by request {request}.")
            if found["state"] == "approved"
            else _("Request {request} waits for: crm credit limit approve {request} --reason TEXT")
        )
        yield message.format(**shown)
    elif not found["rejected"]:
        yield _("All these limits hold already; nothing was asked for.")


def _show_some(table: Table, count: int) -> None:
    show_table(table)
    if count > _SHOWN:
        echo(_("… and {count} more (--json lists all)").format(count=f"{count - _SHOWN:,}"))


def _asked_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("line", _("Line"), "integer"),
        Column("customer", _("Customer")),
        Column("limit", _("Limit")),
        Column("before", _("Until now")),
        Column("until", _("Until"), "date"),
        Column("days", _("Payment days"), "integer"),
    )
    shown = [
        (
            row["line"],
            row["customer"],
            _amount(row["limit_minor"], row["currency"]),
            _amount(row["before_minor"], row["before_currency"]),
            _day(row["until"]),
            row["payment_days"],
        )
        for row in rows
    ]
    return Table("limits", _("Limits that are asked for"), columns, shown)


def _rejected_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("line", _("Line"), "integer"),
        Column("customer", _("Customer")),
        Column("reason", _("Reason")),
    )
    shown = [(row["line"], row["customer"], row["reason"]) for row in rows]
    return Table("rejected", _("Rejected rows"), columns, shown)


@click.command("rows", cls=Command, help=N_("List the limits of a file that was proposed, by its request."))
@click.argument("request", type=click.IntRange(1, 2**63 - 1))
@click.option(
    "--limit",
    type=click.IntRange(1, 2**63 - 1),
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)
@json_option
@pass_session
def rows_command(session: Session, request: int, limit: int | None, *, as_json: bool) -> None:
    """List what a file asks for, and what became of it."""
    from crmcore_credit_5c.limiting.import_rows import find_import, list_rows
    from crmcore_credit_5c.limiting.proposing import PLUGIN

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = find_import(ctx, request)
        if as_json:
            lines = list_rows(ctx, found, limit)
            emit_lines(in_bulk(session, ctx, "credit_limit", lines, {"request": request, "limit": limit}))
            return
        most = limit or _SHOWN
        rows = list(list_rows(ctx, found, most + 1))
    if not rows:
        echo(_("Nothing of the file is kept any more."))
        return
    show_table(_rows_table(request, rows[:most]))
    if len(rows) > most:
        echo(_("There are more than {count}; more with --limit N, all with --json").format(count=most))


def _rows_table(request: int, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("line", _("Line"), "integer"),
        Column("customer", _("Customer")),
        Column("name", _("Name")),
        Column("limit", _("Limit")),
        Column("before", _("Until now")),
        Column("until", _("Until"), "date"),
        Column("days", _("Payment days"), "integer"),
        Column("state", _("State")),
    )
    shown = [
        (
            row["line"],
            row["customer"],
            row["name"],
            _amount(row["limit_minor"], row["currency"]),
            _amount(row["before_minor"], row["before_currency"]),
            _day(row["until"]),
            row["payment_days"],
            row["reason"] or _states()[row["state"]],
        )
        for row in rows
    ]
    return Table("rows", _("Limits of request {number}").format(number=request), columns, shown)


def _states() -> dict[str, str]:
    return {
        "requested": _("waits"),
        "approved": _("approved"),
        "rejected": _("rejected"),
        "withdrawn": _("withdrawn"),
        "expired": _("expired"),
    }


def decided_sentences(decided: Mapping[str, Any]) -> Iterable[str]:
    """Say what became of a file that somebody has decided on."""
    if decided["state"] == "rejected":
        yield _("Request {request} is rejected; all limits stay as they were.").format(**decided)
        return
    yield _("Limits that hold now: {count}.").format(count=f"{decided['customers']:,}")
    for one in decided["skipped"][:_SHOWN]:
        yield _("Line {line} was left out: {reason}").format(**one)
    if len(decided["skipped"]) > _SHOWN:
        yield _("… and {count} more (--json lists all)").format(count=f"{len(decided['skipped']) - _SHOWN:,}")
    if decided["erased"]:
        yield _("Rows of persons who were erased meanwhile: {count}").format(count=f"{decided['erased']:,}")


def _amount(minor: int | None, currency: str | None) -> str:
    return "" if minor is None or currency is None else f"{format_minor(minor, currency)} {currency}"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
