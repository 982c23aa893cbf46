"""What waits for who keeps the company's computers: jobs of which the last run failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from crmcore.builtin.approvals.standing import standing
from crmcore.builtin.jobs.runs import newest_runs
from crmcore.config import load_config
from crmcore.i18n import _
from crmcore.plugins.types import WorkItem

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

WHO = "database.manage"
"""Who has this permission is told."""


def work(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Give a work item for each job whose last run failed or was interrupted, until a run of it is done."""
    config = load_config(ctx.workspace)
    if not standing(ctx.connection, config, actor).has(WHO):
        return
    specs = ctx._app.host.registered("jobs")  # noqa: SLF001  (built in)
    for name, run in sorted(newest_runs(ctx.connection, ctx.workspace, specs).items()):
        day = run["started_at"].astimezone(config.timezone).date()
        if run["state"] in {"failed", "interrupted"} and (since is None or day >= since):
            title = _("The job {name} failed: {error}")
            if run["state"] == "interrupted":
                title = _("The job {name} was interrupted")
            yield WorkItem(
                key=f"job:{name}",
                customer_id=None,
                due=day,
                title=title.format(name=name, error=run["error"]),
                severity="warning" if run["retry_at"] else "critical",
                command=f"crm jobs history {name}",
            )
