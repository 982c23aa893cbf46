"""`crm duplicates merge` and `unmerge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import Command, Session, echo, emit, json_option, pass_session, show_table
from crmcore.errors import Guarded, UsageProblem
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.builtin.duplicates.merging import Merged, Wish
    from crmcore.catalogue import CatalogueField

_LISTED = 20


@click.command(
    cls=Command,
    help=N_("Merge one customer into another: all that names it moves, both codes stay findable."),
)
@click.argument("gone", metavar="FROM")
@click.argument("remaining", metavar="INTO")
@click.option("--reason", required=True, help=N_("Why the two are one; it stands with the merge."))
@click.option(
    "--take",
    multiple=True,
    metavar="FIELD=CODE",
    help=N_("Whose value of a field stays where both have one; by default that of INTO. May be repeated."),
)
@click.option(
    "--expect-version",
    "versions",
    multiple=True,
    metavar="CODE=N",
    help=N_("Refuse the merge unless this customer still has this version. May be repeated."),
)
@click.option("--yes", is_flag=True, help=N_("Do it; without, the plan is shown and nothing is done."))
@json_option
@pass_session
def merge_command(session: Session, *, yes: bool, as_json: bool, **options: Any) -> None:
    """Merge two customers."""
    from crmcore.builtin.duplicates.merging import merge, plan_merge

    wish = _wish(**options)
    merged = (merge if yes else plan_merge)(session.app, session.actor, wish)
    _record_sensitive(session, merged)
    if as_json:
        emit(merged.as_json(done=yes))
    else:
        _show(merged, session.app.catalogue.fields, done=yes)
    if not yes:
        raise Guarded(_("nothing was merged yet; do it with --yes"))


@click.command(cls=Command, help=N_("Take a merge back, also after later edits."))
@click.argument("code", metavar="FROM")
@click.option("--reason", required=True, help=N_("Why; it stands with the merge."))
@json_option
@pass_session
def unmerge_command(session: Session, code: str, reason: str, *, as_json: bool) -> None:
    """Take a merge back."""
    from crmcore.builtin.duplicates.unmerging import unmerge

    done = unmerge(session.app, session.actor, code, _reason(reason))
    if as_json:
        emit(done)
        return
    echo(
        _("{gone} is a customer of its own again, no part of {remaining}.").format(
            gone=code, remaining=done["into"]
        )
    )
    echo(_("As before: {count} rows").format(count=f"{done['restored'] + done['removed']:,}"))
    if done["conflicts"]:
        echo(_("Left as it is: {count}").format(count=f"{len(done['conflicts']):,}"))
        _show_conflicts(done["conflicts"])


def _wish(gone: str, remaining: str, reason: str, take: Sequence[str], versions: Sequence[str]) -> Wish:
    from crmcore.builtin.duplicates.merging import Wish

    taken = [_pair("--take", "FIELD=CODE", text) for text in take]
    for name, code in taken:
        if code not in (gone, remaining):
            message = _("--take {field}={code}: name {gone} or {remaining}")
            raise UsageProblem(message.format(field=name, code=code, gone=gone, remaining=remaining))
    chosen = frozenset(name for name, code in taken if code == gone != remaining)
    return Wish(gone, remaining, _reason(reason), chosen, dict(map(_version, versions)))


def _pair(option: str, form: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageProblem(_("{option} {text!r}: write {form}").format(option=option, text=text, form=form))
    return name, value


def _version(text: str) -> tuple[str, int]:
    code, number = _pair("--expect-version", "CODE=N", text)
    if not number.isdecimal() or len(number) > 9:  # noqa: PLR2004  (nobody edits a row that often)
        raise UsageProblem(_("--expect-version {text!r}: write CODE=N").format(text=text))
    return code, int(number)


def _reason(text: str) -> str:
    from crmcore.builtin.approvals.values import cleaned_reason

    reason = cleaned_reason(text)
    if not reason:
        raise UsageProblem(_("--reason is empty; say why"))
    return reason


def _record_sensitive(session: Session, merged: Merged) -> None:
    """Record that sensitive values of either customer were shown."""
    sensitive = {f.name for f in session.app.catalogue.fields.values() if f.sensitive}
    read = sorted(sensitive.intersection(choice.field for choice in merged.choices))
    if read:
        whose = f"{merged.gone['code']}…{merged.remaining['code']}: {','.join(read)}"
        session.app.log_read(session.actor, "sensitive", "customer", 2, whose)


# -- for people --------------------------------------------------------------------------------------------------


def _show(merged: Merged, catalogue: Mapping[str, CatalogueField], *, done: bool) -> None:
    told = {"gone": merged.gone["code"], "remaining": merged.remaining["code"]}
    heading = (
        _("{gone} was merged into {remaining}.") if done else _("{gone} would be merged into {remaining}:")
    )
    echo(heading.format(**told))
    plan = merged.as_json(done=done)
    if plan["fields"]:
        show_table(_fields_table(plan["fields"], catalogue, told))
    if plan["moved"]:
        show_table(_moved_table(plan["moved"]))
    if done:
        echo(_("Take it back with: crm duplicates unmerge {gone} --reason …").format(**told))


def _fields_table(
    fields: Sequence[Mapping[str, Any]], catalogue: Mapping[str, CatalogueField], told: Mapping[str, str]
) -> Table:
    from crmcore.builtin.records.card import field_text

    ways = {
        "kept": told["remaining"],
        "filled": _("{gone} (was empty)").format(**told),
        "taken": told["gone"],
    }
    columns = (
        Column("field", _("Field")),
        Column("from", told["gone"]),
        Column("into", told["remaining"]),
        Column("stays", _("Stays")),
    )
    known = [(catalogue.get(f["field"]), f) for f in fields]
    rows = [
        (
            field.shown_title if field else f["field"],
            field_text(field, f["from"]),
            field_text(field, f["into"]),
            ways[f["stays"]],
        )
        for field, f in known
    ]
    return Table("fields", "", columns, rows)


def _moved_table(moved: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("table", _("Table")),
        Column("column", _("Column")),
        Column("plugin", _("Plugin")),
        Column("rows", _("Move"), "integer"),
        Column("kept", _("Stay"), "integer"),
        Column("removed", _("Joined"), "integer"),
    )
    names = [column.name for column in columns]
    return Table("moved", "", columns, [tuple(one[name] for name in names) for one in moved])


def _show_conflicts(conflicts: Sequence[Mapping[str, Any]]) -> None:
    columns = (
        Column("entity", _("Entity")),
        Column("key", _("Key")),
        Column("field", _("Field")),
        Column("why", _("Why")),
    )
    names = [column.name for column in columns]
    rows = [tuple(conflict[name] for name in names) for conflict in conflicts[:_LISTED]]
    show_table(Table("conflicts", "", columns, rows))
    if len(conflicts) > _LISTED:
        more = f"{len(conflicts) - _LISTED:,}"
        echo(_("… and {count} more (--json lists all)").format(count=more))
