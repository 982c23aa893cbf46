"""The command line as a whole: exit codes, one sentence, streams that break, interruptions."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.testing import ACTOR, CommandLine

CLI = """
import click
from crmcore.api import Command, CrmError, Guarded, UsageProblem, echo

@click.command(cls=Command, help="Do as told.")
@click.argument("what")
def act(what):
    if what == "refuse":
        raise CrmError("no, with [markup] and \\x1b[31mcolour and\\nlines")
    if what == "guard":
        raise Guarded("are you sure?")
    if what == "usage":
        raise UsageProblem("not so")
    if what == "crash":
        raise ZeroDivisionError("1/0")
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "abort":
        raise click.Abort
    if what == "full":
        raise OSError(28, "No space left on device")
    if what == "missing":
        open("/nowhere/at/all")
    if what == "recurse":
        (lambda f: f(f))(lambda f: f(f))
    if what == "many":
        for number in range(100_000):
            echo("line %d" % number)
    if what == "odd":
        echo("甲\\u202e[/a] 😀 \\ud800")
"""
MANIFEST = {"commands": [{"name": "act", "help": "Do as told.", "target": "crmcore_actor_test.cli:act"}]}


@pytest.fixture
def act(make_app: Callable[..., Any], install_plugin: Any, crm: CommandLine) -> CommandLine:
    install_plugin("actor_test", "from crmcore.api import hookimpl", MANIFEST, files={"cli.py": CLI})
    make_app(["actor_test"])
    return crm


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("refuse", 1, "crm: no, with [markup] and [31mcolour and lines\n"),
        ("guard", 3, "crm: are you sure?\n"),
        ("usage", 2, "crm: not so\n"),
        ("interrupt", 1, "\ncrm: interrupted\n"),
        ("abort", 1, "crm: interrupted\n"),
        ("full", 1, "crm: the disk is full; make room and try again\n"),
        ("missing", 1, "crm: /nowhere/at/all: No such file or directory; check the path and your rights\n"),
    ],
)
def test_every_failure_is_one_sentence_on_stderr(act: CommandLine, what: str, code: int, said: str) -> None:
    result = act("act", what)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)


@pytest.mark.parametrize(
    ("what", "error"), [("crash", "ZeroDivisionError: 1/0"), ("recurse", "RecursionError")]
)
def test_what_nobody_expected_is_told_and_shown_with_debug(act: CommandLine, what: str, error: str) -> None:
    result = act("act", what)
    assert result.exit_code == 1
    assert f"crm: unexpected error {error}" in result.stderr
    assert "run again with --debug before the command" in result.stderr
    assert result.stderr.count("\n") == 1
    with pytest.raises((ZeroDivisionError, RecursionError)):
        act("--debug", "act", what)


def test_usage_errors_are_exit_code_2(act: CommandLine) -> None:
    for words in (
        ["act"],
        ["act", "x", "y"],
        ["act", "--nothing"],
        ["nothing"],
        ["plugins", "nothing"],
        ["--nothing"],
    ):
        result = act(*words)
        assert (result.exit_code, result.stdout) == (2, ""), words
        assert result.stderr.count("\n") == 1


def test_a_misspelt_command_is_asked_back(act: CommandLine) -> None:
    assert "there is no command 'custmer'; did you mean 'customer'?" in act("custmer").stderr
    assert "there is no command 'ac'; did you mean 'act'?" in act("ac").stderr


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "latin-1", "utf-8", "cp1252"])
def test_no_character_crashes_a_console(act: CommandLine, encoding: str) -> None:
    result = act("act", "odd", encoding=encoding)
    assert result.exit_code == 0
    assert "[/a]" in result.stdout
    assert "\u202e" not in result.stdout


def test_no_arguments_show_the_help(act: CommandLine) -> None:
    act.folder, folder = None, act.folder
    assert act().exit_code == 0
    assert "Usage: crm" in act().stdout
    act.folder = folder
    assert act("plugins").stdout.startswith("Usage: crm plugins")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_closed_pipe_is_no_traceback(act: CommandLine, tmp_path: Any) -> None:
    import os

    environment = {
        **os.environ,
        "CRM_ACTOR": ACTOR,
        "PYTHONPATH": str(tmp_path / "site0"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "crmcore", "-C", str(act.folder), "act", "many"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline() == b"line 0\n"
    running.stdout.close()
    complaint = running.stderr.read()
    running.stderr.close()
    assert (running.wait(timeout=60), complaint) == (1, b"")


HANGS = """
import sys, time
from crmcore.api import Customer
from crmcore.app import create_app
app = create_app(sys.argv[1])
with app.write("tester") as tx:
    tx.insert(Customer, [{"code": "H%d" % i, "name": "h"} for i in range(100)])
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_ends_in_the_middle_leaves_the_database_whole(
    make_app: Callable[..., Any], database: str, how: signal.Signals
) -> None:
    import sqlalchemy as sa

    from crmcore.api import Customer

    app = make_app(database=database)
    running = subprocess.Popen(
        [sys.executable, "-c", HANGS, str(app.config.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(how)
    running.wait(timeout=60)
    running.stdout.close()
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
    with app.read() as ctx:
        assert list(ctx.connection.scalars(sa.text("SELECT code FROM customer"))) == ["A"]
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM change_tx")) == 2


def test_two_who_edit_the_same_row_at_once_do_not_overwrite_each_other(
    make_app: Callable[..., Any], database: str, reopen: Callable[..., Any]
) -> None:
    from threading import Thread

    from crmcore.api import Customer, StaleVersion

    app = make_app(database=database)
    other = reopen(app)
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Customer, [{"code": "A", "name": "a"}])
    ended: list[BaseException | None] = []

    def edit() -> None:
        try:
            with other.write(ACTOR) as theirs:
                theirs.update(Customer, [(number, {"name": "theirs"})], expect_version={number: 1})
        except StaleVersion as stale:
            ended.append(stale)
        else:
            ended.append(None)

    thread = Thread(target=edit)
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"name": "ours"})], expect_version={number: 1})
        thread.start()
        thread.join(0.2)
        assert ended == [], "who comes second waits"
    thread.join(60)
    assert "now 'ours', yours 'theirs'" in str(ended[0])
