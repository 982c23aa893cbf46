"""The command line starts fast: what a command does not need, it does not import. Counted in modules, never in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine, Result

HEAVY = {
    "alembic",
    "babel",
    "cryptography",
    "defusedxml",
    "jsonschema",
    "openpyxl",
    "packaging",
    "pluggy",
    "psycopg",
    "pydantic",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "tomlkit",
}
DATABASE = {"pluggy", "pydantic", "sqlalchemy", "sqlmodel"}
"""What every command on records needs, and no more."""

MEASURE = """
import contextlib, io, json, sys
words = json.loads(sys.argv[1])
if words is None:
    __import__(sys.argv[2])
    code = 0
else:
    from crmcore.cli.main import main
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(words, exit_process=False)
print(json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""


@pytest.fixture
def modules(python: Callable[..., Result]) -> Callable[..., set[str]]:
    """Return the modules that a call of the command line, or one import, leaves loaded."""

    def measure(*words: str, alone: str = "", fails: bool = False) -> set[str]:
        done = python(MEASURE, "null" if alone else json.dumps(words), alone)
        assert done.exit_code == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["code"] != 0) == fails, done.stderr
        return set(found["modules"])

    return measure


def heavy(found: set[str]) -> set[str]:
    return HEAVY & {name.split(".")[0] for name in found}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["--lang", "zh_CN", "--help"], ["nonsense"]])
def test_help_imports_nothing_heavy(
    modules: Callable[..., set[str]], tmp_path: Any, words: list[str]
) -> None:
    found = modules("-C", str(tmp_path), *words, fails=words == ["nonsense"])
    assert heavy(found) == set()
    assert not any(name.startswith("crmcore.builtin") for name in found)


def test_help_stays_within_its_budget_of_modules(modules: Callable[..., set[str]], tmp_path: Any) -> None:
    found, click = modules("-C", str(tmp_path), "--help"), modules(alone="click")
    print(f"crm --help: {len(found)} modules, import click: {len(click)}")  # noqa: T201
    assert len(found) - len(click) <= 90


def test_help_of_a_workspace_imports_no_plugin_and_finds_its_commands(
    make_app: Callable[..., App], install_plugin: Any, modules: Callable[..., set[str]]
) -> None:
    cli = "import click\nfrom crmcore.api import Command\n@click.command(cls=Command, help='Greet.')\ndef greet(): pass\n"
    manifest = {"commands": [{"name": "greet", "help": "Greet.", "target": "crmcore_hello.cli:greet"}]}
    install_plugin("hello", "from crmcore.api import hookimpl", manifest, files={"cli.py": cli})
    app = make_app(["hello"])
    found: set[str] = set()
    for _turn in ("searched", "remembered"):
        found = modules("-C", str(app.config.folder), "--help")
        assert not any("hello" in name for name in found)
        assert heavy(found) <= {"packaging"}
    assert "importlib.metadata" not in found, "the second time nothing is searched"
    assert any("crmcore_hello.cli" in name for name in modules("-C", str(app.config.folder), "greet"))


@pytest.fixture
def workspace(make_app: Callable[..., App], crm: CommandLine) -> str:
    app = make_app()
    crm.ok("customer", "add", "--name", "x", "--code", "C1")
    app.close()
    return str(app.config.folder)


@pytest.mark.parametrize(
    "words",
    [
        ["customer", "show", "C1", "--json"],
        ["customer", "show", "C1"],
        ["customer", "list", "--json"],
        ["customer", "add", "--name", "y"],
        ["customer", "edit", "C1", "--set", "phone=1"],
        ["find", "x"],
        ["find", "021-55550101", "--phone", "--json"],
        ["work", "--json"],
        ["plugins", "list", "--json"],
    ],
)
def test_everyday_commands_import_the_database_and_no_more(
    workspace: str, modules: Callable[..., set[str]], words: list[str]
) -> None:
    found = modules("-C", workspace, *words)
    assert heavy(found) <= DATABASE
    assert "sqlalchemy.dialects.postgresql" not in found


def test_customer_show_stays_within_its_budget_of_modules(
    workspace: str, modules: Callable[..., set[str]]
) -> None:
    found, sqlmodel = modules("-C", workspace, "customer", "show", "C1"), modules(alone="sqlmodel")
    print(f"crm customer show: {len(found)} modules, import sqlmodel: {len(sqlmodel)}")  # noqa: T201
    assert len(found) - len(sqlmodel) <= 160


ENDING = """
import atexit, gc, sys
from crmcore.cli.main import main
before = gc.get_threshold()
main(["--help"], exit_process=False)
assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
atexit.register(lambda: print("frozen", gc.get_freeze_count() > 10_000, gc.get_threshold()[0], file=sys.stderr))
main(["--help"])
"""


def test_a_process_of_its_own_neither_searches_for_garbage_while_it_starts_nor_tidies_up_when_it_ends(
    python: Callable[..., Result],
) -> None:
    done = python(ENDING)
    assert (done.exit_code, done.stderr) == (0, "frozen True 50000\n")


@pytest.mark.slow
def test_a_changed_configuration_is_checked_again(
    make_app: Callable[..., App], modules: Callable[..., set[str]], crm: CommandLine
) -> None:
    app = make_app()
    folder = str(app.config.folder)
    modules("-C", folder, "customer", "list")
    assert "jsonschema" not in modules("-C", folder, "customer", "list")
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(text.replace('currency = "CNY"', 'currency = "EUR"'), encoding="utf-8")
    assert "jsonschema" in modules("-C", folder, "customer", "list")
    assert "jsonschema" not in modules("-C", folder, "customer", "list")
    app.config.path.write_text(text.replace('currency = "CNY"', 'currency = "yuan"'), encoding="utf-8")
    for _turn in range(2):
        assert crm("customer", "list").exit_code == 1, "what is wrong is never remembered as right"


@pytest.mark.parametrize("damage", ["", "garbage \x00", "0" * 64, None])
def test_the_memory_of_what_was_checked_may_be_lost_or_damaged(
    make_app: Callable[..., App], crm: CommandLine, damage: str | None
) -> None:
    app = make_app()
    crm.ok("customer", "list")
    for path in app.config.folder.glob(".crm-*"):
        path.unlink() if damage is None else path.write_text(damage, encoding="utf-8")
    crm.ok("customer", "list")
    crm.ok("--help")


@pytest.mark.parametrize(
    "module",
    [
        "crmcore",
        "crmcore.api",
        "crmcore.hookspecs",
        "crmcore.plugins.types",
        "crmcore.errors",
        "crmcore.testing",
        "crmcore.i18n",
    ],
)
def test_importing_does_nothing_and_little(modules: Callable[..., set[str]], module: str) -> None:
    found = heavy(modules(alone=module))
    assert found <= {"pluggy"} | ({"pytest"} if module == "crmcore.testing" else set())


def test_a_plugins_light_module_imports_no_database(
    install_plugin: Any, modules: Callable[..., set[str]]
) -> None:
    code = "from crmcore.api import (Alert, CardSection, FactProvider, Importable, Refusal, TableSpec, WorkItem, hookimpl, translator)\n"
    install_plugin("light", code)
    assert heavy(modules(alone="crmcore_light.plugin")) <= {"pluggy"}
