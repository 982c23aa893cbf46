"""When jobs are due, held against going through the minutes one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.api import JobSpec
from crmcore.builtin.jobs.schedules import Schedule
from crmcore.testing import CommandLine

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
FESTIVAL = {date(2026, 2, day) for day in range(15, 24)}
MINUTE = timedelta(minutes=1)


class Table:
    """A calendar written down by hand: weekends, and nine days of the Spring Festival."""

    def works(self, day: date) -> bool:
        return day.isoweekday() < 6 and day not in FESTIVAL

    def next(self, day: date) -> date:
        while not self.works(day):
            day += timedelta(days=1)
        return day


def schedule(
    text: str, workdays: Literal["any", "only", "next"] = "any", zone: ZoneInfo = SHANGHAI
) -> Schedule:
    return Schedule(text, workdays, zone, Table())


def local(moment: datetime | None, zone: ZoneInfo = SHANGHAI) -> str:
    assert moment is not None
    assert moment.tzinfo is UTC
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


def test_a_line_means_the_company_s_clock() -> None:
    assert schedule("30 2 * * *").next(at("2026-03-02 09:00")) == datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
    assert schedule("30 2 * * *").latest(at("2026-03-02 09:00")) == datetime(2026, 3, 1, 18, 30, tzinfo=UTC)


def test_a_due_time_belongs_to_what_was_and_not_to_what_comes() -> None:
    moment = at("2026-03-02 02:30")
    assert local(schedule("30 2 * * *").latest(moment)) == "2026-03-02 02:30"
    assert local(schedule("30 2 * * *").next(moment)) == "2026-03-03 02:30"


def test_on_days_off_it_is_left_out_or_done_on_the_next_working_day() -> None:
    friday = at("2026-02-13 12:00")
    assert local(schedule("0 8 * * *", "only").next(friday)) == "2026-02-24 08:00"
    assert local(schedule("0 8 * * *", "next").next(friday)) == "2026-02-24 08:00"
    assert local(schedule("0 8 15 * *", "only").next(friday)) == "2026-04-15 08:00", "15 March is a Sunday"
    assert local(schedule("0 8 15 * *", "next").next(friday)) == "2026-02-24 08:00"
    assert local(schedule("0 8 15 * *", "next").latest(at("2026-03-20 00:00"))) == "2026-03-16 08:00"
    assert local(schedule("0 8 15 * *", "only").latest(at("2026-03-20 00:00"))) == "2026-01-15 08:00"


def test_what_is_never_on_a_working_day_is_never_due() -> None:
    sundays = schedule("0 8 * * 0", "only")
    assert sundays.next(at("2026-03-02 09:00")) is None
    assert sundays.latest(at("2026-03-02 09:00")) is None


def test_what_falls_on_two_days_off_is_due_once() -> None:
    found, moment = [], at("2026-03-06 23:00")
    for _turn in range(4):
        moment = schedule("0 8,20 * * *", "next").next(moment) or moment
        found.append(local(moment))
    assert found == ["2026-03-09 08:00", "2026-03-09 20:00", "2026-03-10 08:00", "2026-03-10 20:00"]


def test_an_hour_that_the_clock_leaves_out_is_made_up_for() -> None:
    night = at("2026-03-28 12:00", BERLIN)
    assert local(schedule("30 2 * * *", zone=BERLIN).next(night), BERLIN) == "2026-03-29 03:00"


def test_an_hour_that_the_clock_repeats_is_due_once() -> None:
    line = schedule("30 2 * * *", zone=BERLIN)
    first = line.next(at("2026-10-24 12:00", BERLIN))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert line.next(first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    second_time = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 on the wall, again
    assert line.latest(second_time) == first


@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN])
@pytest.mark.parametrize("workdays", ["any", "only", "next"])
@pytest.mark.parametrize("line", ["30 2 * * *", "*/15 * * * *", "0 8 1,15 * *", "10 1,2,3 * * 0,1"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_forwards_and_backwards_agree_where_the_clock_is_changed(
    line: str, workdays: Any, zone: ZoneInfo, day: str
) -> None:
    found = schedule(line, workdays, zone)
    for step in range(0, 48 * 60, 155):
        moment = at(f"{day} 00:00", zone).astimezone(UTC) + step * MINUTE
        latest, coming = found.latest(moment), found.next(moment)
        assert latest is not None
        assert coming is not None
        assert latest <= moment < coming
        assert found.next(latest) == coming, "nothing is due in between"


@settings(max_examples=40)
@given(
    minute=st.integers(0, 59),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=3),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    workdays=st.sampled_from(["any", "only", "next"]),
    start=st.integers(0, 30 * 24 * 60),
)
def test_it_is_as_going_through_the_minutes(
    minute: int, hours: set[int], weekdays: set[int], workdays: Any, start: int
) -> None:
    line = f"{minute} {','.join(map(str, hours))} * * {','.join(str(day % 7) for day in weekdays)}"
    begin = datetime(2026, 1, 20, tzinfo=SHANGHAI)
    calendar, due = Table(), set()
    for count in range(80):
        day = begin.date() + timedelta(days=count)
        if day.isoweekday() not in weekdays or (workdays == "only" and not calendar.works(day)):
            continue
        shifted = calendar.next(day) if workdays == "next" else day
        due |= {datetime(shifted.year, shifted.month, shifted.day, h, minute, tzinfo=SHANGHAI) for h in hours}
    moment = begin + timedelta(days=25) + start * MINUTE
    found = schedule(line, workdays)
    if any(one > moment for one in due):
        assert found.next(moment) == min(one for one in due if one > moment)
    if any(one <= moment for one in due):
        assert found.latest(moment) == max(one for one in due if one <= moment)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("every day", "it has 2 fields, not 5"),
        ("0 0 2 * * *", "it has 6 fields, not 5"),
        ("61 * * * *", "Bad minute"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("", "it has 0 fields, not 5"),
    ],
)
def test_a_line_that_means_nothing_is_refused_as_it_is_registered(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"the schedule .* of the job 'night' is no cron line") as error:
        JobSpec("night", "Night", lambda _app, _actor: {}, line)
    assert problem in str(error.value)
    assert "write one such as '30 2 * * *'" in str(error.value)


def test_a_plugin_with_such_a_line_is_named_and_the_other_jobs_stay(
    make_app: Any, install_plugin: Any, crm: CommandLine
) -> None:
    code = "from crmcore.api import JobSpec, hookimpl\n@hookimpl\ndef jobs():\n    return [JobSpec('a', 'A', print, 'daily')]\n"
    install_plugin("bad", code)
    make_app()
    refused = crm("plugins", "enable", "bad")
    assert refused.exit_code == 1
    assert "the schedule 'daily' of the job 'a' is no cron line (it has 1 fields, not 5)" in refused.stderr


def test_without_the_extra_jobs_are_run_by_hand(
    make_app: Any, crm: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cronsim", None)
    make_app()
    listed = crm("jobs", "list", "--json")
    assert "pip install 'crmcore[jobs]'" in listed.stderr
    assert {(job["next_run"], job["due_since"]) for job in listed.lines()} == {(None, None)}
    refused = crm("jobs", "run", "--due")
    assert refused.exit_code == 1
    assert "pip install 'crmcore[jobs]'" in refused.stderr
    assert crm.json("jobs", "run", "seal_log")["state"] == "done"
