"""Built-in plugin `jobs`: runs the jobs of all plugins, and has three of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.hookspecs import hookimpl
from crmcore.i18n import N_
from crmcore.plugins.types import JobSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from crmcore.app import App
    from crmcore.plugins.types import Context, WorkItem

_AT_ONCE = 20_000
"""Transactions that are sealed together."""


@hookimpl
def jobs() -> list[JobSpec]:
    """Return the jobs that keep the change log, sealing it and handing it to observing plugins, and the backup."""
    return [
        JobSpec("seal_log", N_("Seal the change log"), _seal_log, schedule="* * * * *"),
        JobSpec(
            "deliver_changes", N_("Deliver changes to observing plugins"), _deliver, schedule="* * * * *"
        ),
        JobSpec("backup", N_("Back up, and try whether the backup can be restored"), _back_up, "0 1 * * *"),
    ]


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> Iterable[WorkItem]:
    """Tell administrators of the jobs that failed or were interrupted."""
    from crmcore.builtin.jobs.work import work

    return work(actor, since, ctx)


def _back_up(app: App, actor: str) -> Mapping[str, Any]:
    """Back up into the folder of the settings, restore it elsewhere, compare, and delete old backups."""
    from crmcore.builtin.jobs.backup import back_up_and_drill

    _seal_log(app, actor)
    return back_up_and_drill(app, actor)


def _seal_log(app: App, actor: str) -> Mapping[str, Any]:  # noqa: ARG001  (a job's signature)
    """Seal the committed transactions that no seal covers yet (SQLite seals as it commits, so there are none).

    Some thousands in a transaction: memory stays flat, and a sealer that is killed has done what it has done.
    """
    from crmcore.changes import seal_pending

    sealed, done = 0, _AT_ONCE
    while done == _AT_ONCE:
        with app.operations() as connection, app.unguarded(connection):
            done = seal_pending(connection, _AT_ONCE)
        sealed += done
    return {"sealed": sealed}


def _deliver(app: App, actor: str) -> Mapping[str, Any]:  # noqa: ARG001  (as above)
    """Bring every observing plugin up to the newest change."""
    from crmcore.plugins.observers import deliver

    deliver(app)
    return {"observers": sorted(hosted.name for hosted in app.host.observers())}
