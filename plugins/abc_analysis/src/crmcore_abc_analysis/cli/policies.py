"""`crm abc policy show|set|history`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Group,
    Session,
    Table,
    UsageProblem,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
    translator,
)

from .shared import DAY

_ = translator("crmcore_abc_analysis")


@click.group("policy", cls=Group, help=N_("Show or change how customers of a class are served."))
def policy() -> None:
    """Hold the commands below."""


@policy.command("show", cls=Command, help=N_("Show how customers of each class are served on a day."))
@click.option("--on", "on", type=DAY, metavar="YYYY-MM-DD", help=N_("The day; by default today."))
@json_option
@pass_session
def show_command(session: Session, on: datetime | None, *, as_json: bool) -> None:
    """Show the policies of a day."""
    from crmcore_abc_analysis.policies.changing import PLUGIN
    from crmcore_abc_analysis.policies.versions import policies_shown

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = policies_shown(ctx, on.date() if on else ctx.today)
    if as_json:
        emit(found)
        return
    show_table(_policy_table(found))
    for sentence in _overruled_sentences(found["policies"]):
        echo(sentence)


@policy.command(
    "set", cls=Command, help=N_("Change how customers of a class are served, from a day on: KEY=VALUE …")
)
@click.argument("grade")
@click.argument("words", nargs=-1, metavar="KEY=VALUE...")
@click.option(
    "--from",
    "start",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("The first day on which it holds; by default today."),
)
@click.option("--reason", required=True, metavar="TEXT", help=N_("Why; it is kept."))
@click.option(
    "--expect-version",
    type=click.IntRange(min=0),
    metavar="N",
    help=N_("Refuse the change unless this version still holds; 0 = the settings."),
)
@json_option
@pass_session
def set_command(  # noqa: PLR0913  (click hands over all of them)
    session: Session,
    grade: str,
    words: Sequence[str],
    *,
    start: datetime | None,
    reason: str,
    expect_version: int | None,
    as_json: bool,
) -> None:
    """Write a new version of a policy."""
    from crmcore_abc_analysis.policies.changing import set_policy

    first = start.date() if start else None
    made = set_policy(
        session.app, session.actor, grade, _pairs(words), reason, first, expect_version=expect_version
    )
    if as_json:
        emit(made)
        return
    if made["until"]:
        sentence = _(
            "Class {grade} is served by version {version} from {valid_from} until {until}; then version {followed_by} takes over."
        )
    else:
        sentence = _("Class {grade} is served by version {version} from {valid_from} on.")
    echo(sentence.format(**made))
    for change in made["changes"]:
        echo(_change_words(change))


def _pairs(words: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign:
            raise UsageProblem(
                _("{word!r} is no KEY=VALUE; write it like visit_interval_days=14").format(word=word)
            )
        if key in pairs:
            raise UsageProblem(_("{key} is given twice; give it once").format(key=key))
        pairs[key] = value
    return pairs


@policy.command(
    "history", cls=Command, help=N_("List the versions of the policies, what each changed, by whom and why.")
)
@click.argument("grade", required=False)
@json_option
@pass_session
def history_command(session: Session, grade: str | None, *, as_json: bool) -> None:
    """List versions."""
    from crmcore_abc_analysis.policies.changing import PLUGIN
    from crmcore_abc_analysis.policies.checks import require_grade
    from crmcore_abc_analysis.policies.versions import policy_history

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = policy_history(ctx, grade)
        if grade is not None and not found:
            require_grade(ctx, grade)
    if as_json:
        emit_lines(found)
    elif found:
        show_table(_version_table(found, session.app.config.timezone))
    else:
        echo(_("No policy was changed yet; they are as the settings say."))


def _policy_table(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("grade", _("Class")),
        Column("visits", _("Days between visits")),
        Column("visitor", _("Visitor")),
        Column("complaints", _("Complaint priority"), "integer"),
        Column("discount", _("Discount ceiling"), "share"),
        Column("approval", _("Approval")),
        Column("version", _("Version")),
        Column("valid_from", _("Valid from"), "date"),
        Column("valid_until", _("Until"), "date"),
    )
    rows = [
        (
            one["grade"],
            _value_words("visit_interval_days", one["policy"]["visit_interval_days"]),
            _value_words("visitor", one["policy"]["visitor"]),
            one["policy"]["complaint_priority"],
            Decimal(one["policy"]["discount_ceiling"]),
            _value_words("approval_level", one["policy"]["approval_level"]),
            str(one["version"]) if one["version"] is not None else _("settings"),
            _day(one["valid_from"]),
            _day(one["valid_until"]),
        )
        for one in found["policies"]
    ]
    title = _("How customers are served on {day}").format(day=found["on"])
    return Table("policies", title, columns, rows)


def _overruled_sentences(policies: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in policies:
        for change in one["overruled"]:
            yield _(
                "Class {grade}: crm.toml now says {key} = {value}, but version {version} stands before it; let it hold with: {command}"
            ).format(
                grade=one["grade"],
                key=change["key"],
                value=change["settings"],
                version=one["version"],
                command=f"crm abc policy set {one['grade']} {change['key']}={change['settings']} --reason TEXT",
            )


def _version_table(versions: Iterable[Mapping[str, Any]], zone: tzinfo) -> Table:
    columns = (
        Column("grade", _("Class")),
        Column("version", _("Version"), "integer"),
        Column("valid_from", _("Valid from"), "date"),
        Column("changes", _("Changes")),
        Column("author", _("Changed by")),
        Column("reason", _("Reason")),
        Column("written", _("Changed at"), "datetime"),
    )
    rows = [
        (
            one["grade"],
            one["version"],
            _day(one["valid_from"]),
            "; ".join(map(_change_words, one["changes"])),
            one["author"],
            one["reason"],
            datetime.fromisoformat(one["written_at"]).astimezone(zone),
        )
        for one in versions
    ]
    return Table("versions", _("Versions of the policies"), columns, rows)


def _change_words(change: Mapping[str, Any]) -> str:
    key = change["key"]
    titles = {
        "visit_interval_days": _("Days between visits"),
        "visitor": _("Visitor"),
        "complaint_priority": _("Complaint priority"),
        "discount_ceiling": _("Discount ceiling"),
        "approval_level": _("Approval"),
    }
    after = _value_words(key, change["after"])
    if change["before"] is None:
        return f"{titles[key]}: {after}"
    return f"{titles[key]}: {_value_words(key, change['before'])} → {after}"


def _value_words(key: str, value: Any) -> str:
    """Write a value of a policy for people."""
    words = {
        "manager": _("manager"),
        "rep_and_manager": _("representative and manager"),
        "rep": _("representative"),
        "rep_or_phone": _("representative or telephone"),
        "general_manager": _("general manager"),
    }
    if key == "visit_interval_days" and value == 0:
        return _("on demand")
    if key == "discount_ceiling":
        return f"{Decimal(value):.2%}"
    return words.get(value, str(value))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
