"""The demo's folder: a second demo needs --force, and nothing but a demo is ever deleted."""

from __future__ import annotations

import pytest

from crmcore.builtin.demo.folder import MARKER, is_demo, prepare
from crmcore.errors import CrmError, Guarded


@pytest.fixture
def made(tmp_path):
    folder = tmp_path / "demo"
    prepare(folder, force=False)
    (folder / "crm.db").write_text("rows")
    (folder / "demo-files").mkdir()
    (folder / "demo-files" / "customers.csv").write_text("code,name")
    return folder


@pytest.mark.parametrize("force", [False, True])
def test_a_new_or_empty_folder_becomes_a_demo(tmp_path, force):
    prepare(tmp_path / "new" / "demo", force=force)
    (tmp_path / "empty").mkdir()
    prepare(tmp_path / "empty", force=force)
    assert is_demo(tmp_path / "new" / "demo")
    assert is_demo(tmp_path / "empty")


def test_a_second_demo_is_refused_without_force_and_nothing_is_lost(made):
    with pytest.raises(Guarded, match="--force"):
        prepare(made, force=False)
    assert (made / "crm.db").read_text() == "rows"


def test_force_empties_a_demo(made):
    prepare(made, force=True)
    assert [path.name for path in made.iterdir()] == [MARKER]


def test_a_folder_of_others_is_never_touched(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(CrmError, match="--dir"):
        prepare(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_workspace_of_a_company_is_never_touched(tmp_path):
    (tmp_path / "crm.toml").write_text("[company]")
    (tmp_path / MARKER).write_text("mine")
    with pytest.raises(CrmError, match="--dir"):
        prepare(tmp_path, force=True)
    assert (tmp_path / "crm.toml").exists()


def test_a_link_to_a_demo_is_not_followed(made):
    link = made.parent / "link"
    link.symlink_to(made)
    with pytest.raises(CrmError, match="ordinary"):
        prepare(link, force=True)
    assert (made / "crm.db").exists()


def test_what_a_link_inside_a_demo_points_to_stays(made, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "letters.txt").write_text("dear")
    (made / "inside").symlink_to(outside)
    prepare(made, force=True)
    assert (outside / "letters.txt").read_text() == "dear"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "demo").write_text("text")
    with pytest.raises(CrmError, match="ordinary"):
        prepare(tmp_path / "demo", force=True)
