"""Use case: propose a fitted scorecard; once it is approved customers can be assessed by it, never before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    N_,
    ApprovalKind,
    ApprovalRequest,
    Context,
    NotFound,
    Refused,
    find_approvals,
    request_approvals,
    translator,
)
from crmcore_credit_5c.assessing.models import check_content, fields_of, shipped, store_model
from crmcore_credit_5c.tables.scorecards import CreditScorecard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmcore.api import App, Tx

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
KIND = "credit_5c_scorecard"
_FIGURES = ("auc", "ks", "rows")
"""What people are told of how a scorecard was fitted."""
scorecards: sa.Table = CreditScorecard.__table__  # type: ignore[attr-defined]


def scorecard_kind() -> ApprovalKind:
    """Return the kind of request by which a scorecard is approved."""
    return ApprovalKind(
        KIND,
        N_("Use a fitted scorecard"),
        "credit.models",
        apply=adopt,
        payload_schema={
            "type": "object",
            "additionalProperties": False,
            "required": ["scorecard"],
            "properties": {
                "scorecard": {"type": "integer", "minimum": 1},
                "name": {"type": "string"},
                **{key: {"type": "number"} for key in _FIGURES},
            },
        },
        describe=describe,
    )


def describe(request: ApprovalRequest) -> str | None:
    """Say how good the scorecard is, in the reader's language; None of a request that an older version made."""
    return _subject(request.payload) if "name" in request.payload else None


def _subject(payload: Mapping[str, Any]) -> str:
    return _("Scorecard {name}: AUC {auc:.3f}, KS {ks:.3f}, {rows} customers").format(**payload)


def propose(app: App, actor: str, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Store a fitted scorecard and ask for its approval; returns it as `proposals` does.

    Refused where columns count that are protected and the setting `allow_protected` is off, and for the name of a
    model that ships.
    """
    with app.write(actor, "propose scorecard", plugin=PLUGIN) as tx:
        if name in shipped():
            message = _("{name!r} is the name of a credit model that ships with the plugin; choose another")
            raise Refused(message.format(name=name))
        _refuse_protected(tx.ctx, content)
        checked = check_content(dict(content), fields_of(app), name)
        row = {"name": name, "content": dict(checked.content), "author": actor, "proposed_on": tx.ctx.today}
        (number,) = tx.insert(CreditScorecard, [{**row, "proposed_at": tx.now}])
        figures = {key: content["fitted"][key] for key in _FIGURES}
        payload = {"scorecard": number, "name": name, **figures}
        (approval,) = request_approvals(
            tx, [ApprovalRequest(KIND, _subject(payload), key=str(number), payload=payload)]
        )
        tx.update(CreditScorecard, [(number, {"approval_id": approval})])
        return proposals(tx.ctx, number)[0]


def adopt(tx: Tx, request: ApprovalRequest) -> None:
    """Make an approved scorecard the newest version of the model of its name."""
    number = request.payload["scorecard"]
    row = tx.connection.execute(sa.select(scorecards).where(scorecards.c.id == number)).first()
    if row is None:
        raise NotFound(
            _("there is no scorecard {number}; see: crm credit scorecard list").format(number=number)
        )
    _refuse_protected(tx.ctx, row.content)
    stored = store_model(tx, check_content(dict(row.content), None, row.name))
    tx.update(CreditScorecard, [(number, {"model_version": stored.version})])


def _refuse_protected(ctx: Context, content: Mapping[str, Any]) -> None:
    protected = content["fitted"]["protected"]
    if protected and not ctx.settings["allow_protected"]:
        message = _(
            "the scorecard counts protected columns ({columns}); fit it without --keep-protected, or set allow_protected"
        )
        raise Refused(message.format(columns=", ".join(protected)))


def proposals(ctx: Context, number: int | None = None) -> list[dict[str, Any]]:
    """Return the scorecards that were proposed, the newest first: shape schemas/credit_scorecard_line.schema.json."""
    query = sa.select(scorecards).order_by(scorecards.c.id.desc())
    if number is not None:
        query = query.where(scorecards.c.id == number)
    rows = ctx.connection.execute(query).all()
    asked = find_approvals(ctx, [row.approval_id for row in rows if row.approval_id is not None])
    return [
        {
            "scorecard": row.id,
            "model": row.name,
            "state": asked[row.approval_id].state if row.approval_id in asked else "requested",
            "request": row.approval_id,
            "version": row.model_version,
            "rows": row.content["fitted"]["rows"],
            **{key: float(row.content["fitted"][key]) for key in ("auc", "ks", "gini")},
            "protected": row.content["fitted"]["protected"],
            "author": row.author,
            "proposed_on": row.proposed_on.isoformat(),
        }
        for row in rows
    ]
