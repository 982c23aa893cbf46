"""`crm document …`: five drawers, a store by hash, hostile files."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from crmcore.testing import CommandLine


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "合同.txt"
    path.write_bytes(b"content" * 1000)
    return path


def stored(crm: CommandLine) -> list[Path]:
    assert crm.folder is not None
    return [path for path in (crm.folder / "files").rglob("*") if path.is_file()]


def test_add_keeps_the_file_under_its_hash_for_the_owner_alone(company: CommandLine, paper: Path, matches):
    found = matches(
        "document",
        company.json(
            *("document", "add", "C1", paper, "--drawer", "contracts_orders", "--title", "年度合同"),
            "--confidential",
        ),
    )
    digest = sha256(paper.read_bytes()).hexdigest()
    assert (found["sha256"], found["size"], found["file_name"]) == (digest, 7000, "合同.txt")
    assert (found["title"], found["confidential"], found["drawer"]) == ("年度合同", True, "contracts_orders")
    (path,) = stored(company)
    assert path.parts[-3:] == ("files", digest[:2], digest[2:])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert matches("document", company.lines("document", "list")) == [found]


def test_the_same_content_is_stored_once(small: CommandLine, paper: Path, tmp_path: Path):
    twin = tmp_path / "twin.txt"
    twin.write_bytes(paper.read_bytes())
    small.ok("document", "add", "C1", paper, "--drawer", "basic")
    small.ok("document", "add", "C1", twin, "--drawer", "trading_record")
    assert len(stored(small)) == 1
    assert len(small.lines("document", "list")) == 2
    assert [d["file_name"] for d in small.lines("document", "list", "--drawer", "basic")] == ["合同.txt"]
    assert small.lines("document", "list", "--customer", "C1", "--after", "D000001")[0]["title"] == "twin.txt"


def test_hostile_files_are_refused_and_leave_nothing(small: CommandLine, paper: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(paper)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "nothing", "."):
        result = small("document", "add", "C1", tmp_path / name, "--drawer", "basic")
        assert result.exit_code == 1, name
        assert result.stderr.startswith("crm: ")
    assert small("document", "add", "C9", paper, "--drawer", "basic").exit_code == 1
    assert small("document", "add", "C1", paper, "--drawer", "sixth").exit_code == 2
    assert small.lines("document", "list") == []
    assert stored(small) == []


def test_the_companys_own_database_is_no_document(small: CommandLine, tmp_path: Path):
    assert small.folder is not None
    database = small.folder / "crm.db"
    (tmp_path / "twin.pdf").hardlink_to(database)
    for held in (small.folder / "crm.db-wal", small.folder / "crm.db-shm"):
        held.touch()
    for file in (*sorted(small.folder.glob("crm.db*")), tmp_path / "twin.pdf"):
        result = small("document", "add", "C1", file, "--drawer", "basic")
        assert (result.exit_code, result.stdout) == (1, ""), file
        assert f"{file} is of the company's own database" in result.stderr.replace("\n", " ")
    assert small.lines("document", "list") == []
    assert stored(small) == []
    (copy := tmp_path / "copy.db").write_bytes(database.read_bytes())
    small.ok("document", "add", "C1", copy, "--drawer", "basic")


def test_a_file_beyond_the_companys_limit_is_refused(make_app, crm: CommandLine, tmp_path: Path):
    make_app(settings="[plugins.records]\ndocument_limit_mb = 1\n")
    crm.ok("customer", "add", "--code", "C1", "--name", "x")
    (tmp_path / "large").write_bytes(b"x" * 1_000_001)
    result = crm("document", "add", "C1", tmp_path / "large", "--drawer", "basic")
    assert result.exit_code == 1
    assert "1,000,000 bytes" in result.stderr
    assert stored(crm) == []


def test_extract_gives_the_file_back_and_overwrites_only_when_told(
    small: CommandLine, paper: Path, tmp_path: Path, matches, read_log
):
    small.ok("document", "add", "C1", paper, "--drawer", "basic")
    folder = tmp_path / "out"
    folder.mkdir()
    written = matches("document_file", small.json("document", "extract", "D000001", folder))
    assert Path(written["file"]).read_bytes() == paper.read_bytes()
    target = folder / "合同.txt"
    target.write_text("mine")
    guarded = small("document", "extract", "D000001", folder)
    assert guarded.exit_code == 3
    assert target.read_text() == "mine"
    small.ok("document", "extract", "D000001", target, "--force")
    assert target.read_bytes() == paper.read_bytes()
    assert [row[:2] for row in read_log()] == [("extract", "document")] * 2


def test_extract_never_writes_through_a_link(small: CommandLine, paper: Path, tmp_path: Path):
    small.ok("document", "add", "C1", paper, "--drawer", "basic")
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "trap").symlink_to(tmp_path / "victim")
    assert small("document", "extract", "D000001", tmp_path / "trap").exit_code == 3
    small.ok("document", "extract", "D000001", tmp_path / "trap", "--force")
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "trap").is_symlink()


def test_extract_of_a_damaged_file_is_refused(small: CommandLine, paper: Path, tmp_path: Path):
    small.ok("document", "add", "C1", paper, "--drawer", "basic")
    (path,) = stored(small)
    path.write_bytes(b"x" * 7000)
    result = small("document", "extract", "D000001", tmp_path / "out.txt")
    assert result.exit_code == 1
    assert "damaged" in result.stderr
    assert not (tmp_path / "out.txt").exists()


def test_archive_and_back(company: CommandLine, paper: Path, matches):
    company.ok("document", "add", "C1", paper, "--drawer", "basic")
    assert matches("document", company.json("document", "archive", "D000001"))["archived"] is True
    assert company.lines("document", "list") == []
    assert company.json("document", "archive", "D000001", "--undo")["archived"] is False
    assert matches("document", company.json("document", "show", "D000001"))["version"] == 3
