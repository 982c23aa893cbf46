"""Files of limits as they are stored: their rows, which of them wait, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import ApprovalRequest, NotFound, approval_table, find_approvals, translator, unrestricted
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.limiting.current import Record, counting_rows, limits, records
from crmcore_credit_5c.limiting.groups import customers
from crmcore_credit_5c.rules.imports import Asked, Skip
from crmcore_credit_5c.tables.imports import CreditLimitImport, CreditLimitImportRow

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
KIND = "credit_5c_limit_import"
imports: sa.Table = CreditLimitImport.__table__  # type: ignore[attr-defined]
import_rows: sa.Table = CreditLimitImportRow.__table__  # type: ignore[attr-defined]
_CHUNK = 500


def rows_of(ctx: Context, number: int) -> list[Record]:
    """Return the rows of a file that was proposed, in the order of its lines, each with the code of its customer."""
    query = (
        sa.select(import_rows, customers.c.code)
        .join(customers, customers.c.id == import_rows.c.customer_id)
        .where(import_rows.c.import_id == number)
        .order_by(import_rows.c.line)
    )
    return list(records(ctx, query))


def customers_in(ctx: Context, number: int) -> Sequence[int]:
    """Return the customers of a file that was proposed."""
    return ctx.connection.scalars(
        sa.select(import_rows.c.customer_id).where(import_rows.c.import_id == number)
    ).all()


def asked_of(row: Mapping[str, Any]) -> Asked:
    """Return a stored row as the rules see it."""
    return Asked(row["limit_minor"], row["currency"], row["until"], row["payment_days"])


def find_import(ctx: Context, number: int) -> ApprovalRequest:
    """Return the request on a file of limits; NotFound where the number is that of another one, or of none."""
    request = find_approvals(ctx, [number]).get(number)
    if request is None or request.kind != KIND:
        message = _(
            "there is no request {number} on a file of limits; list them with: crm approvals list --kind {kind}"
        )
        raise NotFound(message.format(number=number, kind=KIND))
    return request


# -- what waits ------------------------------------------------------------------------------------------------------


def open_imports(ctx: Context) -> dict[int, ApprovalRequest]:
    """Return file → the request by which it waits for a decision; there are few of them."""
    query = sa.select(imports.c.id, imports.c.approval_id).where(imports.c.approval_id.is_not(None))
    asked = {row.id: row.approval_id for row in ctx.connection.execute(query)}
    found = find_approvals(ctx, asked.values())
    return {file: found[number] for file, number in asked.items() if found[number].state == "requested"}


def waiting_imports(ctx: Context, customer_ids: Iterable[int]) -> dict[int, ApprovalRequest]:
    """Return customer → the request of a file that waits and holds its limit, too."""
    files = open_imports(ctx)
    if not files:
        return {}
    c = import_rows.c
    query = sa.select(c.customer_id, c.import_id).where(c.import_id.in_(sorted(files)))
    return {
        row.customer_id: files[row.import_id]
        for part in parts(customer_ids)
        for row in ctx.connection.execute(query.where(c.customer_id.in_(part)))
    }


def waiting(ctx: Context, customer_ids: Iterable[int], kind: str) -> dict[int, int]:
    """Return customer → number of the request by which its limit waits, on its own or in a file.

    kind: of requests on one limit.
    """
    ids = list(customer_ids)
    found = {number: one.id for number, one in waiting_imports(ctx, ids).items()}
    return found | waiting_alone(ctx, ids, kind)


def waiting_alone(ctx: Context, customer_ids: Iterable[int], kind: str) -> dict[int, int]:
    """Return customer → number of the oldest request on its limit alone that waits.

    It is found by its customer: after a merge its key still names the one who was merged.
    """
    c = approval_table.c
    query = (
        sa.select(c.customer_id, sa.func.min(c.id))
        .where(c.kind == kind, c.state == "requested")
        .where(sa.or_(c.expires_on.is_(None), c.expires_on >= ctx.today))
        .group_by(c.customer_id)
    )
    return {
        customer: number
        for part in parts(customer_ids)
        for customer, number in ctx.connection.execute(query.where(c.customer_id.in_(part)))
    }


def last_decisions(ctx: Context, customer_ids: Iterable[int]) -> dict[int, int]:
    """Return customer → the decision on its limit that was made last, whether it holds or not."""
    c = limits.c
    query = sa.select(c.customer_id, sa.func.max(c.id)).group_by(c.customer_id)
    return {
        customer: number
        for part in parts(customer_ids)
        for customer, number in ctx.connection.execute(query.where(c.customer_id.in_(part)))
    }


# -- shown -----------------------------------------------------------------------------------------------------------


def list_rows(ctx: Context, request: ApprovalRequest, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file by line, each as schemas/limit_import_row.schema.json; none of a restricted person."""
    query = (
        sa.select(import_rows, customers.c.code, customers.c.name)
        .join(customers, customers.c.id == import_rows.c.customer_id)
        .where(import_rows.c.import_id == request.payload["import"])
        .where(*unrestricted(ctx.connection, import_rows.c.customer_id))
        .order_by(import_rows.c.line)
        .limit(limit)
    )
    found = list(records(ctx, query))
    for start in range(0, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        open_ones = [row["customer_id"] for row in part] if request.state == "requested" else []
        held = counting_rows(ctx, open_ones, ctx.today)
        yield from (_row_json(row, held.get(row["customer_id"]), request.state) for row in part)


def _row_json(row: Record, held: Record | None, state: str) -> dict[str, Any]:
    return {
        "line": row["line"],
        "customer": row["code"],
        "name": row["name"],
        "limit_minor": row["limit_minor"],
        "currency": row["currency"],
        "until": row["until"].isoformat() if row["until"] else None,
        "payment_days": row["payment_days"],
        "before_minor": None if held is None else held["limit_minor"],
        "before_currency": None if held is None else held["currency"],
        "state": "skipped" if row["skipped"] else state,
        "problem": row["skipped"],
        "reason": None
        if row["skipped"] is None
        else skip_sentence(row["skipped"], row["code"], row["until"]),
    }


def skip_sentence(skip: Skip, code: str, until: date | None) -> str:
    """Say why a row was left out as its file was approved."""
    sentences: dict[Skip, str] = {
        "merged": _("{customer} was merged into another customer after the file was proposed"),
        "archived": _("{customer} was archived after the file was proposed"),
        "restricted": _("the data of {customer} may not be used (restricted)"),
        "decided": _("the limit of {customer} was decided otherwise after the file was proposed"),
        "until_past": _("the last day of the limit of {customer}, {until}, was past"),
    }
    return sentences[skip].format(customer=code, until=until)
