"""What killed processes leave is named by doctor, and goes away with the next run."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crmcore.api import App
from crmcore.builtin.exchange.locks import RunLock
from crmcore.testing import CommandLine

Make = Callable[..., App]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_lock_files_of_killed_imports_go_away_with_the_next_one(
    make_app: Make, crm: CommandLine, tmp_path: Path
):
    folder = make_app().config.folder / "imports"
    left, held = write(folder / "7.lock", ""), write(folder / "8.lock", "")
    other = RunLock(held)
    assert other.acquire()
    crm.ok("import", "customers", write(tmp_path / "a.csv", "code,name\nA,A\n"))
    assert not left.exists()
    assert held.exists()
    other.release()


def test_an_import_takes_its_lock_though_somebody_looks_whether_it_is_held(
    make_app: Make, crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make_app()
    original, looks = RunLock.acquire, iter((True,))

    def acquire(lock: RunLock) -> bool:
        if not next(looks, False):
            return original(lock)
        other = RunLock(lock._path)
        assert original(other)
        taken = original(lock)
        other.release()
        return taken

    monkeypatch.setattr(RunLock, "acquire", acquire)
    crm.ok("import", "customers", write(tmp_path / "a.csv", "code,name\nA,A\n"))
    assert crm.lines("imports", "list")[0]["state"] == "done"


def test_doctor_names_files_that_never_took_their_place(make_app: Make, crm: CommandLine):
    folder = make_app().config.folder
    fresh, old = write(folder / ".crm.toml.abcd1234", ""), write(folder / "..crm-checked.abcd_123", "")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    checks = {check["name"]: check for check in crm("doctor", "--json").json()["checks"]}
    assert checks["disk"]["detail"] == f"left by processes that were killed: {old.name}; delete them"
    old.unlink()
    assert fresh.exists()
    crm.ok("doctor")


def test_all_of_a_backup_is_on_disk_before_it_has_its_name(
    make_app: Make, crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = make_app().config.folder
    for name in ("files/ab", "files/cd/ef"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, name)
    flushed: set[int] = set()
    flush, rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        flushed.add(os.fstat(descriptor).st_ino)
        flush(descriptor)

    def named(source: Path, target: Path, **options: int) -> None:
        if Path(target) == tmp_path / "backup":
            missing = [path for path in Path(source).rglob("*") if path.stat().st_ino not in flushed]
            assert missing == []
            assert Path(source).stat().st_ino in flushed
        rename(source, target, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", named)
    crm.ok("db", "backup", tmp_path / "backup")
    assert (tmp_path / "backup" / "files" / "cd" / "ef").exists()


@pytest.mark.postgres
def test_a_server_that_holds_just_these_rows_is_taken_as_it_is_and_no_other(
    make_app: Make, crm: CommandLine, empty_postgres: Callable[[], str], database: str
):
    make_app(database=database)
    crm.ok("customer", "add", "--name", "一", "--code", "A1")
    url = empty_postgres()
    done = crm.json("db", "copy", "--to", url)
    again = crm.json("db", "copy", "--to", url)
    assert [t for t in again["tables"] if t not in done["tables"]] == [
        t for t in again["tables"] if t["name"] == "read_log"
    ]
    assert again["rows"] == done["rows"] + 1, "that it was copied before"
    crm.ok("customer", "add", "--name", "二", "--code", "A2")
    refused = crm("db", "copy", "--to", url)
    assert refused.exit_code == 1
    assert "the database is not empty" in refused.stderr


def test_a_note_goes_with_the_folder_that_it_asks_to_do_again(
    make_app: Make, crm: CommandLine, tmp_path: Path
):
    folder = make_app().config.folder
    place = tmp_path / "backup"
    note = write(
        folder / ".crm-unfinished-0123456789ab",
        f'{{"command": "crm db backup {place}", "place": "{place}"}}',
    )
    checks = {check["name"]: check for check in crm("doctor", "--json").json()["checks"]}
    told = f"stopped before its end: crm db backup {place}; run it again, or delete {note}"
    assert checks["backups and copies"] == {"name": "backups and copies", "ok": False, "detail": told}
    crm.ok("db", "backup", place)
    crm.ok("doctor")
    crm.ok("db", "backup", tmp_path / "other")
    assert not note.exists()
    shutil.rmtree(place)
