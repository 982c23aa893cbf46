"""The queue of the worker, kept by DBOS: each due turn stands in it once, whoever put it there, and one worker takes it.

DBOS only dispatches. Whether a turn is still to be made is decided by the company's database when its run begins, so the
tables of DBOS can be lost, old or wrong: what is due and stands there as taken by a dead worker, or as done, is put in again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.jobs.worker_presence import Alone, OneOfMany, Presence
from crmcore.db.engine import create_file, sqlite_path
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dbos import DBOSConfig

    from crmcore.app import App
    from crmcore.builtin.jobs.agenda import Due

FILE = ".crm-worker.db"
SCHEMA = "crm_worker"
_NAME = "crm-worker"
_QUEUE = "crm-jobs"
_VERSION = "1"
"""Of what stands in the queue, not of crmcore: workers of two releases can share one."""
_KEPT = timedelta(days=1)
_AT_ONCE = 500
_OVER = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_WAITING = ("ENQUEUED", "DELAYED")


def require_dbos() -> None:
    """Raise CrmError where DBOS is not installed; what the environment says of it is not for us."""
    for name in [name for name in os.environ if name.startswith("DBOS_")]:
        del os.environ[name]  # among them what would connect it to a service
    try:
        import dbos  # noqa: F401
    except ImportError:
        message = _("the worker is built on DBOS; install it with: pip install 'crmcore[worker]'")
        raise CrmError(message) from None


class Queue:
    """What is to be run, in the order in which it was put in."""

    def __init__(self, app: App, run: Callable[[str], None], at_once: int, *, debug: bool) -> None:
        """Open the queue of a company; `run` is called in threads, at most `at_once` of them in this process."""
        require_dbos()
        _quiet(debug=debug)
        path = sqlite_path(app.config)
        self.presence: Presence = Alone(path) if path else OneOfMany(_postgres(app.engine.url))
        try:
            self._engine = _sqlite(path.with_name(FILE), app.warn) if path else _postgres(app.engine.url)
            self._workspace = path.parent.name if path else ""
            schema = None
            if path is None:
                database, within = _place(self._engine)
                self._workspace = f"{database}.{within}"
                schema = SCHEMA if within == "public" else f"{within}_{SCHEMA}"
            self._launch(run, at_once, schema)
        except sa.exc.DBAPIError as error:
            self.presence.end()
            message = _("the worker cannot make its own tables: {error}")
            raise CrmError(message.format(error=next(iter(str(error.orig).splitlines()), ""))) from error

    def _launch(self, run: Callable[[str], None], at_once: int, schema: str | None) -> None:
        from dbos import DBOS, DBOSPortableJSONSerializer

        _refuse_pickles()
        config: DBOSConfig = {
            "name": _NAME,
            "system_database_engine": self._engine,
            "serializer": DBOSPortableJSONSerializer(),
            "executor_id": self.presence.name,
            "application_version": _VERSION,
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
        }
        if schema is not None:
            config["dbos_system_schema"] = schema
        DBOS(config=config)

        @DBOS.workflow(name="crm_turn", max_recovery_attempts=None)
        def turn(job: str, due_at: str, attempt: int) -> None:  # noqa: ARG001  (said for who looks into the queue)
            run(job)

        self._turn = turn
        DBOS.listen_queues([_QUEUE])
        DBOS.launch()
        self._set(at_once)

    def _set(self, at_once: int) -> None:
        from dbos import DBOS

        DBOS.register_queue(_QUEUE, worker_concurrency=at_once, on_conflict="always_update")
        self._at_once = at_once

    def keep(self, at_once: int) -> None:
        """Go on living, as others see it, with as many runs at once as the company wants now."""
        self.presence.living(())
        if at_once != self._at_once:
            self._set(at_once)

    def offer(self, turns: Iterable[Due]) -> None:
        """Put turns in that are due and that nobody is at; what another worker put in stays as it is."""
        from dbos import DBOS, SetWorkflowID

        named = {self._id(turn): turn for turn in turns}
        if not named:
            return
        known = DBOS.list_workflows(workflow_ids=list(named), load_input=False, load_output=False)
        living = self.presence.living({str(one.executor_id) for one in known})
        settled = {
            one.workflow_id
            for one in known
            if one.status in _WAITING or (one.status == "PENDING" and one.executor_id in living)
        }
        if over := [one.workflow_id for one in known if one.workflow_id not in settled]:
            DBOS.delete_workflows(over)
        for name in named.keys() - settled:
            turn = named[name]
            with SetWorkflowID(name):
                DBOS.enqueue_workflow(_QUEUE, self._turn, turn.job, turn.due_at.isoformat(), turn.attempt)

    def _id(self, turn: Due) -> str:
        return f"{self._workspace}/{turn.job}/{turn.due_at:%Y-%m-%dT%H:%M:%SZ}/{turn.attempt}"

    def tidy(self, now: datetime) -> None:
        """Forget what was done a day ago, and what dead workers had taken: what is still due is put in again."""
        from dbos import DBOS

        before = (now - _KEPT).astimezone(UTC).isoformat()
        few: dict[str, Any] = {"limit": _AT_ONCE, "load_input": False, "load_output": False}
        while old := DBOS.list_workflows(status=list(_OVER), end_time=before, **few):
            DBOS.delete_workflows([one.workflow_id for one in old])
        taken = DBOS.list_workflows(status="PENDING", **few)
        living = self.presence.living({str(one.executor_id) for one in taken})
        if dead := [one.workflow_id for one in taken if one.executor_id not in living]:
            DBOS.delete_workflows(dead)

    def close(self) -> None:
        """Take no more from the queue, and let go."""
        from dbos import DBOS

        DBOS.destroy()
        self.presence.end()
        self._engine.dispose()


def _quiet(*, debug: bool) -> None:
    """Keep DBOS's own log to those who debug: what users must know the worker says itself."""
    log = logging.getLogger("dbos")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.StreamHandler() if debug else logging.NullHandler())


def _refuse_pickles() -> None:
    """See to it that no row of the queue is ever unpickled: DBOS would do so, whatever serializer it is given."""
    from dbos import _serialization

    def refuse(_self: object, _value: object) -> Any:
        raise TypeError("pickles are refused")

    for name in ("serialize", "deserialize"):
        setattr(_serialization.DefaultSerializer, name, refuse)


def _postgres(url: sa.URL) -> sa.Engine:
    arguments: dict[str, Any] = {"application_name": "crm worker"}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = 10
    return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=arguments)


def _place(engine: sa.Engine) -> tuple[str, str]:
    with engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT current_database(), current_schema()").one()
        return str(row[0]), str(row[1] or "public")


def _sqlite(path: Path, warn: Callable[[str], None]) -> sa.Engine:
    """Open the file of the queue, readable by its owner alone; one that is damaged is made anew."""
    create_file(path)
    if not _is_whole(path):
        warn(
            _("{path} was damaged and is made anew; nothing is lost, it only holds what waits").format(
                path=path
            )
        )
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        create_file(path)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"  # as DBOS wants it of an engine of its own
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False
