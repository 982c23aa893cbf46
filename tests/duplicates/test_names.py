"""Names and addresses of firms, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.duplicates.cards import read_address
from crmcore.builtin.duplicates.names import read_name
from crmcore.builtin.duplicates.places import same_place

FORMS = ("有限公司", "有限责任公司", "股份有限公司", "集团", "公司", "控股")


@pytest.mark.parametrize(
    ("text", "core", "place", "unit"),
    [
        ("上海市示例食品有限公司", "示例食品", "上海", ""),
        ("示例食品（上海）股份有限公司", "示例食品", "上海", ""),
        ("上海示例食品集团", "示例食品", "上海", ""),
        ("示例食品(集团)有限公司", "示例食品", "", ""),
        ("浙江省杭州市示例食品有限公司", "示例食品", "杭州", ""),
        ("浙江示例食品有限公司", "示例食品", "浙江", ""),
        ("内蒙古自治区呼和浩特市示例乳业有限公司", "示例乳业", "呼和浩特", ""),
        ("吉林市示例食品有限公司", "示例食品", "吉林", ""),
        ("上海 示例 食品 有限 公司", "示例食品", "上海", ""),
        ("ＡＢＣ食品有限公司", "abc食品", "", ""),
        ("示例食品(新)", "示例食品", "", ""),
        ("示例食品有限公司宁波分公司", "示例食品", "", "宁波分公司"),
        ("示例食品集团有限公司第一分公司", "示例食品", "", "第一分公司"),
        ("示例超市一店", "示例超市", "", "一店"),
        ("示例便利店(文三路店)", "示例便利店", "", "文三路店"),
        ("示例便利店", "示例便利店", "", ""),
        ("中山路商行", "中山路商行", "", ""),
        ("金华电器有限公司", "金华电器", "", ""),
        ("有限公司", "有限公司", "", ""),
        ("上海", "上海", "", ""),
        ("Hangzhou Shili Food Co., Ltd.", "hangzhoushilifood", "", ""),
        ("Shili Holdings Group Limited", "shili", "", ""),
        ("Co", "co", "", ""),
    ],
)
def test_a_name_is_taken_apart(text, core, place, unit) -> None:
    name = read_name(text)
    assert (name.core, name.place, name.unit) == (core, place, unit)


def test_traditional_and_simplified_names_are_one() -> None:
    pytest.importorskip("opencc")
    assert read_name("上海騰達貿易有限公司") == read_name("上海腾达贸易有限公司")


def test_numbers_tell_neighbours_apart() -> None:
    assert read_name("郑州市第一小学").numbers != read_name("郑州市第二小学").numbers
    assert read_name("郑州市第一小学").numbers == read_name("郑州第一小学").numbers


@given(st.text("腾达宏远鸿盛华兴", min_size=2, max_size=4), st.lists(st.sampled_from(FORMS), max_size=4))
def test_legal_forms_are_cut_off_until_none_is_left(brand: str, forms: list[str]) -> None:
    assert read_name(brand + "".join(forms)).core == brand


@given(st.text(max_size=40))
def test_any_text_has_a_core_and_none_breaks(text: str) -> None:
    name = read_name(text)
    assert bool(name.core) == bool(name.whole)
    assert read_address(text) is None or read_address(text) == read_address(f" {text} ")


@pytest.mark.parametrize(
    ("text", "place", "rest", "house"),
    [
        ("浙江省杭州市西湖区文三路12号3幢501室", "杭州", "文三路12号3幢501室", "文三路12"),
        ("杭州市文三路１２号 3幢501室", "杭州", "文三路12号3幢501室", "文三路12"),
        ("西湖区文三路12号3幢501室", "", "文三路12号3幢501室", "文三路12"),
        ("中山路8号", "", "中山路8号", "中山路8"),
        ("上海市浦东新区", "上海", "浦东新区", ""),
        ("上海市", "上海", "", ""),
    ],
)
def test_an_address_is_taken_apart(text, place, rest, house) -> None:
    address = read_address(text)
    assert address is not None
    assert (address.place, address.rest, address.house) == (place, rest, house)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("杭州", "杭州", True),
        ("杭州", "宁波", False),
        ("杭州", "", None),
        ("杭州", "浙江", None),
        ("浙江", "浙江", True),
    ],
)
def test_a_province_says_nothing_of_the_city(one, other, same) -> None:
    assert same_place(one, other) is same
    assert same_place(other, one) is same
