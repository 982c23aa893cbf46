"""Scorecards from files and from the models that a company has approved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa

from crmcore.api import BadConfig, Context, CrmError, NotFound, translator
from crmcore_credit_5c.assessing.files import check_schema, read_json
from crmcore_credit_5c.assessing.models import check_content, load_model
from crmcore_credit_5c.rules.model import Model
from crmcore_credit_5c.rules.reading_scorecards import Made, scorecard_of
from crmcore_credit_5c.tables.scorecards import CreditScorecard

_ = translator("crmcore_credit_5c")


def read_scorecard(ctx: Context, model: str | None) -> tuple[Made, Model]:
    """Return the scorecard of a file, or the approved one of a name; without one that which was approved last.

    BadConfig for what is no scorecard, NotFound where there is none.
    """
    model = model or _approved_last(ctx)
    if Path(model).is_file() or model.endswith(".json"):
        content = read_json(Path(model))
        checked = check_content(content, None, Path(model).name)
    else:
        checked = load_model(ctx, model)
    return made_of(checked.content, model), checked.model


def made_of(content: Mapping[str, Any], file: str) -> Made:
    """Return the scorecard of a checked model; BadConfig where it is none."""
    if "fitted" not in content or content.get("scoring") != "sum":
        message = _("{file} is a credit model, but no scorecard; make one with: crm credit scorecard fit")
        raise BadConfig(message.format(file=file))
    check_schema(content["fitted"], "credit_scorecard", file)
    for factor in content["factors"]:
        for one in factor.get("indicators", ()):
            measure = one["measure"]
            whole = "missing" in measure and ("bands" in measure or "otherwise" in measure)
            if measure["kind"] != "column" or not whole:
                message = _("{file}: indicator {name!r} is no column of a scorecard; fit the scorecard anew")
                raise BadConfig(message.format(file=file, name=one["name"]))
    return scorecard_of(content)


def _approved_last(ctx: Context) -> str:
    table: sa.Table = CreditScorecard.__table__  # type: ignore[attr-defined]
    query = (
        sa.select(table.c.name).where(table.c.model_version.is_not(None)).order_by(table.c.id.desc()).limit(1)
    )
    name: str | None = ctx.connection.scalar(query)
    if name is None:
        raise NotFound(_("no scorecard is approved yet; name the file of one with --model"))
    return name


@contextmanager
def model_written(path: Path, content: Mapping[str, Any]) -> Iterator[None]:
    """Write a model file if what is done meanwhile succeeds; CrmError where that cannot be done."""
    with whole_file(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
        file.flush()
        yield


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Write a text file beside its place and move it there, so that nobody ever finds half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        message = _("{file} cannot be written ({problem}); choose another place")
        raise CrmError(message.format(file=path, problem=error.strerror)) from None
    finally:
        beside.unlink(missing_ok=True)
