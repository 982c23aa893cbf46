"""Assessing customers: what is known now, by one model, kept for ever with all that it stands on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore_credit_5c.money import LeftOut, Money
from crmcore_credit_5c.policies.current import grade_policies
from crmcore_credit_5c.rules.scoring import Score, score
from crmcore_credit_5c.tables.assessments import INCOMPLETE, RELEASED, WAITING, CreditAssessment

from .entering import PERMISSION, Found, store_evidence
from .gathering import gather, lacking_rates
from .given import Known, shown_number
from .models import PLUGIN, Version, load_model
from .previous import Previous, previous_of
from .reads import refuse_restricted
from .releasing import needs_second, request_release, settle_turned_down
from .reviews import answer_reviews

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx


class Assessed(NamedTuple):
    """One customer's result, before or after it is stored."""

    customer_id: int
    known: Mapping[str, Known]
    score: Score


class Made(NamedTuple):
    """What became of assessments that were asked for."""

    number: int
    """0 where nothing new was to be stored."""
    customer_id: int
    grade: str | None
    before: str | None
    """The grade so far."""
    state: str


def assess_customer(
    app: App, actor: str, customer_id: int, model: str | None = None, found: Found | None = None
) -> int:
    """Assess one customer, with new evidence if there is some; returns the number of the assessment.

    Needs the permission `credit.assess`; Refused for a restricted person. Evidence and assessment are stored together or not at all.
    """
    with app.write(actor, "assess credit", plugin=PLUGIN, permission=PERMISSION) as tx:
        refuse_restricted(tx.ctx, customer_id)
        version = load_model(tx.ctx, model)
        if found is not None:
            store_evidence(tx, customer_id, found)
        return assess_in(tx, version, [customer_id])[0].number


def assess_in(
    tx: Tx,
    version: Version,
    customer_ids: Sequence[int],
    *,
    again: bool = True,
    left_out: LeftOut | None = None,
) -> list[Made]:
    """Assess customers inside a transaction and store the results; returns one entry each.

    again: store an incomplete assessment even where the one before lacks the very same evidence. left_out: as of
    `work_out`.
    """
    settle_turned_down(tx)
    results = work_out(tx.ctx, version, customer_ids, left_out)
    before = previous_of(tx.ctx, customer_ids)
    kept = [one for one in results if again or not _same_gap(one.score, before.get(one.customer_id))]
    expires = expiries(tx.ctx, {one.score.grade for one in kept if one.score.grade is not None})
    rows = [_row(tx, version, one, before.get(one.customer_id), expires) for one in kept]
    numbers = dict(zip((one.customer_id for one in kept), tx.insert(CreditAssessment, rows), strict=True))
    waiting = {
        numbers[row["customer_id"]]: (row["customer_id"], row["grade"])
        for row in rows
        if row["state"] == WAITING
    }
    request_release(tx, waiting)
    answer_reviews(tx, [row["customer_id"] for row in rows if row["state"] == RELEASED])
    states = {row["customer_id"]: row["state"] for row in rows}
    return [
        Made(
            numbers.get(one.customer_id, 0),
            one.customer_id,
            one.score.grade,
            before[one.customer_id].grade if one.customer_id in before else None,
            states.get(one.customer_id, INCOMPLETE),
        )
        for one in results
    ]


def work_out(
    ctx: Context, version: Version, customer_ids: Sequence[int], left_out: LeftOut | None = None
) -> list[Assessed]:
    """Return what a model makes of customers today; nothing is stored.

    left_out: takes note of whoever trades in a currency without an exchange rate, and is passed over; NoRate without it.
    """
    money = Money(ctx, ctx.today)
    found = []
    for customer, own in gather(ctx, customer_ids, version.model).items():
        if lacking := lacking_rates(own):
            if left_out is None:
                money.rate(lacking[0])
            else:
                left_out.add(customer, money.lacking(lacking))
            continue
        answers = {name: known.counting.value for name, known in own.items() if known.counting}
        found.append(Assessed(customer, own, score(version.model, answers)))
    return found


def _same_gap(result: Score, before: Previous | None) -> bool:
    """Say whether a result is as incomplete as the one before."""
    return (
        result.grade is None
        and before is not None
        and before.state == INCOMPLETE
        and before.missing == list(result.missing)
    )


def _row(
    tx: Tx, version: Version, one: Assessed, before: Previous | None, expires: Mapping[str, date]
) -> dict[str, Any]:
    result = one.score
    state = INCOMPLETE if result.grade is None else RELEASED
    grade_before = before.grade if before else None
    if state == RELEASED and needs_second(tx.ctx, result.grade, grade_before):
        state = WAITING
    released = state == RELEASED
    return {
        "customer_id": one.customer_id,
        "model": version.name,
        "model_version": version.version,
        "model_digest": version.digest,
        "score_centi": None if result.total is None else int(result.total.scaleb(2)),
        "grade": result.grade,
        "scale": scale_kept(tx.ctx, version),
        "factors": {name: None if p is None else str(p) for name, p in result.factors.items()},
        "inputs": inputs_of(version, one),
        "missing": list(result.missing),
        "state": state,
        "assessor": tx.actor,
        "assessed_on": tx.ctx.today,
        "assessed_at": tx.now,
        "released_on": tx.ctx.today if released else None,
        "released_by": tx.actor if released else None,
        "expires_on": None if result.grade is None else expires[result.grade],
    }


def expiries(ctx: Context, grades: Collection[str]) -> dict[str, date]:
    """Return grade → last day on which an assessment of today counts: by the settings, or sooner by the grade's policy."""
    days = int(ctx.settings["valid_days"])
    policies = grade_policies(ctx) if grades else {}
    soonest = {
        grade: min(days, policies[grade].review_days) if grade in policies else days for grade in grades
    }
    return {grade: ctx.today + timedelta(days=count) for grade, count in soonest.items()}


def scale_kept(ctx: Context, version: Version) -> list[dict[str, str]] | None:
    """Return the grades that the settings chose in place of the model's, as assessments keep them."""
    if ctx.settings["grade_scale"] == "model":
        return None
    return [{"grade": rank.grade, "min_score": shown_number(rank.min_score)} for rank in version.model.grades]


def inputs_of(version: Version, one: Assessed) -> dict[str, Any]:
    """Return indicator → all that its points stand on, as `explain` shows it."""
    weights = version.model.effective_weights()
    inputs: dict[str, Any] = {}
    for indicator in version.model.indicators:
        name = indicator.name
        given, known = one.score.answers[name], one.known[name]
        told = (
            known.counting.as_json()
            if known.counting
            else dict.fromkeys(("value", "source", "date", "document"))
        )
        inputs[name] = {
            **told,
            "points": None if given.points is None else shown_number(given.points),
            "weight": shown_number(weights[name]),
            "how": given.how,
            "note": list(known.note) if known.note else None,
            "others": [other.as_json() for other in [*known.given[1:], *known.expired]],
            "conflict": known.conflict,
            **({"exact": str(known.counting.value)} if known.counting and known.counting.is_rounded else {}),
        }
    return inputs
