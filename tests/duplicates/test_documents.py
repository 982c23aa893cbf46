"""What the documents say about points and checks is what the rules do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmcore.builtin.duplicates.rules import POINTS
from crmcore.builtin.duplicates.tax_ids import CREDIT_SIGNS, CREDIT_WEIGHTS, credit_check, organisation_check

FOLDER = Path(__file__).parents[2] / "docs" / "how-to"
FILES = ("find-duplicates.md", "find-duplicates.zh_CN.md")
ROWS = (
    ("tax_id", "other_unit"),
    ("organisation_code", "other_number"),
    ("name", "group"),
    ("mobile", "other_tax_id"),
    ("phone", "other_kind"),
    ("pinyin", "other_place"),
    ("similar_name short_name", "other_name"),
    ("address", ""),
    ("person_name", ""),
    ("local_phone", ""),
    ("place house contact", ""),
    ("shared_phone brand", ""),
    ("shared_address", ""),
)
"""The rows of the table of points, for and against."""


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table of a document, without its head."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[[c.strip() for c in line.strip("|\n").split("|")] for line in t.splitlines()] for t in found]


@pytest.mark.parametrize("name", FILES)
def test_the_table_of_points_is_the_rule_book(name: str) -> None:
    points = tables((FOLDER / name).read_text(encoding="utf-8"))[0][2:]
    assert len(points) == len(ROWS)
    named = set()
    for cells, (good, bad) in zip(points, ROWS, strict=True):
        for kinds, cell in ((good, cells[1]), (bad, cells[3])):
            number = re.search(r"[−]?\d+", cell)
            for kind in kinds.split():
                assert number is not None
                assert POINTS[kind] == int(number[0].replace("−", "-")), kind
                named.add(kind)
    assert named == POINTS.keys()


@pytest.mark.parametrize("name", FILES)
def test_the_worked_codes_are_worked_right(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    signs, _line, values, weights, products = tables(text)[1]
    code = "".join(signs[1:])
    assert code == "91350100M000100Y4"
    assert [int(v) for v in values[1:]] == [CREDIT_SIGNS.index(c) for c in code]
    assert tuple(int(w) for w in weights[1:]) == CREDIT_WEIGHTS
    total = sum(int(p) for p in products[1:])
    assert f"{total} = 52 × 31 + 28" in text
    assert total == 52 * 31 + 28
    assert credit_check(code) == CREDIT_SIGNS[31 - 28] == "3"
    assert organisation_check("M000100Y") == "4"
    assert organisation_check("D2143569") == "X"
    assert credit_check("91999999D2143569X") == "9"
    sums = re.findall(r"((?:\d+ × \d+ \+ )+\d+ × \d+) = (\d+) =", " ".join(text.split()))
    assert [result for _equation, result in sums] == ["139", "199"]
    for equation, result in sums:
        terms = re.findall(r"(\d+) × (\d+)", equation)
        assert sum(int(a) * int(b) for a, b in terms) == int(result)
