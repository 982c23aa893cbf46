"""`crm plugins check`."""

from __future__ import annotations

import click

from crmcore.cli.kit import Command, echo, emit, json_option
from crmcore.i18n import N_, _, translate

_MARKS = {True: "✓", False: "✗"}


@click.command(
    "check",
    cls=Command,
    help=N_(
        "Check whether a plugin keeps the rules: an installed one by NAME, or one at a PATH, a folder or a wheel.\n\n"
        "Its code is run in companies made for the purpose, in processes of their own; no workspace is needed."
    ),
)
@click.argument("target", metavar="NAME|PATH")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=1),
    default=120.0,
    metavar="SECONDS",
    help=N_("How long one check may take."),
)
@json_option
@click.pass_context
def check(ctx: click.Context, target: str, seconds: float, *, as_json: bool) -> None:
    """Check a plugin; exit 1 if a check fails."""
    from crmcore.builtin.conformance.running import check_plugin

    found = check_plugin(target, seconds)
    if as_json:
        emit(found)
    else:
        for row in found["checks"]:
            _show(row)
        failed = sum(not row["ok"] for row in found["checks"])
        echo(
            _("{failed} of {count} checks failed.").format(failed=failed, count=len(found["checks"]))
            if failed
            else _("All {count} checks passed.").format(count=len(found["checks"]))
        )
    ctx.exit(0 if found["ok"] else 1)


def _show(row: dict[str, object]) -> None:
    ok, name, detail = bool(row["ok"]), str(row["name"]), str(row["detail"])
    echo(
        _("{mark} {name}: {word}. {detail}").format(
            mark=_MARKS[ok],
            name=translate("crmcore", name),
            word=_("ok") if ok else _("failed"),
            detail=translate("crmcore", detail),
        )
    )


_NAMES = (
    N_("manifest"),
    N_("settings"),
    N_("catalogues"),
    N_("imports"),
    N_("hooks"),
    N_("import budget"),
    N_("names"),
    N_("commands"),
    N_("migrations on SQLite"),
    N_("migrations on PostgreSQL"),
    N_("personal data"),
    N_("use alone"),
    N_("change log"),
    N_("uninstall"),
    N_("batches"),
    N_("linear time"),
    N_("output"),
)
"""Names of checks, translated where they are shown."""
