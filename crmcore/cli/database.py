"""`crm init`."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.cli.kit import Command, Session, echo, emit, json_option, pass_session
from crmcore.i18n import N_, _


@click.command(
    cls=Command, help=N_("Make a workspace in DIR: crm.toml and the database, with no plugin enabled.")
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--database", "url", help=N_("SQLite file or PostgreSQL database (default: sqlite:///crm.db)."))
@json_option
@pass_session
def init(session: Session, directory: Path, url: str | None, *, as_json: bool) -> None:
    """Make a workspace."""
    from crmcore.workspace import make_workspace

    app = make_workspace(directory, url, session.actor)
    try:
        result = {
            "folder": str(app.config.folder),
            "database": app.config.database_url,
            "actor": session.actor,
        }
    finally:
        app.close()
    if as_json:
        emit(result)
    else:
        echo(_("Workspace {folder} is ready; {actor} is its administrator.").format(**result))
        echo(_("Next: crm -C {folder} plugins enable trade_ledger abc_analysis").format(**result))
