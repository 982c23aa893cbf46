"""The store of files: nothing stays in it that is no document's, whoever was refused, killed or erased."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.builtin.documents.store import remove_unnamed
from crmcore.builtin.records.services import documents
from crmcore.builtin.records.services.values import By
from crmcore.testing import ACTOR, CommandLine

REFUSING = """
from crmcore.api import Refusal, hookimpl

@hookimpl
def validate_changes(changes, ctx):
    return [Refusal(f"no {change.after['title']}", change.entity) for change in changes if "secret" in str(change.after)]
"""
KILLED = """
import os, sys
from pathlib import Path
from crmcore.app import create_app
from crmcore.builtin.records.services import documents
from crmcore.builtin.records.services.values import By

def die(*arguments):
    os.kill(os.getpid(), 9)

if sys.argv[3] == "copying":
    documents._pump = lambda source, copy, limit, file: (copy.write(source.read()), copy.flush(), die())
else:
    App = type(app := create_app(Path(sys.argv[1])))
    App.write = die
documents.add(create_app(Path(sys.argv[1])), By("tester"), "C2", Path(sys.argv[2]), {"drawer": "basic"}, 10_000)
"""


def stored(app: App) -> dict[str, str]:
    folder = app.config.folder / "files"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


def test_a_document_that_is_refused_leaves_no_file(
    make_app: Any, filled: Any, install_plugin: Any, crm: CommandLine, tmp_path: Path
) -> None:
    install_plugin("refusing", REFUSING)
    app = filled(make_app(["refusing"]))
    before = stored(app)
    (file := tmp_path / "secret.txt").write_text("王小明 病历", encoding="utf-8")
    refused = crm("document", "add", "C2", file, "--drawer", "basic")
    assert (refused.exit_code, stored(app)) == (1, before)
    (same := tmp_path / "secret2.txt").write_bytes((tmp_path / "paper1.txt").read_bytes())
    assert crm("document", "add", "C2", same, "--drawer", "basic").exit_code == 1
    assert stored(app) == before, "what is another document's stays"


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
@pytest.mark.parametrize("when", ["copying", "inserting"])
def test_what_a_killed_process_left_goes_with_the_person(
    small: App, crm: CommandLine, tmp_path: Path, when: str
) -> None:
    (file := tmp_path / "record.txt").write_text("王小明 病历", encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(small.config.folder), str(file), when]
    done = subprocess.run(command, check=False, env={**os.environ, "CRM_ACTOR": ACTOR})
    assert done.returncode == -9
    assert "王小明 病历" in stored(small).values()
    assert len(crm.lines("document", "list")) == 3, "and is no document"
    crm.ok("person", "erase", "C2", "--reason", "asks for it", "--yes")
    assert not [text for text in stored(small).values() if "王小明" in text]
    crm.ok("document", "check")


def test_only_what_is_no_documents_is_removed(company: App, crm: CommandLine) -> None:
    before = stored(company)
    assert len(before) == 3
    folder = company.config.folder / "files"
    digest = "ab" + "0" * 62
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / digest[2:]).write_text("left", encoding="utf-8")
    (folder / ".new.xyz").write_text("half", encoding="utf-8")
    (folder / "README").write_text("somebody's own", encoding="utf-8")
    crm.ok("document", "archive", "D000001")
    assert remove_unnamed(company) == 2
    assert stored(company) == {**before, "README": "somebody's own"}
    assert remove_unnamed(company) == 0


def test_the_file_of_a_document_that_is_being_added_is_not_removed(
    company: App, crm: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file := tmp_path / "new.txt").write_text("new", encoding="utf-8")
    store, stands = documents._store, threading.Event()

    def slow(*arguments: Any) -> Any:
        found = store(*arguments)
        stands.set()
        threading.Event().wait(0.3)
        return found

    monkeypatch.setattr(documents, "_store", slow)
    values = {"drawer": "basic"}
    adding = threading.Thread(
        target=lambda: documents.add(company, By(ACTOR), "C1", file, values, 10_000), daemon=True
    )
    adding.start()
    assert stands.wait(10)
    assert remove_unnamed(company) == 0
    adding.join(30)
    assert crm.ok("document", "check").stdout == "4 files are whole.\n"
