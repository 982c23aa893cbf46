"""What `crm plugins new` prints is typed, word for word, in a new environment into which pip installs everything."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the commands go to a POSIX shell"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Return what the shell has after `. bin/activate` in an environment with crmcore and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    theirs = {"CRM_TEST_POSTGRES", "PYTHONPATH", "PYTHONHOME"}
    variables = {name: value for name, value in os.environ.items() if name not in theirs}
    variables |= {"VIRTUAL_ENV": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = shell(f"python -m pip install -q {ROOT}", variables, folder)
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip(f"pip reaches no index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return variables


def shell(commands, variables, folder):
    return subprocess.run(
        ["/bin/sh", "-e", "-c", commands],
        env=variables,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_four_commands_pass_at_once(environment, tmp_path):
    parts = "entity,settings,hook,command,report,job,fact"
    new = shell(f"crm plugins new loyalty_points --dir mine --with {parts} --json", environment, tmp_path)
    assert new.returncode == 0, new.stderr
    commands = json.loads(new.stdout)["commands"]
    assert commands == [
        "cd mine/loyalty_points",
        'python -m pip install -e ".[test]"',
        "python -m pytest",
        "crm plugins check loyalty_points",
    ]
    done = shell("\n".join(commands), environment, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout


def test_without_activating_the_commands_name_their_python(environment, tmp_path):
    variables = {**environment, "PATH": os.defpath}
    crm = Path(environment["VIRTUAL_ENV"], "bin", "crm")
    new = shell(f"{crm} plugins new bonus --json", variables, tmp_path)
    python = str(crm.with_name("python"))
    for command in json.loads(new.stdout)["commands"][1:]:
        assert command.startswith((python, f"{python}{sys.version_info.major}")), command
