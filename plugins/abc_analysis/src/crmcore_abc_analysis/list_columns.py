"""Columns of the list of customers: the class that counts today, and the amount behind it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from .runs import grades, runs
from .tables import CURRENT


def select_grades(settings: Mapping[str, Any]) -> sa.Select[Any]:
    """Select each customer's class in the current run of the company's usual basis and level."""
    return _of_current_run(settings["basis"], settings["level"], grades.c.grade.name)


def select_amounts(settings: Mapping[str, Any]) -> sa.Select[Any]:
    """Select what each customer's class was reckoned from."""
    return _of_current_run(settings["basis"], settings["level"], grades.c.amount_minor.name)


@cache
def _of_current_run(basis: str, level: str, value: str) -> sa.Select[Any]:
    holds = sa.and_(
        grades.c.snapshot_id == sa.func.coalesce(runs.c.snapshot_id, runs.c.id),
        grades.c.run_id <= runs.c.id,
        sa.or_(grades.c.until_run.is_(None), grades.c.until_run > runs.c.id),
    )
    return (
        sa.select(grades.c.customer_id, grades.c[value].label("value"))
        .join(runs, holds)
        .where(runs.c.state == CURRENT, runs.c.basis == basis, runs.c.level == level)
    )
