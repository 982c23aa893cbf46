"""Days and moments as people write them; what can be read two ways is refused unless the mapping says which."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

from crmcore.builtin.exchange.problems import BadValueError
from crmcore.i18n import translator

_ = translator("crmcore")

DateOrder = Literal["dmy", "mdy"] | None
DATE_ORDERS = ("dmy", "mdy")
FIRST_YEAR = 1800
LONGEST = 100
MONTHS_PER_YEAR = 12
MIDNIGHT = time()

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_YEAR_FIRST = re.compile(r"(\d{4})\s*([-/.年])\s*(\d{1,2})\s*([-/.月])\s*(\d{1,2})\s*日?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s.-]+([a-z]{3,9})\.?[\s,.-]+(\d{4})", re.ASCII)
_NAME_DAY = re.compile(r"([a-z]{3,9})\.?[\s-]+(\d{1,2})(?:st|nd|rd|th)?[\s,-]+(\d{4})", re.ASCII)
_TIME = re.compile(
    r"""(?P<day>.+?)(?:t|\s+|(?<=日))\s*
    (?P<half>上午|下午|am|pm)?\s*(?P<hour>\d{1,2})[:时](?P<minute>\d{2})分?
    (?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?秒?)?\s*(?P<after>am|pm)?\s*
    (?P<zone>z|utc|[+-]\d{2}:?\d{2})?""",
    re.ASCII | re.VERBOSE,
)
_NOON = 12


def date_parser(order: DateOrder = None) -> Callable[[str], date]:
    """Return a parser of days; `order` says how 03/04/2024 is read. A time of day after it is left out.

    The parser raises BadValueError.
    """

    def parse(raw: str) -> date:
        text = _plain(raw)
        timed = _TIME.fullmatch(text)
        if timed and timed["zone"]:
            raise BadValueError(_("is a moment with a time zone, not a day"))
        return _day(timed["day"] if timed else text, order)

    return parse


def datetime_parser(zone: tzinfo, order: DateOrder = None) -> Callable[[str], datetime]:
    """Return a parser of moments in the company's time zone; it gives aware UTC and raises BadValueError."""

    def parse(raw: str) -> datetime:
        text = _plain(raw)
        timed = _TIME.fullmatch(text)
        if timed is None:
            local = datetime.combine(_day(text, order), MIDNIGHT, zone)
        else:
            day = _day(timed["day"], order)
            local = datetime.combine(day, _clock(timed), _zone(timed["zone"], zone))
        try:
            return local.astimezone(UTC)
        except OverflowError:
            raise BadValueError(_("is not a date that exists")) from None

    return parse


def _plain(raw: str) -> str:
    if len(raw) > LONGEST:
        raise BadValueError(_("is not a date; write it like 2024-03-05"))
    return unicodedata.normalize("NFKC", raw).strip().casefold()


def _day(text: str, order: DateOrder) -> date:
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        year, _first, month, _second, day = found.groups()
        return _exists(int(year), int(month), int(day))
    if found := _COMPACT.fullmatch(text):
        return _exists(*map(int, found.groups()))
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(int(found[1]), int(found[3]), int(found[4]), order)
    if (found := _DAY_NAME.fullmatch(text)) and found[2] in _MONTHS:
        return _exists(int(found[3]), _MONTHS[found[2]], int(found[1]))
    if (found := _NAME_DAY.fullmatch(text)) and found[1] in _MONTHS:
        return _exists(int(found[3]), _MONTHS[found[1]], int(found[2]))
    raise BadValueError(_("is not a date; write it like 2024-03-05"))


def _year_last(first: int, second: int, year: int, order: DateOrder) -> date:
    if order is None and first != second and max(first, second) <= MONTHS_PER_YEAR:
        raise BadValueError(
            _(
                "can be read two ways: say dmy or mdy with --date-order or in a mapping file, or write it like 2024-03-05"
            )
        )
    if order == "mdy" or (order is None and second > MONTHS_PER_YEAR):
        return _exists(year, first, second)
    return _exists(year, second, first)


def _exists(year: int, month: int, day: int) -> date:
    if year < FIRST_YEAR:
        raise BadValueError(_("is before the year {year}").format(year=FIRST_YEAR))
    try:
        return date(year, month, day)
    except ValueError:
        raise BadValueError(_("is not a date that exists")) from None


def _clock(timed: re.Match[str]) -> time:
    hour, minute, second = int(timed["hour"]), int(timed["minute"]), int(timed["second"] or 0)
    microsecond = int((timed["fraction"] or "0")[:6].ljust(6, "0"))
    half = timed["half"] or timed["after"]
    if half in {"pm", "下午"} and hour < _NOON:
        hour += _NOON
    elif half in {"am", "上午"} and hour == _NOON:
        hour = 0
    try:
        return time(hour, minute, second, microsecond)
    except ValueError:
        raise BadValueError(_("is not a time that exists")) from None


def _zone(text: str | None, company: tzinfo) -> tzinfo:
    if text is None:
        return company
    if text in {"z", "utc"}:
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    try:
        return timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes))
    except ValueError:
        raise BadValueError(_("is not a time that exists")) from None
