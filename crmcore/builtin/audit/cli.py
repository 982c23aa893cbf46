"""`crm history` and `crm audit …`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.records.options import DAY, SHOWN, day_of, limit_option
from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
    warn,
)
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_PLUGIN = "records"
_ENTITIES = ("customer", "contact", "interaction", "document")
_KINDS = ("backup", "copy", "export", "extract", "list", "report", "sensitive")


@click.command(
    "history",
    cls=Command,
    help=N_("Show what was changed of a customer, contact, interaction or document: who, when, why."),
)
@click.argument("code")
@click.option(
    "--entity", type=click.Choice(_ENTITIES), help=N_("What the code is of, where several things have it.")
)
@click.option("--field", metavar="FIELD", help=N_("Only changes of this field, such as phone."))
@limit_option
@json_option
@pass_session
def history(session: Session, code: str, limit: int | None, **options: Any) -> None:
    """Show a history, oldest first."""
    from crmcore.builtin.audit.finding import find
    from crmcore.builtin.audit.history import history as lines_of
    from crmcore.builtin.audit.history import sensitive_in
    from crmcore.builtin.privacy.restricted import require_about_shown, require_shown
    from crmcore.builtin.privacy.rows import WHOSE

    entity, as_json = options["entity"], options["as_json"]
    limit = limit if as_json else limit or SHOWN
    with session.app.read(_PLUGIN, session.actor) as ctx:
        found = find(ctx.connection, code, [entity] if entity else _ENTITIES)
        meant = [one for one in found if one.entity == found[0].entity]
        for one in meant:
            if one.entity in WHOSE:
                require_shown(session.app, ctx, one.entity, one.id)
            else:
                require_about_shown(session.app, ctx, _whose(session, ctx, one.entity, one.id))
        lines = lines_of(session.app, ctx, meant, limit, options["field"])
    for other in dict.fromkeys(one.entity for one in found if one not in meant):
        warn(_also(code, other))
    if read := sensitive_in(session.app, lines):
        shown = f"{code}: {','.join(sorted(read))}"
        session.app.log_read(session.actor, "sensitive", found[0].entity, 1, shown)
    if as_json:
        emit_lines(line.as_json() for line in lines)
        return
    from crmcore.builtin.audit.display import print_history

    print_history(session, lines, limit)


def _whose(session: Session, ctx: Context, entity: str, number: int) -> Any:
    """Return whom a row names that is there; of one that was deleted nobody knows."""
    import sqlalchemy as sa

    table = session.app.tables[entity].table
    row = ctx.connection.execute(sa.select(table).where(table.c.id == number)).mappings().first()
    return row or {}


def _also(code: str, entity: str) -> str:
    from crmcore.entities.lookup import NOUNS

    message = _("{code} is also the code of a {entity}; for its history add: --entity {word}")
    return message.format(code=code, entity=_(NOUNS[entity]), word=entity)


@click.group(cls=Group, help=N_("The change log and the log of reads: verify, anchor, reads"))
def audit() -> None:
    """Hold the commands below."""


@audit.command(
    "verify",
    cls=Command,
    help=N_("Compute every hash of the change log anew, and name the first entry that is not as written."),
)
@click.option(
    "--anchor",
    metavar="FILE",
    help=N_("Hold it against anchors noted before: a file of them, - for standard input, or POSITION:SEAL."),
)
@click.option("--rows", is_flag=True, help=N_("Also check the rows of all tables against the log."))
@json_option
@pass_session
def verify_command(session: Session, anchor: str | None, *, rows: bool, as_json: bool) -> None:
    """Verify the log; exit code 1 where it is not as it was written."""
    from dataclasses import asdict

    from crmcore.builtin.audit.verify import verify

    anchors = _anchors(anchor) if anchor is not None else []
    verdict = verify(session.app, anchors, rows=rows)
    if as_json:
        emit(asdict(verdict))
    else:
        from crmcore.builtin.audit.display import print_verdict

        print_verdict(verdict)
    if not verdict.ok:
        click.get_current_context().exit(1)


def _anchors(given: str) -> list[Any]:
    from crmcore.builtin.audit.anchor import LONGEST, read_anchors
    from crmcore.errors import NotFound

    if given == "-":
        text = sys.stdin.buffer.read(LONGEST).decode("utf-8-sig", errors="replace")
        return read_anchors(text, _("standard input"))
    path = Path(given)
    if not path.exists() and ":" in given:
        return read_anchors(given, given)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return read_anchors(file.read(LONGEST), given)
    except OSError as error:
        message = _("{file} cannot be read: {error}")
        raise NotFound(message.format(file=given, error=error.strerror)) from None


@audit.command(
    "anchor",
    cls=Command,
    help=N_(
        "Print the head of the change log; kept elsewhere, it proves later that nothing before it was changed."
    ),
)
@json_option
@pass_session
def anchor_command(session: Session, *, as_json: bool) -> None:
    """Print the head."""
    from crmcore.builtin.audit.anchor import newest
    from crmcore.changes import unsealed

    with session.app.read(_PLUGIN, session.actor) as ctx:
        found, waiting = newest(ctx.connection), unsealed(ctx.connection)
    if waiting:
        message = _(
            "{count} transactions are not sealed yet and stand behind this head; seal them with: crm jobs run seal_log"
        )
        warn(message.format(count=waiting))
    if as_json:
        emit(found)
    else:
        echo(f"{found['position']}:{found['seal']}")


@audit.command(
    "reads", cls=Command, help=N_("List who exported, listed in bulk or read sensitive fields, newest first.")
)
@click.option("--by", metavar="ACTOR", help=N_("Only reads by this actor."))
@click.option("--what", type=click.Choice(_KINDS), help=N_("Only reads of this kind."))
@click.option("--since", type=DAY, metavar="DATE", help=N_("From this day on."))
@click.option("--until", type=DAY, metavar="DATE", help=N_("Up to this day, included."))
@limit_option
@json_option
@pass_session
def reads_command(session: Session, since: datetime | None, until: datetime | None, **options: Any) -> None:
    """List recorded reads."""
    from datetime import timedelta

    from crmcore.builtin.audit.past import end_of
    from crmcore.builtin.audit.reads import reads

    as_json, limit = options.pop("as_json"), options.pop("limit")
    limit = limit if as_json else limit or SHOWN
    zone = session.app.config.timezone
    first, last = day_of(since), day_of(until)
    bounds: dict[str, Any] = {
        "since": end_of(first - timedelta(days=1), zone) if first else None,
        "until": end_of(last, zone) if last else None,
    }
    with session.app.read(_PLUGIN, session.actor) as ctx:
        found = reads(ctx, limit=limit, **options, **bounds)
        if as_json:
            emit_lines(found)
        else:
            from crmcore.builtin.audit.display import reads_table

            show_table(reads_table(session, list(found)))
