"""Working days: what was published, what the company says, and weekends where nobody said anything."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from crmcore.api import BadConfig, CrmError, is_workday, next_workday
from crmcore.app import App

OWN = '\n[workdays]\nholidays = ["2026-03-04", "2031-05-01"]\nworking = ["2026-03-07"]\n'


def asked(app: App, *days: date) -> list[tuple[bool, bool]]:
    with app.read() as ctx:
        return [(found.works, found.official) for found in (is_workday(ctx, day) for day in days)]


def test_china_s_days_off_and_moved_working_days_are_known_where_published(make_app: Any) -> None:
    # 国办发明电〔2025〕7号: the Spring Festival of 2026 is 15 to 23 February, 14 and 28 February are worked.
    app = make_app()
    days = (date(2026, 2, 13), date(2026, 2, 14), date(2026, 2, 16), date(2026, 2, 23), date(2026, 2, 28))
    assert asked(app, *days) == [(True, True), (True, True), (False, True), (False, True), (True, True)]
    with app.read() as ctx:
        assert next_workday(ctx, date(2026, 2, 15)) == date(2026, 2, 24)
        assert next_workday(ctx, date(2026, 2, 14)) == date(2026, 2, 14)


def test_beyond_what_is_published_weekends_count_and_it_is_said_to_be_unofficial(make_app: Any) -> None:
    app = make_app()
    assert asked(app, date(2031, 5, 2), date(2031, 5, 3), date(2031, 5, 5)) == [
        (True, False),
        (False, False),
        (True, False),
    ]


def test_without_the_library_it_is_the_same_everywhere(
    make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chinese_calendar", None)
    assert asked(make_app(), date(2026, 2, 14), date(2026, 2, 16)) == [(False, False), (True, False)]


def test_the_company_s_own_days_count_most(make_app: Any) -> None:
    app = make_app(settings=OWN)
    days = (date(2026, 3, 4), date(2026, 3, 7), date(2026, 3, 8), date(2031, 5, 1))
    assert asked(app, *days) == [(False, False), (True, False), (False, True), (False, False)]


def test_companies_elsewhere_take_weekends(make_app: Any) -> None:
    app = make_app(settings='\n[strategies]\nworkdays = "weekends"\n')
    assert asked(app, date(2026, 2, 14), date(2026, 2, 16)) == [(False, False), (True, False)]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('holidays = ["2026-02-30"]', "workdays.holidays: '2026-02-30' is no day"),
        (
            'holidays = ["2026-03-04"]\nworking = ["2026-03-04"]',
            "2026-03-04 stands in workdays.holidays and in workdays.working",
        ),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_the_day(make_app: Any, table: str, problem: str) -> None:
    app = make_app(settings=f"\n[workdays]\n{table}\n")
    with app.read() as ctx, pytest.raises(BadConfig, match=problem):
        is_workday(ctx, date(2026, 3, 4))


CALENDAR = """
from crmcore.api import Workday, hookimpl

@hookimpl
def workdays():
    return {{"plant": lambda days, ctx: {answer}}}
"""


@pytest.mark.parametrize(
    "answer",
    ["[]", "None", "[Workday(days[0], True, True)]", "[day for day in days]", "1 / 0"],
)
def test_a_calendar_that_leaves_days_out_is_named(
    make_app: Any, install_plugin: Callable[..., Any], answer: str
) -> None:
    install_plugin("plant", CALENDAR.format(answer=answer))
    app = make_app(["plant"], settings='\n[strategies]\nworkdays = "plant"\n')
    with app.read() as ctx, pytest.raises(CrmError, match="plugin 'plant' failed in workdays"):
        is_workday(ctx, date(2026, 3, 4))


def test_a_calendar_without_working_days_ends_the_search(
    make_app: Any, install_plugin: Callable[..., Any]
) -> None:
    install_plugin("plant", CALENDAR.format(answer="[Workday(day, False, True) for day in days]"))
    app = make_app(["plant"], settings='\n[strategies]\nworkdays = "plant"\n')
    with app.read() as ctx, pytest.raises(CrmError, match="nobody works in the 92 days from 2026-03-04"):
        next_workday(ctx, date(2026, 3, 4))
