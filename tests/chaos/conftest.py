"""One company with a chaos plugin between two sound ones, for all the faults of a module."""

from __future__ import annotations

import decimal
import locale
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer
from crmcore.app import App, create_app
from crmcore.builtin.lifecycle.enabling import enable
from crmcore.plugins import health
from crmcore.testing import ACTOR, START, CommandLine, StandingClock, TestPlugin
from crmcore.workspace import make_workspace
from tests.chaos.plugin_text import MISDEEDS, WITNESS, chaos_plugin

SETTINGS = '\n[strategies]\ncode_generator = "mine"\ncurrency_rates = "mine"\nworkdays = "mine"\nservice_policies = "chaos"\n'
_NO_FACTS = {"plugin_health", "observer_cursor", "observer_parked", "read_log", "code_counter"}


@dataclass
class World:
    """A company in which one hook of one plugin can be made to misbehave."""

    folder: Path
    crm: CommandLine
    plugins: dict[str, TestPlugin]
    postgres: bool = False
    clock: StandingClock = field(default_factory=lambda: StandingClock(START))

    @contextmanager
    def app(self, **options: Any) -> Iterator[App]:
        """Open it as another process would."""
        app = create_app(self.folder, clock=self.clock, **options)
        try:
            yield app
        finally:
            app.close()

    @contextmanager
    def misdeed(self, hook: str, name: str) -> Iterator[None]:
        """Let a hook misbehave for a while; afterwards everything is forgiven."""
        switch = self.plugins["chaos"].folder / "switch"
        switch.write_text(f"{hook}={name}", encoding="utf-8")
        try:
            yield
        finally:
            switch.unlink()
            with self.app() as app:
                health.release(app, "chaos")

    def facts(self) -> dict[str, int]:
        """Return how many rows each table has that holds facts of the company."""
        with self.app() as app, app.read() as ctx:
            names = sorted(set(sa.inspect(ctx.connection).get_table_names()) - _NO_FACTS)
            ask = "SELECT count(*) FROM {}"
            return {name: ctx.connection.exec_driver_sql(ask.format(name)).scalar_one() for name in names}

    def names(self) -> list[str]:
        """Return the names of all customers."""
        with self.app() as app, app.read() as ctx:
            return list(ctx.connection.scalars(sa.text("SELECT name FROM customer ORDER BY id")))

    def listed(self, name: str = "chaos") -> dict[str, Any]:
        """Return what `crm plugins list` shows of a plugin."""
        return next(row for row in self.crm.lines("plugins", "list") if row["name"] == name)


def process_state() -> dict[str, Any]:
    """Return what a plugin might have changed of the process."""
    context = decimal.getcontext()
    return {
        "environment": dict(os.environ),
        "folder": (Path.cwd(), _umask()),
        "locale": locale.setlocale(locale.LC_ALL),
        "decimals": (context.prec, context.rounding),
        "recursion": sys.getrecursionlimit(),
        "ctrl-c": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "warnings": (list(warnings.filters), warnings.showwarning),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
    }


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def make_world(folder: Path, url: str | None = None) -> World:
    """Install the three plugins, make the company with one customer, enable them."""
    plugins = {}
    for name, code in (("before", WITNESS), ("chaos", chaos_plugin()), ("behind", WITNESS)):
        plugin = TestPlugin(name, folder / name, "1.0", "plugin", f"crmcore-{name}-test")
        files = {"__init__.py": "", "plugin.py": code.replace('"witnessed"', f'"witnessed_{name}"')}
        if name == "chaos":
            files["misdeeds.py"] = MISDEEDS.read_text(encoding="utf-8")
        plugin.write(files)
        plugin.forget()  # that of another company of this run
        sys.path.insert(0, str(plugin.site))
        plugins[name] = plugin
    app = make_workspace(folder / "company", url, ACTOR, StandingClock(START))
    app.config.path.write_text(app.config.path.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    app.refresh()
    with app.write(ACTOR, source="administration") as tx:
        tx.insert(Customer, [{"code": "K1", "name": "first"}, {"code": "K2", "name": "first again"}])
        tx.insert(Contact, [{"code": "P1", "name": "somebody"}])
    enable(app, list(plugins), ACTOR)
    app.close()
    crm = CommandLine()
    crm.folder = folder / "company"
    return World(folder / "company", crm, plugins, postgres=url is not None)


def end_world(world: World) -> None:
    """Take the plugins out of the process again."""
    for plugin in world.plugins.values():
        plugin.forget()
        sys.path.remove(str(plugin.site))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the company, on SQLite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        made = make_world(tmp_path_factory.mktemp("chaos"))
        yield made
        end_world(made)
