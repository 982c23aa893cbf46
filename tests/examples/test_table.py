"""The table of the examples says where each kind stands; here it is held to that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from crmcore.hookspecs import FAMILIES
from tools.workspace import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PAGES = [EXAMPLES / "README.md", EXAMPLES / "README.zh_CN.md"]
_ROW = re.compile(r"^\| .+? \| \[(.+?):(\d+)\]\((.+?)#L(\d+)\) \| `(.+)` \|$", re.MULTILINE)


class Row(NamedTuple):
    name: str
    number: str
    file: str
    anchor: str
    text: str


def rows(page: Path) -> list[Row]:
    return [Row(*found) for found in _ROW.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_line_of_the_table_holds_what_is_said(page: Path) -> None:
    assert rows(page)
    for row in rows(page):
        lines = (page.parent / row.file).read_text(encoding="utf-8").splitlines()
        assert row.text in lines[int(row.number) - 1], (
            f"{row}: run `.venv/bin/cog -r docs/examples/README*.md`"
        )
        assert (row.number, row.name) == (row.anchor, Path(row.file).name)


def test_every_hook_has_its_line() -> None:
    texts = {row.text for row in rows(PAGES[0])}
    assert [hook for hook in FAMILIES if f"def {hook}(" not in texts] == []


def test_what_stands_in_the_table_is_shown_by_the_examples_but_for_the_engine() -> None:
    outside = [row.text for row in rows(PAGES[0]) if row.file.startswith("..")]
    assert outside == ["def analytics_engine("]


def test_both_languages_have_the_same_rows() -> None:
    assert [row[1:] for row in rows(PAGES[0])] == [row[1:] for row in rows(PAGES[1])]


@pytest.mark.parametrize("folder", sorted(p.parent.name for p in EXAMPLES.glob("*/pyproject.toml")))
def test_an_example_is_a_whole_distribution(folder: str) -> None:
    package = EXAMPLES / folder / "src" / f"crmcore_{folder}"
    locale = package / "locale" / "zh_CN" / "LC_MESSAGES"
    for part in (
        EXAMPLES / folder / "README.md",
        EXAMPLES / folder / "README.zh_CN.md",
        package / "plugin.json",
        package / "settings.schema.json",
        package / "py.typed",
        locale / f"crmcore_{folder}.po",
        locale / f"crmcore_{folder}.mo",
    ):
        assert part.exists(), part
    assert list((EXAMPLES / folder / "tests").glob("test_*.py"))


@pytest.mark.parametrize("folder", sorted(p.parent.name for p in EXAMPLES.glob("*/pyproject.toml")))
def test_the_catalogue_of_an_example_is_whole(folder: str) -> None:
    from tools import messages
    from tools.workspace import examples

    (distribution,) = [example for example in examples() if example.folder.name == folder]
    wanted = {words[0]: words for words in sorted(set(messages.sources(distribution)))}.values()
    assert list(messages.check(distribution, wanted)) == []
