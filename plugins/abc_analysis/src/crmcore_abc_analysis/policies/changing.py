"""Use case: change how customers of a class are served, from a day on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Context, CrmError, StaleVersion, UsageProblem, printable, translator
from crmcore_abc_analysis.rules import policies as rules
from crmcore_abc_analysis.rules.policies import BadPolicy, Policy
from crmcore_abc_analysis.tables import AbcPolicy

from .checks import reason_of, require_grade
from .versions import (
    AS_CONFIGURED,
    numbers_of,
    policies_on,
    policies_shown,
    policy_history,
    policy_keys,
    rows_of,
    version_of,
)

if TYPE_CHECKING:
    from crmcore.api import App

_ = translator("crmcore_abc_analysis")
PLUGIN = "abc_analysis"
_CHANGING = 726_872
"""Lock of PostgreSQL under which policies are changed, one after the other: each keeps what the one before changed."""


def set_policy(  # noqa: PLR0913  (who, what, from when, why, from where)
    app: App,
    actor: str,
    grade: str,
    words: Mapping[str, str],
    reason: str,
    start: date | None = None,
    *,
    source: str = "cli",
    expect_version: int | None = None,
) -> dict[str, Any]:
    """Write a new version of a class's policy and return it as `policies.versions.policy_history` does.

    With `until`, its last day, and `followed_by`, the number of the version that takes over; None = for good.
    words: key → value as typed; what is not named stays as it is on the first day. start: by default today.
    expect_version: the one that holds on the first day, 0 = the settings; StaleVersion if it is another.
    UsageProblem for an unknown class, key or value, a day that is past, and where the reason is empty or a new
    policy not whole; CrmError where nothing would change.
    """
    with app.write(actor, reason="crm abc policy set", source=source, plugin=PLUGIN) as tx:
        ctx = tx.ctx
        if tx.connection.dialect.name == "postgresql":  # on SQLite nobody else writes meanwhile anyway
            tx.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHANGING)))
        first = _first_day(ctx, start)
        require_grade(ctx, grade)
        values = _values_of(words)
        why = reason_of(reason)
        before = policies_on(ctx, first).get(grade)
        if expect_version is not None:
            _require_version(ctx, grade, first, values, expect_version)
        policy = _changed(grade, before, values)
        row = {"grade": grade, "valid_from": first, "author": actor, "created_at": tx.now}
        if before is not None and rules.version_on(map(version_of, rows_of(ctx, grade)), first) is None:
            tx.insert(AbcPolicy, [{**row, "policy": dict(before), "reason": AS_CONFIGURED}])
        tx.insert(AbcPolicy, [{**row, "policy": policy, "reason": why}])
        return {**policy_history(ctx, grade)[0], **_end_of(ctx, grade, first)}


def _require_version(ctx: Context, grade: str, first: date, values: Policy, seen: int) -> None:
    """Raise StaleVersion unless the version that was seen still holds on the first day."""
    (shown,) = [one for one in policies_shown(ctx, first)["policies"] if one["grade"] == grade] or [{}]
    now = shown.get("version") or 0
    if now != seen:
        held = shown.get("policy", {})
        sides = "; ".join(
            _("{key}: now {now!r}, yours {yours!r}").format(key=key, now=held.get(key), yours=yours)
            for key, yours in values.items()
        )
        message = _(
            "the policy of class {grade} was changed since you read it (version {now}, you saw {seen}): {sides}; read it again"
        )
        raise StaleVersion(message.format(grade=grade, now=now, seen=seen, sides=sides))


def _end_of(ctx: Context, grade: str, first: date) -> dict[str, Any]:
    """Return the last day of the version that begins on a day, and which one takes over."""
    rows = rows_of(ctx, grade)
    later = [row.valid_from for row in rows if row.valid_from > first]
    if not later:
        return {"until": None, "followed_by": None}
    following = rules.version_on(map(version_of, rows), min(later))
    number = numbers_of(rows)[following.number] if following is not None else None
    return {"until": (min(later) - timedelta(days=1)).isoformat(), "followed_by": number}


def _first_day(ctx: Context, start: date | None) -> date:
    first = start or ctx.today
    if first < ctx.today:
        raise UsageProblem(
            _("policies of past days are not rewritten: --from {day} is before today, {today}").format(
                day=first, today=ctx.today
            )
        )
    return first


def _values_of(words: Mapping[str, str]) -> dict[str, Any]:
    if not words:
        raise UsageProblem(
            _("nothing to change was given; name keys and values: {keys}").format(
                keys=", ".join(f"{key}=…" for key in policy_keys())
            )
        )
    try:
        return {key: rules.read_value(key, text, policy_keys()) for key, text in words.items()}
    except BadPolicy as error:
        raise UsageProblem(_bad_policy_sentence(error)) from None


def _bad_policy_sentence(error: BadPolicy) -> str:
    if error.problem == "value":
        return _("{key} = {value!r} is not allowed; allowed is {allowed}").format(
            key=error.key, value=printable(error.value), allowed=_allowed(policy_keys()[error.key])
        )
    near = get_close_matches(error.key, policy_keys(), n=1)
    if near:
        return _("a policy has no key {key!r}; did you mean {near!r}?").format(
            key=printable(error.key), near=near[0]
        )
    return _("a policy has no key {key!r}; known are {known}").format(
        key=printable(error.key), known=", ".join(policy_keys())
    )


def _allowed(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema["type"] == "integer":
        return _("a whole number from {least} to {most}").format(
            least=schema["minimum"], most=schema["maximum"]
        )
    return _("a share from 0 to 1 as decimal text, such as {example}").format(example=schema["examples"][0])


def _changed(grade: str, before: Policy | None, values: Policy) -> dict[str, Any]:
    """Return the whole new policy."""
    policy = {**(before or {}), **values}
    missing = rules.missing_keys(policy, list(policy_keys()))
    if missing:
        raise UsageProblem(
            _("class {grade} has no policy yet, so it needs a whole one; give {missing} too").format(
                grade=grade, missing=", ".join(missing)
            )
        )
    if policy == before:
        raise CrmError(_("class {grade} is served so already; nothing was changed").format(grade=grade))
    return {key: policy[key] for key in policy_keys()}
