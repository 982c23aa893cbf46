"""Files that SQLite left beside a database while it could only be read: nobody can write, and doctor says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from crmcore.app import App
from crmcore.builtin.administration import checks
from crmcore.testing import ACTOR

LEAVE = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("SELECT count(*) FROM customer").fetchall()
os._exit(0)  # as if it were killed
"""
CRM = "import sys; from crmcore.cli.main import main; main()"


def as_anybody() -> list[str]:
    """Return the words before a command that let rights of files hold for root, too."""
    if os.name != "posix":
        pytest.skip("rights are POSIX")
    if os.geteuid():
        return []
    words = ["setpriv", "--bounding-set=-dac_override"]
    if not shutil.which("setpriv") or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("for root no file is read-only here")
    return words


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*as_anybody(), sys.executable, "-c", *words],
        env={**os.environ, "CRM_ACTOR": ACTOR},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("way_out", ["delete", "chmod"])
def test_what_a_reader_left_of_a_read_only_file_is_told(make_app: Callable[..., App], way_out: str) -> None:
    app = make_app()
    app.close()
    folder, path = app.config.folder, app.config.folder / "crm.db"
    shm, wal = folder / "crm.db-shm", folder / "crm.db-wal"
    path.chmod(0o400)
    run(LEAVE, str(path))
    path.chmod(0o600)
    assert shm.stat().st_mode & 0o777 == 0o400
    add = (CRM, "-C", str(folder), "customer", "add", "--name", "x")
    assert run(*add).returncode == 1
    doctor = run(CRM, "-C", str(folder), "doctor")
    assert doctor.returncode == 1
    assert f"{shm} cannot be written, so nothing can be stored; run: chmod u+w {shm}" in doctor.stdout
    for file in (wal, shm):
        if way_out == "chmod":
            file.chmod(0o600)
    if way_out == "delete":
        shm.unlink()
        wal.chmod(0o600)
    assert run(*add).returncode == 0
    assert "cannot be written" not in run(CRM, "-C", str(folder), "doctor").stdout


def test_several_findings_are_joined_as_the_language_does(
    make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    import crmcore.builtin.exchange.api as exchange

    app = make_app()
    monkeypatch.setattr(exchange, "interrupted_imports", lambda _app: [7])
    monkeypatch.setattr(exchange, "stopped_undos", lambda _app: [8])
    monkeypatch.setattr(checks, "_", lambda text: {"; ": "；"}.get(text, text))
    found = {check["name"]: check["detail"] for check in checks.run_checks(app)}
    assert found["imports"] == (
        "interrupted: 7; go on with: crm imports resume ID；undo stopped: 8; go on with: crm imports undo ID"
    )
