"""What a credit file says of the grade: factors, indicators, what would change it, assessments of before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.api import Chart, Column, Table, translator
from crmcore_credit_5c.assessing.current import current_grades
from crmcore_credit_5c.assessing.explain import explained, history, newest
from crmcore_credit_5c.assessing.models import model_of, text_of
from crmcore_credit_5c.assessing.wording import source_shown

from .shared import pairs, step_shown

if TYPE_CHECKING:
    from crmcore.api import Context
    from crmcore_credit_5c.assessing.models import Version

_ = translator("crmcore_credit_5c")
_PAST = 10
"""So many assessments are shown."""
Explained = Mapping[str, Any]
"""An assessment as `assessing.explain.explained` returns it."""


def shown_assessment(ctx: Context, customer_id: int) -> Explained | None:
    """Return the assessment that holds today, else the newest one, whatever became of it; None without any."""
    holds = current_grades(ctx, [customer_id]).get(customer_id)
    if holds is not None:
        return explained(ctx, customer_id, holds.assessment)
    return None if newest(ctx, customer_id) is None else explained(ctx, customer_id)


def notes(ctx: Context, customer_id: int, shown: Explained | None) -> Iterator[str]:
    """Say what a reader must know of the grade: that none holds, or that a newer assessment waits."""
    last = newest(ctx, customer_id)
    if shown is None or last is None:
        yield _("This customer was never assessed.")
    elif not shown["holds"]:
        yield _("No grade holds today; shown is the newest assessment ({state}).").format(
            state=_states(ctx)[_state(ctx, shown)]
        )
    elif last.id != shown["assessment"]:
        yield _("Assessment {number} is newer and does not count (yet); shown is the one that holds.").format(
            number=last.id
        )


def tables(ctx: Context, found: Explained) -> Iterator[Table]:
    """Yield the grade, its factors and indicators, and what would change it."""
    version = model_of(ctx, found["model"], found["model_version"])
    model = _("{model}, version {version}").format(
        model=text_of(version.model.title) if version else found["model"], version=found["model_version"]
    )
    rows = (
        (_("Credit grade"), found["grade"]),
        (_("Points"), found["score"]),
        (_("State"), _states(ctx)[_state(ctx, found)]),
        (_("Until"), found["expires"]),
        (_("Model"), model),
        (_("Assessed on"), found["assessed_on"]),
        (_("Assessed by"), found["assessor"]),
        (_("Assessment"), found["assessment"]),
    )
    yield pairs("grade", _("Grade"), rows)
    yield _factors(found, version)
    yield _changes(found)
    yield _indicators(found, version)


def _state(ctx: Context, found: Explained) -> str:
    """Return the state of an assessment, `expired` where only time has ended it."""
    expires = found["expires"]
    late = found["state"] == "released" and expires is not None and expires < ctx.today.isoformat()
    return "expired" if late else str(found["state"])


def _states(_ctx: Context) -> dict[str, str]:
    return {
        "released": _("counts"),
        "waiting": _("waits for a second pair of eyes"),
        "rejected": _("rejected"),
        "incomplete": _("incomplete"),
        "erased": _("erased"),
        "expired": _("expired"),
        "older": _("older"),
    }


def _factor_titles(version: Version | None) -> dict[str, str]:
    return {one.name: text_of(one.title) for one in version.model.factors} if version else {}


def _short(title: str) -> str:
    """Return a title up to its colon: `Character` of `Character: the will to pay`."""
    return title.replace("：", ":").partition(":")[0].strip()


def _factors(found: Explained, version: Version | None) -> Table:
    titles = _factor_titles(version)
    weights = {one.name: one.weight for one in version.model.factors if one.parent is None} if version else {}
    columns = (
        Column("factor", _("Factor of credit")),
        Column("points", _("Points"), "decimal"),
        Column("weight", _("Weight"), "share"),
    )
    rows = [
        (titles.get(name, name), _number(points), _decimal(weights.get(name)))
        for name, points in found["factors"].items()
    ]
    return Table("factors", _("Factors"), columns, rows)


def _number(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _decimal(weight: Any) -> Decimal | None:
    return None if weight is None else Decimal(weight.numerator) / Decimal(weight.denominator)


def charts(ctx: Context, found: Explained) -> Iterator[Chart]:
    """Yield the points of the factors as bars."""
    version = model_of(ctx, found["model"], found["model_version"])
    titles = _factor_titles(version)
    known = [(titles.get(name, name), Decimal(points)) for name, points in found["factors"].items() if points]
    if known:
        labels, values = zip(*known, strict=True)
        yield Chart("factors", _("Points by factor"), "bar", labels, values)


def _changes(found: Explained) -> Table:
    columns = (
        Column("grade", _("Would be")),
        Column("indicator", _("Indicator")),
        Column("value", _("Were it")),
        Column("total", _("Points"), "decimal"),
    )
    titles = {one["indicator"]: one["title"] for one in found["indicators"]}
    changes = [one for direction in ("better", "worse") if (one := found["changes"][direction])]
    rows = [
        (
            one["grade"],
            titles.get(one["indicator"], one["indicator"]),
            step_shown(one["value"]),
            _number(one["total"]),
        )
        for one in changes
    ]
    return Table("changes", _("What would change the grade"), columns, rows)


def _indicators(found: Explained, version: Version | None) -> Table:
    titles = _factor_titles(version)
    columns = (
        Column("factor", _("Factor of credit")),
        Column("indicator", _("Indicator")),
        Column("value", _("Value")),
        Column("points", _("Points"), "decimal"),
        Column("weight", _("Weight"), "decimal"),
        Column("source", _("Source")),
        Column("date", _("Day"), "date"),
    )
    rows = [
        (
            _short(titles.get(one["factor"], one["factor"])),
            one["title"],
            step_shown(one["value"]),
            _number(one["points"]),
            _number(one["weight"]),
            source_shown(one["source"]) or one["note"],
            one["date"] if one["source"] else None,
        )
        for one in found["indicators"]
    ]
    return Table("indicators", _("Indicators"), columns, rows)


def past_assessments(ctx: Context, customer_id: int) -> Table:
    """Return the assessments of a customer, the newest first."""
    states = _states(ctx)
    columns = (
        Column("assessment", _("Assessment"), "integer"),
        Column("assessed_on", _("Assessed on"), "date"),
        Column("model", _("Model")),
        Column("score", _("Points"), "decimal"),
        Column("grade", _("Grade")),
        Column("state", _("State")),
        Column("expires", _("Until"), "date"),
        Column("assessor", _("Assessed by")),
    )
    holds = current_grades(ctx, [customer_id]).get(customer_id)
    rows = []
    for one in history(ctx, customer_id)[:_PAST]:
        state = _state(ctx, one)
        followed = state == "released" and (holds is None or holds.assessment != one["assessment"])
        known = (one["assessment"], one["assessed_on"], one["model"], _number(one["score"]), one["grade"])
        rows.append((*known, states["older" if followed else state], one["expires"], one["assessor"]))
    return Table("assessments", _("Assessments"), columns, rows)
