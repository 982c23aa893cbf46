"""Who may decide on what, as the rules say it: by property, and by the cases that people ask about."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.api import BadConfig
from crmcore.builtin.approvals.bands import Band, authority, bands_of
from crmcore.builtin.approvals.rules import (
    STATES,
    Matter,
    Standing,
    decides_for,
    hindrance,
    is_urgent,
    last_day,
    of_permission,
    of_role,
    settled,
    state_on,
)

TODAY = date(2026, 3, 2)
BOSS = Standing("boss", frozenset({"approve", "records.write"}))
REP = Standing("rep", frozenset({"records.write"}))
ADMIN = Standing("admin", frozenset({"*"}))
NOBODY = Standing("guest", frozenset())
ASKED = Matter("rep", "approve", outside_policy=False, state="requested")


def read(text: str) -> Any:
    """Return a text as a database gives it: equal to what the rules know, and never the same object."""
    return text.encode().decode()


codes = st.sampled_from(["rep", "boss", "second", "guest"]).map(read)
standings = st.builds(
    Standing,
    codes,
    st.frozensets(st.sampled_from(["approve", "credit", "*"]).map(read)),
    st.frozensets(st.sampled_from(["head", "clerk"]).map(read)),
)
held = st.sampled_from(["permission:approve", "permission:credit", "role:head", "role:clerk"]).map(read)
matters = st.builds(
    Matter,
    codes,
    st.sampled_from(["approve", "credit"]).map(read),
    st.booleans(),
    st.sampled_from(STATES).map(read),
    st.none() | st.frozensets(held),
    st.booleans(),
    st.just(value=False),  # single_person
)
decisions = st.sampled_from(["approve", "reject"]).map(read)
reasons = st.sampled_from(["", "because"])
days = st.dates(date(2020, 1, 1), date(2040, 1, 1))


def may(matter: Matter, one: Standing) -> bool:
    """Say whether somebody has what it takes, by looking at each thing that counts."""
    if "*" in one.permissions:
        return True
    if matter.holders is None:
        return matter.permission in one.permissions
    return any(
        name in (one.permissions if kind == "permission" else one.roles)
        for kind, name in (holder.split(":") for holder in matter.holders)
    )


@given(matters, standings, st.lists(standings), decisions, reasons)
def test_nobody_decides_their_own_request_in_whoevers_name(matter, actor, absent, decision, reason):
    name = decides_for(matter, actor, absent)
    assert name != matter.requested_by
    if actor.code == matter.requested_by:
        assert name is None
        assert hindrance(matter, actor, absent, decision, reason) in {"own", "closed"}


@given(matters, standings, st.lists(standings))
def test_who_decides_has_the_permission_or_stands_in_for_somebody_who_has(matter, actor, absent):
    name = decides_for(matter, actor, absent)
    able = {one.code for one in (actor, *absent) if may(matter, one)}
    assert name in able - {matter.requested_by} | {None}
    if not matter.deputies:
        assert name in {actor.code, None}, "nobody decides for somebody else"
    elif name is None and actor.code != matter.requested_by:
        assert able <= {matter.requested_by}, "nobody who may decide is turned away"


@given(matters, standings, st.lists(standings), decisions, reasons)
def test_nobody_who_may_decide_and_says_why_is_turned_away(matter, actor, absent, decision, reason):
    asked = matter._replace(state=read("requested"))
    found = hindrance(asked, actor, absent, decision, reason)
    assert (found == "own") == (actor.code == asked.requested_by)
    if decides_for(asked, actor, absent) is not None:
        assert hindrance(asked, actor, absent, decision, "because") is None


@given(matters, standings, st.lists(standings), decisions, reasons)
def test_what_is_not_open_is_never_decided(matter, actor, absent, decision, reason):
    found = hindrance(matter, actor, absent, decision, reason)
    assert (found == "closed") == (matter.state != "requested")
    if found is None:
        assert decides_for(matter, actor, absent) is not None
        assert reason or (decision == "approve" and not matter.outside_policy)


@pytest.mark.parametrize(
    ("actor", "absent", "expected"),
    [
        (BOSS, [], None),
        (ADMIN, [], None),
        (REP, [], "own"),
        (REP, [BOSS], "own"),
        (NOBODY, [], "not_allowed"),
        (NOBODY, [BOSS], None),
        (NOBODY, [REP], "not_allowed"),
        (NOBODY, [Standing("rep", BOSS.permissions)], "for_requester"),
        (NOBODY, [Standing("rep", BOSS.permissions), ADMIN], None),
        (BOSS, [Standing("rep", BOSS.permissions)], None),
    ],
)
def test_what_keeps_somebody_from_approving(actor, absent, expected):
    asked = ASKED._replace(requested_by=read("rep"), state=read("requested"))
    assert hindrance(asked, actor, absent, "approve", "") == expected


def test_the_own_right_goes_before_that_of_somebody_absent():
    assert decides_for(ASKED, BOSS, [ADMIN]) == "boss"
    assert decides_for(ASKED, NOBODY, [ADMIN, BOSS]) == "admin"


def test_a_rejection_and_what_goes_beyond_policy_need_a_reason():
    assert hindrance(ASKED, BOSS, [], "reject", "") == "no_reason"
    assert hindrance(ASKED, BOSS, [], "reject", "too much") is None
    beyond = ASKED._replace(outside_policy=True)
    assert hindrance(beyond, BOSS, [], "approve", "") == "no_reason"
    assert hindrance(beyond, BOSS, [], "approve", "a fair") is None


@given(days, st.integers(0, 3650), st.integers(-5, 5))
def test_a_request_can_be_decided_on_its_last_day_and_not_on_the_next(asked, number, shift):
    last = last_day(asked, number)
    assert last == asked + timedelta(days=number)
    today = last + timedelta(days=shift)
    assert state_on(read("requested"), last, today) == ("expired" if shift > 0 else "requested")
    for state in STATES[1:]:
        assert state_on(state, last, today) == state, "what was decided does not expire"


def test_what_never_expires_waits_for_ever():
    assert last_day(TODAY, None) is None
    assert state_on("requested", None, date.max) == "requested"
    with pytest.raises(ValueError, match="expires_days = -1"):
        last_day(TODAY, -1)


@given(st.lists(st.tuples(decisions, st.integers())))
def test_one_rejection_beats_all_approvals(verdicts):
    counts = settled(verdicts)
    rejections = [verdict for decision, verdict in verdicts if decision == "reject"]
    approvals = [verdict for decision, verdict in verdicts if decision == "approve"]
    assert counts == next(iter([*rejections, *approvals]), None)


def test_the_last_two_days_are_urgent():
    assert [is_urgent(TODAY + timedelta(days=n), TODAY) for n in (0, 1, 2)] == [True, True, False]
    assert not is_urgent(None, TODAY)


# -- the firm of one person --------------------------------------------------------------------------------------


@given(matters, standings, st.lists(standings), decisions)
def test_in_a_firm_of_one_person_who_asks_decides_by_the_own_right_and_nothing_else_changes(
    matter, actor, absent, decision
):
    alone = matter._replace(single_person=True)
    name = decides_for(alone, actor, absent)
    if actor.code != matter.requested_by:
        assert name == decides_for(matter, actor, absent)
    else:
        assert name == (actor.code if may(matter, actor) else None), "never in the name of somebody absent"
        if matter.state == "requested":
            found = hindrance(alone, actor, absent, decision, "because")
            assert (found is None) == may(matter, actor)
            assert found != "own"


# -- amount bands ------------------------------------------------------------------------------------------------

HEAD, CREDIT, APPROVE = "role:head", "permission:credit", "permission:approve"
BANDS = [
    Band(Decimal(1_000), HEAD, deputies=True),
    Band(Decimal("100000.50"), CREDIT, deputies=True),
    Band(None, APPROVE, deputies=False),
]


@pytest.mark.parametrize(
    ("amount", "up_to", "holders"),
    [
        ("0", Decimal(1_000), (HEAD, CREDIT, APPROVE)),
        ("1000", Decimal(1_000), (HEAD, CREDIT, APPROVE)),
        ("1000.01", Decimal("100000.5"), (CREDIT, APPROVE)),
        ("100000.50", Decimal("100000.5"), (CREDIT, APPROVE)),
        ("100000.51", None, (APPROVE,)),
        (None, None, (APPROVE,)),
    ],
)
def test_a_larger_amount_asks_for_more_and_an_unknown_one_for_most(amount, up_to, holders):
    given_amount = None if amount is None else Decimal(amount)
    found = authority(BANDS, given_amount, "records.write")
    assert found == (up_to, holders, up_to is not None)


def test_beyond_the_last_band_decides_who_the_kind_itself_asks_for():
    bands = BANDS[:2]
    assert authority(bands, Decimal(500_000), "approve") is None
    assert authority(bands, None, "approve") is None
    assert authority(bands, Decimal(5), "approve") == (Decimal(1_000), (HEAD, CREDIT, APPROVE), True)
    assert authority([], Decimal(5), "approve") is None


@given(
    st.lists(st.integers(1, 9), unique=True).map(sorted),
    st.booleans(),
    st.integers(0, 10),
    st.integers(0, 10),
)
def test_who_decides_on_more_decides_on_less(ends, endless, one, other):
    bands = [Band(Decimal(end), of_role(f"r{end}"), deputies=True) for end in ends]
    bands += [Band(None, of_role("top"), deputies=True)] if endless else []
    less, more = (authority(bands, Decimal(n), "approve") for n in sorted((one, other)))
    beyond = (of_permission("approve"),)
    assert set(more.holders if more else beyond) <= set(less.holders if less else beyond)


@pytest.mark.parametrize(
    ("given_bands", "sentence"),
    [
        ([{}], "bands.general.0 must name who decides: either a permission or a role"),
        ([{"role": "reader", "permission": "approve"}], "bands.general.0 must name who decides"),
        ([{"role": "chief"}], "bands.general.0 names the role 'chief'; known are head, reader"),
        (
            [{"role": "head"}, {"permission": "approve", "up_to": "5"}],
            "bands.general.0 has no up_to; only the last band may do without",
        ),
        (
            [{"role": "head", "up_to": "5"}, {"permission": "approve", "up_to": "5.00"}],
            "bands.general.1 ends at 5.00, which is not above the band before it; list the smallest first",
        ),
    ],
)
def test_a_band_that_is_none_is_named(given_bands, sentence):
    with pytest.raises(BadConfig, match="^crm.toml: plugins.approvals." + re.escape(sentence)):
        bands_of({"bands": {"general": given_bands}}, "general", {"head", "reader"})
