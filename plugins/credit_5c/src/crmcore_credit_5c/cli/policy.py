"""`crm credit policy show|propose|approve|reject|history|simulate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

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

if TYPE_CHECKING:
    from crmcore.api import Context
    from crmcore_credit_5c.policies.proposing import Wanted
    from crmcore_credit_5c.rules.policy import Grades

_ = translator("crmcore_credit_5c")
_F = TypeVar("_F", bound=Callable[..., Any])
_DAY = click.DateTime(["%Y-%m-%d"])
_request = click.argument("request", type=click.IntRange(1, 2**63 - 1))
_reason = click.option("--reason", required=True, metavar="TEXT", help=N_("Why; it is kept."))


def _wanted(command: _F) -> _F:
    """Let a command take a policy: a grade with what changes of it, or a file with all grades."""
    for option in (
        click.option(
            "--file",
            "path",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.json",
            help=N_("A whole policy, all grades, the best first."),
        ),
        click.argument("words", nargs=-1, metavar="[KEY=VALUE]..."),
        click.argument("grade", required=False),
    ):
        command = option(command)
    return command


@click.group("policy", cls=Group, help=N_("Show, change and try out what each grade means."))
def policy() -> None:
    """Hold the commands below."""


@policy.command("show", cls=Command, help=N_("Show what each grade means on a day."))
@click.option("--on", "on", type=_DAY, metavar="YYYY-MM-DD", help=N_("The day; by default today."))
@json_option
@pass_session
def show_command(session: Session, on: datetime | None, *, as_json: bool) -> None:
    """Show the policy of a day."""
    from crmcore_credit_5c.policies.proposing import PLUGIN
    from crmcore_credit_5c.policies.versions import shown

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = shown(ctx, on.date() if on else ctx.today)
    if as_json:
        emit(found)
        return
    show_table(_policy_table(found))
    if found["version"] is None:
        echo(_("As the settings say: no version has been approved for that day."))
    else:
        echo(_("Version {version}, from {valid_from} on, approved by {decided_by}: {reason}").format(**found))


@policy.command(
    "propose",
    cls=Command,
    help=N_("Ask for another policy: GRADE KEY=VALUE …, or all grades with --file."),
)
@_wanted
@click.option(
    "--from",
    "start",
    type=_DAY,
    metavar="YYYY-MM-DD",
    help=N_("The first day on which it holds; by default today."),
)
@_reason
@json_option
@pass_session
def propose_command(  # noqa: PLR0913  (click hands over all of them)
    session: Session,
    grade: str | None,
    words: Sequence[str],
    path: Path | None,
    start: datetime | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Propose a policy."""
    from crmcore_credit_5c.policies.proposing import propose

    wanted = wanted_policy(grade, words, path)
    if wanted is None:
        raise UsageProblem(
            _("nothing to change was given; name a grade with KEY=VALUE …, or --file FILE.json")
        )
    made = propose(session.app, session.actor, wanted, reason, start.date() if start else None)
    if as_json:
        emit(made)
        return
    echo(_("Request {request}: the policy from {valid_from} on.").format(**made))
    for change in made["changes"]:
        echo(change_words(change))
    if made["state"] == "requested":
        echo(_("It waits for: crm credit policy approve {request} --reason TEXT").format(**made))


@policy.command("approve", cls=Command, help=N_("Approve a policy that was proposed."))
@_request
@_reason
@json_option
@pass_session
def approve_command(session: Session, request: int, reason: str, *, as_json: bool) -> None:
    """Approve a policy."""
    message = _("Version {version} of the policy holds from {valid_from} on.")
    _decide(session, request, "approve", reason, message, as_json=as_json)


@policy.command("reject", cls=Command, help=N_("Reject a policy that was proposed."))
@_request
@_reason
@json_option
@pass_session
def reject_command(session: Session, request: int, reason: str, *, as_json: bool) -> None:
    """Reject a policy."""
    message = _("Request {request} is rejected; the policy stays as it is.")
    _decide(session, request, "reject", reason, message, as_json=as_json)


def _decide(
    session: Session,
    request: int,
    decision: Literal["approve", "reject"],
    reason: str,
    message: str,
    *,
    as_json: bool,
) -> None:
    from crmcore_credit_5c.policies.proposing import decide

    done = decide(session.app, session.actor, request, decision, reason)
    if as_json:
        emit(done)
    else:
        echo(message.format(**done))


@policy.command("history", cls=Command, help=N_("List the versions that were approved, the newest first."))
@json_option
@pass_session
def history_command(session: Session, *, as_json: bool) -> None:
    """List versions."""
    from crmcore_credit_5c.policies.proposing import PLUGIN
    from crmcore_credit_5c.policies.versions import history

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = history(ctx)
    if as_json:
        emit_lines(found)
        return
    if not found:
        echo(_("No version has been approved yet; what holds says: crm credit policy show"))
    for version in found:
        echo(
            _(
                "Version {version}, from {valid_from} on, by {author}, approved by {decided_by}: {reason}"
            ).format(**version)
        )
        for change in version["changes"]:
            echo("  " + change_words(change))


