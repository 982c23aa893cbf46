"""The rules of privacy at their edges: the end of the calendar, and what stands where somebody stood."""

from __future__ import annotations

from datetime import date

import pytest

from crmcore.builtin.privacy import rules


@pytest.mark.parametrize(
    ("day", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 12, 5), 1, date(2027, 1, 5)),
        (date(2026, 3, 5), 0, date(2026, 3, 5)),
        (date(9998, 12, 15), 12, date(9999, 12, 15)),
        (date(9999, 1, 15), 11, date(9999, 12, 15)),
        (date(9999, 1, 15), 12, date.max),
        (date(9999, 12, 31), 10_000, date.max),
    ],
)
def test_the_day_so_many_months_later(day: date, months: int, end: date) -> None:
    assert rules.due_on(day, months) == end


def test_what_stands_in_the_place_of_a_person() -> None:
    assert rules.ERASED == "(erased)"
    assert rules.pseudonym("C1") == "erased C1"


def test_values_behind_one_that_names_nobody_count_all_the_same() -> None:
    assert rules.traces(["x", "", "王芳"]) == ("王芳",)


def test_a_text_names_a_person_where_it_holds_any_of_the_values() -> None:
    known = rules.traces(["王芳", "13987654321"])
    assert rules.names_one("找王芳", known)
    assert rules.names_one("电话 13987654321", known)
    assert not rules.names_one("别人", known)
    assert not rules.names_one("别人", ())


def test_nothing_is_taken_from_texts_when_nothing_is_known_and_numbers_stay() -> None:
    assert rules.without("(?!) text", ()) == "(?!) text"
    assert rules.without({"rows": [7, None, "王芳来过"]}, ("王芳",)) == {"rows": [7, None, "(erased)来过"]}
