"""The command `crm`: finds the words for its commands without importing what they do."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import click

from crmcore import __version__
from crmcore.cli.kit import Group, Session, warn
from crmcore.errors import CrmError
from crmcore.i18n import N_, _, language, language_from, match_language, set_language, speak_click
from crmcore.text import SECRETS, hidden, printable

RARELY = 50_000
"""How many new objects there must be before cyclic garbage is looked for: modules that are loaded make none."""
COMMANDS: dict[str, tuple[str, str]] = {
    "actor": (
        N_("Actors: who may do what, and who stands in for whom"),
        "crmcore.builtin.records.actors:actor",
    ),
    "approvals": (
        N_("Requests for approval: list, show, decide"),
        "crmcore.builtin.approvals.cli:approvals",
    ),
    "audit": (
        N_("The change log and the log of reads: verify, anchor, reads"),
        "crmcore.builtin.audit.cli:audit",
    ),
    "consent": (
        N_("Consents of persons: give, withdraw, list"),
        "crmcore.builtin.privacy.cli_consent:consent",
    ),
    "contact": (N_("Contacts: the people at customers"), "crmcore.builtin.records.contacts:contact"),
    "customer": (
        N_("Customers: add, edit, show, list, archive"),
        "crmcore.builtin.records.customers:customer",
    ),
    "db": (
        N_("The database: migrate, back up, restore, copy"),
        "crmcore.builtin.databases.cli:db",
    ),
    "demo": (N_("Make a demo company and run the main job on it"), "crmcore.builtin.demo.cli:demo"),
    "doctor": (
        N_("Check the workspace and say what is wrong"),
        "crmcore.builtin.administration.doctor:doctor",
    ),
    "document": (
        N_("Documents about customers, in five drawers"),
        "crmcore.builtin.records.documents:document",
    ),
    "duplicates": (
        N_("Customers that may be one and the same: find, review, decide"),
        "crmcore.builtin.duplicates.cli:duplicates",
    ),
    "export": (N_("Export customers and other entities to a file"), "crmcore.builtin.exchange.cli:export"),
    "history": (
        N_("What was changed of a customer, contact, interaction or document: who, when, why"),
        "crmcore.builtin.audit.cli:history",
    ),
    "find": (
        N_("Find customers by name, phone, code, contact or pinyin"),
        "crmcore.builtin.search.cli:find_command",
    ),
    "import": (
        N_("Import customers, purchases and other entities from a file"),
        "crmcore.builtin.exchange.cli:import_",
    ),
    "imports": (N_("Past imports: list, show, resume"), "crmcore.builtin.exchange.cli:imports"),
    "init": (N_("Make a workspace"), "crmcore.cli.database:init"),
    "interaction": (
        N_("Interactions with customers, through every channel"),
        "crmcore.builtin.records.interactions:interaction",
    ),
    "jobs": (N_("Jobs: list, run, look back"), "crmcore.builtin.jobs.cli:jobs"),
    "person": (
        N_("Natural persons: give them their data, restrict, erase"),
        "crmcore.builtin.privacy.cli:person",
    ),
    "plugins": (
        N_("Plugins: list, enable, disable, settings"),
        "crmcore.builtin.administration.plugins:plugins",
    ),
    "privacy": (
        N_("Personal data: inventory, retention, erasures"),
        "crmcore.builtin.privacy.cli_privacy:privacy",
    ),
    "report": (N_("Reports: list and run"), "crmcore.builtin.reports.cli:report"),
    "schemas": (N_("The published JSON Schemas"), "crmcore.builtin.administration.schemas:schemas"),
    "search": (N_("The search index: rebuild"), "crmcore.builtin.search.cli:search"),
    "work": (
        N_("What waits for you: work items and alerts of all plugins"),
        "crmcore.builtin.records.work:work",
    ),
    "worker": (
        N_("The worker: runs every job when it is due, until stopped"),
        "crmcore.builtin.jobs.worker_cli:worker",
    ),
}


class CrmGroup(Group):
    """The top group: the core's commands and those of enabled plugins, read from their manifests."""

    def plugin_commands(self, ctx: click.Context) -> dict[str, tuple[str, str]]:
        """Return the commands of the enabled plugins; what a broken workspace hides is simply absent."""
        session = ctx.find_object(Session) or ctx.ensure_object(Session)
        if session.no_plugins:
            return {}
        from crmcore.cli.index import enabled_commands

        return {
            name: entry
            for name, entry in enabled_commands(session.given_folder).items()
            if name not in COMMANDS
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        self.lazy = {**COMMANDS, **self.plugin_commands(ctx)}
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing just its module."""
        if cmd_name not in COMMANDS:
            self.lazy = {**COMMANDS, **self.plugin_commands(ctx)}
        try:
            return super().get_command(ctx, cmd_name)
        except (CrmError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if cmd_name in COMMANDS:
                raise
            message = _("command {name!r} cannot be loaded ({type}: {error}); see crm plugins list")
            raise CrmError(
                message.format(name=cmd_name, type=type(error).__name__, error=_said(error))
            ) from error


@click.group(
    cls=CrmGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_("A CRM framework: customers, contacts, interactions, and plugins for everything else."),
)
@click.option("-C", "folder", metavar="DIR", help=N_("Workspace (else CRM_HOME, else the current folder)."))
@click.option(
    "--no-plugins", is_flag=True, help=N_("Start without plugins; read-only but for plugins, doctor, db.")
)
@click.option("--debug", is_flag=True, help=N_("Show tracebacks."))
@click.option("--actor", "given_actor", help=N_("Who acts (code of an actor)."))
@click.option("--lang", expose_value=False, help=N_("Language: en or zh_CN."))
@click.version_option(__version__, prog_name="crm", message="%(prog)s %(version)s")
@click.pass_context
def crm(
    ctx: click.Context,
    folder: str | None,
    given_actor: str | None,
    *,
    no_plugins: bool,
    debug: bool,
) -> None:
    """Remember the options that stand before the command."""
    session = ctx.ensure_object(Session)
    session.given_folder, session.given_actor = folder, given_actor
    session.no_plugins, session.debug = no_plugins, debug
    ctx.call_on_close(session.close)


def main(args: list[str] | None = None, *, exit_process: bool = True) -> int:
    """Run the command line; returns the exit code, or ends the process with it."""
    args = list(sys.argv[1:] if args is None else args)
    if exit_process:  # a process of its own; in another one none of this is ours to decide
        gc.set_threshold(RARELY, 20, 20)
    _prepare_streams()
    set_language(language_from(os.environ))
    set_language(_language_option(args) or language())
    speak_click()
    code = _run(args, debug="--debug" in args)
    if exit_process:
        # What is left the operating system takes back at once; to take it apart would be a fifth of all the time.
        gc.freeze()
        sys.exit(code)
    return code


def _run(args: list[str], *, debug: bool) -> int:
    session = Session(_early_folder(args), no_plugins="--no-plugins" in args)
    try:
        result = crm.main(args, prog_name="crm", standalone_mode=False, obj=session)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return 0
    except click.ClickException as error:
        return _fail(_clicks_sentence(error), error.exit_code)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  (stdout is gone; nothing may be flushed to it)
        return 1
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _fail(_("interrupted"), 1)
    except SystemExit:
        raise
    except BaseException as error:
        if debug and not SECRETS:
            raise
        if debug:  # the same, but for the secrets that plugins were given
            from traceback import format_exc

            click.echo(hidden(format_exc()), err=True)
        return _fail(_sentence(error), error.exit_code if isinstance(error, CrmError) else 1)
    return result if isinstance(result, int) else 0


_NUMBERS = {
    "integer": N_("whole number"),
    "integer range": N_("whole number"),
    "float": N_("number"),
    "float range": N_("number"),
}


def _clicks_sentence(error: click.ClickException) -> str:
    """Say what click says; its names of types are the programmer's."""
    message = error.format_message().rstrip(".。")
    kind = error.param.type.name if isinstance(error, click.BadParameter) and error.param else ""
    return message.replace(kind, _(_NUMBERS[kind])) if kind in _NUMBERS else message


def _said(error: BaseException) -> str:
    from crmcore.plugins.health import message_of

    return message_of(error)


def _sentence(error: BaseException) -> str:
    if isinstance(error, CrmError):
        return str(error)
    if isinstance(error, OSError):
        return _system_sentence(error)
    if type(error).__name__ == "IntegrityError":  # by name: SQLAlchemy is not imported for this
        said = _said(getattr(error, "orig", error)).partition("\n")[0]
        return _(
            "the database refused a row ({error}): somebody wrote the same just now, or it was there; nothing was written, look before you go on"
        ).format(error=said)
    state = getattr(getattr(error, "orig", None), "sqlstate", "")
    if type(error).__name__ == "OperationalError" or state == "42P01":  # a table is missing
        from crmcore.db.engine import database_sentence

        return database_sentence(error)
    message = _("unexpected error {type}: {error}; run again with --debug before the command to see where")
    return message.format(type=type(error).__name__, error=_said(error))


def _system_sentence(error: OSError) -> str:
    import errno

    if error.errno == errno.ENOSPC:
        return _("the disk is full; make room and try again")
    return _("{file}: {error}; check the path and your rights").format(
        file=error.filename or "", error=error.strerror or error
    )


def _fail(message: str, code: int) -> int:
    click.echo(f"crm: {printable(message)}", err=True)
    return code


def _language_option(args: list[str]) -> str | None:
    """Find --lang anywhere, before any text is made."""
    for position, word in enumerate(args):
        value = word.removeprefix("--lang=") if word.startswith("--lang=") else None
        if word == "--lang" and position + 1 < len(args):
            value = args[position + 1]
        if value:
            found = match_language(value)
            if found is None:
                warn(_("unknown language {value!r}; known are en, zh_CN").format(value=value))
            return found
    return None


def _early_folder(args: list[str]) -> str | None:
    """Find -C before click does, since the list of commands depends on the workspace."""
    for position, word in enumerate(args):
        if word == "-C" and position + 1 < len(args):
            return args[position + 1]
        if word.startswith("-C"):
            return word.removeprefix("-C")
        if not word.startswith("-") and (position == 0 or args[position - 1] not in {"--actor", "--lang"}):
            break
    return None


def _prepare_streams() -> None:
    """Let no character crash a console that cannot show it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


if __name__ == "__main__":
    main()