@policy.command(
    "simulate",
    cls=Command,
    help=N_("Show which orders of the past year a policy would have held, and how they were paid."),
)
@_wanted
@click.option(
    "--request", type=click.IntRange(1, 2**63 - 1), metavar="N", help=N_("The policy of this request.")
)
@click.option("--from", "start", type=_DAY, metavar="YYYY-MM-DD", help=N_("The first day of orders."))
@click.option("--to", "end", type=_DAY, metavar="YYYY-MM-DD", help=N_("The last day of orders."))
@json_option
@pass_session
def simulate_command(  # noqa: PLR0913  (click hands over all of them)
    session: Session,
    grade: str | None,
    words: Sequence[str],
    path: Path | None,
    request: int | None,
    *,
    start: datetime | None,
    end: datetime | None,
    as_json: bool,
) -> None:
    """Try a policy on the past."""
    from crmcore_credit_5c.policies.proposing import PLUGIN
    from crmcore_credit_5c.policies.simulating import simulate

    with session.app.read(PLUGIN, session.actor) as ctx:
        proposed = _proposed(ctx, wanted_policy(grade, words, path), request)
        days: list[date | None] = [day.date() if day else None for day in (start, end)]
        found = simulate(ctx, proposed, *days)
    if as_json:
        emit(found)
    else:
        show_simulation(found)


def _proposed(ctx: Context, wanted: Wanted | None, request: int | None) -> Grades | None:
    from crmcore_credit_5c.policies.proposing import requested_grades, wanted_grades

    if request is not None and wanted is not None:
        raise UsageProblem(_("give a policy or --request {number}, not both").format(number=request))
    if request is not None:
        return requested_grades(ctx, request)
    return None if wanted is None else wanted_grades(ctx, wanted, ctx.today)


def wanted_policy(grade: str | None, words: Sequence[str], path: Path | None) -> Wanted | None:
    """Return what was typed of a policy; UsageProblem where it is both a grade and a file, or no KEY=VALUE."""
    if path is not None:
        if grade is not None:
            raise UsageProblem(_("give grade {grade!r} or --file, not both").format(grade=grade))
        return path
    if grade is None:
        return None
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key in pairs:
            message = _(
                "{word!r} is no KEY=VALUE, or its key stands there twice; write for example {example}"
            )
            raise UsageProblem(message.format(word=word, example="payment_days=30"))
        pairs[key] = value
    return grade, pairs


def change_words(change: Mapping[str, Any]) -> str:
    """Say in one line what a version changes."""
    nothing = "–"
    before, after = (nothing if change[side] is None else change[side] for side in ("before", "after"))
    return f"{change['grade']}: {_key_title(change['key'])} {before} → {after}"


def _key_title(key: str) -> str:
    return {
        "payment_days": _("payment days"),
        "cap": _("highest limit"),
        "deposit": _("deposit"),
        "hold": _("orders are held"),
        "overdue_days": _("days overdue allowed"),
        "review_days": _("days until the next assessment"),
    }[key]


def _hold_title(hold: str) -> str:
    return {
        "limit": _("beyond the limit"),
        "overdue": _("beyond the limit or overdue"),
        "prepayment": _("until paid"),
        "never": _("never"),
    }[hold]


def _policy_table(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("grade", _("Grade")),
        Column("payment_days", _("Payment days"), "integer"),
        Column("cap", _("Highest limit")),
        Column("deposit", _("Deposit")),
        Column("hold", _("Orders are held")),
        Column("overdue_days", _("Days overdue allowed"), "integer"),
        Column("review_days", _("Next assessment after days"), "integer"),
    )
    rows = [
        (
            terms["grade"],
            terms["payment_days"],
            terms.get("cap"),
            terms["deposit"],
            _hold_title(terms["hold"]),
            terms["overdue_days"],
            terms["review_days"],
        )
        for terms in found["grades"]
    ]
    title = _("Credit policy on {on}, amounts in {currency}").format(**found)
    return Table("policy", title, columns, rows)


def show_simulation(found: Mapping[str, Any]) -> None:
    """Print what policies would have held."""
    from crmcore_credit_5c.money import left_out_sentences

    columns = (
        Column("policy", _("Policy")),
        Column("orders", _("Orders")),
        Column("count", _("Number"), "integer"),
        Column("amount", _("Amount"), "amount"),
        Column("late", _("Paid late"), "amount"),
        Column("unpaid", _("Not paid"), "amount"),
    )
    rows = [
        (policy_title(one["policy"]), title, sums["orders"], *amounts_of(sums))
        for one in found["policies"]
        for title, sums in _parts(one)
    ]
    title = _("Orders from {from} to {to}").format(**found)
    show_table(Table("simulation", title, columns, rows, found["currency"]))
    if found["judged_by_today"]:
        message = _(
            "{judged_by_today} orders were judged by the grade or limit of today, since none held on their day."
        )
        echo(message.format(**found))
    for sentence in left_out_sentences(found["left_out"]):
        echo(sentence)


def policy_title(name: str) -> str:
    """Return what people call one of the policies that are compared."""
    return {"in_force": _("in force"), "proposed": _("proposed")}[name]


def _parts(one: Mapping[str, Any]) -> list[tuple[str, Mapping[str, int]]]:
    by_rule = [("  " + rule_title(its["rule"]), its) for its in one["by_rule"]]
    return [(_("held"), one["held"]), *by_rule, (_("released"), one["released"])]


def amounts_of(sums: Mapping[str, int]) -> tuple[int, int, int]:
    """Return the amounts in the order of the columns."""
    return sums["amount_minor"], sums["late_minor"], sums["unpaid_minor"]


def rule_title(rule: str) -> str:
    """Return what people call a rule by which orders are held."""
    return {
        "limit": _("beyond the limit"),
        "group_limit": _("beyond the group's limit"),
        "no_limit": _("no limit set"),
        "overdue": _("overdue"),
        "prepayment": _("not paid in advance"),
        "deposit": _("no deposit"),
    }[rule]
