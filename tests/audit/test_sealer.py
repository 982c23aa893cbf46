"""The sealer on PostgreSQL: who seals, two at once, one that is killed, in parts; the wrong server is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.databases import versions
from crmcore.builtin.jobs import plugin as jobs
from crmcore.changes import seal_pending, unsealed
from crmcore.testing import ACTOR, CommandLine
from tests.oracles import change_log

Rows = Callable[..., list[dict[str, Any]]]
Written = tuple[App, CommandLine]


@pytest.fixture
def written(make_app: Callable[..., App], crm: CommandLine) -> Written:
    """Return a company on PostgreSQL with forty transactions that nobody has sealed."""
    app = make_app(database="postgres")
    for number in range(40):
        with app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": f"C{number}", "name": "n"}])
    return app, crm


def waiting(app: App) -> int:
    with app.read() as ctx:
        return unsealed(ctx.connection)


SEALER = """
import sys
from pathlib import Path
from crmcore.app import create_app
from crmcore.builtin.jobs.plugin import _seal_log
print(_seal_log(create_app(Path(sys.argv[1])), "tester"))
"""


def sealer(app: App) -> subprocess.Popen[str]:
    """Seal in a process of its own, as the job does, where nothing else keeps two from it."""
    return subprocess.Popen(
        [sys.executable, "-c", SEALER, str(app.config.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sealers_at_the_same_moment_seal_each_transaction_once(written: Written) -> None:
    app, crm = written
    before = waiting(app)
    with app.operations() as connection, app.unguarded(connection):
        # Nobody seals while the lock is held: all three stand at the door when it opens.
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(726865)"))
        several = [sealer(app) for _one in range(3)]
        _wait_for_lock(connection, len(several))
    ends = [process.communicate(timeout=60) for process in several]
    assert [process.returncode for process in several] == [0, 0, 0], ends
    assert (before, waiting(app)) == (41, 0)
    assert change_log.problems(app) == []
    assert crm.json("audit", "verify")["ok"]


def _wait_for_lock(connection: sa.Connection, count: int) -> None:
    query = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    while connection.scalar(query) < count:
        connection.execute(sa.text("SELECT pg_sleep(0.05)"))


KILLED = """
import sys, time
from pathlib import Path
from crmcore.app import create_app
from crmcore.changes import seal_pending
app = create_app(Path(sys.argv[1]))
with app.operations() as connection, app.unguarded(connection):
    print(seal_pending(connection), flush=True)
    time.sleep(600)
"""


def test_a_sealer_that_is_killed_leaves_all_to_the_next(written: Written) -> None:
    app, crm = written
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(app.config.folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "41\n"
    process.kill()
    process.communicate()
    assert waiting(app) == 41
    crm.ok("jobs", "run", "seal_log")  # waits until the server has noticed
    assert waiting(app) == 0
    assert change_log.problems(app) == []
    assert crm.json("audit", "verify")["ok"]


def test_a_sealer_seals_part_by_part_and_keeps_what_it_did(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, crm = written
    with app.operations() as connection, app.unguarded(connection):
        assert seal_pending(connection, 7) == 7
    assert waiting(app) == 34
    monkeypatch.setattr(jobs, "_AT_ONCE", 10)
    assert "34" in crm.ok("jobs", "run", "seal_log", "--json").stdout
    assert waiting(app) == 0
    assert change_log.problems(app) == []


def test_work_goes_on_while_nobody_seals(written: Written) -> None:
    _app, crm = written
    found = crm.json("audit", "verify")
    assert (found["ok"], found["unsealed"], found["anchored_to"]) == (True, 41, None)
    assert "41 transactions are not sealed yet" in crm("audit", "anchor").stderr
    assert len(crm.lines("history", "C1")) > 0


# -- versions ----------------------------------------------------------------------------------------------------


def test_a_server_that_is_too_old_is_refused_before_anything_is_made(
    make_app: Callable[..., App], crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(database="postgres")
    monkeypatch.setattr(versions, "OLDEST", 99)
    sentence = "is too old; take one of version 99 or newer"
    (finding,) = [one for one in crm("doctor", "--json").json()["checks"] if one["name"] == "database"]
    assert (finding["ok"], sentence in finding["detail"]) == (False, True)
    done = crm("init", tmp_path / "new", "--database", app.config.database_url)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert not (tmp_path / "new" / "crm.toml").exists()


def test_sqlite_has_no_version_that_is_too_old(
    make_app: Callable[..., App], crm: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "OLDEST", 99)
    make_app()
    assert crm.json("doctor")["checks"][0]["ok"]
