"""The `crm` that documents are read with differs from the real one in the time that it takes, and in nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from tools.ready_crm import CRM

HOOKS = "from crmcore.api import hookimpl\n\n\n@hookimpl\ndef jobs():\n    return []\n"
COMMAND = """import json, os, signal, sys, time

import click

from crmcore.api import Command


@click.command("seen", cls=Command)
@click.argument("how")
def seen(how):
    plugins = sorted(name for name in sys.modules if name.startswith("crmcore_"))
    environment = {name: value for name, value in sorted(os.environ.items()) if name != "_"}
    found = [sys.argv, os.getcwd(), os.umask(0), sys.path, sys.stdin.read(), time.tzname, plugins, environment]
    found += [[stream.encoding, stream.errors, stream.isatty()] for stream in (sys.stdin, sys.stdout, sys.stderr)]
    print(json.dumps(found), flush=True)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "waits":
        time.sleep(60)
"""
WAITS = (
    "crm seen waits > out & until [ -s out ]; do sleep 0.05; done; kill -TERM $!; wait $!; echo $?; cat out"
)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Make a company with a plugin that lies in a folder of PYTHONPATH; gives what types a script there."""
    folder = tmp_path_factory.mktemp("typed")
    install(folder / "site")

    def typed(script, *first):
        path = os.pathsep.join([*map(str, first), str(CRM.parent), os.environ["PATH"]])
        given = {"PATH": path, "CRM_LANG": "en", "LANGUAGE": "en", "PYTHONPATH": str(folder / "site")}
        done = subprocess.run(
            ["bash", "-c", f"cd company 2>/dev/null; {script}"],  # noqa: S607
            cwd=folder,
            env={**os.environ, **given, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, re.sub(r"line 1: +\d+", "line 1:", done.stderr)

    code, _out, err = typed("crm init company && crm -C company plugins enable seen")
    assert code == 0, err
    return typed


def install(site):
    package = site / "crmcore_seen"
    package.mkdir(parents=True)
    manifest = {"commands": [{"name": "seen", "help": "Seen", "target": "crmcore_seen.cli:seen"}]}
    for name, text in {"__init__": "", "plugin": HOOKS, "cli": COMMAND}.items():
        package.joinpath(f"{name}.py").write_text(text, encoding="utf-8")
    package.joinpath("plugin.json").write_text(json.dumps(manifest), encoding="utf-8")
    info = site / "seen-1.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: seen\nVersion: 1\n", encoding="utf-8")
    info.joinpath("entry_points.txt").write_text(
        "[crmcore.plugins]\nseen = crmcore_seen.plugin\n", encoding="utf-8"
    )
    info.joinpath("RECORD").write_text("seen-1.dist-info/METADATA,,\n", encoding="utf-8")


@pytest.mark.parametrize(
    "script",
    [
        "crm --version",
        "crm castomer; echo $?; crm -C nowhere doctor",
        "crm customer list --json | head -c 1; crm plugins list --lang zh_CN",
        "umask 027; export GIVEN='a b' CRM_ACTOR=zhou TZ=Asia/Tokyo; cd /; echo 三 | crm -C $OLDPWD seen ''",
        "crm seen twice > out 2>&1 & crm seen twice; wait $!; cat out",
        "crm seen killed; echo $?",
        WAITS,
    ],
)
def test_a_command_is_what_it_is_from_the_first_import_on(script, company, programs):
    expected = company(script)
    assert expected[1], expected
    assert company(script, programs) == expected


def test_a_command_whose_caller_is_killed_ends(company, programs):
    script = WAITS.replace("-TERM", "-KILL").replace("crm seen", "crm 2> err seen")
    assert company(f"{script}; until ! fuser -s out; do sleep 0.05; done", programs)[1].startswith("137\n")
