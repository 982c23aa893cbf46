"""Cut-offs as they are typed, and what discounts come to."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.whatif import BadCutoff, discounts, read_cutoffs


def test_cutoffs_are_read_in_their_order():
    assert read_cutoffs(["A=0.01", "B=0.05", "Rest"]) == [
        ("A", Decimal("0.01")),
        ("B", Decimal("0.05")),
        ("Rest", None),
    ]
    assert read_cutoffs(["Gold=1000000", "Silver=1"]) == [("Gold", Decimal(1000000)), ("Silver", Decimal(1))]


@pytest.mark.parametrize(
    "text", ["", "A=", "=0.1", "A=1%", "A=-1", "A=.5", "A B=0.1", "A=1e-3", "TooLongAName=1", "A=0.1=2"]
)
def test_what_is_no_cutoff_is_refused(text):
    with pytest.raises(BadCutoff) as refused:
        read_cutoffs([text, "B"])
    assert (refused.value.problem, refused.value.text) == ("form", text)


def test_only_the_last_class_stands_alone():
    with pytest.raises(BadCutoff) as refused:
        read_cutoffs(["A", "B=0.5", "C"])
    assert (refused.value.problem, refused.value.text) == ("open", "A")


def test_two_bare_classes_of_one_name_are_not_both_the_last():
    with pytest.raises(BadCutoff) as refused:
        read_cutoffs(["A", "A"])
    assert refused.value.problem == "open"


POLICIES = {"A": {"discount_ceiling": "0.08"}, "B": {"discount_ceiling": "0.05"}}


def test_discounts_are_weighted_by_what_was_bought():
    found = discounts([("A", 100), ("B", 300), ("Z", 100)], POLICIES)
    assert found == (23, Decimal("0.046"))
    assert discounts([], POLICIES) == (0, Decimal(0))


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 10**15)), max_size=20))
def test_the_average_ceiling_lies_between_the_ceilings(bought):
    found = discounts(bought, POLICIES)
    whole = sum(amount for _grade, amount in bought)
    exact = sum(Fraction(POLICIES[grade]["discount_ceiling"]) * amount for grade, amount in bought)
    assert abs(found.cost_minor - exact) <= Fraction(1, 2)
    if whole:
        assert Decimal("0.05") <= found.ceiling <= Decimal("0.08")
        assert abs(Fraction(found.ceiling) - exact / whole) <= Fraction(1, 10**12)
