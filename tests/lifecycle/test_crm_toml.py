"""crm.toml and the database change together: what one run could not replace, it keeps, says, or the next one completes."""

from __future__ import annotations

import errno
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.lifecycle import enabling, uninstalling
from crmcore.errors import CrmError
from crmcore.testing import ACTOR, CommandLine


def enabled(app: App) -> list[str]:
    found: list[str] = tomllib.loads(app.config.path.read_text(encoding="utf-8"))["plugins"]["enabled"]
    return found


def tables(app: App) -> list[str]:
    with app.engine.connect() as connection:
        return [name for name in sa.inspect(connection).get_table_names() if name.startswith("loyal_")]


def left(app: App) -> list[str]:
    return [path.name for path in app.config.folder.iterdir() if ".crm.toml." in path.name]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes each attempt to replace a crm.toml raise; the last of the errors given stays."""
    original = Path.replace

    def fail(*errors: BaseException | None) -> None:
        coming = list(errors)

        def replace(self: Path, target: Path) -> Path:
            if Path(target).name == "crm.toml":
                error = coming.pop(0) if len(coming) > 1 else coming[0]
                if error is not None:
                    raise error
            return original(self, target)

        monkeypatch.setattr(Path, "replace", replace)

    return fail


def test_an_export_stays_where_its_data_is_gone_and_the_sentence_says_what_is_left_to_do(
    company: App, failing: Callable[..., None], tmp_path: Path, crm: CommandLine
) -> None:
    failing(OSError(errno.EROFS, "Read-only file system"))
    folder = tmp_path / "out"
    with pytest.raises(CrmError, match=r"in the database, but .* could not be replaced \(Read-only") as told:
        uninstalling.remove(company, "loyal", ACTOR, folder)
    assert tables(company) == []
    assert {path.name for path in folder.iterdir()} >= {"export.json", "loyal_account.jsonl"}
    (new,) = left(company)
    assert str(told.value).endswith(f"copy {company.config.folder.resolve() / new} over it")
    failing(None)
    company.config.path.write_bytes((company.config.folder / new).read_bytes())
    crm.ok("customer", "add", "--name", "x")
    crm.ok("plugins", "restore", "loyal", folder)


def test_ctrl_c_after_the_commit_leaves_the_export_and_completes_crm_toml(
    company: App, failing: Callable[..., None], tmp_path: Path
) -> None:
    failing(KeyboardInterrupt(), None)
    with pytest.raises(KeyboardInterrupt):
        uninstalling.remove(company, "loyal", ACTOR, tmp_path / "out")
    assert tables(company) == []
    assert (tmp_path / "out" / "export.json").exists()
    assert (enabled(company), left(company)) == ([], [])


def test_a_crm_toml_that_is_mounted_by_itself_is_written_over(
    company: App, failing: Callable[..., None], tmp_path: Path, crm: CommandLine
) -> None:
    failing(OSError(errno.EBUSY, "Device or resource busy"))
    number = company.config.path.stat().st_ino
    crm.ok("plugins", "uninstall", "loyal", "--export", tmp_path / "out")
    assert (enabled(company), left(company)) == ([], [])
    assert company.config.path.stat().st_ino == number
    assert (tmp_path / "out" / "export.json").exists()


@pytest.mark.parametrize(
    "name", [".crm.toml.{pid}", ".crm.toml.{pid}-0123456789abcdef", "..crm.toml.7-0a.xyz_"]
)
def test_what_a_killed_run_left_never_becomes_crm_toml(company: App, name: str) -> None:
    stale = company.config.folder / name.format(pid=os.getpid())
    stale.write_text(company.config.path.read_text(encoding="utf-8").replace("days = 9", "days = 1"))
    kept = company.config.folder / ".crm.toml.swp"
    kept.touch()
    enabling.trust(company, "loyal", ACTOR)
    assert "days = 9" in company.config.path.read_text(encoding="utf-8")
    assert left(company) == [kept.name]


KILLED = """
import os, signal, sys
from pathlib import Path
from crmcore.cli.main import main
original = Path.replace
def killed(self, target):
    if Path(target).name == "crm.toml":
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, target)
Path.replace = killed
main(["-C", *sys.argv[1:]])
"""


@pytest.mark.slow
def test_what_a_killed_disable_began_the_next_command_completes(
    loyal: Any, make_app: Callable[..., App], crm: CommandLine, python: Callable[..., Any]
) -> None:
    app = make_app(["loyal"])
    assert python(KILLED, app.config.folder, "plugins", "disable", "loyal").exit_code == -9
    assert enabled(app) == ["loyal"]
    done = crm("doctor")
    assert done.exit_code == 1
    assert "holds a change that did not reach crm.toml; run the command again that made it" in done.stdout
    crm.ok("plugins", "disable", "loyal")
    assert (enabled(app), left(app)) == ([], [])
    assert "did not reach" not in crm("doctor").stdout
