"""What a new plugin consists of: every choice of parts gives files that are whole."""

import ast
import gettext
import io
import json
import re
import subprocess
import sys
import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from crmcore.builtin.scaffold.parts import PARTS, read_parts
from crmcore.builtin.scaffold.template import holds, render
from crmcore.builtin.scaffold.texts import said_by
from crmcore.builtin.scaffold.writer import TEMPLATES, files_of, write
from crmcore.errors import Refused

NAME, PACKAGE = "loyalty_points", "src/crmcore_loyalty_points"
CHOICES = [choice for size in range(1, 8) for choice in combinations(PARTS, size)]
CATALOGUE = f"{PACKAGE}/locale/zh_CN/LC_MESSAGES/crmcore_loyalty_points"


def made(parts, name=NAME):
    return files_of(name, "Loyalty points", "客户积分", read_parts(parts))


def test_all_parts_together_fill_all_rooms():
    rooms = {path.removeprefix(f"{PACKAGE}/") for path in made(PARTS) if path.startswith(PACKAGE)}
    assert rooms >= {
        *(
            "plugin.json",
            "plugin.py",
            "rules.py",
            "tables.py",
            "services.py",
            "facts.py",
            "reports.py",
            "cli.py",
        ),
        *("settings.schema.json", "migrations/0001_entry.py", "py.typed"),
        *(f"locale/zh_CN/LC_MESSAGES/crmcore_loyalty_points{end}" for end in (".po", ".mo")),
    }


@pytest.mark.parametrize(
    ("part", "room"),
    [
        ("entity", "tables.py"),
        ("settings", "settings.schema.json"),
        ("command", "cli.py"),
        ("report", "reports.py"),
        ("fact", "facts.py"),
    ],
)
def test_a_part_that_nobody_asked_for_is_not_there(part, room):
    assert f"{PACKAGE}/{room}" in made([part])
    assert f"{PACKAGE}/{room}" not in made([other for other in PARTS if other != part])


@pytest.mark.slow
def test_every_choice_gives_code_that_can_be_read_and_texts_that_are_translated():
    said = set()
    for choice in CHOICES:
        texts = {path: text.decode() for path, text in made(choice).items() if not path.endswith(".mo")}
        for path, text in texts.items():
            where = f"{path} of {choice}"
            assert not re.search(r"^%|@[a-z_]+@", text, re.MULTILINE), where
            assert path.endswith("py.typed") or text.endswith("\n"), where
            if path.endswith(".py"):
                assert ast.get_docstring(ast.parse(text)), where
            elif path.endswith(".json"):
                json.loads(text)
        said.update(said_by({path: text for path, text in texts.items() if path.startswith("src/")}))
    words = {"command": "loyalty-points"}
    known = json.loads(render((TEMPLATES / "chinese.json").read_text(encoding="utf-8"), words, ()))
    assert said - {"Loyalty points"} == set(known), "a translation is missing, or nobody needs it"


def test_the_catalogue_that_runs_is_the_one_that_people_edit():
    files = made(PARTS)
    edited = {str(m.id): m.string for m in read_po(io.BytesIO(files[f"{CATALOGUE}.po"])) if m.id}
    runs = gettext.GNUTranslations(io.BytesIO(files[f"{CATALOGUE}.mo"]))
    assert len(edited) > 30
    assert {text: runs.gettext(text) for text in edited} == edited
    assert edited["Loyalty points"] == "客户积分"


def test_the_project_has_the_agreed_names():
    project = tomllib.loads(made(["hook"])["pyproject.toml"].decode())["project"]
    assert project["name"] == "crmcore-loyalty-points"
    assert project["dependencies"] == ["crmcore>=0.1,<1"]
    assert project["entry-points"]["crmcore.plugins"] == {"loyalty_points": "crmcore_loyalty_points.plugin"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x", "abcdefghijklmnopqrstuvwxyz_1234"])
def test_linter_and_formatter_find_nothing_in_any_choice(tmp_path, name):
    for choice in CHOICES:
        write(tmp_path / "-".join(choice) / name, made(choice, name))
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check", "--output-format=concise"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, "--no-cache", "."],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout[:4000] + done.stderr


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(TypeError):
        write(tmp_path / "plugins" / NAME, {"one": b"1", "two": None})  # type: ignore[dict-item]
    assert list((tmp_path / "plugins").iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path):
    (tmp_path / NAME).symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused, match="is there already"):
        write(tmp_path / NAME, {"one": b"1"})
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("hook", True),
        ("not hook", False),
        ("report or hook", True),
        ("hook and not report", True),
        ("report or hook and not job", False),
    ],
)
def test_conditions_are_read_as_they_sound(condition, answer):
    assert holds(condition, {"hook", "job"}) is answer


def test_a_template_chooses_lines_and_imports():
    text = "%import there: A, B if hook, C if job\n%if job\n1\n%if hook\n2\n%end\n%else\n@name@\n%end\n"
    assert render(text, {"name": "n"}, ()) == "from there import A\nn\n"
    assert render(text, {"name": "n"}, {"job"}) == "from there import A, C\n1\n"
    assert render(text, {"name": "n"}, {"job", "hook"}) == "from there import A, B, C\n1\n2\n"
