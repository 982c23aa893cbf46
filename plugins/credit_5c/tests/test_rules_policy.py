"""The policy by grade: what is a policy, which one holds on a day, and what differs between two."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crmcore_credit_5c.rules.policy import (
    BadPolicy,
    Difference,
    Version,
    changed,
    checked,
    differences,
    read_word,
    version_on,
)

TERMS: dict[str, Any] = {
    "payment_days": 30,
    "cap": "50000",
    "deposit": "0.3",
    "hold": "overdue",
    "overdue_days": 10,
    "review_days": 180,
}


def bad(**terms: Any) -> tuple[str, str, object]:
    with pytest.raises(BadPolicy) as refused:
        checked({**TERMS, **terms})
    return refused.value.problem, refused.value.key, refused.value.value


# -- what is a policy --------------------------------------------------------------------------------------------


def test_what_a_grade_means_stands_in_the_order_of_the_keys() -> None:
    found = checked(dict(reversed(TERMS.items())))
    assert list(found.items()) == list(TERMS.items())


def test_only_the_cap_can_be_left_out() -> None:
    assert "cap" not in checked({key: value for key, value in TERMS.items() if key != "cap"})
    for left_out in TERMS:
        if left_out == "cap":
            continue
        with pytest.raises(BadPolicy) as refused:
            checked({key: value for key, value in TERMS.items() if key != left_out})
        assert (refused.value.problem, refused.value.key, refused.value.value) == ("missing", left_out, None)
        assert refused.value.args == ("missing", left_out, None)


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [("payment_days", 0, 3650), ("overdue_days", 0, 3650), ("review_days", 1, 3650)],
)
def test_days_lie_between_bounds_and_a_credit_is_reviewed_after_a_day_at_the_earliest(
    key: str, least: int, most: int
) -> None:
    for days in (least, most):
        assert checked({**TERMS, key: days})[key] == days
    for wrong in (least - 1, most + 1, "30", True, 1.0, None):
        assert bad(**{key: wrong}) == ("value", key, wrong)


@pytest.mark.parametrize("share", ["0", "1", "0.3", "0.3333", "1.0", "1.0000", "0.0000"])
def test_a_deposit_is_a_share_with_four_places_at_most(share: str) -> None:
    assert checked({**TERMS, "deposit": share})["deposit"] == share


@pytest.mark.parametrize(
    "share", ["30", "1.1", "1.0001", "-0.3", "0.33333", ".3", "0.", "", "0.3\n", "０.3", 0.3]
)
def test_what_is_no_share_is_no_deposit(share: Any) -> None:
    assert bad(deposit=share) == ("value", "deposit", share)


@pytest.mark.parametrize("cap", ["0", "50000", "10000.50", "0.0001", "9" * 15 + ".9999"])
def test_a_cap_is_an_amount(cap: str) -> None:
    assert checked({**TERMS, "cap": cap})["cap"] == cap


@pytest.mark.parametrize("cap", ["-1", "1e6", "50,000", "9" * 16, "1.00001", "", "五万", "５０", 50000])
def test_what_is_no_amount_is_no_cap(cap: Any) -> None:
    assert bad(cap=cap) == ("value", "cap", cap)


def test_there_are_four_ways_to_hold_orders() -> None:
    for hold in ("limit", "overdue", "prepayment", "never"):
        assert checked({**TERMS, "hold": hold})["hold"] == hold
    assert bad(hold="always") == ("value", "hold", "always")


def test_what_nobody_knows_is_no_part_of_a_policy() -> None:
    assert bad(colour="red") == ("key", "colour", "red")


# -- what is typed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("payment_days", "45", 45),
        ("review_days", "999999999", 999999999),
        (
            "review_days",
            "1000000000",
            "1000000000",
        ),  # too long to be days at all; refused with the text as typed
        ("payment_days", "-5", "-5"),
        ("payment_days", "many", "many"),
        ("deposit", "1", "1"),
        ("cap", "50000", "50000"),
        ("cap", "none", None),
        ("hold", "none", "none"),
    ],
)
def test_days_are_numbers_everything_else_is_text_and_none_takes_a_cap_away(
    key: str, text: str, value: object
) -> None:
    assert read_word(key, text) == value


def test_a_key_that_nobody_knows_is_named_with_what_was_typed() -> None:
    with pytest.raises(BadPolicy) as refused:
        read_word("colour", "red")
    assert (refused.value.problem, refused.value.key, refused.value.value) == ("key", "colour", "red")


def test_what_is_typed_changes_one_grade_and_leaves_the_others() -> None:
    other = {**TERMS, "payment_days": 60}
    found = changed({"A": other, "B": TERMS}, "B", {"deposit": "0.5", "cap": "none"})
    assert found == {"A": other, "B": {**{k: v for k, v in TERMS.items() if k != "cap"}, "deposit": "0.5"}}
    assert list(found) == ["A", "B"]


def test_a_new_grade_is_the_last_and_says_everything() -> None:
    words = {
        "payment_days": "0",
        "deposit": "1",
        "hold": "prepayment",
        "overdue_days": "0",
        "review_days": "90",
    }
    assert list(changed({"B": TERMS, "A": TERMS}, "D", words)) == ["B", "A", "D"]
    with pytest.raises(BadPolicy) as refused:
        changed({"A": TERMS}, "D", {"payment_days": "0"})
    assert (refused.value.problem, refused.value.key) == ("missing", "deposit")


# -- which one holds, and what differs ---------------------------------------------------------------------------


def test_a_version_holds_from_its_first_day_on() -> None:
    first, second = Version(1, date(2026, 1, 1), {}), Version(2, date(2026, 3, 1), {})
    for versions in ([first, second], [second, first]):
        assert version_on(versions, date(2025, 12, 31)) is None
        assert version_on(versions, date(2026, 1, 1)) == first
        assert version_on(versions, date(2026, 2, 28)) == first
        assert version_on(versions, date(2026, 3, 1)) == second


def test_of_two_from_the_same_day_the_one_approved_last_holds() -> None:
    day = date(2026, 1, 1)
    versions = [Version(number, day, {}) for number in (2, 3, 1)]
    assert version_on(versions, day) == versions[1]


def test_the_one_that_became_valid_last_holds_whenever_it_was_approved() -> None:
    planned, between = Version(1, date(2026, 3, 1), {}), Version(2, date(2026, 2, 1), {})
    assert version_on([planned, between], date(2026, 3, 2)) == planned


def test_differences_are_listed_by_grade_in_the_new_order_then_those_that_are_gone() -> None:
    before = {"A": TERMS, "D": {"payment_days": 0}, "B": TERMS}
    after = {"B": {**TERMS, "hold": "limit", "payment_days": 20}, "A": TERMS, "C": {"cap": "7"}}
    assert differences(before, after) == [
        Difference("B", "payment_days", 30, 20),
        Difference("B", "hold", "overdue", "limit"),
        Difference("C", "cap", None, "7"),
        Difference("D", "payment_days", 0, None),
    ]
    assert differences(before, before) == []
