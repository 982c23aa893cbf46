"""What commands are made of: lazy groups, help in the user's language, safe output.

Help texts are English in the code and translated when shown, by the catalogue of the command's own package.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cached_property, update_wrapper
from gettext import gettext
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from crmcore import i18n
from crmcore.i18n import N_, _
from crmcore.text import SECRETS, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from crmcore.app import App
    from crmcore.config import Config
    from crmcore.plugins.types import Chart, Table


class Session:
    """One call of the command line: where, who, and the app once it is needed."""

    def __init__(self, folder: str | None = None, *, no_plugins: bool = False, debug: bool = False) -> None:
        """Open nothing yet."""
        self.given_folder = folder
        self.given_actor: str | None = None
        self.no_plugins = no_plugins
        self.debug = debug

    @cached_property
    def config(self) -> Config:
        """The workspace's configuration."""
        from crmcore.config import find_workspace, load_config

        return load_config(find_workspace(self.given_folder))

    @cached_property
    def app(self) -> App:
        """The opened workspace; its warnings go to stderr."""
        from crmcore.app import create_app

        app = create_app(self.config, no_plugins=self.no_plugins)
        app.on_warning = warn
        return app

    @property
    def actor(self) -> str:
        """Who acts: --actor, then CRM_ACTOR, then the user of the operating system."""
        from crmcore.app import authenticated_as

        return self.given_actor or os.environ.get("CRM_ACTOR") or authenticated_as()

    def close(self) -> None:
        """Close the app if it was opened."""
        if "app" in self.__dict__:
            self.app.close()


def _package_of(callback: Callable[..., Any] | None) -> str:
    return (callback.__module__ if callback else "crmcore").split(".")[0]


class _Translated:
    """Shows a command's own texts in the user's language."""

    callback: Callable[..., Any] | None
    help: str | None
    package: str | None = None

    def _in_language(self, text: str | None) -> str | None:
        return i18n.translate(self.package or _package_of(self.callback), text) if text else text


def _common_options() -> list[click.Parameter]:
    """Return the options that stand before or after a command."""
    return [
        click.Option(
            ["--actor"], help=N_("Who acts (code of an actor)."), expose_value=False, callback=_set_actor
        ),
        click.Option(["--lang"], help=N_("Language: en or zh_CN."), expose_value=False),
    ]


class Command(_Translated, click.Command):
    """A command whose help is translated, and that takes --actor and --lang too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the options that every command takes."""
        super().__init__(*args, **kwargs)
        self.params += _common_options()

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the help in the user's language."""
        _format_translated(self, click.Command.format_help_text, ctx, formatter)

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002  (click's signature)
        """Return the first sentence in the user's language."""
        return (self._in_language(self.help) or "").split("\n", maxsplit=1)[0]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options in the user's language."""
        _format_translated_options(self, ctx, formatter)


class Group(_Translated, click.Group):
    """A group of commands; members may be named by `module:attribute` and are imported when used."""

    command_class = Command

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        """Take lazy members: name → (help, `module:attribute`)."""
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})
        if not any(parameter.name == "lang" or "--lang" in parameter.opts for parameter in self.params):
            self.params += _common_options()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all members' names, sorted."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a member, importing it if need be."""
        if cmd_name in self.lazy:
            module, attribute = self.lazy[cmd_name][1].split(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the member, or say which one may be meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = (
                _("did you mean {near!r}?").format(near=near[0])
                if near
                else _("see {path} --help").format(path=ctx.command_path)
            )
            message = _("there is no command {name!r}; {hint}").format(name=args[0], hint=hint)
            raise click.UsageError(message, ctx) from None

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the help in the user's language."""
        _format_translated(self, click.Group.format_help_text, ctx, formatter)

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002  (click's signature)
        """Return the first sentence in the user's language."""
        return (self._in_language(self.help) or "").split("\n", maxsplit=1)[0]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show options and members in the user's language."""
        _format_translated_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the members; lazy ones are not imported."""
        rows = []
        for name in self.list_commands(ctx):
            if name in self.lazy:
                help_text, target = self.lazy[name]
                rows.append((name, i18n.translate(target.split(".")[0].split(":")[0], help_text)))
            elif (command := super().get_command(ctx, name)) is not None and not command.hidden:
                rows.append((name, command.get_short_help_str()))
        if rows:
            with formatter.section(_("Commands")):
                formatter.write_dl(rows)


def _format_translated(
    command: Any, original: Callable[..., None], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    english = command.help
    command.help = command._in_language(english)  # noqa: SLF001
    try:
        original(command, ctx, formatter)
    finally:
        command.help = english


def _format_translated_options(command: Any, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    rows = []
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Argument):
            continue  # they stand in the usage line
        record = parameter.get_help_record(ctx)
        if record is not None:
            english = getattr(parameter, "help", None) or ""
            own = (
                "crmcore"
                if parameter.name in {"actor", "lang", "as_json"}
                else command.package or _package_of(command.callback)
            )
            if "--help" in parameter.opts:  # click keeps its text in the language of the first call
                shown = gettext("Show this message and exit.")
            else:
                shown = record[1].replace(english, i18n.translate(own, english), 1) if english else record[1]
            rows.append((record[0], shown))
    if rows:
        with formatter.section(_("Options")):
            formatter.write_dl(rows)


def _set_actor(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    session = ctx.find_object(Session)
    if session is not None and value:
        session.given_actor = value


def pass_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hand the session to a command as its first argument."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return function(click.get_current_context().find_object(Session), *args, **kwargs)

    return update_wrapper(wrapped, function)


json_option = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON."))
"""The option --json, handed over as `as_json`."""


def emit(value: Any) -> None:
    """Print one JSON document on stdout; personal or not, exactly as it is, but for the secrets of plugins."""
    click.echo(_json(value))


def emit_lines(values: Iterable[Any]) -> None:
    """Print JSON Lines on stdout, one value a line, as they come."""
    for value in values:
        click.echo(_json(value))


def _json(value: Any) -> str:
    from crmcore.db.base import dumps

    text = dumps(value)
    if SECRETS:
        from crmcore.builtin.administration.settings.secrecy import hidden_in_json

        text = hidden_in_json(text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if encoding.lower().replace("-", "") == "utf8":
        return text
    return json.dumps(json.loads(text), separators=(",", ":"))


def echo(text: str = "") -> None:
    """Print a line on stdout, control and bidi characters removed."""
    click.echo("\n".join(printable(line) for line in text.split("\n")))


def warn(message: str) -> None:
    """Print a warning on stderr."""
    click.echo("crm: " + _("warning: {message}").format(message=printable(message)), err=True)


def show_table(table: Table) -> None:
    """Print a table for the terminal's width."""
    from crmcore.builtin.reports.terminal import print_table

    print_table(table)


def show_chart(chart: Chart) -> None:
    """Print a chart with block characters."""
    from crmcore.builtin.reports.terminal_charts import print_chart

    print_chart(chart)
