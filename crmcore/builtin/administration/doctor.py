"""`crm doctor`: is everything as it should be."""

from __future__ import annotations

from typing import Any

import click

from crmcore.cli.kit import Command, Session, echo, emit, json_option, pass_session
from crmcore.errors import BadConfig
from crmcore.i18n import N_, translate

_MARKS = {True: "✓", False: "✗", None: "–"}


@click.command(
    cls=Command, help=N_("Check database, migrations, change log, imports, plugins, disk, files and clock.")
)
@json_option
@pass_session
@click.pass_context
def doctor(ctx: click.Context, session: Session, *, as_json: bool) -> None:
    """Run all checks; exit 1 if one fails."""
    checks = _checks(session)
    if as_json:
        emit({"checks": checks})
    else:
        for check in checks:
            echo(f"{_MARKS[check['ok']]} {translate('crmcore', check['name'])}: {check['detail']}")
    ctx.exit(0 if all(check["ok"] for check in checks) else 1)


def _checks(session: Session) -> list[dict[str, Any]]:
    """Run the checks; a crm.toml that cannot be used is itself the finding."""
    try:
        app = session.app
    except BadConfig as error:
        return [{"name": "settings", "ok": False, "detail": str(error)}]
    from crmcore.builtin.administration.checks import run_checks

    app.on_warning = lambda _message: None
    return run_checks(app)
