"""When a class set by hand holds, and how the effective class changed: against an oracle that asks day by day."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.manual import (
    HandSet,
    Published,
    Span,
    State,
    hand_set_on,
    history,
    holds,
    state_on,
    warned_from,
)

FIRST = date(2026, 1, 1)
DAYS = 40

days = st.integers(0, DAYS - 1).map(lambda n: FIRST + timedelta(days=n))
letters = st.sampled_from("ABC")


@st.composite
def hand_sets(draw):
    hands = []
    for number in range(draw(st.integers(0, 5))):
        set_on, until = sorted([draw(days), draw(days)])
        ended_after = draw(st.none() | st.integers(0, DAYS))
        ended = set_on + timedelta(days=ended_after) if ended_after is not None else None
        hands.append(HandSet(number, draw(letters), set_on, until, ended, draw(st.booleans())))
    return hands


@st.composite
def publications(draw):
    published_on = sorted(draw(st.lists(days, max_size=6)))
    return [Published(day, run, draw(st.none() | letters)) for run, day in enumerate(published_on, 1)]


defaults = st.sampled_from([None, "D"])


def naive_calendar(hand):
    """Return the days on which a class holds, counted one by one."""
    held, day = set(), hand.set_on
    while day <= hand.until and day != hand.ended_on:
        held.add(day)
        day += timedelta(days=1)
    return held


def naive_state(published, hands, default, day):
    """Return (class, source) by walking through the days' decisions in order."""
    computed = None
    for run in published:
        if run.day <= day:
            computed = run.grade
    chosen = None
    for own in (False, True):
        for hand in sorted((h for h in hands if h.own == own), key=lambda h: (h.set_on, h.number)):
            if day in naive_calendar(hand):
                chosen = hand.grade
    if chosen:
        return chosen, "hand"
    if computed:
        return computed, "run"
    return (default, "default") if default else (None, "none")


@given(hand_sets())
def test_a_class_set_by_hand_holds_through_its_last_day_unless_ended_before(hands):
    for hand in hands:
        calendar = [FIRST + timedelta(days=n) for n in range(2 * DAYS)]
        assert {day for day in calendar if holds(hand, day)} == naive_calendar(hand)


@given(publications(), hand_sets(), defaults, days)
def test_the_effective_class_is_the_one_set_by_hand_then_that_of_the_run(published, hands, default, day):
    state = state_on(published, hands, default, day)
    assert (state.grade, state.source) == naive_state(published, hands, default, day)
    current = [run for run in published if run.day <= day]
    assert (state.run, state.computed) == ((current[-1].run, current[-1].grade) if current else (None, None))


@given(publications(), hand_sets(), defaults)
def test_the_history_says_of_each_day_what_was_effective(published, hands, default):
    through = FIRST + timedelta(days=2 * DAYS)
    spans = history(published, hands, default, through)
    for n in range(2 * DAYS):
        day = FIRST + timedelta(days=n)
        expected = naive_state(published, hands, default, day)
        covering = [s for s in spans if s.start <= day and (s.end is None or day <= s.end)]
        if covering:
            (span,) = covering
            assert (span.state.grade, span.state.source) == expected
        else:
            assert expected[1] in {"default", "none"}, "only before the first class"
            assert not spans or day < spans[0].start


@given(publications(), hand_sets(), defaults)
def test_the_history_has_one_entry_for_each_change(published, hands, default):
    spans = history(published, hands, default, FIRST + timedelta(days=2 * DAYS))
    for one, other in itertools.pairwise(spans):
        assert one.end == other.start - timedelta(days=1)
        assert (one.state.grade, one.state.source, one.state.hand) != (
            other.state.grade,
            other.state.source,
            other.state.hand,
        )
    assert all(span.end is None for span in spans[-1:])


@given(publications(), hand_sets(), defaults, days)
def test_the_history_of_a_day_is_the_beginning_of_the_later_one(published, hands, default, day):
    early = history(published, hands, default, day)
    late = history(published, hands, default, FIRST + timedelta(days=2 * DAYS))
    assert [(s.start, s.state) for s in early] == [(s.start, s.state) for s in late[: len(early)]]


def test_of_several_the_one_set_last_counts_and_the_own_one_before_the_group():
    until = date(2026, 12, 31)
    first = HandSet(1, "A", date(2026, 1, 1), until)
    second = HandSet(2, "B", date(2026, 2, 1), date(2026, 2, 28))
    third = HandSet(3, "C", date(2026, 2, 1), until)
    of_head = HandSet(4, "D", date(2026, 2, 2), until, own=False)
    assert hand_set_on([first, second, of_head], date(2026, 2, 15)) == second
    assert hand_set_on([third, second, first], date(2026, 2, 15)) == third
    assert hand_set_on([first, second], date(2026, 3, 1)) == first
    assert hand_set_on([of_head], date(2026, 3, 1)) == of_head
    assert hand_set_on([first], date(2027, 1, 1)) is None


def test_what_was_ended_on_its_first_day_never_held():
    hand = HandSet(1, "A", date(2026, 1, 1), date(2026, 12, 31), date(2026, 1, 1))
    assert history([], [hand], None, date(2026, 12, 31)) == []


def test_runs_that_give_the_same_class_are_one_entry_that_names_the_first():
    published = [Published(date(2026, m, 1), m, g) for m, g in ((1, None), (2, "A"), (3, "A"), (4, "B"))]
    assert history(published, [], None, date(2026, 12, 31)) == [
        Span(date(2026, 2, 1), date(2026, 3, 31), State("A", "run", 2, "A", None)),
        Span(date(2026, 4, 1), None, State("B", "run", 4, "B", None)),
    ]


def test_the_last_of_two_runs_of_a_day_counts():
    published = [Published(date(2026, 1, 1), 1, "A"), Published(date(2026, 1, 1), 2, "B")]
    assert state_on(published, [], None, date(2026, 1, 1)).grade == "B"
    assert [span.state.grade for span in history(published, [], None, date(2026, 1, 1))] == ["B"]


def test_the_end_of_days_is_no_overflow():
    hand = HandSet(1, "A", date(2026, 1, 1), date.max)
    assert [span.state.grade for span in history([], [hand], None, date.max)] == ["A"]


def test_notice_is_given_so_many_days_before_the_end_but_not_before_it_was_set():
    hand = HandSet(1, "A", date(2026, 3, 1), date(2026, 3, 31))
    assert warned_from(hand, 14) == date(2026, 3, 17)
    assert warned_from(hand, 90) == date(2026, 3, 1)
