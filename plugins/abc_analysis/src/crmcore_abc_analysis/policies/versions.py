"""Dated versions of the service policies (服务政策的版本): which hold on a day, and what each changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context
from crmcore_abc_analysis.rules import policies as rules
from crmcore_abc_analysis.rules.classes import PRESETS
from crmcore_abc_analysis.rules.policies import Difference, Policy, Version
from crmcore_abc_analysis.tables import AbcPolicy

AS_CONFIGURED = ""
"""Reason of a row that only keeps what the settings said when a version took their place.

It is written just before that version and for the same day, so that it never holds itself.
"""

policies: sa.Table = AbcPolicy.__table__  # type: ignore[attr-defined]


def policies_on(ctx: Context, day: date) -> dict[str, Policy]:
    """Return class → its service policy on a day (keys as in the settings; 0 visit days = on demand)."""
    found = rules.policies_on(ctx.settings["policies"], map(version_of, rows_of(ctx)), day)
    # The order of crm.toml says nothing: a table there may name one class only.
    return {grade: found[grade] for grade in (*_usual_grades(ctx.settings), *found) if grade in found}


def _usual_grades(settings: Mapping[str, Any]) -> Sequence[str]:
    """Return the classes of the company's usual cut-offs, the best first."""
    if settings["preset"] in PRESETS:
        return PRESETS[settings["preset"]].grades
    stated = settings["own_thresholds" if settings["own_by"] == "threshold" else "own_cutoffs"]
    return [row["grade"] for row in stated]


@cache
def policy_keys() -> Mapping[str, Mapping[str, Any]]:
    """Return the keys of a policy, each with its JSON Schema, from the schema of the settings."""
    path = Path(__file__).parent.parent / "settings.schema.json"
    keys: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["$defs"]["policy"]["properties"]
    return keys


def rows_of(ctx: Context, grade: str | None = None) -> Sequence[sa.Row[Any]]:
    """Return the rows of abc_policy in the order in which they were written; of one class if it is given."""
    query = sa.select(policies).order_by(policies.c.id)
    if grade is not None:
        query = query.where(policies.c.grade == grade)
    return ctx.connection.execute(query).all()


def version_of(row: sa.Row[Any]) -> Version:
    """Return a row as the rules know it; PostgreSQL gives the keys of a policy back in an order of its own."""
    policy = {key: row.policy[key] for key in policy_keys() if key in row.policy}
    return Version(row.id, row.grade, row.valid_from, policy)


def policies_shown(ctx: Context, day: date) -> dict[str, Any]:
    """Return the policies of a day as `crm abc policy show --json` prints them: schemas/policies.schema.json."""
    rows = rows_of(ctx)
    settings: Mapping[str, Policy] = ctx.settings["policies"]
    in_force = policies_on(ctx, day)
    return {
        "on": day.isoformat(),
        "policies": [
            _shown(grade, policy, [row for row in rows if row.grade == grade], settings.get(grade), day)
            for grade, policy in in_force.items()
        ],
    }


def _shown(
    grade: str, policy: Policy, rows: Sequence[sa.Row[Any]], configured: Policy | None, day: date
) -> dict[str, Any]:
    version = rules.version_on(map(version_of, rows), day)
    row = next((row for row in rows if version is not None and row.id == version.number), None)
    later = [row.valid_from for row in rows if row.valid_from > day]
    return {
        "grade": grade,
        "version": numbers_of(rows)[row.id] if row is not None else None,
        "valid_from": row.valid_from.isoformat() if row is not None else None,
        "valid_until": (min(later) - timedelta(days=1)).isoformat() if later else None,
        "author": row.author if row is not None else None,
        "reason": row.reason if row is not None else None,
        "policy": {key: policy[key] for key in policy_keys()},
        "overruled": _overruled(rows, configured, policy) if row is not None else [],
    }


def _overruled(
    rows: Iterable[sa.Row[Any]], configured: Policy | None, policy: Policy
) -> list[dict[str, Any]]:
    """Return what was changed in the settings since a version took their place, and does not hold for that."""
    kept = [version_of(row).policy for row in rows if row.reason == AS_CONFIGURED]
    since = rules.differences(kept[-1] if kept else None, configured or {})
    return [
        {"key": change.key, "settings": change.after, "holds": policy[change.key]}
        for change in since
        if policy[change.key] != change.after
    ]


def numbers_of(rows: Iterable[sa.Row[Any]]) -> dict[int, int]:
    """Return the id of each version → its number, counted for each class from 1 on in the order of writing."""
    counts: dict[str, int] = {}
    numbers: dict[int, int] = {}
    for row in rows:
        if row.reason != AS_CONFIGURED:
            counts[row.grade] = numbers[row.id] = counts.get(row.grade, 0) + 1
    return numbers


def policy_history(ctx: Context, grade: str | None = None) -> list[dict[str, Any]]:
    """Return all versions, the newest first, as `crm abc policy history --json` prints them.

    Shape: schemas/policy_history.schema.json.
    """
    rows = rows_of(ctx, grade)
    numbers = numbers_of(rows)
    return [
        {
            "grade": row.grade,
            "version": numbers[row.id],
            "valid_from": row.valid_from.isoformat(),
            "changes": [change._asdict() for change in changes_of(row, rows)],
            "author": row.author,
            "reason": row.reason,
            "written_at": row.created_at.isoformat(),
        }
        for row in reversed(rows)
        if row.id in numbers
    ]


def changes_of(row: sa.Row[Any], rows: Iterable[sa.Row[Any]]) -> list[Difference]:
    """Return what a version changed: against what would have held on its first day without it."""
    its_class = [version_of(other) for other in rows if other.grade == row.grade]
    before = rules.version_before(version_of(row), its_class)
    return rules.differences(before.policy if before is not None else None, version_of(row).policy)
