"""New plugins at work: their own tests pass, their types are right, and `crm plugins check` finds nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crmcore.builtin.scaffold.parts import PARTS, read_parts
from crmcore.builtin.scaffold.writer import files_of, write

pytestmark = pytest.mark.slow


def new_plugin(folder: Path, name: str, *parts: str) -> Path:
    """Write a plugin and describe it as if pip had installed it; returns its folder."""
    write(folder / name, files_of(name, name, name, read_parts(parts)))
    info = folder / name / "site" / f"crmcore_{name}-0.1.0.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: crmcore-{name.replace('_', '-')}\nVersion: 0.1.0\n"
    info.joinpath("METADATA").write_text(metadata, encoding="utf-8")
    entry = f"[crmcore.plugins]\n{name} = crmcore_{name}.plugin\n"
    info.joinpath("entry_points.txt").write_text(entry, encoding="utf-8")
    return folder / name


def run(plugins: list[Path], *words: object, **variables: str) -> str:
    """Run a module of Python where these plugins are installed; it must succeed."""
    path = os.pathsep.join(str(plugin / part) for plugin in plugins for part in ("src", "site"))
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=plugins[0],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_every_single_part_and_all_together_pass_their_own_tests(tmp_path):
    plugins = [new_plugin(tmp_path, f"only_{part}", part) for part in PARTS]
    plugins.append(new_plugin(tmp_path, "all_parts", *PARTS))
    own = [plugin / "tests" for plugin in plugins]
    # One process for all: most of the time goes into starting.
    options = ("-q", "--rootdir", tmp_path, "--import-mode=importlib", "-p", "no:cacheprovider")
    told = run(plugins, "pytest", *options, "-m", "not postgres", *own)
    assert " passed" in told
    assert "skipped" not in told


@pytest.mark.postgres
@pytest.mark.parametrize("parts", [PARTS, PARTS[1:]], ids=["with a table", "without"])
def test_what_needs_a_database_works_on_postgresql_too(tmp_path, postgres_server, parts):
    plugin = new_plugin(tmp_path, "loyalty_points", *parts)
    options = ("-q", "-p", "no:cacheprovider", "-m", "postgres")
    told = run([plugin], "pytest", *options, CRM_TEST_POSTGRES=postgres_server)
    assert " passed" in told


def test_types_are_right_in_the_strictest_mode(tmp_path):
    plugin = new_plugin(tmp_path, "loyalty_points", *PARTS)
    run([plugin], "mypy", "--cache-dir", tmp_path / "types")


@pytest.mark.parametrize("parts", [("settings",), ("command",), ("entity", "fact")], ids="-".join)
def test_crm_plugins_check_finds_nothing(crm, tmp_path, parts):
    plugin = new_plugin(tmp_path, "bonus", *parts)
    found = crm("plugins", "check", plugin, "--json")
    assert [check for check in found.json()["checks"] if not check["ok"]] == []
    assert found.exit_code == 0
