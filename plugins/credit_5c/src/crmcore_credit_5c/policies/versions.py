"""Versions of the policy by grade: which holds on a day, and what each changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore_credit_5c.rules import policy as rules
from crmcore_credit_5c.rules.policy import Difference, Grades, Version
from crmcore_credit_5c.tables.policy import CreditPolicy

if TYPE_CHECKING:
    from crmcore.api import Context

policies: sa.Table = CreditPolicy.__table__  # type: ignore[attr-defined]


def grades_on(ctx: Context, day: date) -> tuple[int | None, Grades]:
    """Return the number of the version that holds on a day, and what it says; None = the settings hold."""
    version = rules.version_on(versions_of(rows_of(ctx)), day)
    return (None, settled(ctx)) if version is None else (version.number, version.grades)


def settled(ctx: Context) -> Grades:
    """Return what the settings say, each grade in the order of the keys."""
    return {
        grade: {key: terms[key] for key in rules.KEYS if key in terms}
        for grade, terms in ctx.settings["policy"].items()
    }


def rows_of(ctx: Context) -> Sequence[sa.Row[Any]]:
    """Return all versions in the order in which they were approved."""
    return ctx.connection.execute(sa.select(policies).order_by(policies.c.id)).all()


def versions_of(rows: Iterable[sa.Row[Any]]) -> list[Version]:
    """Return versions as the rules know them, numbered from 1 on."""
    return [
        Version(number, row.valid_from, as_grades(row.policy["grades"])) for number, row in enumerate(rows, 1)
    ]


def as_grades(listed: Iterable[dict[str, Any]]) -> Grades:
    """Return a stored policy as grade → terms."""
    return {terms["grade"]: {key: terms[key] for key in rules.KEYS if key in terms} for terms in listed}


def as_list(grades: Grades) -> list[dict[str, Any]]:
    """Return a policy as it is stored and printed, the best grade first."""
    return [{"grade": grade, **terms} for grade, terms in grades.items()]


def shown(ctx: Context, day: date) -> dict[str, Any]:
    """Return the policy of a day: schemas/policy.schema.json."""
    number, grades = grades_on(ctx, day)
    row = rows_of(ctx)[number - 1] if number is not None else None
    return {
        "on": day.isoformat(),
        "version": number,
        "valid_from": row.valid_from.isoformat() if row is not None else None,
        "reason": row.reason if row is not None else None,
        "author": row.author if row is not None else None,
        "decided_by": row.decided_by if row is not None else None,
        "currency": ctx.currency,
        "grades": as_list(grades),
    }


def history(ctx: Context) -> list[dict[str, Any]]:
    """Return all versions, the newest first: schemas/policy_version.schema.json."""
    rows = rows_of(ctx)
    versions = versions_of(rows)
    return [
        {
            "version": version.number,
            "valid_from": row.valid_from.isoformat(),
            "reason": row.reason,
            "author": row.author,
            "decided_by": row.decided_by,
            "request": row.approval_id,
            "approved_at": row.created_at.isoformat(),
            "changes": differences_json(_changes(ctx, version, versions)),
        }
        for row, version in reversed(list(zip(rows, versions, strict=True)))
    ]


def differences_json(found: Iterable[Difference]) -> list[dict[str, Any]]:
    """Return differences as they are printed."""
    return [one._asdict() for one in found]


def _changes(ctx: Context, version: Version, versions: Iterable[Version]) -> list[Difference]:
    """Return what a version changed: against what would have held on its first day without it."""
    earlier = (other for other in versions if other.number < version.number)
    before = rules.version_on(earlier, version.valid_from)
    return rules.differences(settled(ctx) if before is None else before.grades, version.grades)
