"""A workspace that can only be read: a backup on a read-only disk, a colleague's folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine
from crmcore.workspace import make_workspace

MOUNT = shutil.which("mount")
LOOKS = (("customer", "list"), ("customer", "show", "A"), ("doctor",), ("work",), ("plugins", "list"))


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Return a view of a folder through which nothing can be written, by whatever this computer allows."""
    mounted: list[Path] = []

    def view(folder: Path) -> Path:
        if os.geteuid():
            folder.chmod(0o500)
            return folder
        point = tmp_path / "mounted" / folder.name
        point.mkdir(parents=True)
        for options in (["--bind", str(folder)], ["-o", "remount,ro,bind"]):
            if not MOUNT or subprocess.run([MOUNT, *options, str(point)], check=False).returncode:
                pytest.skip("neither rights nor a mount can make a folder read-only here")
            mounted.append(point)
        return point

    yield view
    for point in dict.fromkeys(mounted):
        # Lazily: SQLite keeps a file of this process open while another connection has locks on it.
        subprocess.run([str(shutil.which("umount")), "--lazy", str(point)], check=True)
    for folder in tmp_path.iterdir():
        folder.chmod(0o700)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[App]:
    """Make a workspace with the customer A, in a folder whose name needs care in a URL."""
    app = make_workspace(tmp_path / "公司 #1?%", None, ACTOR)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
    yield app
    app.close()


def test_a_read_only_workspace_is_read(
    company: App, crm: CommandLine, read_only: Callable[[Path], Path]
) -> None:
    company.close()
    crm.folder = read_only(company.config.folder)
    before = sorted(crm.folder.iterdir())
    for words in LOOKS:
        crm.ok(*words)
    assert [c["code"] for c in crm.lines("customer", "list")] == ["A"]
    assert f"; it can only be read: {crm.folder} is read-only\n" in crm.ok("doctor").stdout
    assert sorted(crm.folder.iterdir()) == before


def test_a_read_only_workspace_says_why_nothing_is_written(
    company: App, crm: CommandLine, read_only: Callable[[Path], Path], tmp_path: Path
) -> None:
    company.close()
    crm.folder = read_only(company.config.folder)
    for words in (("customer", "add", "--name", "b"), ("export", "customers", tmp_path / "all.csv")):
        refused = crm(*words)
        assert refused.exit_code == 1
        assert refused.stderr == (
            "crm: the database can only be read here: its file or its folder is read-only; nothing was written\n"
        )
    assert not tmp_path.joinpath("all.csv").exists()


def test_what_somebody_writes_at_the_same_time_is_seen(
    company: App, crm: CommandLine, read_only: Callable[[Path], Path]
) -> None:
    if not os.geteuid():  # else the company itself could not write any more
        crm.folder = read_only(company.config.folder)
        with company.read(), company.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": "B", "name": "b"}])
        assert [c["code"] for c in crm.lines("customer", "list")] == ["A", "B"]


def test_changes_that_a_killed_writer_left_are_not_overlooked(
    company: App, crm: CommandLine, read_only: Callable[[Path], Path]
) -> None:
    folder = company.config.folder
    with company.read(), company.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "B", "name": "b"}])
        wal = folder / "crm.db-wal"
        shutil.copy(wal, folder / "left")
    company.close()
    shutil.move(folder / "left", wal)
    crm.folder = read_only(folder)
    refused = crm("customer", "list")
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"crm: {crm.folder} is read-only and crm.db-wal holds changes that are not in crm.db yet; "
        "copy the folder to where it can be written\n"
    )
    assert "crm.db-wal holds changes" in crm("doctor").stdout


def test_a_database_file_that_cannot_be_opened_is_no_matter_of_the_url(
    company: App, crm: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("sqlite3.dbapi2.connect", refuse)
    refused = crm("customer", "list", folder=company.config.folder)
    assert refused.stderr == (
        "crm: the database file cannot be opened; check that you may read and write it and its folder\n"
    )
