"""Schedules: cron lines in the company's time zone, on the company's working days.

Where clocks are put forward, what falls into the missing hour is due right after it; where they are put back, what falls
into the repeated hour is due once, unless it is due every hour or oftener.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal, Protocol

from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from cronsim import CronSim

FIELDS = 5
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_LONGEST_REST = 92
_MOST_TURNS = 200
"""What falls on days off so often in a row is never due: only on Sundays, and only on working days."""


class Calendar(Protocol):
    """The company's working days."""

    def works(self, day: date) -> bool:
        """Say whether people work on a day."""

    def next(self, day: date) -> date:
        """Return the day itself or the first one after it on which people work."""


def check_schedule(name: str, text: str) -> None:
    """Raise ValueError unless a schedule is a cron line with times in it; without the extra only its shape is known."""
    problem = None
    if len(text.split()) != FIELDS:
        problem = _("it has {count} fields, not {wanted}").format(count=len(text.split()), wanted=FIELDS)
    else:
        try:
            next(_cron(text, datetime(2000, 1, 1, tzinfo=UTC)))
        except StopIteration:
            problem = _("no day is like that")
        except ValueError as error:
            problem = str(error)
        except CrmError:
            return
    if problem:
        message = _(
            "the schedule {text!r} of the job {name!r} is no cron line ({problem}); write one such as '30 2 * * *'"
        )
        raise ValueError(message.format(text=text, name=name, problem=problem))


def is_able() -> bool:
    """Say whether schedules can be reckoned here."""
    try:
        require_able()
    except CrmError:
        return False
    return True


def require_able() -> None:
    """Raise CrmError where schedules cannot be reckoned."""
    _cron("* * * * *", datetime(2000, 1, 1, tzinfo=UTC))


def _cron(text: str, start: datetime, *, reverse: bool = False) -> CronSim:
    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        message = _("when jobs are due is reckoned by cronsim; install it with: pip install 'crmcore[jobs]'")
        raise CrmError(message) from None
    try:
        return CronSim(text, start, reverse=reverse)
    except CronSimError as error:
        raise ValueError(str(error)) from None


class Schedule:
    """When a job is due."""

    def __init__(
        self, text: str, workdays: Literal["any", "only", "next"], zone: tzinfo, calendar: Calendar
    ) -> None:
        """Take the cron line, what it means on days off, the company's time zone and its working days."""
        self._text, self._workdays, self._zone, self._calendar = text, workdays, zone, calendar

    def next(self, after: datetime) -> datetime | None:
        """Return the first due time after a moment, in UTC; None if there is none."""
        find = {"any": self._next_any, "only": self._next_only, "next": self._next_moved}
        found = find[self._workdays](after)
        return found and found.astimezone(UTC)

    def latest(self, until: datetime) -> datetime | None:
        """Return the last due time up to a moment, in UTC; None if there is none."""
        find = {"any": self._last_any, "only": self._last_only, "next": self._last_moved}
        found = find[self._workdays](until)
        # In the repeated hour of autumn going backwards by the clock on the wall misses what was just before.
        while found and (later := self.next(found)) and later <= until:
            found = later
        return found and found.astimezone(UTC)

    # -- any day ---------------------------------------------------------------------------------------------

    def _next_any(self, after: datetime) -> datetime | None:
        return next((found for found in self._forward(after) if found.astimezone(UTC) > after), None)

    def _last_any(self, until: datetime) -> datetime | None:
        return next(self._backward(until + _SECOND), None)

    # -- only working days -----------------------------------------------------------------------------------

    def _next_only(self, after: datetime) -> datetime | None:
        for _turn in range(_MOST_TURNS):
            found = self._next_any(after)
            if found is None or self._calendar.works(found.date()):
                return found
            after = self._midnight(self._calendar.next(found.date())) - _SECOND
        return None

    def _last_only(self, until: datetime) -> datetime | None:
        for _turn in range(_MOST_TURNS):
            found = self._last_any(until)
            if found is None or self._calendar.works(found.date()):
                return found
            until = self._midnight(self._before(found.date()) + _DAY) - _SECOND
        return None

    # -- moved to the next working day -----------------------------------------------------------------------

    def _next_moved(self, after: datetime) -> datetime | None:
        moment = self._midnight(self._before(after.astimezone(self._zone).date()) + _DAY) - _SECOND
        while first := self._next_any(moment):
            day = self._calendar.next(first.date())
            later = [found for found in self._moved_to(day, first) if found.astimezone(UTC) > after]
            if later:
                return min(later, key=_utc)
            moment = self._midnight(day + _DAY) - _SECOND
        return None

    def _last_moved(self, until: datetime) -> datetime | None:
        today = until.astimezone(self._zone).date()
        end = self._midnight((today if self._calendar.works(today) else self._before(today)) + _DAY)
        while last := self._last_any(end - _SECOND):
            day = self._calendar.next(last.date())
            begin = self._midnight(self._before(day) + _DAY)
            first = self._next_any(begin - _SECOND)
            moved = self._moved_to(day, first) if first else ()
            earlier = [found for found in moved if found.astimezone(UTC) <= until]
            if earlier:
                return max(earlier, key=_utc)
            end = begin
        return None

    def _moved_to(self, day: date, first: datetime) -> Iterator[datetime]:
        """Give what is due from `first` to the end of a working day, all of it on that day."""
        for found in self._forward(first - _SECOND):
            if found.date() > day:
                return
            on_day = found.date() == day
            yield found if on_day else datetime.combine(day, found.time(), self._zone)

    # -- the clock on the wall -------------------------------------------------------------------------------

    def _forward(self, after: datetime) -> Iterator[datetime]:
        return _cron(self._text, after.astimezone(self._zone))

    def _backward(self, before: datetime) -> Iterator[datetime]:
        return _cron(self._text, before.astimezone(self._zone).replace(microsecond=0), reverse=True)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def _before(self, day: date) -> date:
        """Return the last working day before a day."""
        for back in range(1, _LONGEST_REST):
            if self._calendar.works(day - back * _DAY):
                return day - back * _DAY
        message = _("nobody works in the {count} days before {day}; correct [workdays] in crm.toml")
        raise CrmError(message.format(count=_LONGEST_REST, day=day))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
