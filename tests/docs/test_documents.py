"""What the documents show is what happens: their commands are typed, their plugins written, enabled and used."""

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from crmcore.hookspecs import FAMILIES
from tools import check_docs, snippets
from tools.workspace import ROOT, documents, inside

POSTGRES = [ROOT / "docs" / "how-to" / f"use-postgresql{language}.md" for language in ("", ".zh_CN")]
MOVING = [ROOT / "docs" / "how-to" / f"move-to-postgresql{language}.md" for language in ("", ".zh_CN")]
FOLLOWED = [
    path
    for path in documents()
    if path not in {*POSTGRES, *MOVING}
    and inside(path).startswith(("README", "docs/"))
    and any(block.runs for block in snippets.blocks(path))
]
AS_TYPED = ROOT / "README.md"
"""The document whose commands are processes of their own from the first import on."""
CHINESE = [path for path in documents() if path.name.endswith(".zh_CN.md")]
GUIDES = [
    path
    for path in documents()
    if path not in CHINESE
    and inside(path).startswith(("docs/tutorial/", "docs/how-to/", "docs/explanation/"))
]


def named(paths):
    return {"argvalues": paths, "ids": [inside(path) for path in paths]}


@pytest.mark.slow
@pytest.mark.parametrize("path", **named(FOLLOWED))
def test_what_a_document_shows_is_what_happens(path, tmp_path, programs):
    language = "zh_CN" if path in CHINESE else "en"
    problems = snippets.Reader(tmp_path, language, None if path == AS_TYPED else programs).follow(path)
    assert not problems, "\n".join(problems)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("path", **named(POSTGRES))
def test_what_the_guide_to_postgresql_shows_is_what_happens(path, tmp_path, programs, postgres_url):
    language = "zh_CN" if path in CHINESE else "en"
    problems = snippets.Reader(tmp_path, language, programs, DATABASE_URL=postgres_url).follow(path)
    assert not problems, "\n".join(problems)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("path", **named(MOVING))
def test_what_the_guide_to_moving_shows_is_what_happens(path, tmp_path, programs, empty_postgres):
    language = "zh_CN" if path in CHINESE else "en"
    problems = snippets.Reader(tmp_path, language, programs, DATABASE_URL=empty_postgres()).follow(path)
    assert not problems, "\n".join(problems)


def test_the_readme_begins_with_the_two_commands():
    for path in check_docs.READMES:
        block = snippets.blocks(path)[0]
        assert [line.split("#")[0].strip() for line in block.text.splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("path", **named(CHINESE))
def test_a_chinese_document_has_the_blocks_of_the_english_one(path):
    english = path.with_name(path.name.replace(".zh_CN.md", ".md"))
    assert [essence(block) for block in snippets.blocks(path)] == [
        essence(b) for b in snippets.blocks(english)
    ]


@pytest.mark.parametrize("path", **named(GUIDES))
def test_a_guide_is_there_in_chinese_and_the_index_leads_to_both(path):
    chinese = path.with_name(path.name.replace(".md", ".zh_CN.md"))
    index = ROOT / "docs" / "index.md"
    assert chinese.exists()
    for page in (path, chinese):
        assert str(page.relative_to(index.parent)) in check_docs.links(index)


def test_the_index_leads_to_every_decision_and_every_page_of_the_reference():
    index = ROOT / "docs" / "index.md"
    pages = [path for path in documents() if inside(path).startswith(("docs/decisions/", "docs/reference/"))]
    assert {str(page.relative_to(index.parent)) for page in pages} <= check_docs.links(index)


@pytest.mark.parametrize("path", **named(GUIDES))
def test_a_guide_in_chinese_has_the_sections_of_the_english_one(path):
    chinese = path.with_name(path.name.replace(".md", ".zh_CN.md"))
    assert outline(chinese) == outline(path)


@pytest.mark.parametrize("path", **named(CHINESE))
def test_a_chinese_document_leads_to_chinese_ones(path):
    twin = path.name.replace(".zh_CN.md", ".md")
    for target in check_docs.links(path):
        page = path.parent / unquote(target.partition("#")[0])
        if page.suffix == ".md" and not page.name.endswith(".zh_CN.md") and target != twin:
            assert not page.with_name(page.name.replace(".md", ".zh_CN.md")).exists(), target


def outline(path):
    """Return what a page is made of, without its words: headings, tables, lists, blocks of code."""
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    kinds = {"heading_open", "tr_open", "list_item_open", "fence"}
    return [
        token.tag if token.type == "heading_open" else token.type for token in tokens if token.type in kinds
    ]


def essence(block):
    """Return what must be the same in both languages: files whole, of consoles what is typed."""
    if block.language == "console":
        lines = [command for command, _shown in block.commands()] or block.text.splitlines()
        return block.directive[:3], [re.sub(r"(^|\s+)#\s.*", "", line) for line in lines]
    return block.language, block.directive, block.argument, block.text if block.directive == "file" else ""


def test_every_hook_has_its_section_and_says_when_it_is_called():
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    for hook in FAMILIES:
        section = page.partition(f"\n### {hook}\n")[2].partition("\n### ")[0]
        assert "**Called**" in section, hook
        assert "**Transaction**" in section, hook


@pytest.mark.parametrize("path", **named(documents()))
def test_links_to_a_heading_find_it(path):
    for target in check_docs.links(path) | local_links(path):
        file, _hash, anchor = target.partition("#")
        if anchor:
            page = path.parent / unquote(file) if file else path
            if line := re.fullmatch(r"L(\d+)", anchor):
                assert int(line[1]) <= len(page.read_text(encoding="utf-8").splitlines()), target
            else:
                assert unquote(anchor) in anchors(page), f"{inside(path)}: {target}"


def local_links(path):
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or ()]
    return {
        str(child.attrGet("href")) for child in inline if str(child.attrGet("href") or "").startswith("#")
    }


def anchors(path: Path) -> set[str]:
    """Return the anchors that Markdown viewers make of headings."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        (["a", "b"], ["a", "b", "c"], None),
        (["a", "c"], ["a", "b", "c"], "c"),
        (["a", "…", "c"], ["a", "b", "c"], None),
        (["sum  …  CNY"], ["sum 12.00 CNY"], None),
        (["a", "…"], ["a"], None),
        (["b"], ["a", "b"], "b"),
        ([], ["a"], None),
    ],
)
def test_shown_lines_are_compared_with_printed_ones(shown, printed, missing):
    assert snippets.first_difference(shown, printed) == missing


def test_a_reader_notices_a_command_that_fails(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("```console\n$ crm -C nowhere doctor\n```\n", encoding="utf-8")
    (problem,) = snippets.Reader(tmp_path).follow(document)
    assert "there is no crm.toml" in problem


def test_a_reader_notices_a_command_that_does_not_fail_as_shown(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("```console\n$ true\ncrm: the disk is full\n```\n", encoding="utf-8")
    assert len(snippets.Reader(tmp_path).follow(document)) == 1


def test_a_reader_leaves_alone_what_is_not_to_be_run(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("<!-- not run: it waits for ever -->\n\n```console\n$ false\n```\n", encoding="utf-8")
    assert snippets.Reader(tmp_path).follow(document) == []
