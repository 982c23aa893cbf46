"""Interrupted imports: whole chunks only, and resumed they end as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.exchange import engine
from crmcore.builtin.exchange.api import interrupted_imports
from crmcore.builtin.exchange.rejects import RejectsFile
from crmcore.builtin.exchange.runs import load_run, lock_of, true_state
from crmcore.builtin.exchange.services import resume_import
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError
from crmcore.plugins.types import Importable, Loaded
from crmcore.testing import ACTOR

Take = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Make = Callable[..., App]

ROWS = 23
CHUNK = 5
CHUNKS = -(-ROWS // CHUNK)
CONTENT = "code,name,parent,phone\n" + "".join(
    f"C{i:02},{'' if i % 7 == 3 else f'name {i}'},{f'C{ROWS:02}' if i == 2 else ''},{i}\n"
    for i in range(1, ROWS + 1)
)


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "rejected"))


def customers(app: App) -> list[tuple[Any, ...]]:
    table = Customer.__table__  # type: ignore[attr-defined]
    parent = table.alias()
    query = (
        sa.select(table.c.code, table.c.name, table.c.phone, parent.c.code)
        .outerjoin(parent, parent.c.id == table.c.parent_id)
        .order_by(table.c.code)
    )
    with app.read() as ctx:
        return [tuple(row) for row in ctx.connection.execute(query)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "CHUNK_ROWS", CHUNK)


@pytest.fixture
def whole(make_app: Make, take: Take, write: Write) -> tuple[list[tuple[Any, ...]], dict[str, Any], bytes]:
    """Import without interruption; return what that leaves: customers, result, rejects file."""
    app = make_app()
    result = take(app, "customers", write(CONTENT))
    return customers(app), result, Path(result["rejects_file"]).read_bytes()


@pytest.fixture
def again(take: Take, write: Write) -> tuple[Take, Write]:
    """Return how a file is imported and how one is written."""
    return take, write


def stop_in_chunk(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException, *, after: bool) -> None:
    """Let the loader of the chunk with this number raise, before or after it has written its rows."""
    original = engine.ImportJob._load
    calls = 0

    def load(self: engine.ImportJob, tx: Any, chunk: Any) -> Loaded:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            raise error
        loaded = original(self, tx, chunk)
        if calls == number:
            raise error
        return loaded

    monkeypatch.setattr(engine.ImportJob, "_load", load)


@pytest.mark.parametrize(
    "stop", [(n, m) for n in (1, 3, CHUNKS) for m in ("before", "after")], ids="{0[0]}-{0[1]}".format
)
def test_ctrl_c_leaves_whole_chunks_and_resuming_ends_as_uninterrupted(
    make_app: Make,
    again: tuple[Take, Write],
    whole,
    monkeypatch: pytest.MonkeyPatch,
    database: str,
    stop: tuple[int, str],
):
    number, place = stop
    take, write = again
    expected, result, rejects = whole
    app = make_app(database=database)
    path = write(CONTENT, "again.csv")
    with monkeypatch.context() as patched:
        stop_in_chunk(patched, number, KeyboardInterrupt(), after=place == "after")
        with pytest.raises(
            CrmError,
            match=f"import 1 stopped after {(number - 1) * CHUNK} rows; go on with: crm imports resume 1",
        ):
            take(app, "customers", path)
    run = load_run(app, 1)
    assert (run.state, run.rows_done) == ("interrupted", (number - 1) * CHUNK)
    assert len(customers(app)) == run.counts["created"]
    assert interrupted_imports(app) == [1]
    resumed = resume_import(app, ACTOR, 1)
    assert counts(resumed) == counts(result)
    assert resumed["warnings"] == result["warnings"]
    assert customers(app) == expected
    assert Path(resumed["rejects_file"]).read_bytes() == rejects
    assert interrupted_imports(app) == []
    assert load_run(app, 1).state == "done"


CHILD = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may have had it ignored
from crmcore.builtin.exchange import engine, parents
engine.CHUNK_ROWS = {chunk}
original, calls, place = engine.note_in, 0, {place!r}
def note_in(*args, **values):
    global calls
    calls += "rows_done" in values
    if place == "before" and calls == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    original(*args, **values)
    if place == "after" and calls == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
engine.note_in = note_in
if place == "link":
    from crmcore.builtin.exchange import plugin
    plugin._link_customers = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
from crmcore.cli.main import main
main({arguments!r})
"""


