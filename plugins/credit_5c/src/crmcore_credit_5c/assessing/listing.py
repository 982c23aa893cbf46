"""What is known of one customer: evidence with its state, conflicts, and the checklist of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import CrmError, NotFound, Refused, customer_codes, translator
from crmcore_credit_5c.rules.model import Model
from crmcore_credit_5c.tables.evidence import CreditEvidence, CreditStatement

from .entering import PERMISSION
from .gathering import evidence, gather
from .given import Known
from .models import PLUGIN, Version, all_models, text_of
from .notes import note_of
from .reads import refuse_restricted
from .statements import statements

if TYPE_CHECKING:
    from crmcore.api import App, Context

_ = translator("crmcore_credit_5c")


def evidence_lines(ctx: Context, customer_id: int, *, everything: bool = False) -> list[dict[str, Any]]:
    """Return a customer's evidence and statements, the newest first; everything: also what was withdrawn."""
    code = customer_codes(ctx.connection, [customer_id])[customer_id]
    query = sa.select(evidence).where(evidence.c.customer_id == customer_id)
    filed = sa.select(statements).where(statements.c.customer_id == customer_id)
    rows = ctx.connection.execute(query.order_by(evidence.c.evidence_on.desc(), evidence.c.id.desc())).all()
    periods = ctx.connection.execute(
        filed.order_by(statements.c.period_end.desc(), statements.c.id.desc())
    ).all()
    known = _known_by_models(ctx, customer_id)
    lines = [_evidence_line(ctx, code, row, rows, known.get(row.indicator, [])) for row in rows]
    lines += [_statement_line(ctx, code, row, periods) for row in periods]
    return [line for line in lines if everything or line["state"] != "withdrawn"]


def _evidence_line(
    ctx: Context, code: str, row: sa.Row[Any], rows: Iterable[sa.Row[Any]], known: Sequence[Known]
) -> dict[str, Any]:
    counting = {
        one.counting.number for one in known if one.counting
    }  # 0: the books, or a plugin, know better
    if not counting:
        counting = {next((r.id for r in rows if r.indicator == row.indicator and _counts(ctx, r)), 0)}
    return {
        **_common(ctx, code, row, is_first=row.id in counting),
        "kind": "indicator",
        "indicator": row.indicator,
        "value": row.value,
        **dict.fromkeys(("figures", "currency", "months")),
        "date": row.evidence_on.isoformat(),
        "conflict": any(one.conflict for one in known),
    }


def _statement_line(ctx: Context, code: str, row: sa.Row[Any], rows: Iterable[sa.Row[Any]]) -> dict[str, Any]:
    first = next((r.id for r in rows if _counts(ctx, r)), None)
    return {
        **_common(ctx, code, row, is_first=first == row.id),
        "kind": "statement",
        **dict.fromkeys(("indicator", "value")),
        **{name: getattr(row, name) for name in ("figures", "currency", "months")},
        "date": row.period_end.isoformat(),
        "conflict": False,
    }


def _common(ctx: Context, code: str, row: sa.Row[Any], *, is_first: bool) -> dict[str, Any]:
    state = "withdrawn" if row.withdrawn_on else "counts" if is_first else "older"
    if state == "older" and not _counts(ctx, row):
        state = "expired"
    return {
        "evidence": row.id,
        "customer": code,
        "source": row.source,
        "document": row.document,
        "expires": row.expires_on.isoformat() if row.expires_on else None,
        "added_by": row.added_by,
        "added_on": row.added_on.isoformat(),
        "state": state,
    }


def _counts(ctx: Context, row: sa.Row[Any]) -> bool:
    return row.withdrawn_on is None and (row.expires_on is None or row.expires_on >= ctx.today)


def conflicts(ctx: Context, customer_id: int) -> list[dict[str, Any]]:
    """Return the indicators, of any model, of which sources say different things: what counts first."""
    by_models = _known_by_models(ctx, customer_id)
    disputed = {name: [one for one in known if one.conflict] for name, known in by_models.items()}
    return [
        {"indicator": name, "values": _said(disputed[name][0])} for name in sorted(disputed) if disputed[name]
    ]


def _known_by_models(ctx: Context, customer_id: int) -> dict[str, list[Known]]:
    """Return indicator → what each model that asks for it knows."""
    found: dict[str, list[Known]] = {}
    for version in all_models(ctx):
        for name, known in gather(ctx, [customer_id], version.model)[customer_id].items():
            found.setdefault(name, []).append(known)
    return found


def _said(known: Known) -> list[dict[str, Any]]:
    return [
        {"value": one.text, "source": one.source, "date": one.on.isoformat(), "counts": i == 0}
        for i, one in enumerate(known.given)
    ]


# -- checklist ---------------------------------------------------------------------------------------------------


def checklist(ctx: Context, customer_id: int, version: Version) -> dict[str, Any]:
    """Return what an assessment by a model needs: what is there, what is missing, what has expired."""
    known = gather(ctx, [customer_id], version.model)[customer_id]
    lines = _checks(version.model, known)
    counts = {
        state: sum(line["state"] == state for line in lines) for state in ("there", "missing", "expired")
    }
    code = customer_codes(ctx.connection, [customer_id])[customer_id]
    return {"customer": code, "model": version.name, **counts, "indicators": lines}


def _checks(model: Model, known: Mapping[str, Known]) -> list[dict[str, Any]]:
    lines = []
    for indicator in model.indicators:
        own = known[indicator.name]
        shown = own.counting or next(iter(own.expired), None)
        lines.append(
            {
                "indicator": indicator.name,
                "factor": indicator.factor,
                "title": text_of(indicator.title),
                "state": "there" if own.counting else "expired" if own.expired else "missing",
                "from": indicator.measure.kind,
                "value": shown.text if shown else None,
                "source": shown.source if shown else None,
                "date": shown.on.isoformat() if shown else None,
                "expires": shown.expires.isoformat() if shown and shown.expires else None,
                "missing": indicator.missing,
                "note": note_of(own.note),
            }
        )
    return lines


# -- withdrawing -------------------------------------------------------------------------------------------------


def withdraw(app: App, actor: str, kind: str, number: int, reason: str) -> dict[str, Any]:
    """Let a piece of evidence, or a statement, count no more; it stays in the list of everything, with the reason.

    NotFound for an unknown number, Refused for what was withdrawn already.
    """
    if not reason.strip():
        raise CrmError(_("say why, with --reason"))
    model, table = (CreditStatement, statements) if kind == "statement" else (CreditEvidence, evidence)
    with app.write(actor, "withdraw credit evidence", plugin=PLUGIN, permission=PERMISSION) as tx:
        row = tx.connection.execute(sa.select(table).where(table.c.id == number)).first()
        if row is None:
            message = _("there is no evidence {number}; see: crm credit evidence list CODE")
            raise NotFound(message.format(number=number))
        refuse_restricted(tx.ctx, row.customer_id)
        if row.withdrawn_on is not None:
            message = _("evidence {number} was withdrawn on {day} already")
            raise Refused(message.format(number=number, day=row.withdrawn_on))
        gone = {
            "withdrawn_on": tx.ctx.today,
            "withdrawn_by": tx.actor,
            "withdraw_reason": reason.strip()[:500],
        }
        tx.update(model, [(number, gone)])
        code = customer_codes(tx.connection, [row.customer_id])[row.customer_id]
    return {"customer": code, "kind": kind, "evidence": number, "reason": reason.strip()[:500]}
