"""What is said of an indicator, by whom and of which day, and which of it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from crmcore_credit_5c.rules.bands import Value, number_of

_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Given:
    """One value of one indicator, from wherever it comes."""

    value: Value
    source: str
    """As entered; `fact:NAME`, `field:NAME` or `plugin:NAME …` of what was computed or told by a plugin."""
    on: date
    document: str | None = None
    expires: date | None = None
    number: int = 0
    """Of the evidence; 0 of what was computed, which goes before what was entered on the same day."""

    @property
    def text(self) -> str:
        """Return the value as it is shown: numbers with six places at most."""
        return self.value if isinstance(self.value, str) else shown_number(self.value)

    @property
    def is_rounded(self) -> bool:
        """Say whether the value has more places than are shown."""
        return not isinstance(self.value, str) and value_of(self.text) != self.value

    def as_json(self) -> dict[str, Any]:
        """Return what assessments keep of it."""
        return {
            "value": self.text,
            "source": self.source,
            "date": self.on.isoformat(),
            "document": self.document,
            "expires": self.expires.isoformat() if self.expires else None,
        }


@dataclass(slots=True)
class Known:
    """All that is said of one indicator of one customer."""

    given: list[Given] = field(default_factory=list)
    """What can count, the newest first."""
    expired: list[Given] = field(default_factory=list)
    note: tuple[str, str] | None = None
    """Why there is nothing: a short name and the word that belongs into the sentence."""

    @property
    def counting(self) -> Given | None:
        """Return what counts: the newest."""
        return self.given[0] if self.given else None

    @property
    def conflict(self) -> bool:
        """Say whether another source says something else."""
        return bool(self.differing())

    def differing(self) -> list[Given]:
        """Return what other sources say that is not what counts."""
        first = self.counting
        if first is None:
            return []
        return [
            one for one in self.given[1:] if one.source != first.source and not _same(one.value, first.value)
        ]


def known(given: Iterable[Given], today: date) -> Known:
    """Sort what is said of one indicator: expired or not, the newest first; computed goes before entered."""
    listed = sorted(given, key=lambda one: (one.on, one.number == 0, one.number), reverse=True)
    gone = [one for one in listed if one.expires is not None and one.expires < today]
    return Known([one for one in listed if one not in gone], gone)


def value_of(text: str) -> Value:
    """Return a stored value: a number where it reads as one."""
    number = number_of(text)
    return text if number is None else number


def shown_number(number: Fraction) -> str:
    """Write a number with six places at most, without zeros at its end."""
    exact = Decimal(number.numerator) / Decimal(number.denominator)
    rounded = exact.quantize(_PLACES) if abs(exact) < 10**20 else exact
    text = format(rounded, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _same(one: Value, other: Value) -> bool:
    return one == other or (
        not isinstance(one, str) and not isinstance(other, str) and shown_number(one) == shown_number(other)
    )
