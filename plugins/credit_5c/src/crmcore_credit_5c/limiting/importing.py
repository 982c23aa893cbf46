"""Limits of many customers proposed at once (批量导入额度): a file, checked whole, is one matter for whoever decides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    ApprovalRequest,
    UsageProblem,
    customer_ids,
    find_approvals,
    lock_customers,
    request_approvals,
    translator,
)
from crmcore_credit_5c.limiting.import_checks import Line, checked, row_json
from crmcore_credit_5c.limiting.import_deciding import subject_of
from crmcore_credit_5c.limiting.import_file import LimitFile, read_limits
from crmcore_credit_5c.limiting.import_rows import KIND
from crmcore_credit_5c.limiting.proposing import PLUGIN
from crmcore_credit_5c.tables.imports import CreditLimitImport, CreditLimitImportRow

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")
PERMISSION = "records.import"
_LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for by a file."""

    reason: str = ""
    dry_run: bool = False
    """Only look what the file would do."""
    skip_rejected: bool = False
    """Ask for the good rows though others are rejected."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How the file is read: the options of `crmcore.api.read_table`."""


def propose_file(app: App, actor: str, path: Path, wish: Wish, *, source: str = "cli") -> dict[str, Any]:
    """Ask for all limits of a file by one request; returns schemas/limit_import.schema.json.

    Nothing is asked for where a row is rejected, unless the good ones are wanted alone, and where all holds already:
    `request` is None then. CrmError where the file cannot be read.
    """
    if len(wish.reason) > _LONGEST_REASON:
        message = _("the reason has {count} characters; shorten it to {most}")
        raise UsageProblem(message.format(count=len(wish.reason), most=_LONGEST_REASON))
    file = read_limits(app, path, dict(wish.reading))
    with app.write(actor, "crm credit limit import", source, plugin=PLUGIN, permission=PERMISSION) as tx:
        lines = checked(tx.ctx, file) if wish.dry_run else _checked_in_turn(tx, file)
        found = _found(tx.ctx, file, lines, wish)
        asked = [line for line in lines if line.state in ("new", "changed")]
        if asked and not wish.dry_run and not _is_refused(lines, wish):
            number = _ask(tx, file, asked, wish)
            found |= {"request": number, "state": find_approvals(tx.ctx, [number])[number].state}
    held = sum(line.held is not None for line in lines)
    if held:  # who has a file of all codes has read all limits
        app.log_read(actor, "list", "credit_limit", held, json.dumps({"file": file.name}, ensure_ascii=False))
    return found


def _is_refused(lines: Sequence[Line], wish: Wish) -> bool:
    return not wish.skip_rejected and any(line.state == "rejected" for line in lines)


def _checked_in_turn(tx: Tx, file: LimitFile) -> list[Line]:
    """Check the rows while nobody else asks for, decides on or changes these customers' limits."""
    lock_customers(tx, customer_ids(tx.connection, {row.customer for row in file.rows}).values())
    return checked(tx.ctx, file)


def _ask(tx: Tx, file: LimitFile, asked: Sequence[Line], wish: Wish) -> int:
    """Store what is asked for, and ask; returns the number of the request."""
    (made,) = tx.insert(CreditLimitImport, [{"file": file.name[:255], "sha256": file.sha256}])
    tx.insert(CreditLimitImportRow, [_row(made, line) for line in asked])
    payload = {"import": made, **_figures(tx.ctx, file, asked)}
    request = ApprovalRequest(
        KIND,
        subject_of(payload),
        wish.reason,
        amount_minor=payload["largest_minor"],
        currency=tx.ctx.currency,
        payload=payload,
    )
    (number,) = request_approvals(tx, [request])
    tx.update(CreditLimitImport, [(made, {"approval_id": number})])
    return number


def _row(made: int, line: Line) -> dict[str, Any]:
    assert line.asked is not None  # noqa: S101  (each row that is asked for was read)
    return {
        "import_id": made,
        "line": line.line,
        "customer_id": line.customer_id,
        **line.asked._asdict(),
        "after_id": line.after_id,
    }


def _figures(ctx: Context, file: LimitFile, asked: Sequence[Line]) -> dict[str, Any]:
    """Return what whoever decides is told of a file; amounts in the company's currency."""
    states = Counter(line.state for line in asked)
    largest = max(asked, key=lambda line: line.own_minor, default=None)
    return {
        "file": file.name,
        "sha256": file.sha256,
        "customers": len(asked),
        "new": states["new"],
        "changed": states["changed"],
        "sum_minor": sum(line.own_minor for line in asked),
        "largest_minor": 0 if largest is None else largest.own_minor,
        "currency": ctx.currency,
    }


def _found(ctx: Context, file: LimitFile, lines: Sequence[Line], wish: Wish) -> dict[str, Any]:
    asked = [line for line in lines if line.state in ("new", "changed")]
    states = Counter(line.state for line in lines)
    return {
        "request": None,
        "state": None,
        "dry_run": wish.dry_run,
        **_figures(ctx, file, asked),
        "read": len(lines),
        "unchanged": states["unchanged"],
        "rejected": states["rejected"],
        "warnings": list(file.warnings),
        "rows": [row_json(line) for line in lines],
    }
