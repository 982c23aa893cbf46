"""The rule book: what speaks for two customers being one, and what against."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.duplicates import rules
from crmcore.builtin.duplicates.alike import comparison
from crmcore.builtin.duplicates.cards import Card
from crmcore.builtin.duplicates.keys import exact, phone_text
from crmcore.builtin.duplicates.reading import person

LIMITS = {"certain": 85, "likely": 60, "possible": 45}
A = "91350100M000100Y43"
B = "91350100D2143569X4"


def card(name: str = "示例食品有限公司", **values: Any) -> Card:
    people = [person(*one) for one in values.pop("people", ())]
    row = dict.fromkeys(("short_name", "tax_id", "phone", "address", "parent_id"))
    return Card({"id": 1, "code": "C1", "kind": "organisation", "name": name, **row, **values}, people)


def kinds(one: Card, other: Card, crowded: set[int] | None = None) -> set[str]:
    found = rules.evidence(one, other, comparison(), (crowded or set()).__contains__)
    assert found == rules.evidence(other, one, comparison(), (crowded or set()).__contains__)
    assert [abs(one.points) for one in found] == sorted((abs(one.points) for one in found), reverse=True)
    return {one.kind for one in found}


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("示例食品有限公司", "示例食品集团", "name"),
        ("宏远食品有限公司", "宏达食品有限公司", "similar_name"),
        ("宏远食品有限公司", "宏食品有限公司", "similar_name"),
        ("宏远食品有限公司", "远宏食品有限公司", "similar_name"),
        ("宏远食品有限公司", "宏远远食品有限公司", "similar_name"),
        ("宏远达食品贸易有限公司", "宏远达食品商贸有限公司", "similar_name"),
        ("宏远食品有限公司", "宏远", "short_name"),
        ("宏远食品有限公司", "宏远建材有限公司", "brand"),
        ("宏远食品有限公司", "大海建材有限公司", "other_name"),
        ("宏远食品有限公司", "宏图建材有限公司", "other_name"),
        ("宏远", "宏图", "other_name"),
        ("宏远食品有限公司", "清达食品有限公司", "other_name"),
        ("宏远大海食品", "宏达大江食品", "other_name"),
    ],
)
def test_names_are_compared_by_their_cores(one, other, kind) -> None:
    assert kinds(card(one), card(other)) == {kind}


@pytest.mark.parametrize(
    ("latin", "kind"),
    [
        ("Hangzhou Tengda Food Co., Ltd.", "pinyin"),
        ("TENGDA FOOD CO LTD", "pinyin"),
        ("Teng Da Foods Ltd", "pinyin"),
        ("Hangzhou Hongyuan Food Co., Ltd.", "other_name"),
        ("Hangzhou Food Co., Ltd.", "other_name"),
    ],
)
def test_a_latin_name_is_read_as_pinyin(latin, kind) -> None:
    pytest.importorskip("pypinyin")
    assert kind in kinds(card("杭州腾达食品有限公司"), card(latin))


@pytest.mark.parametrize(("agree", "kind"), [(80.0, "similar_name"), (79.9, "other_name")])
def test_names_are_similar_from_four_fifths_on(agree, kind) -> None:
    found = rules.evidence(card("大海建材"), card("宏远食品"), lambda _a, _b: agree, lambda _key: False)
    assert [one.kind for one in found] == [kind]


@pytest.mark.parametrize(("agree", "same"), [(85.0, True), (84.9, False)])
def test_addresses_with_the_same_numbers_may_be_written_a_little_otherwise(agree, same) -> None:
    one, other = card(address="文三西路12号5室"), card(address="文三路西段12号5室")
    found = rules.evidence(one, other, lambda _a, _b: agree, lambda _key: False)
    assert ("address" in {one.kind for one in found}) is same


def test_a_short_name_on_the_card_counts() -> None:
    assert kinds(card("大海建材有限公司", short_name="宏远"), card("宏远有限公司")) == {"short_name"}


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ({"tax_id": A}, {"tax_id": A.lower()}, "tax_id"),
        ({"tax_id": B}, {"tax_id": "D2143569-X"}, "organisation_code"),
        ({"tax_id": A}, {"tax_id": "350100D2143569X"}, "other_tax_id"),
        ({"phone": "0571-01234567"}, {"phone": "+86 571 0123 4567"}, "phone"),
        ({"phone": "10200000001"}, {"people": [("张三", "10200000001")]}, "mobile"),
        ({"phone": "0571-01234567"}, {"phone": "01234567"}, None),
        ({"phone": "0571-81234567"}, {"phone": "81234567"}, "local_phone"),
        ({"address": "杭州市文三路12号5室"}, {"address": "浙江省杭州市西湖区文三路12号5室"}, "address"),
        ({"address": "杭州市文三路12号"}, {"address": "杭州市文三路12号5室"}, "house"),
        ({"people": [("张三", None)]}, {"people": [("張三", None)]}, "contact"),
        ({"kind": "person"}, {"kind": "organisation"}, "other_kind"),
        ({"parent_id": 7}, {"parent_id": 7}, "group"),
    ],
)
def test_a_likeness_beside_the_name_counts(one, other, kind) -> None:
    if kind is None:
        assert "phone" not in kinds(card(**one), card(**other))
    else:
        assert kind in kinds(card(**one), card(**other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"tax_id": A}, {"tax_id": "350100D21435691"}),  # one of them is mistyped
        ({"tax_id": A}, {}),
        ({"address": "杭州市文三路12号5室"}, {"address": "杭州市文三路12号6室"}),
        ({"address": "杭州市文三路12号"}, {"address": "宁波市文三路12号"}),
        ({"address": "杭州市"}, {"address": "杭州市"}),
        ({"people": [("张", None)]}, {"people": [("张", None)]}),
        ({"parent_id": None}, {"parent_id": 7}),
    ],
)
def test_what_is_no_likeness_says_nothing(one, other) -> None:
    assert kinds(card(**one), card(**other)) <= {"name", "place", "other_place"}


def test_a_parent_and_its_child_are_two() -> None:
    assert "group" in kinds(card(id=1), card(id=2, parent_id=1))


def test_a_number_that_many_have_says_little() -> None:
    one, other = card(phone="0571-01234567"), card(phone="057101234567")
    assert "shared_phone" in kinds(one, other, {exact(phone_text("57101234567"))})


def test_another_name_does_not_count_where_the_tax_id_is_the_same() -> None:
    assert kinds(card("宏远食品有限公司", tax_id=A), card("大海建材有限公司", tax_id=A)) == {"tax_id"}


@pytest.mark.parametrize(
    ("one", "other", "against"),
    [
        ("宏远食品有限公司宁波分公司", "宏远食品有限公司", "other_unit"),
        ("宏远超市一店", "宏远超市二店", "other_unit"),
        ("郑州第一小学", "郑州第二小学", "other_number"),
    ],
)
def test_branches_shops_and_numbers_never_become_likely(one, other, against) -> None:
    alike = {"phone": "0571-01234567", "people": [("张三", None)]}
    found = rules.evidence(card(one, **alike), card(other, **alike), comparison(), lambda _key: False)
    assert against in {one.kind for one in found}
    assert rules.certainty(rules.score(found), LIMITS) in {None, "possible"}


def test_people_of_one_name_are_not_one_person() -> None:
    one, other = (card("王伟", kind="person", phone=phone) for phone in ("10200000001", "10200000002"))
    found = rules.evidence(one, other, comparison(), lambda _key: False)
    assert rules.certainty(rules.score(found), LIMITS) is None


def test_a_firm_that_bears_a_persons_name_is_not_that_person() -> None:
    one, other = card("王伟", kind="person"), card("王伟食品有限公司")
    assert kinds(one, other) == {"other_name", "other_kind"}
    assert kinds(one, card("王伟")) == {"person_name", "other_kind"}


def test_no_single_likeness_is_certain() -> None:
    assert max(rules.POINTS.values()) < LIMITS["certain"]


@pytest.mark.parametrize(
    ("points", "sure"),
    [
        (100, "certain"),
        (85, "certain"),
        (84, "likely"),
        (60, "likely"),
        (59, "possible"),
        (45, "possible"),
        (44, None),
    ],
)
def test_certainty_goes_by_the_companys_limits(points, sure) -> None:
    assert rules.certainty(points, LIMITS) == sure


@given(st.lists(st.sampled_from(sorted(rules.POINTS)), max_size=8))
def test_a_score_is_the_sum_within_its_bounds(names: list[str]) -> None:
    total = sum(rules.POINTS[name] for name in names)
    found = rules.score([rules.Evidence(name, rules.POINTS[name]) for name in names])
    assert found == min(100, max(0, total))


NAMES = st.sampled_from(
    ["宏远食品有限公司", "宏远", "杭州宏远建材有限公司", "Hongyuan Food Ltd", "宏远超市一店", "王伟"]
)
CARDS = st.builds(
    card,
    NAMES,
    kind=st.sampled_from(["organisation", "person"]),
    tax_id=st.sampled_from([None, A, B, "D2143569-X", "x"]),
    phone=st.sampled_from([None, "0571-81234567", "81234567", "10200000001"]),
    address=st.sampled_from([None, "杭州市文三路12号5室", "文三路12号", "宁波市"]),
    id=st.integers(1, 3),
    parent_id=st.sampled_from([None, 1, 2]),
)


@given(CARDS, CARDS)
def test_it_does_not_matter_which_of_two_comes_first(one: Card, other: Card) -> None:
    assert kinds(one, other) == kinds(other, one)