def killed(app: App, path: Path, number: int, place: str) -> None:
    """Import in a process of its own that kills itself around the progress of a chunk."""
    arguments = ["-C", str(app.config.folder), "import", "customers", str(path), "--json"]
    code = CHILD.format(chunk=CHUNK, number=number, place=place, arguments=arguments)
    child = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CRM_ACTOR": ACTOR}, capture_output=True, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "place"), [(1, "before"), (2, "before"), (3, "after"), (CHUNKS, "after"), (0, "link")]
)
def test_killed_imports_are_resumed_to_the_same_end(
    make_app: Make, write: Write, whole, database: str, number: int, place: str
):
    expected, result, rejects = whole
    app = make_app(database=database, standing_clock=False)
    killed(app, write(CONTENT, "again.csv"), number, place)
    run = load_run(app, 1)
    assert run.state == "running"
    assert true_state(app, run) == "interrupted"
    assert interrupted_imports(app) == [1]
    assert run.rows_done % CHUNK in {0, ROWS % CHUNK}
    assert len(customers(app)) == run.counts["created"]
    resumed = resume_import(app, ACTOR, 1)
    assert counts(resumed) == counts(result)
    assert customers(app) == expected
    assert Path(resumed["rejects_file"]).read_bytes() == rejects


@pytest.mark.slow
def test_importing_the_file_again_after_a_kill_counts_the_whole_file(
    make_app: Make, write: Write, take: Take, whole
):
    expected, result, _rejects = whole
    app = make_app(standing_clock=False)
    path = write(CONTENT, "again.csv")
    killed(app, path, 3, "before")
    again = take(app, "customers", path)
    assert again["import"] == 2
    assert again["read"] == ROWS
    assert again["created"] + again["unchanged"] == result["created"]
    assert again["unchanged"] > 0
    assert customers(app) == expected
    assert interrupted_imports(app) == [], "its file was imported whole since"
    assert true_state(app, load_run(app, 1)) == "interrupted"


