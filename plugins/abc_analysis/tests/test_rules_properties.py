"""What holds for all amounts and cut-offs, and equality with the oracle of conftest.py."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.classes import (
    PRESETS,
    GradeSum,
    Rule,
    Standing,
    classify,
    grade_totals,
    own_rule,
    positive_total,
)

# Few different small amounts make many ties; the large ones are beyond what floats hold exactly.
amounts = st.lists(
    st.one_of(st.integers(-3, 6), st.integers(-(10**6), 10**6), st.integers(-(10**15), 10**15)), max_size=250
)


@st.composite
def own_rules(draw):
    shares = sorted(draw(st.sets(st.integers(1, 9999), max_size=5)))
    ends = [*(f"0.{share:04}" for share in shares), "1"]
    return own_rule(draw(st.sampled_from(["rank", "amount"])), [(f"G{i}", end) for i, end in enumerate(ends)])


rules = st.one_of(st.sampled_from(list(PRESETS.values())), own_rules())


def totals_of(numbers: Iterable[int]) -> dict[int, int]:
    return dict(enumerate(numbers))


def by_customer(standings: Iterable[Standing]) -> dict[int, tuple[int, str]]:
    return {s.customer: (s.rank, s.grade) for s in standings}


@given(amounts, rules)
def test_classify_equals_the_oracle(oracle, numbers, rule: Rule):
    ends = [(c.grade, Fraction(c.within)) for c in rule.cutoffs]
    expected = oracle({str(i): a for i, a in enumerate(numbers)}, rule.by, ends)
    found = by_customer(classify(totals_of(numbers), rule))
    assert {str(i): place for i, place in found.items()} == expected


@given(amounts, rules, st.randoms(use_true_random=False))
def test_the_order_of_the_purchases_changes_nothing(numbers, rule, random):
    totals = totals_of(numbers)
    shuffled = dict(random.sample(list(totals.items()), len(totals)))
    assert by_customer(classify(totals, rule)) == by_customer(classify(shuffled, rule))


@given(amounts, rules)
def test_every_buyer_has_exactly_one_class(numbers, rule):
    standings = classify(totals_of(numbers), rule)
    assert sorted(s.customer for s in standings) == list(range(len(numbers)))
    assert {s.grade for s in standings} <= set(rule.grades)


@given(amounts, rules)
def test_who_bought_more_is_never_in_a_worse_class(numbers, rule):
    standings = classify(totals_of(numbers), rule)
    for better, worse in pairwise(standings):
        assert better.amount_minor >= worse.amount_minor
        assert better.rank <= worse.rank
        assert rule.grades.index(better.grade) <= rule.grades.index(worse.grade)


@given(amounts, rules)
def test_equal_amounts_share_rank_and_class(numbers, rule):
    places: dict[int, set[tuple[int, str]]] = {}
    for s in classify(totals_of(numbers), rule):
        places.setdefault(s.amount_minor, set()).add((s.rank, s.grade))
    assert all(len(place) == 1 for place in places.values())


@given(amounts, rules)
def test_sums_are_kept(numbers, rule):
    standings = classify(totals_of(numbers), rule)
    sums = [GradeSum(s.grade, 1, s.amount_minor, max(s.amount_minor, 0)) for s in standings]
    whole = positive_total(numbers)
    assert sum(s.amount_minor for s in sums) == sum(numbers)
    for s in standings:
        assert s.ahead_minor == sum(a for a in numbers if a > max(s.amount_minor, 0))
    assert sum(s.bought_minor for s in sums) == whole


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=9))
def test_shares_of_the_classes_add_up_to_one(bought):
    grades = [f"G{i}" for i in range(len(bought))]
    totals = grade_totals([GradeSum(g, 1, b, b) for g, b in zip(grades, bought, strict=True)], grades)
    shares = sum((Fraction(t.share) for t in totals), start=Fraction(0))
    assert abs(shares - Fraction(any(bought))) <= Fraction(len(totals), 10**12)


@given(amounts, rules)
def test_nobody_at_or_below_zero_leaves_the_last_class(numbers, rule):
    assert {s.grade for s in classify(totals_of(numbers), rule) if s.amount_minor <= 0} <= {rule.grades[-1]}


@given(
    st.sets(st.integers(1, 10**6), max_size=250), st.sampled_from([PRESETS["pyramid"], PRESETS["increments"]])
)
def test_without_ties_each_class_holds_what_its_bounds_say(numbers, rule):
    found = [s.grade for s in classify(totals_of(numbers), rule)]
    bounds = (0, *rule.bounds(len(numbers)))
    assert [found.count(g) for g in rule.grades] == [after - before for before, after in pairwise(bounds)]


@given(st.integers(1, 10**9), rules)
def test_bounds_are_the_least_whole_numbers_not_below_the_share(whole, rule):
    for cutoff, bound in zip(rule.cutoffs, rule.bounds(whole), strict=True):
        assert bound - 1 < Fraction(cutoff.within) * whole <= bound


@given(amounts, rules, st.integers(0, 249), st.integers(1, 10**6))
def test_buying_more_never_lowers_the_own_class_by_rank(numbers, rule, index, more):
    if rule.by != "rank" or index >= len(numbers):
        return
    before = by_customer(classify(totals_of(numbers), rule))[index]
    raised = [amount + more if i == index else amount for i, amount in enumerate(numbers)]
    after = by_customer(classify(totals_of(raised), rule))[index]
    assert rule.grades.index(after[1]) <= rule.grades.index(before[1])


@given(amounts, rules)
def test_scaling_the_money_changes_no_class(numbers, rule):
    hundredfold = [100 * amount for amount in numbers]
    assert by_customer(classify(totals_of(numbers), rule)) == by_customer(
        classify(totals_of(hundredfold), rule)
    )
