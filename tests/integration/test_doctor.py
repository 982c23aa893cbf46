"""`crm doctor`: each check can fail, says why, and leaves the others alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.administration import checks
from crmcore.builtin.administration.checks import run_checks
from crmcore.db.migrations import CORE, CORE_FOLDER, head_of
from crmcore.errors import CrmError
from crmcore.testing import ACTOR, CommandLine

NAMES = [
    "database",
    "migrations",
    "change log",
    "imports",
    "backups and copies",
    "erasures",
    "documents",
    "search index",
    "indexes of lists",
    "settings",
    "plugins",
    "disk",
    "network file system",
    "permissions of files",
    "clock",
]


def failed(app: App) -> dict[str, str]:
    return {check["name"]: check["detail"] for check in run_checks(app) if not check["ok"]}


def raw(app: App, *statements: str) -> None:
    app.close()
    with sqlite3.connect(app.config.folder / "crm.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_new_workspace_is_sound(make_app: Callable[..., App], database: str, crm: CommandLine) -> None:
    app = make_app(database=database)
    assert failed(app) == {}
    assert [check["name"] for check in run_checks(app)] == NAMES
    document = crm.json("doctor")
    assert [set(check) for check in document["checks"]] == [{"name", "ok", "detail"}] * len(NAMES)


def unchecked(app: App) -> list[str]:
    return [check["name"] for check in run_checks(app) if check["ok"] is None]


NEED_THE_DATABASE = [
    *("migrations", "change log", "imports", "erasures", "documents", "search index", "indexes of lists"),
    *("settings", "plugins", "clock"),
]


def test_a_server_that_is_down_is_one_finding_and_the_rest_says_that_it_was_not_checked(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App], crm: CommandLine
) -> None:
    pytest.importorskip("psycopg")
    install_plugin("one", "from crmcore.api import hookimpl")
    app = make_app(["one"])
    text = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(
        text.replace("sqlite:///crm.db", f"postgresql:///x?host={app.config.folder}"), encoding="utf-8"
    )
    app = reopen(app)
    assert [check["name"] for check in run_checks(app) if check["ok"] is False] == ["database"]
    assert unchecked(app) == NEED_THE_DATABASE
    result = crm("doctor")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("✗ database: the database does not answer")
    assert "– clock: not checked: the database cannot be read" in lines
    assert any(line.startswith("✓ disk: ") for line in lines)


def test_settings_that_are_wrong_are_told_without_a_database(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    schema = '{"type": "object", "additionalProperties": false, "properties": {}}'
    install_plugin(
        "tidy", "from crmcore.api import hookimpl", {"settings": "s.json"}, files={"s.json": schema}
    )
    app = make_app(["tidy"])
    app.config.path.write_text(
        app.config.path.read_text(encoding="utf-8") + "\n[plugins.tidy]\ndays = 3\n", encoding="utf-8"
    )
    app.config.folder.joinpath("crm.db").unlink()
    assert "plugins.tidy.days" in failed(reopen(app))["settings"]


def test_a_database_that_is_none_is_told(make_app: Callable[..., App], crm: CommandLine) -> None:
    app = make_app()
    app.close()
    path = app.config.folder / "crm.db"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(b"no database at all " * 100)
    result = crm("doctor", "--json")
    assert result.exit_code == 1
    found = {check["name"]: check for check in result.json()["checks"]}
    assert found["database"]["ok"] is False
    assert found["database"]["detail"] == "file is not a database"
    assert found["clock"]["ok"] is None
    assert found["disk"]["ok"], "what can be checked is checked"


def test_a_damaged_database_is_told(make_app: Callable[..., App], reopen: Callable[..., App]) -> None:
    app = make_app()
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"C{i}", "name": "n" * 100} for i in range(500)])
    raw(app, "PRAGMA wal_checkpoint(TRUNCATE)")
    with sqlite3.connect(app.config.folder / "crm.db") as connection:
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_customer_name'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    path = app.config.folder / "crm.db"
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = os.urandom(size)
    path.write_bytes(content)
    assert "database" in failed(reopen(app))


def test_a_missing_database_is_told(make_app: Callable[..., App], reopen: Callable[..., App]) -> None:
    app = make_app()
    app.close()
    app.config.folder.joinpath("crm.db").rename(app.config.folder / "elsewhere.db")
    found = failed(reopen(app))
    assert "there is no database" in found["database"]
    assert not app.config.folder.joinpath("crm.db").exists(), "looking makes none"


def test_an_older_database_is_told(
    make_app: Callable[..., App], reopen: Callable[..., App], crm: CommandLine
) -> None:
    app = make_app()
    raw(app, "UPDATE alembic_version_crmcore SET version_num = 'crmcore_0000'")
    found = failed(reopen(app))
    assert "crmcore_0000" in found["migrations"]
    assert "run: crm db migrate" in found["migrations"]
    assert "migrations" not in unchecked(reopen(app)), "of that it is sure"
    refused = crm("customer", "list")
    assert refused.exit_code == 1
    assert (
        f"the database is at crmcore_0000, this program needs {head_of(CORE, CORE_FOLDER)}; run: crm db migrate"
        in refused.stderr
    )


def test_a_plugin_behind_its_migrations_is_told(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    first = "revision = 'grow_0001'\ndown_revision = None\ndef upgrade(): pass\ndef downgrade(): pass\n"
    plugin = install_plugin(
        "grow",
        "from crmcore.api import hookimpl",
        {"migrations": "migrations"},
        files={"migrations/0001_a.py": first},
    )
    app = make_app(["grow"])
    assert failed(app) == {}
    record = plugin.info.joinpath("RECORD").read_text(encoding="utf-8")
    plugin.write({"migrations/0002_b.py": first.replace("0001", "0002").replace("None", "'grow_0001'")})
    plugin.info.joinpath("RECORD").write_text(record, encoding="utf-8")
    found = failed(reopen(app))
    assert set(found) == {"migrations", "plugins"}
    assert "grow: grow_0001 → grow_0002" in found["migrations"]
    assert "run: crm plugins upgrade grow" in found["plugins"], "until then nothing is written"


def test_an_unsealed_transaction_on_sqlite_is_told(
    make_app: Callable[..., App], reopen: Callable[..., App]
) -> None:
    app = make_app()
    raw(app, "DELETE FROM change_seal")
    assert (
        "1 transactions are not sealed; the log was changed from outside" in failed(reopen(app))["change log"]
    )


@pytest.mark.postgres
def test_on_postgresql_transactions_wait_for_the_sealer(make_app: Callable[..., App]) -> None:
    app = make_app(database="postgres")
    assert failed(app) == {}
    detail = next(c["detail"] for c in run_checks(app) if c["name"] == "change log")
    assert "1 wait for the sealer (crm jobs run seal_log)" in detail


@pytest.mark.postgres
def test_the_sealer_is_a_job(make_app: Callable[..., App], crm: CommandLine) -> None:
    app = make_app(database="postgres")
    crm.ok("jobs", "run", "seal_log")
    detail = next(c["detail"] for c in run_checks(app) if c["name"] == "change log")
    assert "wait for the sealer" not in detail


def test_an_interrupted_import_is_told(make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch) -> None:
    import crmcore.builtin.exchange.api as exchange

    app = make_app()
    monkeypatch.setattr(exchange, "interrupted_imports", lambda _app: [7, 9])
    assert failed(app) == {"imports": "interrupted: 7, 9; go on with: crm imports resume ID"}


def test_settings_that_only_bite_later_are_told(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    schema = '{"type": "object", "additionalProperties": false, "properties": {"days": {"type": "integer", "default": 3}}}'
    install_plugin(
        "tidy", "from crmcore.api import hookimpl", {"settings": "s.json"}, files={"s.json": schema}
    )
    app = make_app(["tidy"])
    text = app.config.path.read_text(encoding="utf-8")
    for bad, sentence in (
        ("\n[plugins.tidy]\ndays = 'x'\n", "plugins.tidy.days"),
        (
            "\n[strategies]\ncurrency_rates = 'nowhere'\n",
            "strategies.currency_rates = 'nowhere' is not known",
        ),
    ):
        app.config.path.write_text(text + bad, encoding="utf-8")
        assert sentence in failed(reopen(app))["settings"]
    app.config.path.write_text(text.replace('"C{seq:06}"', '"C{seq:06}{day}"'), encoding="utf-8")
    assert "the code pattern 'C{seq:06}{day}' is not allowed" in failed(reopen(app))["settings"]


CONTRIBUTION = "from crmcore.api import hookimpl\n@hookimpl\ndef {hook}({arguments}):\n    raise ValueError('today not')\n"


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("card_sections", "customer_ids"),
        ("work_items", "actor"),
        ("alerts", "run"),
        ("observe_changes", "changes"),
    ],
)
def test_a_contribution_that_fails_on_an_empty_batch_is_told(
    make_app: Callable[..., App], install_plugin: Any, hook: str, arguments: str
) -> None:
    install_plugin("moody", CONTRIBUTION.format(hook=hook, arguments=arguments))
    app = make_app(["moody"])
    assert failed(app) == {"plugins": "moody: today not"}


def test_a_missing_plugin_is_told(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App]
) -> None:
    plugin = install_plugin("gone", "from crmcore.api import hookimpl")
    app = make_app(["gone"])
    plugin.uninstall()
    found = failed(reopen(app))
    assert set(found) == {"plugins"}
    assert (
        "gone (missing): plugin 'gone' is enabled but crmcore-gone-test is not installed" in found["plugins"]
    )


@pytest.mark.parametrize("what", ["config", "files"])
def test_an_enabled_set_that_does_not_agree_is_told(
    make_app: Callable[..., App], install_plugin: Any, reopen: Callable[..., App], what: str
) -> None:
    plugin = install_plugin("one", "from crmcore.api import hookimpl")
    app = make_app(["one"])
    if what == "config":
        text = app.config.path.read_text(encoding="utf-8")
        app.config.path.write_text(text.replace('["one"]', "[]"), encoding="utf-8")
    else:
        plugin.write({"more.py": ""})
    assert "run: crm plugins" in failed(reopen(app))["plugins"]


def test_a_full_disk_is_told(make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=5 * 1024 * 1024))
    assert failed(app) == {"disk": "5 MB free"}


def test_a_network_file_system_is_told(make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    monkeypatch.setattr(checks, "network_file_system", lambda _path: "nfs4")
    assert failed(app) == {"network file system": "on nfs4"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize("name", ["crm.db", "crm.db-wal"])
def test_files_that_others_can_read_are_told(make_app: Callable[..., App], name: str) -> None:
    app = make_app()
    with app.read() as ctx:
        ctx.connection.execute(sa.text("SELECT 1"))
        path = app.config.folder / name
        if not path.exists():
            path.touch(mode=0o600)
        assert failed(app) == {}
        path.chmod(0o640)
        assert failed(app) == {
            "permissions of files": f"{path} can be read by other users; run: chmod 600 {path}"
        }


def test_the_files_of_a_new_workspace_are_the_owners_alone(make_app: Callable[..., App]) -> None:
    app = make_app()
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
        for path in app.config.folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path.name


def test_a_clock_behind_the_log_is_told(make_app: Callable[..., App], clock: Any) -> None:
    app = make_app()
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "a"}])
    clock.move(minutes=-2)
    assert "the change log is ahead of the clock" in failed(app)["clock"]
    clock.move(days=-700)
    assert "clock" in failed(app)


def test_mounts_with_odd_names_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    from crmcore.db.engine import network_file_system

    mounts = (
        "/dev/sda / ext4 rw 0 0\n"
        "server:/x /mnt/数据 nfs4 rw 0 0\n"
        "server:/y /mnt/with\\040blank cifs rw 0 0\n"
        "/dev/sdb /mnt/数据/local ext4 rw 0 0\n"
        "broken line\n"
    )
    real = Path.read_text

    def read_text(self: Path, *arguments: Any, **options: Any) -> str:
        return mounts if str(self) == "/proc/mounts" else real(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(Path, "exists", lambda _self: True)
    found = {
        path: network_file_system(Path(path))
        for path in (
            "/home/a.db",
            "/mnt/数据/a.db",
            "/mnt/with blank/a.db",
            "/mnt/数据/local/a.db",
            "/mnt/数据x/a.db",
        )
    }
    assert list(found.values()) == [None, "nfs4", "cifs", None, None]


def test_a_database_on_a_network_file_system_is_refused(
    make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch, reopen: Callable[..., App]
) -> None:
    from crmcore.db import engine

    app = make_app()
    monkeypatch.setattr(engine, "network_file_system", lambda _path: "nfs")
    with pytest.raises(CrmError, match=r"lies on a network file system \(nfs\)"), reopen(app).read():
        pass
