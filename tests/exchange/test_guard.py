"""The formula guard: nothing runs in a spreadsheet, and everything comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.exchange.guard import guard, unguard


@pytest.mark.parametrize(
    "text", ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@import", "'=1", "''@x", "=", "-"]
)
def test_guard_marks_text_that_a_spreadsheet_would_run(text: str):
    assert guard(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["-5", "-1,234.50", "+3", "+86 138-0000-0000", "+86(021)1234", "abc", "'abc", "", "1=1"]
)
def test_guard_leaves_numbers_phones_and_other_text(text: str):
    assert guard(text) == text


@pytest.mark.parametrize("text", ["'+86 13800000000", "'-5", "'plain"])
def test_unguard_leaves_an_apostrophe_that_no_guard_put_there(text: str):
    assert unguard(text) == text


@given(st.text(alphabet=st.sampled_from("'=+-@a1 ,.中"), max_size=8) | st.text())
def test_unguard_gives_back_every_text(text: str):
    assert unguard(guard(text)) == text


@given(st.text(alphabet=st.sampled_from("'=+-@a1 ,."), max_size=8))
def test_guarded_text_never_begins_like_a_formula(text: str):
    guarded = guard(text)
    if guarded.startswith(("=", "@")):
        pytest.fail(f"{guarded!r} would run")
    if guarded.startswith(("+", "-")):
        assert all(c in "+-0123456789,. ()/" for c in guarded)
