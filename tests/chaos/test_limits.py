"""Too much, too slow, and asking for what nobody will answer: bounded in time and memory."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.plugins.observers import deliver
from crmcore.testing import ACTOR, CommandLine
from tests.chaos.conftest import World

BUDGET = 0.15


def set_budget(app: App, seconds: float) -> None:
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(
        text.replace("[plugins]", f"[plugins]\nbudget_seconds = {seconds}"), encoding="utf-8"
    )


def asked(world: World, hook: str) -> tuple[set[str], str]:
    """Ask for contributions under a small budget; returns whose there are, and what was told."""
    every: dict[str, dict[str, Any]] = {
        "card_sections": {"customer_ids": [1], "as_of": None},
        "work_items": {"since": None},
        "alerts": {"run": None},
    }
    with world.app() as app, app.read(actor=ACTOR) as ctx:
        app.config.data["plugins"]["budget_seconds"] = BUDGET
        found = app.host.contribute(hook, ctx.connection, ACTOR, **every[hook])
    return {one.plugin for one in found}, "\n".join(app.warnings)


@pytest.mark.parametrize("hook", ["card_sections", "work_items", "alerts"])
@pytest.mark.parametrize("misdeed", ["sleeps", "dawdles_without_end"])
def test_who_is_slow_is_told_and_what_came_in_time_is_used(world: World, hook: str, misdeed: str) -> None:
    with world.misdeed(hook, misdeed):
        started = time.monotonic()
        plugins, told = asked(world, hook)
        assert time.monotonic() - started < 20 * BUDGET
        assert {"before", "chaos", "behind"} <= plugins
        assert f"plugin 'chaos' failed in {hook}: {hook} took " in told
        for _ in range(2):
            asked(world, hook)
        plugins, told = asked(world, hook)
        assert "chaos" not in plugins
        assert "quarantined" in told
        shown = world.listed()
        assert (shown["state"], shown["error"]["type"], shown["error"]["hook"]) == (
            "quarantined",
            "TimeoutError",
            hook,
        )


def test_a_guard_may_take_its_time(world: World) -> None:
    with world.misdeed("validate_changes", "sleeps"):
        assert world.crm.ok("customer", "add", "--name", "slow").stderr == ""
    assert world.listed()["error"] is None


@pytest.mark.slow
@pytest.mark.parametrize("misdeed", ["returns_a_million", "returns_without_end"])
def test_a_million_results_cost_seconds_and_megabytes(world: World, misdeed: str) -> None:
    with world.misdeed("work_items", misdeed):
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        done = world.crm("work", "--json")
        assert time.process_time() - started < 10
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000, "kilobytes"
        assert "work_items returned more than 200000 results" in done.stderr
        assert {one["plugin"] for one in done.lines()} >= {"before", "behind"}


SLOW_OBSERVER = """
import time
from crmcore.api import hookimpl

@hookimpl
def observe_changes(changes, ctx):
    time.sleep(0.02 * len(changes))
    raise ValueError("it takes long to fail")
"""


def test_an_observer_that_fails_slowly_at_everything_does_not_keep_anybody(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("sloth", SLOW_OBSERVER)
    app = make_app()
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"C{i}", "name": "n"} for i in range(40)])
    set_budget(app, 0.1)
    from crmcore.builtin.lifecycle.enabling import enable

    app.refresh()
    enable(app, ["sloth"], ACTOR)
    app = reopen(app)
    deliver(app)
    count = sa.text("SELECT count(*) FROM observer_parked")
    with app.read() as ctx:
        waiting = ctx.connection.scalar(count) or 0
    assert waiting < 25, "what was not offered waits before the cursor, not parked"
    assert app.host.get("sloth").state == "quarantined"
    plugin.folder.joinpath("plugin.py").write_text(
        "from crmcore.api import hookimpl\nSEEN = []\n\n@hookimpl\ndef observe_changes(changes):\n    SEEN.extend(changes)\n",
        encoding="utf-8",
    )
    plugin.forget()
    from crmcore.plugins.health import release

    release(app, "sloth")
    app = reopen(app)
    deliver(app)
    seen = sys.modules["crmcore_sloth.plugin"].SEEN
    assert {change.after["code"] for change in seen if change.entity == "customer"} >= {
        f"C{i}" for i in range(40)
    }
    with app.read() as ctx:
        assert ctx.connection.scalar(count) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_who_asks_for_input_at_a_terminal_waits_for_nobody(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    import pty
    import subprocess

    code = "from crmcore.api import hookimpl\n\n@hookimpl\ndef work_items():\n    return input('Your password: ')\n"
    plugin = install_plugin("curious", code)
    make_app(["curious"])
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(plugin.site), "CRM_ACTOR": ACTOR, "CRM_LANG": "en"}
    words = [sys.executable, "-m", "crmcore.cli.main", "-C", str(crm.folder), "work", "--json"]
    try:
        done = subprocess.run(
            words, stdin=theirs, capture_output=True, check=False, timeout=60, env=environment, text=True
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (0, "")
    assert "plugin 'curious' failed in work_items: EOF when reading a line" in done.stderr
