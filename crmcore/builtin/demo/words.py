"""The word lists that the generators draw from: a file of data, not code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class City:
    """A city where demo customers live; coordinates are those of its centre, in degrees."""

    region: str
    prefix: str
    """First letters of a customer's code."""
    province: str
    """Empty for a city that is a province of its own."""
    city: str
    short: str
    area: str
    """Area code with its leading zero."""
    digits: int
    """Length of a subscriber's number there."""
    longitude: float
    latitude: float
    share: int
    """How many customers live there, relative to the others."""


@cache
def words() -> dict[str, Any]:
    """Return the word lists of `words.json`."""
    text = Path(__file__).with_name("words.json").read_text(encoding="utf-8")
    lists: dict[str, Any] = json.loads(text)
    return lists


@cache
def cities() -> tuple[City, ...]:
    """Return the cities, in the order of the file."""
    return tuple(City(**city) for city in words()["cities"])


def marked(name: str) -> str:
    """Add the mark that says this name was generated: `沐川商贸 (演示)`."""
    return f"{name} {words()['marker']}"


def by_share(rng: random.Random, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Draw one entry, each as often as its `share` says."""
    return rng.choices(entries, [entry["share"] for entry in entries])[0]
