"""`crm duplicates review` and `never`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.duplicates.cli_find import PLUGIN, certainty_option, pairs_table, recorded
from crmcore.builtin.records.options import limit_option, version_option
from crmcore.cli.kit import Command, Session, echo, emit, emit_lines, json_option, pass_session, show_table
from crmcore.errors import UsageProblem
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.builtin.duplicates.cards import Card
    from crmcore.plugins.types import Context

AT_ONCE = 5
_FIELDS = ("name", "short_name", "kind", "tax_id", "phone", "address", "contacts", "place")


@click.command(cls=Command, help=N_("Show pairs that wait for a decision, both customers side by side."))
@certainty_option
@click.option("--never", "decided", is_flag=True, help=N_("Those of which it was said that they are two."))
@limit_option
@json_option
@pass_session
def review_command(
    session: Session, certainty: str, limit: int | None, *, decided: bool, as_json: bool
) -> None:
    """Show pairs."""
    limit = limit if as_json else limit or AT_ONCE
    filters = {"certainty": certainty, "limit": limit, "never": decided or None}
    with session.app.read(PLUGIN, session.actor) as ctx:
        pairs = _pairs(ctx, certainty, limit, decided=decided)
        with recorded(session, ctx, pairs, filters) as shown:
            if as_json:
                emit_lines(shown)
                return
            lines = list(shown)
    for pair in lines:
        _show(pair, decided=decided)
    if not lines:
        echo(_("No pair waits for a decision; look for more with: crm duplicates find"))


def _pairs(ctx: Context, certainty: str, limit: int | None, *, decided: bool) -> Iterator[dict[str, Any]]:
    from crmcore.builtin.duplicates.listing import list_pairs

    state = "never" if decided else "open"
    for pair, one, other in list_pairs(ctx, limit=certainty, state=state, most=limit):
        yield {**pair, "fields": _side_by_side(one, other)}


def _side_by_side(one: Card, other: Card) -> list[dict[str, Any]]:
    """Return what both cards say of each field that is compared."""
    sides = [(name, _value(one, name), _value(other, name)) for name in _FIELDS]
    return [{"field": name, "a": a, "b": b} for name, a, b in sides if a is not None or b is not None]


def _value(card: Card, name: str) -> str | None:
    if name == "contacts":
        return ", ".join(sorted(person.name for person in card.people)) or None
    if name == "place":
        return card.place or None
    if name == "tax_id":
        return card.tax_id.shown if card.tax_id else None
    return card.row[name] or None


def _show(pair: Mapping[str, Any], *, decided: bool) -> None:
    from crmcore.builtin.duplicates.words import shown_certainty, shown_kind
    from crmcore.builtin.records.words import shown

    a, b = pair["a"], pair["b"]
    echo(f"{a} · {b}  {pair['score']}  {shown_certainty(pair['certainty'])}")
    if decided:
        echo(
            _("Two customers, says {actor}: {reason}").format(actor=pair["decided_by"], reason=pair["reason"])
        )
        show_table(pairs_table([pair]))
        echo(f"  crm duplicates never {a} {b} --undo")
        return
    titles = _titles()
    columns = (Column("field", _("Field")), Column("a", a), Column("b", b))
    told = {one["field"]: (one["a"] or "", one["b"] or "") for one in pair["fields"]}
    told["kind"] = (shown(told["kind"][0]), shown(told["kind"][1]))
    rows = [(titles[name], *sides) for name, sides in told.items()]
    show_table(Table("cards", "", columns, rows))
    why = (Column("why", _("Why")), Column("points", _("Points"), "integer"))
    show_table(Table("why", "", why, [(shown_kind(one["kind"]), one["score"]) for one in pair["why"]]))
    echo(_("One customer: {command}").format(command=f"crm duplicates merge {b} {a} --reason …"))
    echo(_("Two customers: {command}").format(command=f"crm duplicates never {a} {b} --reason …"))


def _titles() -> dict[str, str]:
    return {
        "name": _("Name"),
        "short_name": _("Short name"),
        "kind": _("Kind"),
        "tax_id": _("Tax id"),
        "phone": _("Phone"),
        "address": _("Address"),
        "contacts": _("Contacts"),
        "place": _("City"),
    }


@click.command(cls=Command, help=N_("Say that two customers are not the same; they are not listed again."))
@click.argument("a")
@click.argument("b")
@click.option("--reason", default="", help=N_("Why they are two; it stands with the pair."))
@click.option("--undo", is_flag=True, help=N_("Take that back: the pair is open again."))
@version_option
@json_option
@pass_session
def never_command(session: Session, a: str, b: str, *, undo: bool, as_json: bool, **options: Any) -> None:
    """Decide that two customers are two."""
    reason, seen = options["reason"].strip(), options["expect_version"]
    from crmcore.builtin.duplicates.deciding import never, take_back
    from crmcore.builtin.duplicates.listing import read_pair

    if undo:
        number = take_back(session.app, session.actor, (a, b), expect_version=seen)
        message = _("{a} and {b} may be one customer again.")
    elif not reason:
        raise UsageProblem(_("say why {a} and {b} are two: --reason").format(a=a, b=b))
    else:
        number = never(session.app, session.actor, (a, b), reason, expect_version=seen)
        message = _("{a} and {b} are two customers.")
    if not as_json:
        echo(message.format(a=a, b=b))
        return
    with session.app.read(PLUGIN, session.actor) as ctx:
        emit(read_pair(ctx, number))
