"""The questions of queries.csv: what a sales manager types, and which customers must come, in which order."""

from __future__ import annotations

import ast
import importlib.util

from crmcore.app import App
from crmcore.builtin.search.finding import Hit, find
from crmcore.builtin.search.pinyin import has_pinyin
from tests.search.conftest import read_table

LEAST = 100


def asked(row: dict[str, str]) -> tuple[str, dict[str, object]]:
    """Return what a line of the table types, and its options."""
    text: str = row["query"]
    if "\\" in text:
        text = ast.literal_eval("'" + text.replace("'", "\\'") + "'")
    options: dict[str, object] = {}
    words = row["options"].split()
    for place, word in enumerate(words):
        if word == "repeat":
            text *= int(words[place + 1])
        elif word == "--limit":
            options["limit"] = int(words[place + 1])
        elif word.startswith("--"):
            options[word.removeprefix("--")] = True
    return text, options


def problem(row: dict[str, str], hits: list[Hit]) -> str:
    """Say how the answers differ from what the table expects; nothing if they do not."""
    codes, expected = [hit.code for hit in hits], row["expected"].split()
    if row["expected"].startswith("*"):
        right = len(codes) == int(row["expected"].removeprefix("*"))
    elif expected[-1] == "…":
        right = codes[: len(expected) - 1] == expected[:-1]
    else:
        right = codes == ([] if expected == ["none"] else expected)
    return (
        ""
        if right
        else f"{row['query']!r} {row['options']} found {hits[:6]}, not {row['expected']}: {row['why']}"
    )


def test_the_table_has_many_questions_and_the_libraries_are_there() -> None:
    assert len(read_table("queries.csv")) >= LEAST
    assert has_pinyin()
    assert importlib.util.find_spec("opencc")


def test_every_question_finds_what_the_table_says(company: App) -> None:
    wrong = []
    with company.read() as ctx:
        for row in read_table("queries.csv"):
            text, options = asked(row)
            hits = find(company, ctx, text, **options)  # type: ignore[arg-type]
            if found := problem(row, hits):
                wrong.append(found)
    assert not wrong, f"{len(wrong)} of the questions:\n" + "\n".join(wrong)
