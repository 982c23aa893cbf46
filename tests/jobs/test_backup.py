"""The job `backup`: what it makes was restored once; what cannot be restored is no backup."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import create_app
from crmcore.config import load_config
from crmcore.testing import CommandLine, StandingClock

SETTINGS = "\n[plugins.jobs]\nbackups_kept = 2\n"


@pytest.fixture
def shop(make_app: Any, database: str, crm: CommandLine) -> CommandLine:
    """Return the command line in a company with a customer on either database, which keeps two backups."""
    make_app(database=database, settings=SETTINGS)
    crm.ok("customer", "add", "--name", "甲公司")
    return crm


def kept(crm: CommandLine) -> list[str]:
    assert crm.folder is not None
    return sorted(path.name for path in (crm.folder / "backups").iterdir())


def test_a_backup_is_made_tried_and_old_ones_go(shop: CommandLine, clock: StandingClock) -> None:
    assert shop.folder is not None
    done = shop.json("jobs", "run", "backup")["summary"]
    assert Path(done["backup"]) == shop.folder / "backups" / "backup-20260302T010000Z"
    assert done["rows"] > 0
    assert done["log_entries_verified"] > 0
    (shop.folder / "backups" / "backup-of-mine").mkdir()
    for _night in range(2):
        clock.move(days=1)
        done = shop.json("jobs", "run", "backup")["summary"]
    assert done["deleted"] == ["backup-20260302T010000Z"]
    assert kept(shop) == ["backup-20260303T010000Z", "backup-20260304T010000Z", "backup-of-mine"]
    assert list(shop.folder.glob(".crm-drill-*")) == []


def test_what_was_backed_up_is_the_company(shop: CommandLine, tmp_path: Path) -> None:
    backup = shop.json("jobs", "run", "backup")["summary"]["backup"]
    shop.ok("db", "restore", backup, "--to", tmp_path / "again", folder=tmp_path)
    assert [c["name"] for c in shop.lines("customer", "list", folder=tmp_path / "again")] == ["甲公司"]


@pytest.mark.slow
def test_a_drill_that_fails_is_a_job_that_failed_and_older_backups_stay(
    shop: CommandLine, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmcore.builtin.databases import backing_up

    assert shop.folder is not None
    for _night in range(2):
        shop.ok("jobs", "run", "backup")
        clock.move(days=1)
    before = kept(shop)
    whole = backing_up.back_up

    def spoilt(app: Any, actor: str, folder: Path) -> dict[str, Any]:
        content = whole(app, actor, folder)
        file = folder / "crm.db"
        file.write_bytes(file.read_bytes()[:-1] + b"x")
        return content

    with monkeypatch.context() as patch:
        patch.setattr(backing_up, "back_up", spoilt)
        failed = shop("jobs", "run", "backup", "--json")
    assert failed.exit_code == 1
    assert "it was changed since it was written" in failed.json()["error"]
    assert kept(shop) == [*before, "unverified-20260304T010000Z"], "to be looked at"
    assert list(shop.folder.glob(".crm-drill-*")) == []
    assert "job:backup" in {one["key"] for one in shop.lines("work")}
    clock.move(days=1)
    shop.ok("jobs", "run", "backup")
    assert kept(shop) == ["backup-20260303T010000Z", "backup-20260305T010000Z"]


def test_a_log_that_was_tampered_with_fails_the_drill(shop: CommandLine) -> None:
    assert shop.folder is not None
    app = create_app(load_config(shop.folder))
    with app.operations() as connection, app.unguarded(connection):
        connection.execute(sa.text("UPDATE change_log SET operation = 'update' WHERE seq = 1"))
    app.close()
    failed = shop("jobs", "run", "backup", "--json")
    assert failed.exit_code == 1
    assert "its change log is not whole" in failed.json()["error"]


def test_what_killed_runs_left_is_taken_away_by_the_next(shop: CommandLine, clock: StandingClock) -> None:
    assert shop.folder is not None
    shop.ok("jobs", "run", "backup")
    backups = shop.folder / "backups"
    for left in ("unverified-20260301T010000Z", "deleting-20260228T010000Z"):
        shutil.copytree(backups / "backup-20260302T010000Z", backups / left)
    (shop.folder / ".crm-drill-left").mkdir()
    clock.move(days=1)
    shop.ok("jobs", "run", "backup")
    assert kept(shop) == ["backup-20260302T010000Z", "backup-20260303T010000Z"]
    assert list(shop.folder.glob(".crm-drill-*")) == []


def test_who_may_not_back_up_runs_no_backup(shop: CommandLine) -> None:
    with shop.as_actor("li", roles=["sales_manager"]):
        refused = shop("jobs", "run", "backup")
    assert refused.exit_code == 1
    assert "may not migrate, back up and copy the database" in refused.stderr
