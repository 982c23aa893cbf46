"""What plugins cost that do next to nothing themselves: a batch hook, and a command with many of them enabled."""

from __future__ import annotations

import compileall
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measure, crm, report, run
from crmcore.api import Change, Context
from crmcore.app import App, create_app
from crmcore.cli.main import RARELY
from crmcore.testing import TestPlugin

RECORDS, BATCH, PLUGINS = 100_000, 5_000, 5
ENABLED = 30
RUNS = 15
ROUNDS = 15

DECIDING = """
import re
from crmcore.api import Refusal, hookimpl

PHONE = re.compile(r"[+0-9][0-9 ()/-]{2,}")

@hookimpl
def validate_changes(changes, ctx):
    for index, change in enumerate(changes):
        if change.entity == "customer" and change.after:
            phone = change.after.get("phone")
            if phone and not PHONE.fullmatch(phone):
                yield Refusal(index, "this is no phone number", "phone")
"""
SHOWING = """
from crmcore.api import CardSection, hookimpl

@hookimpl
def card_sections(customer_ids, as_of, ctx):
    limit = ctx.settings["limit"]
    return [
        CardSection(i, "points", "Points", {{"points": i * {number} % limit, "rank": i % 7}}, {{"points": "Points"}})
        for i in customer_ids
    ]
"""
SETTINGS = """{"type": "object", "additionalProperties": false, "properties": {"limit":
{"title": "Limit", "description": "A limit.", "type": "integer", "default": 100}}}"""


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        names = [f"bench_{number}" for number in range(ENABLED)]
        for number, name in enumerate(names):
            write_plugin(here / "site", name, number)
        os.environ["PYTHONPATH"] = str(here / "site")
        os.environ["CRM_ACTOR"] = "bench"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        compileall.compile_dir(here / "site", quiet=1)  # as pip does
        sys.path.insert(0, str(here / "site"))
        measure_hooks(make_workspace(here / "hooks", names[:PLUGINS]))
        measure_command(make_workspace(here / "none", []), make_workspace(here / "all", names))


def write_plugin(site: Path, name: str, number: int) -> None:
    """Install a plugin with a manifest, settings, a decision and a card section."""
    plugin = TestPlugin(name, site, "1.0", "plugin", f"crmcore-{name.replace('_', '-')}")
    manifest = f'{{"title": "Bench {number}", "api": ">=0.1,<0.2", "settings": "settings.schema.json"}}'
    code = DECIDING + SHOWING.format(number=number)
    plugin.write(
        {"__init__.py": "", "plugin.py": code, "plugin.json": manifest, "settings.schema.json": SETTINGS}
    )


def make_workspace(folder: Path, plugins: Sequence[str]) -> Path:
    """Make a workspace with one customer and these plugins."""
    commands = [
        ["init", str(folder)],
        ["-C", str(folder), "customer", "add", "--code", "C1", "--name", "示例"],
    ]
    if plugins:
        commands.append(["-C", str(folder), "plugins", "enable", *plugins])
    for words in commands:
        subprocess.run([sys.executable, "-m", "crmcore", *words], check=True, stdout=subprocess.DEVNULL)
    return folder


# -- a batch hook ------------------------------------------------------------------------------------------------


def measure_hooks(folder: Path) -> None:
    """Compare the host with a loop that calls the same functions on the same records."""
    app = create_app(folder)
    gc.set_threshold(RARELY, 20, 20)  # as the command line does
    records = [
        Change("customer", i, "create", None, {"code": f"C{i}", "name": "示例", "phone": f"0571-{i}"})
        for i in range(1, RECORDS + 1)
    ]
    with app.write("bench") as tx:
        decide = best(
            lambda: sum(len(app.host.decide("validate_changes", tx, changes=c)) for c in batches(records)),
            lambda: loop(app, "validate_changes", tx.ctx, [{"changes": c} for c in batches(records)]),
        )
    report(f"{RECORDS:,} changes, a decision of {PLUGINS} plugins, against a loop", *decide, "limit 1.5")
    ids = [record.id for record in records]
    with app.read(actor="bench") as ctx:
        show = best(
            lambda: sum(len(contributed(app, ctx, part)) for part in batches(ids)),
            lambda: loop(
                app, "card_sections", ctx, [{"customer_ids": part, "as_of": None} for part in batches(ids)]
            ),
        )
    report(f"{RECORDS:,} cards, a section of {PLUGINS} plugins each, against a loop", *show, "limit 1.5")
    app.close()


def batches(records: Sequence[Any]) -> list[Sequence[Any]]:
    """Split records as an import does."""
    return [records[start : start + BATCH] for start in range(0, len(records), BATCH)]


def contributed(app: App, ctx: Context, ids: Sequence[int]) -> list[Any]:
    """Ask for the sections of some cards as `crm customer list --json` does."""
    return app.host.contribute("card_sections", ctx.connection, "bench", customer_ids=ids, as_of=None)


def loop(app: App, hook: str, ctx: Context, calls: Sequence[dict[str, Any]]) -> int:
    """Call each plugin's function as one would who knows them all and trusts them."""
    plugins = [hosted for hosted in app.host.plugins if hook in hosted.functions and not hosted.builtin]
    contexts = {hosted.name: app.context(hosted.name, ctx.connection, ctx.actor) for hosted in plugins}
    found: list[Any] = []
    for arguments in calls:
        for hosted in plugins:
            function, names = hosted.functions[hook]
            given = {**arguments, "ctx": contexts[hosted.name]}
            found += function(*[given[name] for name in names])
    return len(found)


def best(one: Callable[[], int], other: Callable[[], int]) -> tuple[float, float]:
    """Return the least processor seconds of each, run in turn; both must find the same number of results."""
    taken: list[list[float]] = [[], []]
    for _round in range(RUNS):
        counts = []
        for seconds, call in zip(taken, (one, other), strict=True):
            gc.collect()
            begun = time.process_time()
            counts.append(call())
            seconds.append(time.process_time() - begun)
        assert counts[0] == counts[1]
    return min(taken[0]), min(taken[1])


# -- a command ---------------------------------------------------------------------------------------------------


def measure_command(none: Path, every: Path) -> None:
    """Compare `crm customer show` where no plugin is enabled with one where many are; all are installed."""
    measures: dict[Path, list[Measure]] = {none: [], every: []}
    for folder in [none, every] * ROUNDS:
        measures[folder].append(run(crm("-C", str(folder), "customer", "show", "C1")))
    least = {folder: min(m.cpu for m in found) for folder, found in measures.items()}
    report(f"crm customer show with {ENABLED} plugins, against none", least[every], least[none], "limit 1.10")


if __name__ == "__main__":
    main()
