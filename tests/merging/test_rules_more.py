"""Heads of groups and chosen values: the cases at the edge."""

from __future__ import annotations

import pytest

from crmcore.builtin.duplicates.rules_merging import choices, head_after

GONE, REMAINING, ANNA, BERTA = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("above_gone", "above_remaining", "take", "head"),
    [
        ([], [], False, None),
        ([ANNA], [], False, ANNA),
        ([ANNA, BERTA], [], False, ANNA),
        ([], [BERTA], False, BERTA),
        ([], [BERTA], True, BERTA),
        ([ANNA], [BERTA], False, BERTA),
        ([ANNA, BERTA], [BERTA], True, ANNA),
        ([REMAINING], [], False, None),
        ([ANNA, REMAINING], [], True, None),
        ([ANNA, REMAINING], [BERTA], True, BERTA),
        ([], [GONE], False, None),
        ([ANNA, BERTA], [GONE], False, ANNA),
        ([ANNA], [BERTA, GONE], False, ANNA),
    ],
)
def test_the_head_afterwards(
    above_gone: list[int],
    above_remaining: list[int],
    take: bool,  # noqa: FBT001  (drawn)
    head: int | None,
) -> None:
    assert head_after(GONE, REMAINING, above_gone, above_remaining, take=take) == head


def test_nothing_is_taken_unless_somebody_says_so() -> None:
    assert head_after(GONE, REMAINING, [ANNA], [BERTA]) == BERTA


def test_only_the_fields_that_were_chosen_are_taken() -> None:
    gone, own = {"phone": "1", "email": "a"}, {"phone": "2", "email": "b"}
    found = {one.field: (one.by, one.stays) for one in choices(gone, own, {"phone"})}
    assert found == {"phone": ("taken", "1"), "email": ("kept", "b")}
