"""The erasures as people list them, and the copy of the list that is kept elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy import erasure_list
from crmcore.builtin.privacy.exporting import require_file
from crmcore.builtin.privacy.persons import erasures
from crmcore.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App


def list_erasures(app: App) -> list[dict[str, Any]]:
    """Return the published JSON of all erasures, the first one first."""
    names = ("entity", "code", "state", "reason", "actor", "started_at", "done_at", "counts")
    with app.read("privacy") as ctx:
        rows = ctx.connection.execute(sa.select(erasures).order_by(erasures.c.id)).mappings().all()
    return [{"uid": row["person_uid"], **{name: row[name] for name in names}} for row in rows]


def copy_list(app: App, target: Path) -> None:
    """Bring the list up to date and copy it to where backups are kept."""
    require_file(target)
    erasure_list.write(app)
    write_atomically(target, (app.config.folder / erasure_list.FILE).read_bytes())
