"""On a disk without room SQLite cannot make the files that it works with: that is said, not that the address is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from crmcore.app import App
from crmcore.testing import ACTOR

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX limits")
CHILD = """
import resource, shutil, sys
from types import SimpleNamespace
from crmcore.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
shutil.disk_usage = lambda _path: SimpleNamespace(free={free})
sys.argv = ["crm", *{arguments}]
main()
"""
FULL = "the disk is full; nothing of this step was written; make room and try again"
OTHER = "the database does not answer: disk I/O error"


def said(app: App, free: int, *arguments: str) -> str:
    """Run a command where no file may grow beyond 4096 bytes; SQLite's -shm is larger."""
    code = CHILD.format(free=free, arguments=["-C", str(app.config.folder), *arguments])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CRM_ACTOR": ACTOR, "PYTHONDONTWRITEBYTECODE": "1"},  # cut off, it would be kept
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", [["customer", "list"], ["customer", "add", "--name", "x"], ["doctor"]])
def test_a_disk_without_room_is_told_from_one_that_fails(
    make_app: Callable[..., App], command: list[str]
) -> None:
    app = make_app()
    app.close()
    assert FULL in said(app, 0, *command)
    assert OTHER in said(app, 50_000_000, *command)
