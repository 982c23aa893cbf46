"""`crm plugins settings`: what a plugin goes by, where each value comes from, and how to change it."""

from __future__ import annotations

import click

from crmcore.cli.kit import (
    Command,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
    warn,
)
from crmcore.errors import UsageProblem
from crmcore.i18n import N_, _, translate


@click.command(
    "settings",
    cls=Command,
    # A value may begin with a hyphen, and no letter in it asks for help.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    help=N_(
        "Show a plugin's settings: key, value, origin, description; set KEY VALUE changes one in crm.toml, unset KEY goes back to the default."
    ),
)
@click.argument("name", metavar="NAME")
@click.argument("change", metavar="[set KEY VALUE | unset KEY]", nargs=-1, type=click.UNPROCESSED)
@json_option
@pass_session
def settings(session: Session, name: str, change: tuple[str, ...], *, as_json: bool) -> None:
    """Show or change settings."""
    if "-h" in (name, *change[:2]):  # anywhere but in the place of a value
        echo(click.get_current_context().get_help())
    elif change:
        _change(session, name, change, as_json=as_json)
    else:
        _show(session, name, as_json=as_json)


def _show(session: Session, name: str, *, as_json: bool) -> None:
    from crmcore.builtin.administration.settings.change import manifest_of
    from crmcore.builtin.administration.settings.rows import lines_of, rows_of
    from crmcore.plugins.types import Column, Table

    manifest = manifest_of(name)
    rows = rows_of(session.config, manifest, warn)
    if as_json:
        emit_lines(rows)
        return
    columns = (
        Column("key", _("Key")),
        Column("value", _("Value")),
        Column("origin", _("Origin")),
        Column("description", _("Description")),
    )
    title = translate(manifest.package.split(".")[0], manifest.title)
    show_table(Table("settings", title, columns, lines_of(rows)))


def _change(session: Session, name: str, change: tuple[str, ...], *, as_json: bool) -> None:
    from crmcore.builtin.administration.settings.change import change_setting, manifest_of
    from crmcore.builtin.administration.settings.keys import join_key, split_key
    from crmcore.builtin.administration.settings.rows import empty_row, rows_of

    key, words = _read(change)
    changed = change_setting(session.app, name, key, words, session.actor)
    key = join_key(split_key(key))
    if as_json:
        rows = rows_of(session.app.config, manifest_of(name), lambda _sentence: None)
        emit(next((row for row in rows if row["key"] == key), empty_row(key)))
    elif not changed:
        echo(_("Nothing to change."))
    else:
        said = _("Unset: {key}") if words is None else _("Set: {key}")
        echo(said.format(key=f"plugins.{name}.{key}"))


def _read(change: tuple[str, ...]) -> tuple[str, str | None]:
    """Return key and typed value of a change; what was typed is not shown again, it may be a secret."""
    verb, *words = change
    if verb == "unset" and len(words) == 1:
        return words[0], None
    if verb == "set" and len(words) == 2:  # noqa: PLR2004  (KEY VALUE)
        return words[0], words[1]
    if verb == "set" and len(words) > 2:  # noqa: PLR2004
        raise UsageProblem(
            _("set takes one KEY and one VALUE; put quotation marks around a value with blanks")
        )
    raise UsageProblem(_("after the name of the plugin comes nothing, set KEY VALUE, or unset KEY"))
