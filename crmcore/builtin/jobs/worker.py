"""The worker: sleeps until a job is due, puts it into the queue, and runs what it takes from there; until it is told to stop.

Its own thread alone opens the company and speaks to people. DBOS has threads of its own; where the database is away they wait,
and so may a call to them, but never the worker's answer to a signal.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import closing, suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.app import create_app
from crmcore.builtin.jobs.agenda import Agenda, Due, agenda
from crmcore.builtin.jobs.worker_queue import Queue
from crmcore.builtin.jobs.worker_runs import Outcome, Runs
from crmcore.config import load_config
from crmcore.db.engine import database_sentence
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from types import FrameType

    from crmcore.app import App

LONGEST_SLEEP = 30.0
"""Seconds after which it looks even so: settings, plugins and the clock of the computer may have been changed."""
_AGAIN = 5.0
"""Seconds after which it looks again for what somebody else is at."""
_LONGEST_WAIT = 60.0
_TIDY_EACH = timedelta(hours=1)
_PATIENCE_AT_THE_END = 10.0
_A_MOMENT = 1.0
_MOST_FAILED_CALLS = 3


class OtherDatabase(CrmError):
    """The company has moved to another database than the one that is served."""


class Worker:
    """Serves one company."""

    def __init__(
        self, app: App, actor: str, tell: Callable[[Outcome], None], say: Callable[[str], None]
    ) -> None:
        """Take whose jobs, who runs them, and who is told of each run and of what people should know."""
        self._folder, self._tell, self._say, self._warn = app.config.folder, tell, say, app.on_warning
        self._database = app.config.database_url
        self._events: SimpleQueue[Outcome | int] = SimpleQueue()
        self._runs = Runs(self._folder, actor, self._events.put)
        self._stops = 0
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._troubles = self._failed_calls = 0
        self._said: set[str] = set()
        self._tidied: datetime | None = None
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="crm-queue")
        self._call: Future[None] | None = None
        self.whole = True

    def serve(self, app: App, *, finish_within: float, debug: bool) -> None:
        """Work until a signal comes; `whole` says then whether all threads have ended."""
        self._queue = Queue(app, self._runs.run, app.settings("jobs")["jobs_at_once"], debug=debug)
        handlers = {
            number: signal.signal(number, self._signalled) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            self._say(self._greeting(agenda(app)))
            app.close()  # each round opens the company anew
            while not self._stops:
                self._wait(self._look())
        finally:
            self.whole = self._finish(finish_within if self._stops else 0.0)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._stops += 1
        self._events.put(number)

    def _greeting(self, found: Agenda) -> str:
        told = {"count": found.scheduled, "folder": self._folder}
        text = _("serving {count} jobs of {folder}; stop with Ctrl-C").format(**told)
        if found.due:
            text += "; " + _("due now: {names}").format(names=", ".join(turn.job for turn in found.due))
        elif found.coming:
            at, name = found.coming[0]
            local = f"{at.astimezone(load_config(self._folder).timezone):%Y-%m-%d %H:%M:%S}"
            text += "; " + _("the next is {name} at {at}").format(name=name, at=local)
        return text

    # -- one round ------------------------------------------------------------------------------------------

    def _look(self) -> float:
        """Put into the queue what is due; returns how many seconds there is nothing to do."""
        try:
            with closing(create_app(load_config(self._folder))) as app:
                app.on_warning = self._warn_once
                self._require_same_database(app)
                app.check_enabled_set()
                found, at_once = agenda(app), int(app.settings("jobs")["jobs_at_once"])
        except OtherDatabase:
            raise
        except sa.exc.DBAPIError as error:
            return self._trouble(database_sentence(error))
        except (CrmError, OSError) as error:
            return self._trouble(str(error))
        for problem in found.problems:
            self._warn_once(problem)
        now = time.monotonic()
        ready = [turn for turn in found.due if self._not_before.get(turn.job, 0.0) <= now]
        tidy = self._tidied is None or found.now - self._tidied >= _TIDY_EACH
        if not self._try(self._dispatcher(ready, at_once, found.now if tidy else None)):
            return _AGAIN
        if self._troubles:
            self._troubles = 0
            self._said.clear()
            self._say(_("it works again"))
        return self._sleep(found, {turn.job for turn in found.due} - {turn.job for turn in ready})

    def _require_same_database(self, app: App) -> None:
        if app.config.database_url != self._database:
            raise OtherDatabase(_("crm.toml names another database now; start the worker again"))

    def _dispatcher(self, ready: list[Due], at_once: int, tidy_at: datetime | None) -> Callable[[], None]:
        def dispatch() -> None:
            self._queue.keep(at_once)
            self._queue.offer(ready)
            if tidy_at is not None:
                self._queue.tidy(tidy_at)
                self._tidied = tidy_at

        return dispatch

    def _try(self, call: Callable[[], None]) -> bool:
        """Call DBOS, which waits as long as the database is away; False if it has not answered yet, or could not."""
        if self._call is None:
            self._call = self._calls.submit(call)
        until = time.monotonic() + _AGAIN
        while not self._stops:
            try:
                self._call.result(timeout=0.2)
            except NotYet:
                if time.monotonic() < until:
                    continue
                return False
            except Exception as error:  # noqa: BLE001  (whatever DBOS raises: the next round tries again)
                self._call = None
                self._lost(error)
                return False
            self._call, self._failed_calls = None, 0
            return True
        return False

    def _lost(self, error: Exception) -> None:
        """Say that the queue failed; who deleted its tables gets new ones by starting the worker again."""
        cause = next(iter(str(getattr(error, "orig", error)).splitlines()), type(error).__name__)
        self._failed_calls += 1
        if self._failed_calls >= _MOST_FAILED_CALLS:
            message = _("the queue of the worker is lost ({error}); start the worker again")
            raise CrmError(message.format(error=cause)) from error
        self._trouble(_("the queue of the worker failed: {error}").format(error=cause))

    def _trouble(self, sentence: str) -> float:
        """Say once what is wrong; returns after how many seconds it is tried again, longer each time."""
        self._troubles += 1
        self._warn_once(sentence)
        return min(2.0 ** (self._troubles - 1), LONGEST_SLEEP)

    def _warn_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._warn(message)

    def _sleep(self, found: Agenda, held_back: set[str]) -> float:
        until = [LONGEST_SLEEP]
        if found.coming:
            until.append((found.coming[0][0] - found.now).total_seconds() + 0.01)
        if found.left:
            until.append(_AGAIN)
        now = time.monotonic()
        until += [self._not_before[name] - now for name in held_back]
        return max(0.0, min(until))

    # -- what comes in --------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        """Sleep until it is time, a run has ended, or a signal came; take in all that did."""
        with suppress(Empty):
            event = self._events.get(timeout=seconds)
            while True:
                if isinstance(event, Outcome):
                    self._ended(event)
                event = self._events.get_nowait()

    def _ended(self, outcome: Outcome) -> None:
        """Tell how a run ended; a job of which nothing came is not sent again at once."""
        self._tell(outcome)
        if outcome.runs:
            self._failures.pop(outcome.job, None)
            self._not_before.pop(outcome.job, None)
            return
        count = 0 if outcome.ended_well else self._failures.get(outcome.job, 0) + 1
        self._failures[outcome.job] = count
        self._not_before[outcome.job] = time.monotonic() + min(
            _AGAIN * 2.0 ** max(count - 1, 0), _LONGEST_WAIT
        )

    # -- the end --------------------------------------------------------------------------------------------

    def _finish(self, within: float) -> bool:
        """Let running jobs end, then interrupt those that did not; a second signal interrupts at once."""
        self._runs.begin_no_more()
        until, stops = time.monotonic() + within, self._stops
        if self._runs.count():
            message = _(
                "stopping; {count} running jobs may take {seconds:g} seconds to end; again to interrupt them"
            )
            self._say(message.format(count=self._runs.count(), seconds=within))
        while self._runs.count() and time.monotonic() < until and self._stops == stops:
            self._wait(0.2)
        self._runs.interrupt()
        closing_ = threading.Thread(target=self._queue.close, daemon=True)
        closing_.start()
        closing_.join(_PATIENCE_AT_THE_END)
        self._wait(0.0)
        self._calls.shutdown(wait=False, cancel_futures=True)
        self._say(_("stopped"))
        return not closing_.is_alive() and _none_is_left(_A_MOMENT)


def _none_is_left(seconds: float) -> bool:
    """Say whether all other threads end: at its end Python waits for those of pools, even where they are daemons."""
    until = time.monotonic() + seconds
    left = [each for each in threading.enumerate() if each is not threading.current_thread()]
    for each in left:
        each.join(max(0.0, until - time.monotonic()))
    return not any(each.is_alive() for each in left)
