"""What a plugin describes, a report, a job, an importer, fails where it is used: by name, in one sentence, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import CrmError
from crmcore.app import App
from crmcore.testing import CommandLine, Result
from tests.chaos.conftest import process_state
from tests.chaos.plugin_text import MISDEEDS

CODE = """
from pathlib import Path
import sqlalchemy as sa
from crmcore.api import (
    Column, Context, FactProvider, Field, Importable, JobSpec, Loaded, Report, ReportSpec, Table, hookimpl
)
from . import misdeeds

SWITCH = Path(__file__).with_name("switch")

class Good:
    record = None
    def __init__(self, answer):
        self.answer = answer
    def __call__(self):
        return self.answer()

def behave(place, answer, ctx=None):
    where, _, misdeed = (SWITCH.read_text() if SWITCH.exists() else "").partition("=")
    return getattr(misdeeds, misdeed)(Good(answer), ctx, {}) if where == place else answer()

def table(ctx):
    def rows():
        yield behave("rows", lambda: (1,), ctx)
    return Report("R", (Table("t", "T", (Column("n", "N", "integer"),), rows()),))

@hookimpl
def reports():
    return [ReportSpec("chaos_report", "R", lambda ctx, parameters: behave("report", lambda: table(ctx), ctx))]

@hookimpl
def jobs():
    return [JobSpec("chaos_job", "J", lambda app, actor: behave("job", lambda: {"done": 1}))]

@hookimpl
def facts():
    select = sa.select(*(sa.literal(None).label(name) for name in ("product_id", "code", "name", "line", "unit")))
    return [FactProvider("products", lambda settings: behave("fact", lambda: select))]

@hookimpl
def importables():
    fields = (Field("code"),)
    return [Importable(
        "chaos_things", "Things",
        lambda ctx: behave("fields", lambda: fields, ctx),
        lambda tx, rows, ctx: behave("load", lambda: Loaded(created=len(rows)), tx.ctx),
        lambda ctx: behave("export", lambda: iter([{"code": "A"}]), ctx),
    )]
"""
COMMAND = """
import click
from crmcore.api import Command
from . import misdeeds
from .plugin import behave

if behave.__globals__["SWITCH"].exists() and behave.__globals__["SWITCH"].read_text() == "module=exits":
    raise SystemExit(0)

@click.command(cls=Command)
def run():
    behave("command", lambda: click.echo("done"))
"""
ENDINGS = {
    "raises": "ValueError: the scale is broken",
    "exits": "SystemExit: 3",
    "recurses": "RecursionError",
    "ends_a_generator": "GeneratorExit",
    "raises_a_base_exception": "Odd: no Exception",
    "cannot_say_why": "Mute: Mute",
    "returns_a_number": "Error",
    "asks": "EOFError: EOF when reading a line",
    "prints": "",
    "changes_the_environment": "",
    "changes_how_money_is_rounded": "",
    "closes_the_streams": "",
    "takes_ctrl_c": "",
}
"""Misdeed → what the sentence says of it, nothing where all goes well."""
ON_A_CONNECTION = {"updates": "GateError", "closes": "GateError"}


@pytest.fixture
def chaos(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, tmp_path: Path
) -> Callable[[str, str], Result]:
    """Return a way to let one place misbehave and to use it."""
    manifest = {"commands": [{"name": "chaos", "help": "H", "target": "crmcore_chaos.cli:run"}]}
    files = {"misdeeds.py": MISDEEDS.read_text(encoding="utf-8"), "cli.py": COMMAND}
    plugin = install_plugin("chaos", CODE, manifest, files=files)
    make_app(["chaos"])
    things = tmp_path / "things.csv"
    things.write_text("code\nA\nB\n", encoding="utf-8")
    typed: dict[str, tuple[object, ...]] = {
        "report": ("report", "run", "chaos_report", "--json"),
        "rows": ("report", "run", "chaos_report", "--json"),
        "job": ("jobs", "run", "chaos_job", "--json"),
        "fields": ("import", "chaos_things", things, "--json"),
        "load": ("import", "chaos_things", things, "--json"),
        "export": ("export", "chaos_things", tmp_path / "out.csv", "--json"),
        "command": ("chaos",),
        "module": ("chaos",),
    }

    def use(place: str, misdeed: str) -> Result:
        (plugin.folder / "switch").write_text(f"{place}={misdeed}", encoding="utf-8")
        if place == "module":
            plugin.forget()
        state = process_state()
        done = crm(*typed[place]) if place in typed else Result(0, "", "")
        assert process_state() == state or place == "command"
        return done

    return use


@pytest.mark.parametrize("place", ["report", "rows", "job", "fields", "load", "export"])
def test_what_was_described_fails_by_name_where_it_is_used(
    chaos: Callable[[str, str], Result], crm: CommandLine, place: str
) -> None:
    more = {} if place == "job" else ON_A_CONNECTION
    for misdeed, says in {**ENDINGS, **more}.items():
        done = chaos(place, misdeed)
        lines = done.stdout.splitlines()
        assert "noise" not in done.stdout, misdeed
        if not says:
            assert (done.exit_code, "crm:" in done.stderr) == (0, False), f"{misdeed}: {done.stderr}"
            continue
        assert done.exit_code == 1, f"{misdeed}: {done}"
        assert len(lines) == (place == "job"), "of a job its run is shown"
        sentence = done.stderr.splitlines()[-1]
        assert sentence.removeprefix("Your password: ").startswith("crm: "), misdeed
        assert "'chaos'" in sentence or "'chaos_job'" in sentence, f"{misdeed}: {sentence}"
        told = says.split(": ")[-1] if place == "job" else says
        assert told in sentence or place == "job", f"{misdeed}: {sentence}"
    listed = next(row for row in crm.lines("plugins", "list") if row["name"] == "chaos")
    assert (listed["state"], listed["error"]) == ("enabled", None), (
        "who asks for it three times loses nothing else"
    )


def test_a_fact_that_fails_names_its_plugin(
    chaos: Callable[[str, str], Result], reopen: Any, crm: CommandLine
) -> None:
    for misdeed, says in ENDINGS.items():
        chaos("fact", misdeed)
        app = reopen(crm.folder)
        state = process_state()
        with app.read() as ctx:
            if says:
                with pytest.raises(CrmError, match="plugin 'chaos' fails to provide the fact 'products'"):
                    ctx.facts.select("products")
            else:
                ctx.facts.select("products")
        assert process_state() == state


@pytest.mark.parametrize(
    "misdeed", ["raises", "recurses", "ends_a_generator", "raises_a_base_exception", "cannot_say_why"]
)
def test_a_command_that_crashes_is_one_sentence(chaos: Callable[[str, str], Result], misdeed: str) -> None:
    done = chaos("command", misdeed)
    assert done.exit_code == 1
    assert done.stderr.startswith("crm: unexpected error ")
    assert done.stderr.endswith("run again with --debug before the command to see where\n")
    assert "Traceback" not in done.stderr


def test_a_command_is_its_own_program(chaos: Callable[[str, str], Result]) -> None:
    assert "noise" in chaos("command", "prints").stdout
    with pytest.raises(SystemExit) as left:
        chaos("command", "exits")
    assert left.value.code == 3


def test_a_command_that_exits_as_it_is_loaded_says_so(
    chaos: Callable[[str, str], Result], crm: CommandLine
) -> None:
    done = chaos("module", "exits")
    assert done.exit_code == 1
    assert "command 'chaos' cannot be loaded (SystemExit: 0); see crm plugins list" in done.stderr
    assert crm.ok("--no-plugins", "customer", "list").exit_code == 0
