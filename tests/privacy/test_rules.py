"""The rules, held against the calendar and against plain search."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.privacy import rules
from crmcore.i18n import language, set_language

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=2, max_size=8)
TEXTS = WORDS.filter(lambda text: not re.search("[A-Za-z0-9]", text))
"""Of letters and digits only whole words count; what comes of those is tried below."""


@given(st.dates(date(1990, 1, 1), date(2200, 1, 1)), st.integers(1, 1200))
def test_months_end_on_the_same_day_or_the_last_of_the_month(day: date, months: int) -> None:
    end = rules.due_on(day, months)
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    if end.day != day.day:
        assert end.day < day.day
        assert (end + timedelta(days=1)).day == 1, "only where the month is too short"


@given(st.lists(TEXTS, min_size=1, max_size=4), WORDS, WORDS)
def test_what_is_cleaned_holds_none_of_the_values(values: list[str], left: str, right: str) -> None:
    known = rules.traces(values)
    nested = {"warnings": [left + value + right for value in values], values[0]: {"deep": values}}
    cleaned = rules.without(nested, known)
    pieces = [piece for text in _texts(cleaned) for piece in text.split(rules.ERASED)]
    assert not [piece for piece in pieces if any(value in piece for value in known)]
    assert rules.without("untouched", ()) == "untouched"


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in _texts(one)]
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else [value]


def test_a_telephone_number_is_known_by_its_digits_too() -> None:
    assert rules.traces(["139-8765-4321", None, 7, "x"]) == ("139-8765-4321", "13987654321")
    assert rules.traces([{"a": ["王芳"]}]) == ("王芳",)
    assert rules.traces([rules.pseudonym("C1"), rules.ERASED]) == ()


@pytest.mark.parametrize(
    "writing",
    [
        "13987654321",
        "139-8765-4321",
        "+86 139 8765 4321",
        "008613987654321",
        "（139）8765.4321",
        "１３９８７６５４３２１",
    ],
)
@pytest.mark.parametrize("stored", ["13987654321", "+86-139-8765-4321", "139 8765 4321"])
def test_a_number_is_found_in_any_writing(stored: str, writing: str) -> None:
    known = rules.traces([stored])
    assert rules.without(f"call {writing}, today", known) == "call (erased), today"
    assert not rules.names_one("order 1398765432100 of 2026", known), "a longer number is another one"


def test_a_name_is_found_in_any_writing_and_not_within_other_words() -> None:
    known = rules.traces(["王芳", "Li", "Anna Schmidt"])
    assert rules.without("ANNA　 Schmidt", known) == "(erased)"
    assert rules.without("王　芳 and 王 芳 and li, anna schmidt's", known) == (
        "(erased) and (erased) and (erased), (erased)'s"
    )
    assert rules.without('{"limit":1,"list":"clients"}', known) == '{"limit":1,"list":"clients"}'


def test_the_products_own_words_in_json_are_left() -> None:
    known = rules.traces(["name", "contacts"])
    kept = {"entity": "contacts", "fields": {"name": "姓名"}}
    assert rules.without(kept, known) == kept
    assert rules.without({"warnings": ["no name is contacts"]}, known) == {
        "warnings": ["no (erased) is (erased)"]
    }


def test_what_many_have_in_common_identifies_nobody() -> None:
    assert not rules.identifies("bank", "中国工商银行杭州分行")
    assert not rules.identifies("invoice_type", "增值税专用发票")
    assert rules.identifies("delivery_address", "杭州市不存在路九号")
    assert rules.identifies("bank_account", "6222 0000 1111 2222")
    assert rules.identifies("wechat", "long@example.com")


def test_marks_are_known_in_every_language() -> None:
    before = language()
    try:
        set_language("zh_CN")
        marks = [rules.pseudonym("C1"), rules.erased_word()]
    finally:
        set_language(before)
    assert all(map(rules.is_mark, [*marks, "erased C1", "(erased)"]))
    assert not rules.is_mark("王芳")
