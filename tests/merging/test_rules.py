"""The rules: who may be merged, which value stays, whose head is whose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.duplicates.rules_merging import Side, choices, head_after, hindrance
from crmcore.builtin.records.rules_places import joined, same_place

FIRM = Side(1, "organisation", archived=False, merged=False)
OTHER = FIRM._replace(id=2)
VALUE = st.one_of(st.none(), st.just(""), st.sampled_from(["a", "b", 3]))
CARD = st.dictionaries(st.sampled_from(["name", "phone", "fax", "code", "kind"]), VALUE)


def test_two_firms_may_be_one_and_an_archived_one_may_go():
    assert hindrance(FIRM, OTHER) is None
    assert hindrance(FIRM._replace(archived=True), OTHER) is None


def test_what_may_not_be():
    assert hindrance(FIRM, FIRM) == "same"
    assert hindrance(FIRM._replace(kind="person"), OTHER) == "kinds"
    assert hindrance(FIRM._replace(merged=True, archived=True), OTHER) == "from_merged"
    assert hindrance(FIRM, OTHER._replace(merged=True, archived=True)) == "into_merged"
    assert hindrance(FIRM, OTHER._replace(archived=True)) == "into_archived"


@given(gone=CARD, remaining=CARD, take=st.sets(st.sampled_from(["name", "phone", "fax", "code"])))
def test_no_value_is_made_up_and_none_is_lost_without_being_shown(gone, remaining, take):
    found = {choice.field: choice for choice in choices(gone, remaining, take)}
    for name, value in gone.items():
        own = remaining.get(name)
        if name in {"code", "kind"} or value in (None, "") or value == own:
            assert name not in found
        elif own in (None, ""):
            assert (found[name].by, found[name].stays) == ("filled", value)
        elif name in take:
            assert (found[name].by, found[name].stays) == ("taken", value)
        else:
            assert (found[name].by, found[name].stays) == ("kept", own)
    assert found.keys() <= gone.keys()


@given(st.data())
def test_nobody_becomes_their_own_ancestor(data):
    """In any group, after the merge and the move of the daughters, every way up ends."""
    size = data.draw(st.integers(2, 7))
    parents = {0: None} | {n: data.draw(st.one_of(st.none(), st.integers(0, n - 1))) for n in range(1, size)}
    gone, remaining = data.draw(st.permutations(range(size)))[:2]
    take = data.draw(st.booleans())

    def above(number):
        found = []
        while (number := parents[number]) is not None:
            found.append(number)
        return found

    head = head_after(gone, remaining, above(gone), above(remaining), take=take)
    assert head not in (gone, remaining)
    own = parents[remaining]
    if own is not None and gone not in above(remaining) and not take:
        assert head == own
    after = {n: remaining if parent == gone else parent for n, parent in parents.items() if n != gone}
    after[remaining] = head
    for child in range(size):
        place, seen = child, set()
        while place is not None:
            assert place not in seen
            seen.add(place)
            place = {**parents, **after}[place]


def test_places_of_a_person_over_the_same_time_are_one_with_all_their_roles():
    kept = {"contact_id": 1, "since": None, "until": None, "roles": ["uses"], "position": None}
    removed = {**kept, "roles": ["decides", "uses"], "position": "buyer"}
    assert same_place(kept, removed)
    assert not same_place(kept, {**removed, "contact_id": 2})
    assert not same_place(kept, {**removed, "until": "2026-01-01"})
    assert joined(kept, removed) == {"roles": ["uses", "decides"], "position": "buyer"}
    assert joined(removed, kept) == {}
