"""Days and moments in the usual writings; what can be read two ways is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.exchange.dates import date_parser, datetime_parser
from crmcore.builtin.exchange.problems import BadValueError

SHANGHAI = ZoneInfo("Asia/Shanghai")
parse = date_parser()
moment = datetime_parser(SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05",
        "2024/3/5",
        "2024.3.5",
        "2024.03.05",
        "2024年3月5日",
        "2024 年 03 月 05 日",
        "２０２４－０３－０５",
        "20240305",
        "5 Mar 2024",
        "5-Mar-2024",
        "5th March, 2024",
        "March 5, 2024",
        "Mar 5th 2024",
        " 2024-03-05 ",
        "2024-03-05 00:00:00",
        "2024-03-05T13:45",
        "2024/3/5 下午 3:45",
    ],
)
def test_days_are_read_in_the_usual_writings(text: str):
    assert parse(text) == date(2024, 3, 5)


def test_a_day_that_can_be_read_two_ways_is_refused_unless_told():
    with pytest.raises(BadValueError, match="two ways"):
        parse("03/04/2024")
    assert date_parser("dmy")("03/04/2024") == date(2024, 4, 3)
    assert date_parser("mdy")("03/04/2024") == date(2024, 3, 4)


def test_a_day_with_one_reading_is_taken():
    assert parse("25/03/2024") == date(2024, 3, 25)
    assert parse("03/25/2024") == date(2024, 3, 25)
    assert parse("04/04/2024") == date(2024, 4, 4)
    with pytest.raises(BadValueError, match="exists"):
        date_parser("dmy")("03/25/2024")


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2024-13-01",
        "1066-10-14",
        "45000",
        "2024-3",
        "05/03/24",
        "gestern",
        "2024-03-05Z",
        "5 Foo 2024",
    ],
)
def test_what_is_no_day_is_refused(text: str):
    with pytest.raises(BadValueError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-03-05 09:30", "2024-03-05T01:30"),
        ("2024-03-05", "2024-03-04T16:00"),
        ("2024年3月5日 下午3:45", "2024-03-05T07:45"),
        ("2024-03-05 3:45 PM", "2024-03-05T07:45"),
        ("2024-03-05 12:00 am", "2024-03-04T16:00"),
        ("2024-03-05T09:30:00Z", "2024-03-05T09:30"),
        ("2024-03-05T09:30:00+02:00", "2024-03-05T07:30"),
        ("2024-03-05 9时30分", "2024-03-05T01:30"),
    ],
)
def test_moments_are_the_companys_unless_they_name_a_zone(text: str, utc: str):
    found = moment(text)
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["2024-03-05 25:00", "2024-03-05 09:61", "2024-03-05 09:30:00+99:00", "9999-12-31T23:59-23:00"]
)
def test_moments_that_do_not_exist_are_refused(text: str):
    with pytest.raises(BadValueError):
        moment(text)


@given(st.dates(min_value=date(1800, 1, 1)))
def test_every_day_is_read_back_in_every_writing(day: date):
    for text in (
        day.isoformat(),
        f"{day.year:04}/{day.month}/{day.day}",
        f"{day.year:04}年{day.month}月{day.day}日",
        f"{day.year:04}{day.month:02}{day.day:02}",
    ):
        assert parse(text) == day
    assert date_parser("dmy")(f"{day.day}/{day.month}/{day.year:04}") == day
    assert date_parser("mdy")(f"{day.month}/{day.day}/{day.year:04}") == day


@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 -- made aware below
def test_every_moment_is_read_back(local: datetime):
    utc = local.replace(tzinfo=UTC)
    assert moment(utc.isoformat()) == utc
    assert moment(str(utc.astimezone(SHANGHAI))) == utc or utc.astimezone(SHANGHAI).utcoffset() != timedelta(
        hours=8
    )


@given(st.text(max_size=30))
def test_any_text_is_either_a_moment_or_refused(text: str):
    for read in (parse, moment):
        try:
            read(text)
        except BadValueError:
            continue
