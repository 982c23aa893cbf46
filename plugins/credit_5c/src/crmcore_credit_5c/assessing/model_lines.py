"""Models in short and in full, as the commands print them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from crmcore_credit_5c.rules.model import Measure

from .given import shown_number
from .models import Version, shipped, text_of


def line_of(version: Version, *, default: bool) -> dict[str, Any]:
    """Return a model in one line."""
    model = version.model
    return {
        "name": version.name,
        "version": version.version,
        "title": text_of(model.title),
        "shipped": version.version == 1 and not version.author and version.name in shipped(),
        "default": default,
        "factors": len(model.factors),
        "indicators": len(model.indicators),
        "grades": [rank.grade for rank in model.grades],
        "author": version.author or None,
        "digest": version.digest,
    }


def shown_model(version: Version, *, default: bool) -> dict[str, Any]:
    """Return a model with all that it asks, in the reader's language, and its file."""
    weights = version.model.effective_weights()
    listed = [
        {
            "indicator": one.name,
            "factor": one.factor,
            "title": text_of(one.title),
            "weight": shown_number(weights[one.name]),
            "missing": one.missing,
            "kind": one.measure.kind,
            "of": one.measure.of,
            "answers": list(_answers(one.measure)),
        }
        for one in version.model.indicators
    ]
    return {**line_of(version, default=default), "list": listed, "content": dict(version.content)}


def _answers(measure: Measure) -> Iterator[dict[str, str]]:
    for step in measure.steps:
        text = text_of(step.texts) if step.texts else ""
        yield {"value": step.value, "points": shown_number(step.points), "text": text}
    before: tuple[Fraction, bool] | None = None
    for band in measure.bands:
        if band.bound is not None:
            value = f"{'<=' if band.inclusive else '<'} {shown_number(band.bound)}"
        elif before is not None:
            value = f"{'>' if before[1] else '>='} {shown_number(before[0])}"
        else:
            value = "*"
        yield {"value": value, "points": shown_number(band.points), "text": ""}
        before = None if band.bound is None else (band.bound, band.inclusive)
