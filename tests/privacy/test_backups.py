"""A backup from before an erasure brings nobody back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine

from .conftest import fill, places_with, secret_texts

ERASE = ("person", "erase", "P1", "C1", "--reason", "asked", "--yes")


@pytest.fixture
def before(people: App, crm: CommandLine, tmp_path: Path) -> Path:
    """Return a backup of the company with both persons, who then are erased."""
    backup = tmp_path / "backup"
    crm.ok("db", "backup", backup)
    crm.ok(*ERASE)
    return backup


def opened(reopen: Callable[..., App], folder: Path) -> App:
    return reopen(folder)


def test_a_backup_restored_beside_the_company_is_held_against_its_list(
    before: Path, crm: CommandLine, tmp_path: Path, reopen: Callable[..., App]
) -> None:
    to = tmp_path / "again"
    done = crm.json("db", "restore", before, "--to", to)
    assert done["erased_again"] == 3
    app = opened(reopen, to)
    assert places_with(app, secret_texts()) == []
    assert crm("doctor", folder=to).exit_code == 0
    assert [line["code"] for line in crm.lines("privacy", "erasures", folder=to)] == ["P1", "P2", "C1"]
    assert crm.json("interaction", "show", "I3", folder=to)["subject"] == "样本食品的年度合同"


def test_a_list_kept_elsewhere_is_given_to_the_restore(
    before: Path, crm: CommandLine, tmp_path: Path, reopen: Callable[..., App]
) -> None:
    kept, nowhere, to = tmp_path / "kept.jsonl", tmp_path / "nowhere", tmp_path / "again"
    crm.ok("privacy", "erasures", "--out", kept)
    nowhere.mkdir()
    crm.ok("db", "restore", before, "--to", to, "--erasures", kept, folder=nowhere)
    assert places_with(opened(reopen, to), secret_texts()) == []


def test_without_any_list_a_backup_is_only_a_backup_and_later_the_list_does_it(
    before: Path, crm: CommandLine, tmp_path: Path, reopen: Callable[..., App]
) -> None:
    nowhere, to = tmp_path / "nowhere", tmp_path / "again"
    nowhere.mkdir()
    done = crm.json("db", "restore", before, "--to", to, folder=nowhere)
    assert done["erased_again"] == 0
    assert crm.json("contact", "show", "P1", folder=to)["name"] == "龘靐齉"
    list_of_company = Path(str(crm.folder)) / "erasures.jsonl"
    (to / "erasures.jsonl").write_bytes(list_of_company.read_bytes())
    (check,) = [c for c in crm("doctor", "--json", folder=to).json()["checks"] if c["name"] == "erasures"]
    assert (check["ok"], check["detail"]) == (
        False,
        "3 erased persons came back with a backup; run: crm privacy go-on",
    )
    crm.ok("privacy", "go-on", folder=to)
    assert places_with(opened(reopen, to), secret_texts()) == []


def test_the_list_holds_no_value_and_every_later_backup_holds_it(
    before: Path, crm: CommandLine, tmp_path: Path
) -> None:
    text = (Path(str(crm.folder)) / "erasures.jsonl").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3
    assert not any(secret in text for secret in (*secret_texts(), "P1", "C1"))
    crm.ok("db", "backup", tmp_path / "later")
    assert (tmp_path / "later" / "erasures.jsonl").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "content", [b"nonsense\n", b"[1]\n", b'{"uid": "x", "entity": "contact"}\n', b"\xff\xfe\n"]
)
def test_a_file_that_is_no_list_is_refused_before_anything_is_restored(
    make_app: Callable[..., App], crm: CommandLine, tmp_path: Path, content: bytes
) -> None:
    fill(make_app())
    crm.ok("db", "backup", tmp_path / "backup")
    (tmp_path / "list").write_bytes(content)
    refused = crm(
        "db", "restore", tmp_path / "backup", "--to", tmp_path / "to", "--erasures", tmp_path / "list"
    )
    assert (refused.exit_code, "is no list of erasures: line 1" in refused.stderr) == (1, True)
    assert not (tmp_path / "to").exists()


BOTH = pytest.mark.parametrize("to", ["sqlite", "postgres"])


@pytest.mark.postgres
@BOTH
def test_a_backup_restored_into_either_database_brings_nobody_back(
    before: Path,
    to: str,
    crm: CommandLine,
    tmp_path: Path,
    reopen: Callable[..., App],
    empty_postgres: Callable[[], str],
) -> None:
    folder = tmp_path / "again"
    words = ("--database", empty_postgres()) if to == "postgres" else ()
    assert crm.json("db", "restore", before, "--to", folder, *words)["erased_again"] == 3
    app = opened(reopen, folder)
    assert app.engine.dialect.name == {"postgres": "postgresql"}.get(to, to)
    assert places_with(app, secret_texts()) == []
    for words_ in (("doctor",), ("audit", "verify")):
        crm.ok(*words_, folder=folder)
    assert crm("contact", "edit", "P1", "--phone", "1", folder=folder).exit_code == 1


@pytest.mark.postgres
@BOTH
def test_a_copy_from_before_is_held_against_the_list_once_it_is_the_companys_database(
    people: App, to: str, crm: CommandLine, reopen: Callable[..., App], empty_postgres: Callable[[], str]
) -> None:
    folder = people.config.folder
    url = empty_postgres() if to == "postgres" else f"sqlite:///{folder.parent / 'copy.db'}"
    crm.ok("db", "copy", "--to", url)
    crm.ok(*ERASE)
    toml = people.config.path.read_text(encoding="utf-8")
    people.config.path.write_text(toml.replace(people.config.database_url, url), encoding="utf-8")
    assert url in people.config.path.read_text(encoding="utf-8")
    (check,) = [c for c in crm("doctor", "--json").json()["checks"] if c["name"] == "erasures"]
    assert (check["ok"], "3 erased persons came back" in check["detail"]) == (False, True)
    crm.ok("privacy", "go-on")
    assert places_with(opened(reopen, folder), secret_texts()) == []
    if to == "sqlite":
        assert not any(text.encode() in (folder.parent / "copy.db").read_bytes() for text in secret_texts())
    crm.ok("doctor")


def test_a_list_that_was_lost_is_named_and_made_again(before: Path, crm: CommandLine) -> None:
    path = Path(str(crm.folder)) / "erasures.jsonl"
    content = path.read_bytes()
    path.unlink()
    (check,) = [c for c in crm("doctor", "--json").json()["checks"] if c["name"] == "erasures"]
    assert (check["ok"], check["detail"]) == (
        False,
        "3 erased persons are not on the list erasures.jsonl; run: crm privacy go-on",
    )
    crm.ok("privacy", "go-on")
    assert path.read_bytes() == content
    crm.ok("doctor")
