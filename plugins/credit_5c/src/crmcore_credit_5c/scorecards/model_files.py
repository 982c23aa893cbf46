"""Scorecards from files and from the models that a company has approved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa

from crmcore.api import BadConfig, Context, CrmError, NotFound, UsageProblem, translator
from crmcore_credit_5c.assessing.files import check_schema, read_json
from crmcore_credit_5c.assessing.models import check_content, load_model
from crmcore_credit_5c.assessing.sentences import said
from crmcore_credit_5c.rules.model import Model
from crmcore_credit_5c.rules.problems import ModelProblem
from crmcore_credit_5c.rules.reading_scorecards import Made, scorecard_of
from crmcore_credit_5c.rules.scorecard_checks import check_scorecard
from crmcore_credit_5c.tables.scorecards import CreditScorecard

_ = translator("crmcore_credit_5c")


def read_scorecard(ctx: Context, model: str | None) -> tuple[Made, Model]:
    """Return the scorecard of a file, or the approved one of a name; without one that which was approved last.

    BadConfig for what is no scorecard, NotFound where there is none.
    """
    model = model or _approved_last(ctx)
    if model.endswith(".json") or os.path.isfile(model):  # noqa: PTH113  (a name too long for a file is none)
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
    check_schema(content["fitted"], "credit_scorecard", f"{file}: fitted")
    if "base" not in content:
        message = _("{file}: {path} lacks {key!r}; add it")
        raise BadConfig(message.format(file=file, path=_("the whole"), key="base"))
    try:
        check_scorecard(content)
    except ModelProblem as problem:
        raise said(problem, file) from None
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


def require_other(out: Path | None, *read: Path) -> None:
    """Raise UsageProblem where what is to be written would take the place of a file that is read."""
    if out is not None and any(_is_same(out, one) for one in read):
        raise UsageProblem(_("--out {file} is the file that is read; name another").format(file=out))


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)  # also by another name, such as a link
    except (OSError, ValueError):  # one of them is not there, so that nothing can be lost
        return False


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
