"""After a backup was restored: who was erased since it was made is erased again, before anybody works with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy import erasure_list
from crmcore.builtin.privacy.erasing import PERMISSION, PLUGIN, erase_again, go_on
from crmcore.builtin.privacy.persons import by_uid, erasures
from crmcore.config import FILE_NAME
from crmcore.entities.actors import require_permission
from crmcore.entities.lookup import batches
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Person


def returned(app: App) -> list[Person]:
    """Return the persons whom the list calls erased and who are there all the same."""
    path = app.config.folder / erasure_list.FILE
    listed = erasure_list.read(path) if path.exists() else {}
    with app.read(PLUGIN) as ctx:
        known: set[str] = set()
        for part in batches(listed):
            query = sa.select(erasures.c.person_uid).where(erasures.c.person_uid.in_(part))
            known.update(ctx.connection.scalars(query))
        return by_uid(ctx.connection, listed.keys() - known)


def finish(app: App, actor: str) -> dict[str, Any]:
    """Do what is left of erasures, and erase again who came back with a backup."""
    with app.read(PLUGIN, actor) as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)
    persons = returned(app)
    work = erase_again(app, actor, persons) if persons else go_on(app, actor)
    erasure_list.write(app)
    return work


def lists_at_hand(given: Sequence[Path], workspace: Path | None) -> erasure_list.Erased:
    """Return who was erased by the lists given and the one of the workspace that restores, if there is one."""
    paths = list(given)
    if workspace is not None and (workspace / FILE_NAME).exists():
        own = workspace / erasure_list.FILE
        paths += [own] if own.exists() else []
    return erasure_list.read_all(paths)


def after_restore(folder: Path, actor: str, warn: Callable[[str], None], *, plugins: bool) -> int:
    """Erase in a restored workspace who was erased since; returns how many. What fails is told, and doctor names it."""
    from crmcore.app import create_app

    app = create_app(folder, no_plugins=not plugins)
    app.on_warning = warn
    try:
        persons = returned(app)
        if persons:
            erase_again(app, actor, persons)
        return len(persons)
    except CrmError as error:
        message = _(
            "persons who were erased came back with this backup and are not erased again yet ({error}); run: crm -C {folder} privacy go-on"
        )
        warn(message.format(error=error, folder=folder))
        return 0
    finally:
        app.close()
