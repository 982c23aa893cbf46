"""Tax ids: which number it is, what its checks say, and what of a person's number may be seen."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.demo.identifiers import Issuer, organisation_check, social_credit_check
from crmcore.builtin.duplicates import tax_ids
from crmcore.builtin.duplicates.tax_columns import unsound
from crmcore.builtin.duplicates.tax_ids import is_sound_code, read_tax_id
from crmcore.builtin.duplicates.words import tax_id_warning

PUBLISHED = "91350100M000100Y43"
"""The example in GB 32100-2015."""
PERSON = "11010519491231002X"
"""The example in GB 11643-1999."""
SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize(
    ("written", "kind", "organisation", "problems"),
    [
        (PUBLISHED, "credit_code", "M000100Y4", ()),
        ("9135 0100-m000 100y 43", "credit_code", "M000100Y4", ()),
        ("９１３５０１００Ｍ０００１００Ｙ４３", "credit_code", "M000100Y4", ()),
        ("91350100M000100Y44", "credit_code", "M000100Y4", ("check",)),
        ("D2143569-X", "organisation", "D2143569X", ()),  # the example in GB 11714-1997
        ("D2143569-1", "organisation", "D2143569X", ("check",)),
        ("350100D2143569X", "old_number", "D2143569X", ()),
        ("350100D21435691", "old_number", "D21435691", ("organisation_check",)),
        (PERSON, "person", "", ()),
        ("110105194912310021", "person", "", ("check",)),
        ("110105491231002", "person", "", ()),  # as it was written before 1999
        ("12345", "other", "", ("form",)),
    ],
)
def test_a_number_is_known_in_every_writing(written, kind, organisation, problems) -> None:
    found = read_tax_id(written)
    assert found is not None
    assert (found.kind, found.problems) == (kind, problems)
    assert found.organisation == (organisation if written != "D2143569-1" else "D21435691")
    assert found.sound == (not problems)


@pytest.mark.parametrize("nothing", [None, "", "  ", "-"])
def test_no_number_is_none(nothing) -> None:
    assert read_tax_id(nothing) is None
    assert tax_id_warning(nothing) is None


def test_all_writings_of_one_organisation_have_one_key() -> None:
    found = [read_tax_id(text) for text in ("91350100D2143569X4", "350100D2143569X", "D2143569-X")]
    assert {one.key for one in found if one} == {"D2143569X"}


@given(st.text(SIGNS, min_size=8, max_size=8), st.text("0123456789", min_size=6, max_size=6))
def test_the_checks_are_those_of_the_standards(organisation: str, region: str) -> None:
    code = organisation + organisation_check(organisation)  # reckoned otherwise, by the generator of the demo
    whole = f"91{region}{code}" + social_credit_check(f"91{region}{code}")
    found = read_tax_id(whole)
    assert found is not None
    assert (found.kind, found.problems, found.organisation) == ("credit_code", (), code)
    assert is_sound_code(whole)


@given(st.integers(0, 17), st.sampled_from(SIGNS), st.integers(0, 2**32))
def test_one_wrong_sign_never_passes(place: int, sign: str, seed: int) -> None:
    right = Issuer(random.Random(seed)).tax_id("91")
    wrong = right[:place] + sign + right[place + 1 :]
    found = read_tax_id(wrong)
    assert found is not None
    assert found.sound == (wrong == right) or found.kind == "person"
    assert is_sound_code(wrong) == (wrong == right)


@given(st.text(SIGNS, min_size=1, max_size=20))
def test_the_quick_check_agrees_with_the_thorough_one(text: str) -> None:
    found = read_tax_id(text)
    assert found is not None
    assert is_sound_code(text) == (found.kind == "credit_code" and not found.problems)


@given(st.lists(st.one_of(st.integers(0, 2**32), st.text(SIGNS + "IOSVZ\n漢", max_size=19)), max_size=30))
def test_many_at_once_are_judged_as_one_by_one(given: list[int | str]) -> None:
    texts = [one if isinstance(one, str) else Issuer(random.Random(one)).tax_id("91") for one in given]
    spoilt = [text[:-1] + SIGNS[len(text) % 31] if place % 3 else text for place, text in enumerate(texts)]
    for column in (texts, spoilt):
        assert unsound(column) == [n for n, text in enumerate(column) if not is_sound_code(text)]


def test_a_letter_that_is_worth_as_much_is_no_check_character() -> None:
    bodies = (f"MA{n:06}" for n in range(1_000))
    body = next(body for body in bodies if organisation_check(body) == "X")  # 10, as A would be
    for sign, problems in (("X", ()), ("A", ("organisation_check",))):
        code = f"91330100{body}{sign}"
        found = read_tax_id(code + social_credit_check(code))
        assert found is not None
        assert (found.kind, found.problems) == ("credit_code", problems)
        assert unsound([found.text]) == ([0] if problems else [])


@given(st.integers(0, 16), st.integers(1, 9))
def test_a_wrong_digit_in_a_persons_number_is_seen(place: int, more: int) -> None:
    body = PERSON[:17]
    wrong = body[:place] + str((int(body[place]) + more) % 10) + body[place + 1 :]
    assert tax_ids.person_check(wrong) != PERSON[17]


def test_a_persons_number_is_never_shown_in_full() -> None:
    for number in (PERSON, "110105194912310021", "110105491231002"):
        found = read_tax_id(number)
        assert found is not None
        assert found.shown == f"{number[:3]}…{number[-2:]}"
        assert not re.search(r"\d{4}", found.shown)
    warning = tax_id_warning("110105194912310021")
    assert warning is not None
    assert "110…21" in warning
    assert "1949" not in warning


def test_a_code_of_digits_that_might_be_a_birthday_is_the_codes_if_its_check_is_right() -> None:
    body = next(
        f"11{region:06}19491231{last}"
        for region in range(500)
        for last in range(10)
        if organisation_check("19491231") == str(last)
    )
    whole = body + social_credit_check(body)
    found = read_tax_id(whole)
    assert found is not None
    assert found.kind == "credit_code"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("91350100M000100Y44", "the check character of the tax id '91350100M000100Y44' is wrong"),
        ("350100D21435691", "organisation code in the tax id '350100D21435691' is wrong"),
        ("ABC", "has not the form of one"),
    ],
)
def test_what_is_wrong_is_said(number, said) -> None:
    warning = tax_id_warning(number)
    assert warning is not None
    assert said in warning
