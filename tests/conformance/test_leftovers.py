"""`crm plugins check` that is stopped or killed leaves no process, no server and no folder; endless folders are refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from crmcore.builtin.conformance import target
from crmcore.builtin.conformance.target import find_target
from crmcore.errors import PluginError

ENDLESS = """
import os, subprocess, sys
from pathlib import Path
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
place = Path({place!r}, str(os.getpid()))
place.write_text(f"{{os.getpid()}} {{other.pid}}")
while True:
    pass
"""
posix = pytest.mark.skipif(os.name != "posix", reason="no signals")


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)
    return found


def runs(number):
    """Tell whether a process is there and no zombie that nobody has asked after."""
    try:
        os.kill(number, 0)
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it went meanwhile, or there is no /proc here
        return not Path("/proc").exists()
    return state != "Z"


@pytest.fixture
def folder():
    """Lend a folder for temporary files, with a path short enough for PostgreSQL's socket."""
    with tempfile.TemporaryDirectory(prefix="left-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@posix
@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_check_that_is_stopped(tmp_path, folder, sent):
    package, pids = tmp_path / "crmcore_endless", tmp_path / "pids"
    package.mkdir()
    pids.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("plugin.py").write_text(ENDLESS.format(place=str(pids)), encoding="utf-8")
    dropped = {"XDG_RUNTIME_DIR", "CRM_TEST_POSTGRES"}
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    caller = subprocess.Popen(
        [sys.executable, "-m", "crmcore", "plugins", "check", str(package)],
        env={**environment, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(list(pids.iterdir())) == 2)  # the second one has a server
    server = int(next(folder.glob("crm-pg-*/postmaster.pid")).read_text(encoding="utf-8").split()[0])
    begun = [int(number) for path in pids.iterdir() for number in path.read_text().split()] + [server]
    assert len(begun) == 5
    assert all(runs(number) for number in begun)
    caller.send_signal(sent)
    assert caller.wait(60) != 0
    wait_for(lambda: not any(runs(number) for number in begun), 20)
    wait_for(lambda: {path.name for path in folder.iterdir()} <= {".lockfile"}, 20)


def test_nothing_is_left_of_a_check_that_ends_by_itself(install_plugin, folder, monkeypatch):
    from crmcore.builtin.conformance.running import check_plugin

    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    install_plugin("hello", "from crmcore.api import hookimpl\n")
    assert check_plugin("hello", only=["manifest"])["ok"]
    assert list(folder.iterdir()) == []


@pytest.fixture
def package(stamps, tmp_path):
    stamps.write(tmp_path / "crmcore_stamps")
    return tmp_path / "crmcore_stamps"


def refused(package, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(PluginError) as error:
        find_target(str(package), scratch)
    return str(error.value)


@posix
@pytest.mark.parametrize(
    "links", [{"a": "."}, {"a": ".", "b": "."}, {"a": ".."}, {"a": "/"}, {"d/b": "../d/e", "d/e/f": ".."}]
)
def test_a_folder_that_holds_itself_is_refused(package, tmp_path, links):
    (package / "d" / "e").mkdir(parents=True)
    for name, to in links.items():
        package.joinpath(name).symlink_to(to)
    told = refused(package, tmp_path)
    assert "which is neither a file nor a folder of its own; nothing was checked" in told


@posix
def test_a_pipe_in_a_package_is_refused(package, tmp_path):
    os.mkfifo(package / "pipe")
    assert "holds 'pipe', which is neither a file nor" in refused(package, tmp_path)


@posix
def test_a_link_to_a_folder_elsewhere_is_followed(package, tmp_path):
    shutil.move(package / "migrations", tmp_path / "elsewhere")
    package.joinpath("migrations").symlink_to(tmp_path / "elsewhere")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    find_target(str(package), scratch)
    assert list(scratch.glob("site/crmcore_stamps/migrations/*.py"))


@pytest.mark.parametrize(("limit", "most"), [("MOST_FILES", 2), ("MOST_BYTES", 500)])
def test_a_folder_has_the_limits_of_a_wheel(package, tmp_path, monkeypatch, limit, most):
    monkeypatch.setattr(target, limit, most)
    assert "is too large for a plugin" in refused(package, tmp_path)
