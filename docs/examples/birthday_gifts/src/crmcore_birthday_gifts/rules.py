"""When a birthday is near and what a gift may cost, in plain Python."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal


def birthday_in(year: int, born_on: date) -> date:
    """Return the birthday of a year; who was born on 29 February has it on the 28th in other years."""
    try:
        return born_on.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def nearest_birthday(born_on: date, today: date) -> date:
    """Return the birthday that is nearest to a day, before or after it."""
    around = [birthday_in(year, born_on) for year in (today.year - 1, today.year, today.year + 1)]
    return min(around, key=lambda day: abs(day - today))


def days_around(today: date, reach: int) -> list[str]:
    """Return month and day (`03-09`) of the days that lie within reach, so that a database can look for them."""
    days = {(today + timedelta(days=n)).isoformat()[5:] for n in range(-reach, reach + 1)}
    return sorted(days | {"02-29"} if "02-28" in days else days)


def verdict_on(value_minor: int, free_up_to_minor: int) -> Literal["approve"] | None:
    """Say whether a gift needs nobody; None = people decide."""
    return "approve" if value_minor <= free_up_to_minor else None
