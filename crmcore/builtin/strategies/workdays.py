"""Working days (工作日): the calendars that the kernel offers, and how anybody asks the one that the company chose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from crmcore.builtin.strategies.rules import next_working, works_on
from crmcore.config import load_config
from crmcore.errors import BadConfig, CrmError
from crmcore.i18n import _
from crmcore.plugins.types import Workday

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

HOOK = "workdays"
_AT_ONCE = 31
_LONGEST_REST = 92
"""So many days without a working day are a mistake in a calendar."""


def company_zone(ctx: Context) -> tzinfo:
    """Return the time zone in which the company counts its days (`company.timezone` in crm.toml)."""
    zone: tzinfo = ctx._app.config.timezone  # noqa: SLF001  (the kernel's own way back)
    return zone


def is_workday(ctx: Context, day: date) -> Workday:
    """Return whether people work on a day, by the calendar that the company chose in `[strategies] workdays`."""
    return _Calendar(ctx)[day]


def next_workday(ctx: Context, day: date) -> date:
    """Return the day itself if people work on it, else the first one after it on which they do."""
    return _Calendar(ctx).next(day)


def calendar(ctx: Context) -> _Calendar:
    """Return the company's calendar, which remembers what it was asked."""
    return _Calendar(ctx)


class _Calendar:
    """The chosen calendar; it is asked about a month of days at a time."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: dict[date, Workday] = {}

    def __getitem__(self, day: date) -> Workday:
        if day not in self._known:
            days = tuple(_ahead(day))
            ask = self._ctx._app.host.strategy(HOOK, check_days)  # noqa: SLF001  (built in)
            self._known.update({one.day: one for one in ask(days, self._ctx)})
        return self._known[day]

    def works(self, day: date) -> bool:
        """Say whether people work on a day."""
        return self[day].works

    def next(self, day: date) -> date:
        """Return the day itself or the first one after it on which people work."""
        found = next_working(day, self.works, _LONGEST_REST)
        if found is None:
            message = _("nobody works in the {count} days from {day}; correct [workdays] in crm.toml")
            raise CrmError(message.format(count=_LONGEST_REST, day=day))
        return found


def _ahead(day: date) -> Iterator[date]:
    for count in range(min(_AT_ONCE, (date.max - day).days + 1)):
        yield day + timedelta(days=count)


def check_days(found: object, days: Sequence[date], _ctx: object = None) -> None:
    """Raise ValueError unless a calendar gave one Workday for each day that it was asked about."""
    given = list(found) if isinstance(found, (list, tuple)) else []
    if not all(isinstance(one, Workday) for one in given) or sorted(one.day for one in given) != sorted(days):
        message = _("it must return a list with a Workday for each of the {count} days")
        raise ValueError(message.format(count=len(days)))


def china(days: Sequence[date], ctx: Context) -> list[Workday]:
    """Say what the State Council published, moved working days among it; as weekends beyond its years."""
    try:
        import chinese_calendar
    except ImportError:
        return weekends(days, ctx)

    def published(day: date) -> bool | None:
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:  # that is how it says that it does not know the year
            return None

    own = _of_company(ctx)
    return [Workday(day, *works_on(day, *own, published)) for day in days]


def weekends(days: Sequence[date], ctx: Context) -> list[Workday]:
    """Take Saturdays and Sundays for days off, but for what the company's own table says."""
    own = _of_company(ctx)
    return [Workday(day, *works_on(day, *own)) for day in days]


def _of_company(ctx: Context) -> tuple[set[date], set[date]]:
    """Return the company's own days off and working days; BadConfig names one that is in both or is no day."""
    told = load_config(ctx.workspace).data["workdays"]
    holidays, working = _days("holidays", told["holidays"]), _days("working", told["working"])
    if both := holidays & working:
        message = _("crm.toml: {day} stands in workdays.holidays and in workdays.working; remove one of them")
        raise BadConfig(message.format(day=min(both)))
    return holidays, working


def _days(key: str, texts: Iterable[Any]) -> set[date]:
    found = set()
    for text in texts:
        try:
            found.add(date.fromisoformat(text))
        except ValueError:
            message = _("crm.toml: workdays.{key}: {text!r} is no day; write one such as '2027-02-08'")
            raise BadConfig(message.format(key=key, text=text)) from None
    return found
