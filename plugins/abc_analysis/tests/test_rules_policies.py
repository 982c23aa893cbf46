"""Which version of a policy holds on which day, and what each changed: against a calendar filled in day by day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.policies.versions import policy_keys
from crmcore_abc_analysis.rules.policies import (
    BadPolicy,
    Difference,
    Version,
    differences,
    missing_keys,
    policies_on,
    read_value,
    version_before,
    version_on,
)

FIRST = date(2026, 1, 1)
SETTINGS = {"A": {"visit_interval_days": 14}, "B": {"visit_interval_days": 30}}

days = st.integers(0, 30).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def written(draw):
    """Versions in the order of writing; each is written on a day and holds from then on or later."""
    rows = draw(st.lists(st.tuples(st.sampled_from("ABZ"), days, st.integers(0, 9)), max_size=8))
    return [
        Version(number, grade, day, {"visit_interval_days": visits})
        for number, (grade, day, visits) in enumerate(rows, 1)
    ]


def calendar_of(versions, grade):
    """Fill in a calendar: each version is the last word on the days up to the next later valid one."""
    calendar = {}
    for n in range(40):
        day = FIRST + timedelta(days=n)
        begun = [v for v in versions if v.grade == grade and v.valid_from <= day]
        latest = [v for v in begun if v.valid_from == max(v.valid_from for v in begun)]
        calendar[day] = latest[-1].policy if latest else SETTINGS.get(grade)
    return calendar


@given(written(), st.randoms(use_true_random=False))
def test_the_version_that_became_valid_last_holds_else_the_settings(versions, random):
    shuffled = random.sample(versions, len(versions))
    for grade in "ABZ":
        for day, policy in calendar_of(versions, grade).items():
            assert policies_on(SETTINGS, shuffled, day).get(grade) == policy


@given(written())
def test_a_version_takes_the_place_of_what_would_have_held_on_its_first_day(versions):
    for place, version in enumerate(versions):
        its_class = [v for v in versions if v.grade == version.grade]
        before = version_before(version, its_class)
        policy = before.policy if before is not None else SETTINGS.get(version.grade)
        assert policy == calendar_of(versions[:place], version.grade)[version.valid_from]


def test_of_the_same_day_the_one_written_last_holds():
    versions = [Version(n, "A", FIRST, {"visit_interval_days": n}) for n in (2, 1)]
    assert version_on(versions, FIRST) == versions[0]
    assert version_on(versions, FIRST - timedelta(days=1)) is None


def test_the_classes_of_the_settings_come_first_and_stay_as_they_were():
    found = policies_on(SETTINGS, [Version(1, "Z", FIRST, {}), Version(2, "A", FIRST, {})], FIRST)
    assert list(found) == ["A", "B", "Z"]
    assert SETTINGS["A"] == {"visit_interval_days": 14}


def test_differences_name_what_changed_in_the_order_of_the_keys():
    before = {"visitor": "rep", "visit_interval_days": 14}
    after = {"visit_interval_days": 7, "visitor": "rep", "discount_ceiling": "0.1"}
    assert differences(before, after) == [
        Difference("visit_interval_days", 14, 7),
        Difference("discount_ceiling", None, "0.1"),
    ]
    assert differences(after, after) == []
    assert [d.before for d in differences(None, after)] == [None, None, None]
    assert missing_keys(before, list(policy_keys())) == [
        "complaint_priority",
        "discount_ceiling",
        "approval_level",
    ]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("visit_interval_days", "0", 0),
        ("visit_interval_days", "3660", 3660),
        ("visitor", "rep_or_phone", "rep_or_phone"),
        ("complaint_priority", "9", 9),
        ("discount_ceiling", "0.05", "0.05"),
        ("discount_ceiling", "1", "1"),
        ("approval_level", "general_manager", "general_manager"),
    ],
)
def test_values_are_read_as_they_are_typed(key, text, value):
    assert read_value(key, text, policy_keys()) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("visit_interval_days", "-1"),
        ("visit_interval_days", "3661"),
        ("visit_interval_days", "7.5"),
        ("visit_interval_days", "٧"),
        ("visit_interval_days", "9" * 5000),
        ("visit_interval_days", ""),
        ("complaint_priority", "0"),
        ("visitor", "Manager"),
        ("discount_ceiling", "5%"),
        ("discount_ceiling", "1.5"),
        ("discount_ceiling", "0.05\n"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(key, text):
    with pytest.raises(BadPolicy) as refused:
        read_value(key, text, policy_keys())
    assert (refused.value.problem, refused.value.key, refused.value.value) == ("value", key, text)


def test_an_unknown_key_is_refused():
    with pytest.raises(BadPolicy) as refused:
        read_value("visits", "7", policy_keys())
    assert refused.value.problem == "key"
