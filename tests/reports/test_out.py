"""Where a report is written: a file, or a link to one, gives way; nothing else does."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from crmcore.testing import CommandLine

RUN = ("report", "run", "composition", "--format", "csv", "--out")


def test_a_link_is_in_the_way_even_if_it_leads_nowhere(
    make_app: Any, crm: CommandLine, tmp_path: Path
) -> None:
    make_app()
    (link := tmp_path / "link.csv").symlink_to(tmp_path / "nowhere.csv")
    assert crm(*RUN, link).exit_code == 3
    crm.ok(*RUN, link, "--force")
    assert link.is_file()
    assert not (tmp_path / "nowhere.csv").exists()


def test_what_a_link_leads_to_is_left_alone(make_app: Any, crm: CommandLine, tmp_path: Path) -> None:
    make_app()
    (kept := tmp_path / "kept.csv").write_text("kept", encoding="utf-8")
    (link := tmp_path / "link.csv").symlink_to(kept)
    crm.ok(*RUN, link, "--force")
    assert kept.read_text(encoding="utf-8") == "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")
def test_neither_a_pipe_nor_a_folder_is_replaced_by_a_file(
    make_app: Any, crm: CommandLine, tmp_path: Path
) -> None:
    make_app()
    os.mkfifo(pipe := tmp_path / "pipe.csv")
    for place in (pipe, tmp_path):
        done = crm(*RUN, place, "--force")
        assert done.exit_code == 1
        assert f"{place} is no file" in done.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode)
