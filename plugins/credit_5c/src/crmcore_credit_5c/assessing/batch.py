"""Assessing many customers: those who are due, or all, some thousand in each transaction."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from crmcore.api import restricted_ids
from crmcore_credit_5c.money import LeftOut

from .assessing import Made, assess_in
from .due import due_ids, every_id
from .entering import PERMISSION
from .models import PLUGIN, load_model

if TYPE_CHECKING:
    from crmcore.api import App

CHUNK = 2_000
_WAITING, _INCOMPLETE = "waiting", "incomplete"


def assess_many(app: App, actor: str, model: str | None = None, *, everybody: bool = False) -> dict[str, Any]:
    """Assess all who are due, or everybody; returns what `crm credit batch --json` prints.

    Each chunk is a transaction of its own: broken off, the rest is still due and the next call goes on.
    """
    with app.read(PLUGIN, actor) as ctx:
        name = load_model(ctx, model).name
        ids = every_id(ctx) if everybody else due_ids(ctx)
    made: list[Made] = []
    left_out = LeftOut()
    for start in range(0, len(ids), CHUNK):
        made += _assess_chunk(app, actor, name, ids[start : start + CHUNK], left_out)
    return {**_summary(name, made), "left_out": _named(app, actor, left_out)}


def count_all(app: App, actor: str, model: str | None = None) -> dict[str, Any]:
    """Return how many customers a model would give which grade today, as `assess_many`; nothing is stored."""
    from .scored import score_all

    with app.read(PLUGIN, actor) as ctx:
        version = load_model(ctx, model)
        left_out = LeftOut()
        grades = Counter(one.grade for one in score_all(ctx, version, left_out))
        passed_over = left_out.as_json(ctx)
    incomplete = grades.pop(None, 0)
    return {
        "model": version.name,
        "assessed": grades.total() + incomplete,
        "grades": {str(grade): count for grade, count in sorted(grades.items(), key=str)},
        "waiting": 0,
        "incomplete": incomplete,
        "changed": 0,
        "left_out": passed_over,
    }


def _assess_chunk(
    app: App, actor: str, model: str, ids: list[int], left_out: LeftOut | None = None
) -> list[Made]:
    with app.write(actor, "assess credit", plugin=PLUGIN, permission=PERMISSION, bulk=True) as tx:
        restricted = restricted_ids(tx.ctx)  # somebody may have been restricted since the ids were read
        usable = [one for one in ids if one not in restricted]
        return assess_in(tx, load_model(tx.ctx, model), usable, again=False, left_out=left_out)


def _named(app: App, actor: str, left_out: LeftOut) -> list[dict[str, Any]]:
    if not left_out.problems:
        return []
    with app.read(PLUGIN, actor) as ctx:
        return left_out.as_json(ctx)


def _summary(model: str, made: list[Made]) -> dict[str, Any]:
    grades = Counter(one.grade for one in made if one.grade is not None)
    changed = [one for one in made if one.before is not None and one.grade not in (None, one.before)]
    return {
        "model": model,
        "assessed": len(made),
        "grades": dict(sorted(grades.items())),
        "waiting": sum(one.state == _WAITING for one in made),
        "incomplete": sum(one.state == _INCOMPLETE for one in made),
        "changed": len(changed),
    }
