"""Making a workspace: all of it, or nothing is left."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.errors import CrmError
from crmcore.testing import ACTOR, CommandLine
from crmcore.workspace import make_workspace


def test_init_makes_a_folder_with_everything_and_no_plugin(crm: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "公司 one"
    result = crm.json("init", folder)
    assert result == {"folder": str(folder), "database": "sqlite:///crm.db", "actor": ACTOR}
    assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == {"crm.toml", "crm.db"}
    text = folder.joinpath("crm.toml").read_text(encoding="utf-8")
    for line in ('currency = "CNY"', 'timezone = "Asia/Shanghai"', "enabled = []"):
        assert line in text
    crm.folder = folder
    crm.ok("doctor")
    assert crm.ok("customer", "list", "--json").stdout == ""


def test_a_relative_folder_and_the_current_one_will_do(
    crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    crm.ok("init", "here")
    crm.ok("init", ".")
    assert tmp_path.joinpath("here", "crm.toml").exists()
    assert tmp_path.joinpath("crm.toml").exists()


def test_what_is_there_is_never_overwritten(crm: CommandLine, tmp_path: Path) -> None:
    crm.ok("init", tmp_path / "a")
    before = tmp_path.joinpath("a", "crm.db").read_bytes()
    again = crm("init", tmp_path / "a")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already is a workspace; choose another folder" in again.stderr
    assert tmp_path.joinpath("a", "crm.db").read_bytes() == before
    tmp_path.joinpath("b").mkdir()
    tmp_path.joinpath("b", "crm.db").write_bytes(b"precious")
    refused = crm("init", tmp_path / "b")
    assert "already exists; choose another folder or database" in refused.stderr
    assert tmp_path.joinpath("b", "crm.db").read_bytes() == b"precious"
    assert not tmp_path.joinpath("b", "crm.toml").exists()
    tmp_path.joinpath("file").touch()
    assert "is a file; choose another folder" in crm("init", tmp_path / "file").stderr
    assert (
        "is a file" in crm("init", tmp_path / "file" / "below").stderr
        or crm("init", tmp_path / "file" / "below").exit_code == 1
    )


@pytest.mark.parametrize(
    "url", ["mysql://x", "nonsense", "postgresql://u:secret@h/d", "sqlite:///", "postgresql://h:port/d"]
)
def test_a_bad_url_makes_nothing(crm: CommandLine, tmp_path: Path, url: str) -> None:
    result = crm("init", tmp_path / "w", "--database", url)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr
    assert "database.url" in result.stderr
    assert not tmp_path.joinpath("w").exists()


def test_a_server_that_does_not_answer_leaves_nothing_behind(crm: CommandLine, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    result = crm("init", tmp_path / "w", "--database", f"postgresql:///x?host={tmp_path}")
    assert result.exit_code == 1
    assert "the database does not answer" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not tmp_path.joinpath("w", "crm.toml").exists()


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmcore import workspace

    def fail(*_arguments: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(workspace, "write_new", fail)
    with pytest.raises(OSError, match="no space left"):
        make_workspace(tmp_path / "w", None, ACTOR)
    assert [p.name for p in tmp_path.joinpath("w").iterdir() if not p.name.startswith(".")] == []


@pytest.mark.postgres
def test_a_second_workspace_on_the_same_database_needs_its_administrator(
    tmp_path: Path, postgres_url: str, clock: Any
) -> None:
    first = make_workspace(tmp_path / "one", postgres_url, ACTOR, clock)
    second = make_workspace(tmp_path / "two", postgres_url, ACTOR, clock)
    with pytest.raises(CrmError, match="there is no actor 'stranger'"):
        make_workspace(tmp_path / "three", postgres_url, "stranger", clock)
    assert not tmp_path.joinpath("three", "crm.toml").exists()
    with second.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM actor")) == 1
    first.close()
    second.close()


def test_migrate_brings_a_database_up_that_lost_its_tables(crm: CommandLine, tmp_path: Path) -> None:
    crm.ok("init", tmp_path / "w")
    crm.folder = tmp_path / "w"
    path = tmp_path / "w" / "crm.db"
    path.unlink()
    assert "there is no database" in crm("customer", "list").stderr
    sqlite3.connect(path).close()
    assert "holds no crmcore tables; make them with: crm db migrate" in crm("customer", "list").stderr
    assert crm.json("db", "migrate") == {"migrated": ["crmcore"], "indexes": []}
    assert crm.json("db", "migrate") == {"migrated": [], "indexes": []}
    crm.ok("customer", "list")


def test_two_apps_on_one_workspace_see_each_others_writes(
    make_app: Callable[..., Any], reopen: Callable[..., Any], database: str
) -> None:
    from crmcore.api import Customer

    one = make_app(database=database)
    two = reopen(one)
    for app, code in ((one, "A"), (two, "B"), (one, "C")):
        with app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": code, "name": code}])
    for app in (one, two):
        with app.read() as ctx:
            assert list(ctx.connection.scalars(sa.text("SELECT code FROM customer ORDER BY id"))) == [
                "A",
                "B",
                "C",
            ]


@pytest.mark.parametrize(
    ("timezone", "day"),
    [("Asia/Shanghai", "2026-03-03"), ("America/New_York", "2026-03-02"), ("UTC", "2026-03-02")],
)
def test_the_day_is_the_companys(make_app: Callable[..., Any], clock: Any, timezone: str, day: str) -> None:
    app = make_app()
    text = app.config.path.read_text(encoding="utf-8").replace("Asia/Shanghai", timezone)
    app.config.path.write_text(text, encoding="utf-8")
    app.refresh()
    clock.move(hours=19)  # 2026-03-02 20:00 in UTC
    with app.read() as ctx:
        assert (str(ctx.today), ctx.now.isoformat()) == (day, "2026-03-02T20:00:00+00:00")
