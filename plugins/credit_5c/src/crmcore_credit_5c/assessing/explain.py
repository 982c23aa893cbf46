"""Showing assessments: the result, what each indicator gave, and what would change the grade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import NotFound, customer_codes, find_approvals, translator
from crmcore_credit_5c.rules.bands import Value
from crmcore_credit_5c.rules.building import build_grades
from crmcore_credit_5c.rules.changes import OtherAnswer, smallest_changes
from crmcore_credit_5c.rules.model import Factor, Indicator
from crmcore_credit_5c.tables.assessments import WAITING

from .current import assessments, current_grades, score_of
from .given import shown_number, value_of
from .models import Version, model_of, text_of, with_grades
from .notes import note_of

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")


def assessment_json(ctx: Context, number: int) -> dict[str, Any]:
    """Return an assessment as `crm credit assess --json` prints it; NotFound for an unknown number."""
    return result_of(ctx, _row(ctx, number))


def result_of(ctx: Context, row: sa.Row[Any], version: Version | None = None) -> dict[str, Any]:
    """Return what an assessment says, without why; version: the model that it was made by, where the caller has it."""
    version = version or model_of(ctx, row.model, row.model_version)
    score = score_of(row.score_centi)
    state = state_of(ctx, row)
    return {
        "assessment": row.id,
        "customer": customer_codes(ctx.connection, [row.customer_id])[row.customer_id],
        "model": row.model,
        "model_version": row.model_version,
        "score": None if score is None else str(score),
        "factors": _in_order(row.factors, version.model.factors if version else ()),
        "grade": row.grade,
        "missing": row.missing,
        "state": state,
        "assessor": row.assessor,
        "assessed_on": row.assessed_on.isoformat(),
        "expires": row.expires_on.isoformat() if row.expires_on else None,
        "approval": row.approval_id,
        "conflicts": [
            {"indicator": name, "values": _all_said(one)}
            for name, one in _inputs(row, version).items()
            if one["conflict"]
        ],
    }


def _inputs(row: sa.Row[Any], version: Version | None) -> dict[str, Any]:
    return _in_order(row.inputs, version.model.indicators if version else ())


def _in_order(kept: Mapping[str, Any], asked: Iterable[Factor | Indicator]) -> dict[str, Any]:
    """Return what an assessment keeps in the order of its model, which a JSON object of PostgreSQL forgets."""
    names = [one.name for one in asked if one.name in kept]
    return {name: kept[name] for name in dict.fromkeys([*names, *kept])}


def state_of(ctx: Context, row: sa.Row[Any]) -> str:
    """Return the state of an assessment; one that was not agreed to, or not in time, is rejected."""
    if row.state != WAITING or row.approval_id is None:
        return str(row.state)
    request = find_approvals(ctx, [row.approval_id]).get(row.approval_id)
    return WAITING if request is not None and request.state == "requested" else "rejected"


def _all_said(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = [one, *one["others"]]
    return [
        {"value": other["value"], "source": other["source"], "date": other["date"], "counts": i == 0}
        for i, other in enumerate(said)
    ]


def explained(ctx: Context, customer_id: int, number: int | None = None) -> dict[str, Any]:
    """Return an assessment with all that it stands on, by default the customer's newest; NotFound without one."""
    row = _row(ctx, number) if number is not None else newest(ctx, customer_id)
    if row is None or row.customer_id != customer_id:
        code = customer_codes(ctx.connection, [customer_id])[customer_id]
        message = _("{customer} has no such assessment; make one: crm credit assess {customer}")
        raise NotFound(message.format(customer=code))
    from crmcore_credit_5c.limiting.reading import proposals_of

    version = model_of(ctx, row.model, row.model_version)
    if version is not None and row.scale is not None:
        version = with_grades(version, build_grades(row.scale))
    holds = current_grades(ctx, [customer_id]).get(customer_id)
    return {
        **result_of(ctx, row, version),
        "indicators": [_indicator(name, one, version) for name, one in _inputs(row, version).items()],
        "changes": _changes(row, version),
        "holds": holds is not None and holds.assessment == row.id,
        "limit_proposals": proposals_of(ctx, customer_id),
    }


def newest(ctx: Context, customer_id: int) -> sa.Row[Any] | None:
    """Return a customer's newest assessment, whatever its state."""
    c = assessments.c
    query = sa.select(assessments).where(c.customer_id == customer_id).order_by(c.id.desc()).limit(1)
    return ctx.connection.execute(query).first()


def _row(ctx: Context, number: int) -> sa.Row[Any]:
    row = ctx.connection.execute(sa.select(assessments).where(assessments.c.id == number)).first()
    if row is None:
        message = _("there is no assessment {number}; see: crm credit history CODE")
        raise NotFound(message.format(number=number))
    return row


def _indicator(name: str, one: Mapping[str, Any], version: Version | None) -> dict[str, Any]:
    model = version.model if version else None
    found = next((each for each in model.indicators if each.name == name), None) if model else None
    return {
        "indicator": name,
        "factor": found.factor if found else "",
        "title": text_of(found.title) if found else name,
        **{key: one[key] for key in ("value", "source", "date", "document", "points", "weight", "how")},
        "note": note_of(one["note"]),
        "others": one["others"],
    }


def _changes(row: sa.Row[Any], version: Version | None) -> dict[str, Any]:
    """Work the smallest changes out again from what was stored; an unknown model has none."""
    nothing: dict[str, Any] = {"better": None, "worse": None}
    if version is None or row.grade is None:
        return nothing
    values: dict[str, Value] = {
        name: Fraction(one["exact"]) if one.get("exact") else value_of(one["value"])
        for name, one in row.inputs.items()
        if one["how"] == "evidence"
    }
    found = smallest_changes(version.model, values)
    return nothing | {direction: _change(one) for direction, one in found.items()}


def _change(one: OtherAnswer) -> dict[str, Any]:
    return {**one._asdict(), "points": shown_number(one.points), "total": str(one.total)}


def history(ctx: Context, customer_id: int) -> list[dict[str, Any]]:
    """Return all assessments of a customer, the newest first, as `assessment_json` each."""
    c = assessments.c
    query = sa.select(assessments).where(c.customer_id == customer_id).order_by(c.id.desc())
    rows = ctx.connection.execute(query).all()
    versions = {one: model_of(ctx, *one) for one in {(row.model, row.model_version) for row in rows}}
    return [result_of(ctx, row, versions[row.model, row.model_version]) for row in rows]
