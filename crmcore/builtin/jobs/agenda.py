"""What is due now, and when the next job is: what the worker asks each time it wakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmcore.builtin.jobs import runs
from crmcore.builtin.jobs.locks import JOB, is_held
from crmcore.builtin.jobs.services import all_jobs, schedule_of
from crmcore.errors import CrmError

if TYPE_CHECKING:
    from datetime import datetime

    from crmcore.app import App


class Due(NamedTuple):
    """An attempt that is to be made now."""

    job: str
    due_at: datetime
    attempt: int


class Agenda(NamedTuple):
    """What is to be done."""

    scheduled: int
    """So many jobs have a schedule."""
    due: list[Due]
    """What nobody is at."""
    left: list[str]
    """What is due of jobs that somebody runs just now: it is seen again when they have ended."""
    coming: list[tuple[datetime, str]]
    """The next time of each job."""
    now: datetime
    problems: list[str]
    """Why the time of a job cannot be reckoned."""


def agenda(app: App) -> Agenda:
    """Return what is due, and what comes next, by the company's clock."""
    specs = [spec for spec in all_jobs(app) if spec.schedule is not None]
    with app.read("jobs") as ctx:
        found = Agenda(len(specs), [], [], [], ctx.now, [])
        for spec in specs:
            try:
                schedule = schedule_of(app, ctx, spec)
                latest, coming = (
                    (schedule.latest(ctx.now), schedule.next(ctx.now)) if schedule else (None, None)
                )
            except CrmError as error:
                found.problems.append(f"{spec.name}: {error}")
                continue
            turn = runs.turn_of(ctx.connection, ctx.workspace, spec, latest)
            if turn and turn.at <= ctx.now:
                if is_held(ctx.connection, ctx.workspace, JOB, spec.name):
                    found.left.append(spec.name)
                else:
                    found.due.append(Due(spec.name, turn.due_at, turn.attempt))
            elif turn:
                coming = min(turn.at, coming or turn.at)
            if coming:
                found.coming.append((coming, spec.name))
    found.coming.sort()
    return found
