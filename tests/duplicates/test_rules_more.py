"""The rule book of finding duplicates, sign by sign: what tells nearly alike from alike."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.builtin.duplicates import rules
from crmcore.builtin.duplicates.keys import address_text, loose

from .test_rules import card, kinds


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("甲乙丙", "甲丁丙", True),  # replaced
        ("甲乙丙", "甲乙", False),  # too short to be sure
        ("甲乙丙丁", "甲乙丁", True),  # left out
        ("甲乙丙", "甲丁乙丙", True),  # added
        ("甲乙丙丁", "甲丙乙丁", True),  # changed about
        ("甲乙丙丁", "甲丙乙戊", False),
        ("甲乙丙丁", "甲乙戊己", False),
        ("甲乙丙丁戊", "甲乙丙", False),
        ("甲乙丙丁戊", "甲丁", False),
        ("甲乙丙", "甲乙丙", True),
    ],
)
def test_one_sign_makes_the_difference(one: str, other: str, alike: bool) -> None:  # noqa: FBT001  (drawn)
    assert rules._one_sign(one, other) is alike
    assert rules._one_sign(other, one) is alike


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("宏远食品", "宏远建材", True),
        ("宏远食品", "宏远大海", False),
        ("宏远大海", "宏远食品", False),
        ("宏食品", "宏建材", False),
        ("宏远食品", "大海食品", False),
    ],
)
def test_a_brand_is_the_same_where_only_the_trade_differs(one: str, other: str, same: bool) -> None:  # noqa: FBT001  (drawn)
    assert rules._same_brand(one, other) is same


def test_one_sign_is_no_short_name() -> None:
    assert not rules._is_short("宏", "宏远食品")
    assert rules._is_short("宏远", "宏远食品")
    assert not rules._is_short("远食", "宏远食品")


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ({"address": "杭州市文三路12号"}, {"address": "宁波市文三路12号"}, "other_place"),
        ({"address": "杭州市文三路12号"}, {"address": "杭州市文二路99号"}, "place"),
    ],
)
def test_cities_count(one: Any, other: Any, kind: str) -> None:
    found = kinds(card(**one), card(**other))
    assert {"place", "other_place"} & found == {kind}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("杭州市文三路12号", "杭州市文二路12号5室"),  # another street
        ("杭州市文三路12号5室", "杭州市文三路12号6室"),  # another room
        ("杭州市文三路12号", "杭州市文三路13号5室"),
    ],
)
def test_only_the_room_may_be_missing(one: str, other: str) -> None:
    assert "house" not in kinds(card(address=one), card(address=other))
    assert "house" in kinds(card(address="杭州市文三路12号"), card(address="杭州市文三路12号5室"))


@pytest.mark.parametrize("which", [0, 1])
def test_an_address_that_many_have_says_little(which: int) -> None:
    pair = card(address="杭州市文三路12号5室"), card(address="浙江省杭州市西湖区文三路12号5室")
    address = pair[which].address
    assert address is not None
    found = kinds(*pair, {loose(address_text(address.rest))})
    assert "shared_address" in found
    assert "address" not in found


def test_contacts_count_only_where_one_is_at_both() -> None:
    assert "contact" not in kinds(card(people=[("张三", None)]), card(people=[("李四", None)]))
    assert "contact" in kinds(card(people=[("张三", None), ("王五", None)]), card(people=[("张三", None)]))


def test_what_speaks_for_counts_up_and_what_speaks_against_down() -> None:
    against = {
        "other_tax_id",
        "other_name",
        "other_place",
        "other_unit",
        "other_number",
        "other_kind",
        "group",
    }
    assert {kind for kind, points in rules.POINTS.items() if points < 0} == against