@pytest.mark.slow
def test_a_running_import_is_not_interrupted_and_cannot_be_resumed(make_app: Make, write: Write):
    app = make_app(standing_clock=False)
    path = write(CONTENT)
    arguments = ["-C", str(app.config.folder), "import", "customers", str(path), "--json"]
    code = CHILD.format(chunk=CHUNK, number=2, place="after", arguments=arguments).replace(
        "os.kill(os.getpid(), signal.SIGKILL)", "(print('waiting', flush=True), sys.stdin.read())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "CRM_ACTOR": ACTOR},
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        assert true_state(app, load_run(app, 1)) == "running"
        assert interrupted_imports(app) == []
        with pytest.raises(CrmError, match="is still running"):
            resume_import(app, ACTOR, 1)
        out, _err = child.communicate("")
    assert json.loads(out)["read"] == ROWS
    assert load_run(app, 1).state == "done"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_on_the_command_line_exits_1_with_the_sentence_how_to_resume(make_app: Make, write: Write):
    app = make_app(standing_clock=False)
    arguments = ["-C", str(app.config.folder), "import", "customers", str(write(CONTENT)), "--json"]
    code = CHILD.format(chunk=CHUNK, number=2, place="after", arguments=arguments).replace(
        "SIGKILL", "SIGINT"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CRM_ACTOR": ACTOR},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 1
    assert child.stdout == ""
    assert child.stderr == "crm: import 1 stopped after 5 rows; go on with: crm imports resume 1\n"
    assert len(customers(app)) == load_run(app, 1).counts["created"]


def test_a_full_disk_stops_the_import_resumably(make_app: Make, write: Write, take: Take, whole):
    expected, result, _rejects = whole
    app = make_app()
    limit = 0

    def limit_pages(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit}").close()

    with app.read() as ctx:
        pages = ctx.connection.scalar(sa.text("PRAGMA page_count"))
    big = CONTENT + "".join(f"D{i:05},{'long name ' * 15}{i},,\n" for i in range(400))
    path = write(big, "big.csv")
    limit = pages + 20
    app.engine.dispose()
    sa.event.listen(app.engine, "connect", limit_pages)
    with pytest.raises(
        CrmError, match=r"the disk is full.*import 1 stopped after .* rows; go on with: crm imports resume 1"
    ) as error:
        take(app, "customers", path)
    assert "\n" not in str(error.value)
    limit = 1_000_000
    app.engine.dispose()
    done = load_run(app, 1)
    assert 0 < done.rows_done < ROWS + 400
    assert len(customers(app)) == done.counts["created"]
    resumed = resume_import(app, ACTOR, 1)
    assert resumed["read"] == ROWS + 400
    assert resumed["created"] == result["created"] + 400
    assert customers(app)[: len(expected)] == expected


def test_a_full_disk_under_the_rejects_file_stops_the_import_resumably(
    make_app: Make, write: Write, take: Take, whole, monkeypatch: pytest.MonkeyPatch
):
    expected, _result, rejects = whole
    app = make_app()
    calls = 0

    def full(self: RejectsFile, rejected: Any, original: Any = RejectsFile.append) -> int:
        nonlocal calls
        calls += 1
        size: int = original(self, rejected)
        if calls == 2:
            raise OSError(28, "No space left on device", str(self.path))
        return size

    with monkeypatch.context() as patched:
        patched.setattr(RejectsFile, "append", full)
        with pytest.raises(CrmError, match=r"No space left on device.*; import 1 stopped after 5 rows"):
            take(app, "customers", write(CONTENT, "again.csv"))
    assert len(customers(app)) == load_run(app, 1).counts["created"] == 4
    resumed = resume_import(app, ACTOR, 1)
    assert customers(app) == expected
    assert Path(resumed["rejects_file"]).read_bytes() == rejects


def test_only_the_same_bytes_can_be_resumed(
    make_app: Make, write: Write, take: Take, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    app = make_app()
    path = write(CONTENT)
    with monkeypatch.context() as patched:
        stop_in_chunk(patched, 2, KeyboardInterrupt(), after=False)
        with pytest.raises(CrmError):
            take(app, "customers", path)
    moved = path.rename(tmp_path / "moved.csv")
    with pytest.raises(CrmError, match="there is no file"):
        resume_import(app, ACTOR, 1)
    path.write_text(CONTENT.replace("name 9", "name X"), encoding="utf-8")
    with pytest.raises(CrmError, match="is not the file that import 1 began with"):
        resume_import(app, ACTOR, 1)
    assert resume_import(app, ACTOR, 1, moved)["read"] == ROWS
    with pytest.raises(CrmError, match="import 1 is done"):
        resume_import(app, ACTOR, 1)
    with pytest.raises(CrmError, match="there is no import 9"):
        resume_import(app, ACTOR, 9)


def test_a_file_damaged_further_down_fails_and_says_what_is_in(make_app: Make, write: Write, take: Take):
    app = make_app()
    content = "code,name\n" + "".join(f"C{i},n{i}\n" for i in range(20)) + 'C99,"never closed\n'
    with pytest.raises(
        CrmError,
        match=r"line 22: a quotation mark is opened and never closed.*; import 1 ended after 20 rows, which are in",
    ):
        take(app, "customers", write(content))
    assert len(customers(app)) == 20
    with pytest.raises(CrmError, match="import 1 failed"):
        resume_import(app, ACTOR, 1)
    assert interrupted_imports(app) == []


def test_a_loader_that_forgets_rows_writes_nothing(
    make_app: Make, write: Write, take: Take, monkeypatch: pytest.MonkeyPatch
):
    app = make_app()
    real = engine.ImportJob._load

    def forgetful(self: engine.ImportJob, tx: Any, chunk: Any) -> Loaded:
        importable = self.what.importable
        lazy = Importable(importable.name, "", (), lambda *_: Loaded(created=1), plugin="lazy_plugin")
        object.__setattr__(self.what, "importable", lazy)
        try:
            return real(self, tx, chunk)
        finally:
            object.__setattr__(self.what, "importable", importable)

    monkeypatch.setattr(engine.ImportJob, "_load", forgetful)
    with pytest.raises(CrmError, match="plugin lazy_plugin says nothing of some rows"):
        take(app, "customers", write(CONTENT))
    assert customers(app) == []


def test_an_import_of_another_computer_counts_as_interrupted_once_it_is_silent(
    make_app: Make, write: Write, take: Take, clock: Any
):
    app = make_app()
    take(app, "customers", write(CONTENT))
    with app.operations() as connection:
        connection.execute(sa.text("UPDATE import_run SET state = 'running', host = 'elsewhere'"))
    clock.move(minutes=5)
    assert interrupted_imports(app) == []
    clock.move(minutes=15)
    assert interrupted_imports(app) == [1]


def test_the_lock_goes_with_the_process(make_app: Make):
    app = make_app()
    lock, same = lock_of(app, 7), lock_of(app, 7)
    assert lock.acquire()
    assert same.is_held()
    assert not same.acquire()
    lock.release()
    assert not same.is_held()
    assert same.acquire()
    same.release()
